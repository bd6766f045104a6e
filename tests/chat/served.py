"""A project whose models are served by a stand-in on loopback, in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.chat.background import Background
from orchestrator.mesh import Mesh
from tests.calling.server import Script, StandIn, Step

ABLE = "[json, tools, vision, audio, files, reasoning, stream]"
FLEET = """
models:
  first:
    family: one
    tier: frontier
    context: 100000
    max_output: 8000
    tasks: {{"*": 0.9}}
    can: {able}
    deployments:
      - {{id: a, via: openai, model: first-model, endpoint: "{url}", hosting: hosted, region: eu,
         price: {{input: 2, output: 8, cache_read: 0.5}}}}
  second:
    family: two
    tier: frontier
    context: 50000
    max_output: 4000
    tasks: {{"*": 0.8}}
    can: {able}
    deployments:
      - {{id: b, via: openai, model: second-model, endpoint: "{other}", hosting: hosted, region: us,
         price: {{input: 3, output: 9}}}}
  small:
    family: three
    tier: small
    context: 8000
    tasks: {{"*": 0.7}}
    can: [stream]
    deployments:
      - {{id: c, via: openai, model: small-model, endpoint: "{url}", hosting: self,
         price: {{input: 0, output: 0}}}}
"""
POLICY = "objective: {maximize: quality}\n"


@contextmanager
def standing_in(*steps: Step | Script) -> Iterator[tuple[str, StandIn]]:
    """A stand-in that answers callers of any thread and loop; its address and what it has seen."""
    server = StandIn(*steps)
    thread = Background(lambda: server.__aexit__())
    try:
        yield thread.wait(server.__aenter__()), server
    finally:
        thread.close()


def write_fleet(folder: Path, url: str, other: str = "", policy: str = POLICY) -> Path:
    """A project in `folder`: `first` and `small` answer at `url`, `second` at `other`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fleet.yaml").write_text(FLEET.format(url=url, other=other or url, able=ABLE))
    (folder / "policy.yaml").write_text(policy)
    return folder


@contextmanager
def open_mesh(folder: Path) -> Iterator[Mesh]:
    """The project's mesh for code without an event loop."""
    mesh = Mesh.load(folder, env={})
    closing = Background(mesh.close)
    try:
        yield mesh
    finally:
        closing.wait(_nothing())
        closing.close()


async def _nothing() -> None:
    """Starts the thread in which the mesh is closed."""
