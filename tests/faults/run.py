"""Runs cells of the table: one scenario, one way to call, one transport, on either clock."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest import mock

from orchestrator.calling.clock import SystemClock
from tests.faults.bench import HTTP, VIAS, WAYS, Bench, Way, bench
from tests.faults.checks import always
from tests.faults.clock import SharedClock
from tests.faults.project import Via
from tests.faults.scenario import Broken, Scenario

PATIENCE_S = 180.0
"""Real seconds after which a cell counts as stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One scenario, called in one way over one transport."""

    scenario: Scenario
    way: Way
    via: Via
    process: bool = False
    """Over HTTP, whoever answers is `mesh serve` in processes of its own."""

    @property
    def name(self) -> str:
        return f"{self.scenario.name}, {self.way}, {self.via}"

    @property
    def inapplicable(self) -> str | None:
        """Why there is nothing to run; `None` where there is."""
        return self.scenario.inapplicable(self.way, self.via)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a cell came to."""

    cell: Cell
    status: Literal["passed", "failed", "n/a"]
    seconds: float = 0.0
    """On the cell's clock; on real ones those of its calls."""
    why: str = ""
    """What did not hold, or why it does not apply."""
    seen: str = ""
    """Both views, for a person who looks for the cause."""


class RealClock(SystemClock):
    """The machine's time; its wall clock can be made to jump."""

    def __init__(self) -> None:
        self._jumped = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._jumped

    def step(self, seconds: float) -> None:
        """Let the wall clock jump; what is monotonic does not see it."""
        self._jumped += seconds


def cells(scenarios: tuple[Scenario, ...]) -> list[Cell]:
    """All cells of the table, in its order."""
    return [Cell(scenario=s, way=way, via=via) for s in scenarios for via in VIAS for way in WAYS]


SIXTEEN = range(1, 17)
"""The faults that a public benchmark of gateways has, too."""


def served(scenarios: tuple[Scenario, ...]) -> list[Cell]:
    """The cells of that benchmark, as it would see them: `mesh serve`, asked over HTTP.

    A fake provider is primary and fallback, there is no cache, a call has 30 s. Only on real
    clocks, since these are processes of their own.
    """
    return [
        Cell(scenario=s, way=way, via="openai", process=True)
        for s in scenarios
        if s.number in SIXTEEN
        for way in HTTP
    ]


async def warm_up(pairs: Iterable[tuple[Way, Via]]) -> None:
    """Call once in each way, so that no cell pays for imports and tables that are read once."""
    nothing = Scenario(number=0, fault="nothing is wrong", caller=())
    for way, via in sorted(pairs):
        await run_cell(Cell(scenario=nothing, way=way, via=via), quick=False)


async def run_cell(cell: Cell, *, quick: bool) -> Result:
    """Run it on a clock that jumps (`quick`) or on the real one. Raises nothing."""
    if cell.inapplicable is not None:
        return Result(cell=cell, status="n/a", why=cell.inapplicable)
    seen: list[Bench] = []
    begun = time.monotonic()
    patience = asyncio.timeout(PATIENCE_S)
    try:
        async with patience:
            seconds = await (_quickly if quick else _really)(cell, seen)
    except Broken as broken:
        why = str(broken)
    except Exception as error:  # noqa: BLE001 - whatever it is, the table goes on and shows it
        why = "".join(traceback.format_exception(error, limit=-6))
        if patience.expired():
            why = f"nothing happened for {PATIENCE_S:.0f} s"
    else:
        return Result(cell=cell, status="passed", seconds=seconds)
    took = time.monotonic() - begun
    shown = "\n".join(_views(world) for world in seen)
    return Result(cell=cell, status="failed", seconds=took, why=why, seen=shown)


async def _quickly(cell: Cell, seen: list[Bench]) -> float:
    # Begun now, since another process that takes part has the time of the machine.
    with no_such_host():
        async with SharedClock(start=time.time()) as clock:
            await _play(cell, clock, seen, quick=True)
            return clock.monotonic()


async def _really(cell: Cell, seen: list[Bench]) -> float:
    await _play(cell, RealClock(), seen, quick=False)
    (world,) = seen
    ends = [called.ended or called.started for called in world.calls]
    return max(ends) - min(called.started for called in world.calls)


async def _play(cell: Cell, clock: Any, seen: list[Bench], *, quick: bool) -> None:
    scenario = cell.scenario
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        async with bench(
            Path(folder),
            way=cell.way,
            via=cell.via,
            clock=clock,
            quick=quick,
            fleet=scenario.fleet,
            scripts=scenario.scripts(),
            process=cell.process,
        ) as world:
            seen.append(world)
            await scenario.act(world)
            await world.settled()
            for check in (*scenario.caller, *scenario.provider, scenario.holds or always):
                check(world)


@contextmanager
def no_such_host() -> Iterator[None]:
    """Names under `.invalid` are unknown at once, without a question to the network.

    For the whole process, hence around all cells that run side by side.
    """
    look_up = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    with mock.patch.object(socket, "getaddrinfo", found):
        yield


def _views(world: Bench) -> str:
    """Both views of what happened, times in seconds from the first call."""
    start = world.calls[0].started if world.calls else 0.0
    lines = []
    for called in world.calls[-3:]:
        end = called.error or called.said or ("left" if called.stopped else "nothing")
        lines.append(f"caller   {called.started - start:6.2f} {called.text!r:.60} → {end!s:.300}")
        lines += [
            f"attempt  {a.started_at - called.trace.started_at:6.2f} {a.deployment} {a.kind} "
            f"{a.outcome} {a.cost_micro_usd} µ$ {a.error or ''}"
            for a in called.attempts
            if called.trace
        ]
    lines += [
        f"provider {a.at - start:6.2f} {a.deployment} {type(a.step).__name__} "
        f"sent {len(a.sent)}{' gone' if a.gone else ''}"
        for a in world.server.log[-8:]
    ]
    return "\n".join([*lines, *world.logged])
