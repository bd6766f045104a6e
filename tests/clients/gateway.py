"""A gateway as its clients see it: over loopback, in a thread of its own, with providers behind it.

with opened(tmp_path, Say("Hello.")) as gateway:
    OpenAI(base_url=gateway.base_url, api_key="none")
    gateway.trace(id)       # as `mesh trace show` prints it
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.calling.clock import SystemClock
from orchestrator.chat.background import Background
from orchestrator.gateway.keys.opening import open_store, ring_for
from orchestrator.gateway.keys.ring import StoredRing
from orchestrator.project.load import load_project
from tests import fences
from tests.calling.server import Script, StandIn, Step
from tests.gateway.product_provider import Provider, images, vectors
from tests.gateway.serving import FLEET, POLICY, Served, serving, write_served

PRODUCTS = """
  vectors:
    family: third
    tier: small
    tasks: {{embed: 0.8}}
    can: [dimensions]
    deployments:
      - {{id: here, via: openai, model: vectors-1, endpoint: "{url}", hosting: self,
         price: {{input: 100, output: 0}}}}
  painter:
    family: fourth
    tier: mid
    tasks: {{image: 0.8}}
    deployments:
      - {{id: here, via: openai, model: painter-1, endpoint: "{url}", hosting: self,
         price: {{input: 0, output: 0, per_image: 0.04}}}}
"""
"""What is no chat: a model for vectors, and one for images."""


@dataclass
class Gateway:
    """One that answers, and what stands behind it."""

    folder: Path
    upstream: StandIn
    """Who is asked first."""
    spare: StandIn
    """Who takes over."""
    products: Provider
    _thread: Background
    _served: list[Served] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self._served[0].url

    @property
    def base_url(self) -> str:
        """What a client of OpenAI's API is given."""
        return f"{self.url}/v1"

    def trace(self, id: str) -> dict[str, Any]:
        """What `mesh trace show` prints of a request, for programs."""
        self._thread.wait(self._flushed())
        found: dict[str, Any] = json.loads(self.mesh("trace", "show", id, "--json"))
        return found

    def mesh(self, *arguments: str) -> str:
        """What a command prints in this project."""
        code, printed, said = fences.mesh([*arguments], self.folder)
        assert code == 0, said
        return printed

    async def _flushed(self) -> None:
        self._served[0].mesh.store.flush()


@contextmanager
def opened(
    folder: Path,
    *steps: Step | Script,
    spare: Step | Script | None = None,
    policy: str = POLICY,
    mesh: str = "deadline_ms: 20000",
    keys: bool = False,
) -> Iterator[Gateway]:
    """Serve a project in `folder` whose better model takes these steps.

    Args:
        spare: what the other model does; by default the last of the steps.
        keys: ask for those that `mesh keys create` has made; otherwise open to all.
    """
    gateway = Gateway(
        folder,
        StandIn(*steps),
        StandIn(spare or steps[-1]),
        Provider(lambda body: images(body) if "prompt" in body else vectors(body)),
        Background(_nothing),
    )
    thread, stack = gateway._thread, AsyncExitStack()

    async def start() -> None:
        first = await stack.enter_async_context(gateway.upstream)
        second = await stack.enter_async_context(gateway.spare)
        products = await stack.enter_async_context(gateway.products.serving())
        write_served(folder, fleet=FLEET + PRODUCTS.format(url=products), policy=policy, mesh=mesh)
        ring = _ring(folder) if keys else None
        if ring is not None:
            ring.start()
            stack.callback(ring.close)
        served = await stack.enter_async_context(serving(folder, first, second, keys=ring))
        gateway._served.append(served)

    try:
        thread.wait(start())
        yield gateway
    finally:
        thread.wait(stack.aclose())
        thread.close()


def _ring(folder: Path) -> StoredRing | None:
    clock = SystemClock()
    settings = load_project(folder, env={"PRIMARY_URL": "-", "FALLBACK_URL": "-"}).project.settings
    return ring_for("127.0.0.1", False, open_store(settings, folder / ".mesh", clock), clock)


async def _nothing() -> None:
    """All is closed before the thread is."""


def make_key(folder: Path, *options: str) -> str:
    """The secret of a new key of the project in `folder`."""
    if not (folder / "mesh.yaml").exists():
        (folder / "mesh.yaml").write_text("{}")
    code, secret, said = fences.mesh(["keys", "create", "--name", "a test", *options], folder)
    assert code == 0, said
    return secret.strip()


def eventually(holds: Callable[[], bool]) -> None:
    """Fails where it does not hold in the end."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to hold")


def words(body: Mapping[str, Any]) -> str:
    """The last message of a request that reached a provider."""
    text = body["messages"][-1]["content"]
    assert isinstance(text, str)
    return text
