"""A real service under load, three times: left alone, told to end, and given other projects.

Each scene starts `mesh serve` over a project in an empty folder, with a provider in a process of
its own, and says what it found.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from orchestrator.storage.operations import Operation, Operations
from tests.gateway.serve.service import Service, serving
from tests.load import provider
from tests.load.checks import (
    Check,
    answered,
    asked_once,
    counted,
    memory_mb,
    on_record,
    write_policy,
    write_project,
)
from tests.load.streams import Load

_OTHER = "{name: other, match: {task: chat}, require: {not_models: [words]}}"
"""A route by which the second model answers."""
GROWTH = 1.10
"""How much larger the service may be at the end of a load than in the middle of it."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of it."""

    at_once: int
    """Streams."""
    seconds: float
    """For which they are begun anew, where nothing else ends the scene."""
    workers: int = 2
    pieces: int = 24
    """Of an answer."""
    gap_ms: int = 100
    """Between two of them."""


@dataclass
class _Stage:
    folder: Path
    upstream: provider.Running
    service: Service
    load: Load


@asynccontextmanager
async def _staged(folder: Path, size: Size) -> AsyncIterator[_Stage]:
    async with provider.running(size.pieces, size.gap_ms) as upstream:
        write_project(folder, upstream.url)
        async with serving(folder, "--workers", str(size.workers)) as service:
            load = Load(service.url, at_once=size.at_once, pieces=size.pieces)
            yield _Stage(folder, upstream, service, load)


async def _ended(stage: _Stage, size: Size, meant: str = "no error") -> list[Check]:
    """What every scene is to hold in the end; the service has been told to end.

    Args:
        meant: what stands in errors of its log that the scene has brought about.
    """
    code = await stage.service.ended()
    served = await stage.upstream.served()
    log = stage.service.logged().splitlines()
    errors = [line for line in log if '"level":"error"' in line and meant not in line]
    return [
        answered(stage.load),
        asked_once(stage.load, served),
        *await asyncio.to_thread(on_record, stage.folder, stage.load, served, size.pieces),
        Check(
            name="ended well",
            holds=code == 0 and not errors,
            found=f"exit code {code}, {len(errors)} errors in the log" + "".join(errors[:1]),
        ),
    ]


async def _counted(url: str, load: Load) -> Check:
    """What `/metrics` says; it counts off the path, so that the last ones may take a moment."""
    async with aiohttp.ClientSession() as client:
        for _ in range(50):
            async with client.get(url) as response:
                found = counted(await response.text(), load)
            if found.holds:
                break
            await asyncio.sleep(0.1)
    return found


async def left_alone(folder: Path, size: Size) -> list[Check]:
    """A load from beginning to end."""
    async with _staged(folder, size) as stage:
        pid, load = stage.service.started["pid"], stage.load
        before = sum(memory_mb(pid).values())
        async with load.going():
            await asyncio.sleep(size.seconds / 2)
            early = sum(memory_mb(pid).values())
            await asyncio.sleep(size.seconds / 2)
            late = sum(memory_mb(pid).values())
        after = sum(memory_mb(pid).values())
        metrics = await _counted(f"{stage.service.url}/metrics", load)
        stage.service.signal(signal.SIGTERM)
        memory = Check(
            name="memory",
            holds=late <= GROWTH * early,
            found=f"{before:.0f} MB before, {early:.0f} in the middle, {late:.0f} at the end, "
            f"{after:.0f} after it (all processes, shared pages divided)",
        )
        return [*await _ended(stage, size), metrics, memory]


async def told_to_end(folder: Path, size: Size) -> list[Check]:
    """SIGTERM in the midst of it."""
    async with _staged(folder, size) as stage:
        load = stage.load
        async with load.going():
            await load.until(size.at_once)
            await asyncio.sleep(size.pieces * size.gap_ms / 2000)  # half of an answer
            under_way = (await stage.upstream.served()).under_way
            stage.service.signal(signal.SIGTERM)
            found = await _ended(stage, size)
        everybody = Check(
            name="told to end in the midst",
            holds=under_way > 0 and load.ends["refused"] == size.at_once,
            found=f"{under_way} streams were under way; after them {load.ends['refused']} refused",
        )
        return [answered(load), *found[1:], everybody]


async def given_others(folder: Path, size: Size) -> list[Check]:
    """SIGHUP three times: nothing has changed, a bad file, and one by which another answers."""
    async with _staged(folder, size) as stage:
        load, service = stage.load, stage.service
        async with load.going():
            await load.until(size.at_once)
            first = await _reloaded(stage, 1)
            (folder / "policy.yaml").write_text("objective: {minimise: cost}\n")
            second = await _reloaded(stage, 2)
            served = await stage.upstream.served()
            write_policy(folder, _OTHER)
            third = await _reloaded(stage, 3)
            await load.until(2 * size.at_once)
        by_model = (await stage.upstream.served()).by_model
        service.signal(signal.SIGTERM)
        results = [one.result for one in (first, second, third)]
        problems = second.details.get("problems", ())
        return [
            *await _ended(stage, size, meant="objective.minimise"),
            Check(
                name="reloads",
                holds=results == ["done", "refused", "done"],
                found=f"{', '.join(results)}; {'; '.join(problems)}",
            ),
            Check(
                name="the good one counts",
                holds=not served.by_model["spare"] and by_model["spare"] >= size.at_once,
                found=f"before it {dict(served.by_model)}, in all {dict(by_model)}",
            ),
        ]


async def _reloaded(stage: _Stage, number: int) -> Operation:
    """Send SIGHUP, and wait for what came of it."""
    stage.service.signal(signal.SIGHUP)
    operations = Operations(stage.folder / ".mesh")
    for _ in range(600):
        found = operations.all()  # the newest first
        if len(found) == number and all(one.result != "asked" for one in found):
            return max(found, key=lambda one: one.at)
        await asyncio.sleep(0.1)
    raise AssertionError(f"no reload: {stage.service.logged()[-2000:]}")


SCENES: dict[str, Callable[[Path, Size], Awaitable[list[Check]]]] = {
    "left alone": left_alone,
    "told to end": told_to_end,
    "given other projects": given_others,
}
