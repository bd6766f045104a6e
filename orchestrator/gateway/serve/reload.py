"""Exchanging the project while requests go on: load and check all of it first, then swap."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.errors import ProjectError, UserError
from orchestrator.gateway.state import Serving, State
from orchestrator.project.load import LoadedProject, load_project
from orchestrator.project.schema import Project
from orchestrator.storage.operations import Operation, keep_policy, operation

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh

_LOOK_S = 0.2
"""Between two looks whether the last request of an old project has ended."""
ALONE = "gateway"
"""What a gateway without a supervisor is called on record."""


class Control(Protocol):
    """What an endpoint may ask of the service that it belongs to."""

    async def reload(self, who: str, why: str = "") -> Operation:
        """Read the project anew; the record says what came of it."""
        ...


def load_checked(
    root: Path, env: Mapping[str, str], instead: Mapping[str, Path] = MappingProxyType({})
) -> LoadedProject:
    """The project in `root`, if nothing is wrong with it.

    Args:
        instead: see `load_project`.

    Raises:
        ProjectError: every problem of every file, and of all files together.
    """
    from orchestrator.graph.check import check_project

    loaded = load_project(root, env=env, instead=instead)
    problems = check_project(loaded, env)
    if any(problem.severity == "error" for problem in problems):
        raise ProjectError(problems)
    return loaded


def load_successor(root: Path, env: Mapping[str, str], before: Project) -> LoadedProject:
    """The project in `root`, if a service that runs with `before` can take it over.

    Raises:
        UserError: it is not right, or says of what cannot change that it is other.
    """
    loaded = load_checked(root, env)
    old, new = before.settings, loaded.project.settings
    fixed = {
        "storage.path": old.storage.path != new.storage.path,
        "shared": old.shared != new.shared,
    }
    changed = " and ".join(key for key, other in fixed.items() if other)
    if changed:
        raise UserError(f"mesh.yaml: {changed} cannot change while the service runs; restart it")
    return loaded


def problems_of(error: UserError) -> list[str]:
    """Each problem in a line."""
    return list(map(str, error.problems)) if isinstance(error, ProjectError) else [str(error)]


def changes(before: Project, after: Project) -> dict[str, Any]:
    """What a record says of a reload, besides the hashes of the project."""
    old, new = before.settings.gateway, after.settings.gateway
    return {
        "policy": [before.policy_hash, after.policy_hash],
        "counts_from_the_next_start": [
            f"gateway.{key}"
            for key in ("host", "port", "workers", "log")
            if getattr(old, key) != getattr(new, key)
        ]
        + ["telemetry"] * (before.settings.telemetry != after.settings.telemetry),
    }


class Exchange:
    """Exchanges what a gateway serves, and closes each project after its last request."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._closing: set[asyncio.Task[None]] = set()

    async def take(self, loaded: LoadedProject) -> None:
        """Let every request from now on be served by `loaded`.

        Those that go on keep the project that they began with.

        Raises:
            UserError: it cannot be put together; nothing has changed then.
        """
        from orchestrator.fleet.discovery import probe_models

        old = self._state.serving
        probe_models.cache_clear()  # servers of this machine may have come or gone
        mesh = await asyncio.to_thread(old.mesh.successor, loaded)
        await asyncio.to_thread(mesh.fleet)
        self._state.serving = Serving(mesh=mesh, calls=mesh.single_calls())
        task = asyncio.get_running_loop().create_task(_close_after_the_last(old))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all projects, when there are no requests any more."""
        await asyncio.gather(*self._closing)
        await self._state.serving.mesh.close()


async def _close_after_the_last(old: Serving) -> None:
    while old.requests > 0:  # noqa: ASYNC110 - who counts them is on the path of every request
        await asyncio.sleep(_LOOK_S)
    await old.mesh.close()


class Alone:
    """`Control` of a gateway without a supervisor: one process exchanges its own project."""

    def __init__(self, state: State, root: Path, env: Mapping[str, str]) -> None:
        self._state, self._root, self._env = state, root, env
        self._exchange, self._turn = Exchange(state), asyncio.Lock()

    async def reload(self, who: str, why: str = "") -> Operation:
        """See `Control`."""
        async with self._turn:
            mesh: Mesh = self._state.serving.mesh
            before = mesh.project
            asked = operation("reload", ALONE, who, why=why, before=before.hash, after=before.hash)
            try:
                loaded = await asyncio.to_thread(load_successor, self._root, self._env, before)
                await self._exchange.take(loaded)
            except UserError as error:
                details: Mapping[str, Any] = {"problems": problems_of(error)}
                done = dataclasses.replace(asked, result="refused", details=details)
            else:
                details, hash = changes(before, loaded.project), loaded.project.hash
                done = dataclasses.replace(asked, after=hash, details=details)
                await asyncio.to_thread(keep_policy, mesh.operations, loaded)
            await asyncio.to_thread(mesh.operations.add, done)
            return done
