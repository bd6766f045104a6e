"""The composed traffic: what it takes, what it gives back, what it tells."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.calling.traffic.control import TrafficControl
from orchestrator.calling.traffic.hedges import RECENT, Hedges
from orchestrator.errors import AttemptError, InternalError
from orchestrator.money import Usage
from orchestrator.project.calls_schema import Breaker
from orchestrator.project.protocols import Asking, Pass
from orchestrator.records import Attempt
from orchestrator.types import Caller, Capacity, Deployment, Outcome
from tests.calling.fake_clock import FakeClock
from tests.calling.samples import deployment
from tests.calling.traffic.parts import control

BREAKER = Breaker(failures=2, open_ms=5000)
NARROW = deployment(
    "m/d", limits=Capacity(requests_per_minute=5, tokens_per_minute=1000, concurrent=1)
)


def asking(**changes: Any) -> Asking:
    base: dict[str, Any] = {"tokens": 100, "caller": Caller(), "deadline": 1000.0}
    return Asking(**{**base, **changes})


def attempt(outcome: Outcome = Outcome.OK, **changes: Any) -> Attempt:
    base: dict[str, Any] = {
        "deployment": "m/d",
        "model": "m",
        "family": None,
        "outcome": outcome,
        "started_at": 0.0,
        "ms": 100.0,
    }
    return Attempt(**{**base, **changes})


def room(traffic: TrafficControl) -> float:
    return traffic.health()["m/d"].room


async def call(traffic: TrafficControl, to: Deployment, ended: Attempt, **asked: Any) -> None:
    traffic.leave(await traffic.enter(to, asking(**asked)), ended)


async def break_it(traffic: TrafficControl) -> None:
    for _ in range(BREAKER.failures):
        await call(traffic, NARROW, attempt(Outcome.OVERLOADED))


async def test_an_open_breaker_refuses_before_anything_is_taken() -> None:
    traffic = control(FakeClock(), breaker=BREAKER)
    await break_it(traffic)
    for _ in range(10):
        with pytest.raises(AttemptError) as refused:
            await traffic.enter(NARROW, asking())
        assert refused.value.outcome is Outcome.SKIPPED_OPEN
    assert traffic.health()["m/d"].breaker == "open"
    assert room(traffic) == pytest.approx(1 - 2 / 5), "only the two calls that were made"


async def test_a_probe_that_finds_no_place_leaves_the_probe_to_others() -> None:
    clock = FakeClock()
    traffic = control(clock, breaker=BREAKER)
    inside = await traffic.enter(NARROW, asking())
    free = deployment("m/d")  # the same deployment, without its limits
    for _ in range(2):
        await call(traffic, free, attempt(Outcome.OVERLOADED))
    clock.advance(20)
    for _ in range(3):
        with pytest.raises(AttemptError, match="no room") as refused:
            await traffic.enter(NARROW, asking())
        assert refused.value.outcome is Outcome.BUSY
    traffic.leave(inside, attempt())
    await call(traffic, NARROW, attempt())
    assert traffic.health()["m/d"].breaker != "open"


async def test_who_waited_meets_the_breaker_as_it_is_then() -> None:
    traffic = control(FakeClock(), breaker=BREAKER)
    inside = await traffic.enter(NARROW, asking())
    waiting = asyncio.ensure_future(traffic.enter(NARROW, asking(waits=True)))
    await asyncio.sleep(0)
    for _ in range(2):
        await call(traffic, deployment("m/d"), attempt(Outcome.OVERLOADED))
    traffic.leave(inside, attempt(Outcome.OVERLOADED))
    with pytest.raises(AttemptError) as refused:
        await waiting
    assert refused.value.outcome is Outcome.SKIPPED_OPEN
    assert room(traffic) == pytest.approx(0.8), "the place and the request went back"


async def test_a_pass_counts_once_however_often_it_is_given_back() -> None:
    traffic = control(FakeClock())
    entered = await traffic.enter(NARROW, asking())
    for _ in range(3):
        traffic.leave(entered, attempt())
    await traffic.enter(NARROW, asking())
    with pytest.raises(AttemptError):
        await traffic.enter(NARROW, asking())


async def test_a_pass_of_somebody_else_is_refused() -> None:
    class Other:
        deployment = "m/d"

    other: Pass = Other()
    with pytest.raises(InternalError, match="m/d"):
        control(FakeClock()).leave(other, attempt())


@pytest.mark.parametrize(
    ("ended", "left"),
    [
        (attempt(usage=Usage(input=200, output=100)), 0.7),
        (attempt(Outcome.RATE_LIMITED), 0.8),
        (attempt(Outcome.OVER_BUDGET), 1.0),
        (attempt(Outcome.CANCELLED, usage=Usage(input=100, output=400, estimated=True)), 0.5),
        (attempt(Outcome.CANCELLED), 0.1),
        (attempt(Outcome.TIMEOUT_SILENT), 0.1),
    ],
    ids=lambda value: getattr(value, "outcome", None),
)
async def test_the_limits_count_what_reached_the_provider(ended: Attempt, left: float) -> None:
    """What is not known to be unused stays reserved; what was never sent counts for nothing."""
    traffic = control(FakeClock())
    await call(traffic, NARROW, ended, tokens=900)
    assert traffic._places.room()["m/d"] == pytest.approx(left)


async def test_health_is_of_those_that_were_asked() -> None:
    traffic = control(FakeClock())
    assert not traffic.health()
    await call(traffic, deployment("m/d"), attempt())
    assert traffic.health()["m/d"].room == 1.0


async def test_the_p95_is_the_live_one() -> None:
    traffic = control(FakeClock())
    for ms in range(100, 2100, 100):
        await call(traffic, deployment("m/d"), attempt(ms=float(ms)))
    assert traffic.hedge_after_s("m/d") == pytest.approx(1.9)


def test_hedges_are_counted_by_the_calls_that_were_answered() -> None:
    traffic = control(FakeClock(), hedge_share=0.1)
    assert not traffic.take_hedge()
    for _ in range(10):
        traffic.answered(())
    assert [traffic.take_hedge() for _ in range(2)] == [True, False]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_hedges_stay_within_their_share_of_any_calls_in_a_row(share: float) -> None:
    hedges, taken = Hedges(share), []
    for call in range(5 * RECENT):
        hedges.count()
        # Long quiet times save nothing up.
        greedy = call % 400 > 250
        taken.append(sum(hedges.take() for _ in range(3)) if greedy else 0)
    for start in range(len(taken) - RECENT):
        assert sum(taken[start + 1 : start + 1 + RECENT]) <= share * RECENT
    assert sum(taken) > 0 or share == 0
