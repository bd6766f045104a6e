"""Fault 28: what is around a call goes wrong, or what comes is out of all proportion."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import resource
from unittest import mock

from orchestrator.errors import CallError
from tests.faults.bench import Bench
from tests.faults.checks import Whole, answered, outcomes, reached, within
from tests.faults.project import Fleet
from tests.faults.scenario import FINE, HEALTHY, SPARE, Check, Scenario, need
from tests.faults.steps import Say

FAULT = "clock, names, TLS, pool, sizes"
OWN, OTHER = Whole(HEALTHY, "primary"), Whole(SPARE, "fallback")
TOKEN = "x" * 1_000_000
CHUNKS, FEW_CHUNKS = "y" * 100_000, "y" * 2_000
DAY_S = 86_400.0
MEMORY_MB = 400


def _jump(seconds: float) -> Scenario:
    async def act(bench: Bench) -> None:
        call = asyncio.create_task(bench.ask())
        await bench.server.until(lambda: bool(bench.primary) and len(bench.primary[0].sent) >= 20)
        bench.clock.step(seconds)
        await call

    def took(bench: Bench) -> None:
        for called in bench.calls:
            need(called.trace is not None, "the call is not on the trace")
            assert called.trace is not None
            for ms in (called.trace.ms, *(a.ms for a in called.attempts)):
                need(0 <= ms <= 30_000, f"it is said to have taken {ms:.0f} ms")

    return Scenario(
        number=28,
        fault=FAULT,
        variant=f"the clock jumps {'ahead' if seconds > 0 else 'back'}",
        primary=dataclasses.replace(FINE, gap_s=0.05),
        act=act,
        caller=(answered(OWN), outcomes("ok"), took, within(10)),
        provider=(reached(primary=1, fallback=0),),
        seconds=4,
    )


POOL, CALLERS = 4, 12
TRANSPORTS = {"openai": "wire.http", "litellm": "litellm"}


async def _crowd(bench: Bench) -> None:
    """More callers than places for connections."""
    # Their number is no setting; a smaller one spares the test hundreds of calls.
    transport = importlib.import_module(f"orchestrator.calling.transports.{TRANSPORTS[bench.via]}")
    with mock.patch.object(transport, "PLACES", POOL):
        await asyncio.gather(*(bench.ask(f"Request {number}") for number in range(CALLERS)))


def _side_by_side(bench: Bench) -> None:
    """The provider never saw more connections than the pool has."""
    need(len(bench.calls) == CALLERS, f"{len(bench.calls)} calls")
    for arrival in bench.server.log:
        open_then = [
            a for a in bench.server.log if a.at <= arrival.at < (a.ended_at or arrival.at + 1)
        ]
        need(len(open_then) <= POOL, f"{len(open_then)} requests at the same time")


def _sized(variant: str, many: str, few: str, piece: int) -> Scenario:
    """An answer out of proportion; smaller where time is injected."""

    async def act(bench: Bench) -> None:
        whole = few if bench.quick else many
        bench.server.does("primary", Say(whole, piece=piece))
        before = _memory_mb()
        await bench.ask()
        grown = _memory_mb() - before
        need(grown <= MEMORY_MB, f"the process grew by {grown} MB")

    def exact(bench: Bench) -> None:
        right = few if bench.quick else many
        (called,) = bench.calls
        if bench.via == "litellm" and not bench.quick and called.error is not None:
            # It reads some thousand events a second. What is not whole at the deadline says so.
            need(isinstance(called.error, CallError), f"no typed failure: {called.error!r}")
            need(right.startswith(called.text), "what was handed on is not how the answer begins")
            return
        need(called.error is None, f"it failed: {called.error}")
        need(called.text == right, f"{len(called.text)} of {len(right)} characters came")
        outcomes("ok")(bench)

    checks: tuple[Check, ...] = (exact,)  # and `always`: the deadline
    return Scenario(
        number=28,
        fault=FAULT,
        variant=variant,
        act=act,
        caller=checks,
        provider=(reached(primary=1),),
        seconds=10,
        heavy=True,
    )


def _memory_mb() -> int:
    """The most that this process has ever used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


SCENARIOS = (
    _jump(DAY_S),
    _jump(-DAY_S),
    Scenario(
        number=28,
        fault=FAULT,
        variant="the name is not known",
        fleet=Fleet(endpoints={"primary": "http://nobody.invalid/v1"}),
        caller=(answered(OTHER), within(15)),
        provider=(reached(primary=0, fallback=1),),
        seconds=2,
    ),
    Scenario(
        number=28,
        fault=FAULT,
        variant="TLS fails",
        fleet=Fleet(encrypted=("primary",)),
        caller=(answered(OTHER), within(15)),
        provider=(reached(primary=0, fallback=1),),
        seconds=2,
    ),
    Scenario(
        number=28,
        fault=FAULT,
        variant="the pool is exhausted",
        primary=dataclasses.replace(FINE, delay_s=1.0),
        act=_crowd,
        caller=(answered(OWN), within(20)),
        provider=(_side_by_side,),
        seconds=5,
        heavy=True,  # it takes places away from whoever runs beside it
    ),
    _sized("one token of 1 MB", TOKEN, TOKEN, 0),
    _sized("100,000 tiny chunks", CHUNKS, FEW_CHUNKS, 1),
)
