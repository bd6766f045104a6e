"""A gateway for a small project, on a free port of loopback, in the test's own loop.

async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream) as gateway:
    response = await gateway.post({"model": "auto", "messages": [...]})
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn

from orchestrator import Mesh
from orchestrator.gateway.app import Gateway
from orchestrator.gateway.build import build
from orchestrator.gateway.keys.values import Key, KeyRefusedError, KeyRing
from orchestrator.records import Hop, Trace

FLEET = """
models:
  primary:
    family: first
    tier: mid
    context: 8000
    tasks: {"*": 0.9}
    can: [tools, json, vision, stream]
    deployments:
      - {id: here, via: openai, model: primary-1, endpoint: "${PRIMARY_URL}", hosting: self,
         price: {input: 1.0, output: 2.0}}
  fallback:
    family: second
    tier: small
    context: 8000
    tasks: {"*": 0.5}
    can: [tools, json, stream]
    deployments:
      - {id: here, via: openai, model: fallback-1, endpoint: "${FALLBACK_URL}", hosting: self,
         price: {input: 0.5, output: 1.0}}
"""
"""Two models: `primary` is the better one, `fallback` takes over."""
POLICY = """
data_classes: [public, internal, pii]
objective: {maximize: quality}
"""


class Ring:
    """Keys in memory; satisfies `KeyRing`."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self.keys = dict(keys)

    def find(self, secret: str) -> Key:
        if secret not in self.keys:
            raise KeyRefusedError("this key is not known", status=401, code="invalid_key")
        return self.keys[secret]


@dataclass
class Served:
    """A gateway that answers."""

    url: str
    """`http://127.0.0.1:…`"""
    app: Gateway
    mesh: Mesh
    http: aiohttp.ClientSession

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def trace(self, id: str) -> Trace:
        """What was recorded of a request; everything that was answered is."""
        self.mesh.store.flush()
        return self.mesh.store.trace(id)

    def hops(self, id: str) -> list[Hop]:
        """Its hops."""
        self.mesh.store.flush()
        return self.mesh.store.hops(id)

    async def post(
        self, body: Any, path: str = "/v1/chat/completions", **headers: str
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers, and the JSON of the answer. `x_mesh_task=…` is `x-mesh-task`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.post(self.url + path, json=body, headers=named) as response:
            return response.status, response.headers, await response.json()

    async def get(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], Any]:
        """As `post`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(self.url + path, headers=named) as response:
            return response.status, response.headers, await response.json()


def write_served(
    folder: Path, *, fleet: str = FLEET, policy: str = POLICY, mesh: str = "deadline_ms: 20000"
) -> Path:
    """A project in `folder`."""
    (folder / "fleet.yaml").write_text(textwrap.dedent(fleet))
    (folder / "policy.yaml").write_text(textwrap.dedent(policy))
    (folder / "mesh.yaml").write_text(textwrap.dedent(mesh))
    return folder


@asynccontextmanager
async def serving(
    folder: Path,
    upstream: str,
    fallback: str | None = None,
    *,
    keys: KeyRing | None = None,
    make: Callable[..., Gateway] = build,
    **made: Any,
) -> AsyncIterator[Served]:
    """Serve the project in `folder`, which is written where it has no fleet.

    Args:
        upstream: the endpoint of `primary`.
        fallback: the endpoint of `fallback`; by default the same.
        keys: `None`: open to all.
        made: what else `build` takes.
    """
    if not (folder / "fleet.yaml").exists():
        write_served(folder)
    env = {"PRIMARY_URL": upstream, "FALLBACK_URL": fallback or upstream}
    async with Mesh.load(folder, env=env) as mesh:
        app = make(mesh, keys=keys, **made)
        async with listening(app) as url, aiohttp.ClientSession() as http:
            yield Served(url, app, mesh, http)


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """The address of a real server for `app`, in this loop."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, lifespan="off", http="httptools"
    )
    config.access_log = False
    server = uvicorn.Server(config)
    server.capture_signals = _nothing  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
        if task.done():
            task.result()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()
