"""A gateway that is watched: with telemetry and a spool, as a worker has them.

async with StandIn(Say("Hello.")) as upstream, watched(tmp_path, upstream) as gateway: ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from orchestrator import Mesh
from orchestrator.gateway.build import build
from orchestrator.gateway.keys.values import KeyRing
from orchestrator.gateway.telemetry.board import Board
from orchestrator.gateway.telemetry.logs import Style
from orchestrator.gateway.telemetry.telemetry import Telemetry
from orchestrator.parts import Injected
from orchestrator.project.load import load_project
from orchestrator.tracing.spooled import SpoolRecorder
from tests.gateway.serving import Served, listening, write_served

CHAT: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Say hello."}]}


@dataclass
class Watched(Served):
    """One that counts."""

    telemetry: Telemetry
    recorder: SpoolRecorder

    async def metrics(self, **headers: str) -> dict[str, float]:
        """What `/metrics` says: each series with its labels in its own order."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(f"{self.url}/metrics", headers=named) as response:
            assert response.status == 200
            text = await response.text()
        rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}


@asynccontextmanager
async def watched(
    folder: Path,
    upstream: str,
    *,
    keys: KeyRing | None = None,
    style: Style = "off",
    board: Board | None = None,
    exported: bool = False,
) -> AsyncIterator[Watched]:
    """Serve the project in `folder`, which is written where it has no fleet."""
    if not (folder / "fleet.yaml").exists():
        write_served(folder)
    env = {"PRIMARY_URL": upstream, "FALLBACK_URL": upstream}
    telemetry = Telemetry(board or Board(1), style=style)
    recorder = SpoolRecorder(folder / ".mesh", exported=exported, told=telemetry.recorded)
    telemetry.recorder = recorder
    injected = Injected(served=True, recorder=recorder)
    async with Mesh(load_project(folder, env=env), env=env, injected=injected) as mesh:
        app = build(mesh, keys=keys, telemetry=telemetry)
        async with listening(app) as url, aiohttp.ClientSession() as http:
            yield Watched(url, app, mesh, http, telemetry, recorder)
        telemetry.close()
