"""The gateway as a door: in the loop of the cell, or `mesh serve` in processes of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import uvicorn

from orchestrator.gateway import presence
from orchestrator.gateway.build import build
from orchestrator.mesh import Mesh
from tests.gateway.serve.service import Service, serving


@asynccontextmanager
async def in_processes(folder: Path) -> AsyncIterator[str]:
    """The address of `mesh serve` over the project in `folder`; it has to end in good order."""
    async with serving(folder) as service:
        yield service.url
        service.signal(signal.SIGTERM)
        if code := await service.ended():
            raise AssertionError(f"mesh serve ended with {code}: {service.logged()}")


@asynccontextmanager
async def in_this_loop(mesh: Mesh, *, quick: bool) -> AsyncIterator[str]:
    """The address of a gateway for this mesh. `quick`: time is injected."""
    with ExitStack() as patches:
        if quick:
            # So much of the machine's time passes before it looks whether its client has left.
            patches.enter_context(mock.patch.object(presence, "PATIENCE_S", 0.0))
        async with _listening(build(mesh, keys=None)) as url:
            yield url


@asynccontextmanager
async def _listening(app: Any) -> AsyncIterator[str]:
    """uvicorn without its main loop, which would look every tenth of a second for its end."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, lifespan="off", http="httptools"
    )
    config.access_log = False
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        await server.shutdown()


def logged(folder: Path) -> tuple[str, ...]:
    """The last lines of what `mesh serve` has logged there."""
    log = folder / "serve.log"
    return tuple(log.read_text().splitlines()[-3:]) if log.exists() else ()


def kill_all(service: Service) -> None:
    """End its supervisor and all that it has started at once, as a machine does that fails."""
    pid = service.started["pid"]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in (pid, *map(int, children)):
        os.kill(one, signal.SIGKILL)
