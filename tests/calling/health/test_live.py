"""Live numbers: what counts, from when on, how much is remembered, and who else sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.calling.health.live import ENOUGH, ENOUGH_FOR_P95, SAMPLES, WINDOW_S, Live
from orchestrator.calling.health.store import HealthStore
from orchestrator.money import Usage
from orchestrator.types import Outcome

from .seen import StillClock, attempt


def test_too_few_calls_say_nothing_but_their_count() -> None:
    live = Live(StillClock())
    for _ in range(ENOUGH - 1):
        live.saw(attempt(ms=200.0, first_token_ms=50.0))
    numbers = live.health("m/a")
    assert (numbers.calls, numbers.error_rate, numbers.p50_ms) == (ENOUGH - 1, None, None)
    live.saw(attempt(ms=200.0, first_token_ms=50.0))
    numbers = live.health("m/a")
    assert (numbers.error_rate, numbers.p50_ms, numbers.first_token_ms) == (0.0, 200.0, 50.0)
    assert live.p95_s("m/a") is None


def test_quantiles_by_nearest_rank() -> None:
    live = Live(StillClock())
    for ms in range(100, 0, -1):
        live.saw(attempt(ms=float(ms)))
    numbers = live.health("m/a")
    assert (numbers.p50_ms, numbers.p95_ms) == (50.0, 95.0)
    assert live.p95_s("m/a") == pytest.approx(0.095)


def test_only_its_own_failures_make_the_error_rate() -> None:
    live = Live(StillClock())
    for outcome in (Outcome.OVERLOADED, Outcome.CUT):
        live.saw(attempt(outcome=outcome))
    for outcome in (Outcome.OK, Outcome.REFUSED, Outcome.RATE_LIMITED, Outcome.EMPTY):
        for _ in range(2):
            live.saw(attempt(outcome=outcome))
    for outcome in (Outcome.BUSY, Outcome.SKIPPED_OPEN, Outcome.OVER_BUDGET, Outcome.CANCELLED):
        live.saw(attempt(outcome=outcome))
    numbers = live.health("m/a")
    assert numbers.calls == 10
    assert numbers.error_rate == pytest.approx(0.2)
    assert numbers.last_error == "empty: it said empty"


def test_failed_calls_do_not_look_fast() -> None:
    live = Live(StillClock())
    for _ in range(20):
        live.saw(attempt(outcome=Outcome.UNREACHABLE, ms=1.0))
        live.saw(attempt(ms=500.0))
    assert live.health("m/a").p50_ms == 500.0


def test_the_speed_is_that_of_writing() -> None:
    live = Live(StillClock())
    for _ in range(ENOUGH):
        live.saw(attempt(ms=1500.0, first_token_ms=500.0, usage=Usage(input=9, output=40)))
        live.saw(attempt(ms=501.0, first_token_ms=500.0, usage=Usage(input=9, output=2)))
    assert live.health("m/a").tokens_per_second == pytest.approx(40.0)


def test_hedging_does_not_lower_the_p95_that_it_hangs_on() -> None:
    """The slowest are always cancelled; were they forgotten, the p95 would sink and sink."""
    live = Live(StillClock())
    for _ in range(ENOUGH_FOR_P95):
        live.saw(attempt(ms=100.0))
        live.saw(attempt(ms=1000.0))
    for _ in range(SAMPLES):
        p95 = live.health("m/a").p95_ms
        assert p95 is not None
        for ms in [100.0] * 9 + [5000.0]:
            slow = ms > p95
            outcome = Outcome.CANCELLED if slow else Outcome.OK
            live.saw(attempt(outcome=outcome, ms=p95 + 1 if slow else ms))
    assert (live.health("m/a").p95_ms or 0) >= 1000.0


def test_what_is_long_ago_does_not_count() -> None:
    clock = StillClock()
    live = Live(clock)
    for _ in range(30):
        live.saw(attempt(outcome=Outcome.CUT))
    clock.wait(WINDOW_S + 1)
    numbers = live.health("m/a")
    assert (numbers.calls, numbers.error_rate) == (30, None)
    assert numbers.last_error.startswith("cut")


def test_a_recovered_deployment_is_not_held_its_outage_against() -> None:
    live = Live(StillClock())
    for _ in range(30):
        live.saw(attempt(outcome=Outcome.CUT))
    live.recovered("m/a")
    assert live.health("m/a").error_rate is None
    for _ in range(10):
        live.saw(attempt())
    assert live.health("m/a").error_rate == 0.0


def test_the_memory_is_bounded() -> None:
    live = Live(StillClock())
    for ms in range(10 * SAMPLES):
        live.saw(attempt(ms=float(ms)))
    assert live.health("m/a").p50_ms == pytest.approx(9.5 * SAMPLES, abs=1)


def test_another_process_sees_rough_numbers_until_it_has_its_own(tmp_path: Path) -> None:
    clock, path = StillClock(), tmp_path / "health.sqlite"
    store = HealthStore(path)
    first = Live(clock, store)
    for _ in range(30):
        first.saw(attempt(ms=300.0))
    first.saw(attempt(outcome=Outcome.CUT))
    first.keep()
    store.close()
    clock.wait(10)
    second = Live(clock, HealthStore(path))
    numbers = second.health("m/a")
    assert (numbers.calls, numbers.p50_ms) == (31, 300.0)
    assert numbers.last_error == "cut: it said cut"
    assert second.p95_s("m/a") == pytest.approx(0.3)
    for _ in range(ENOUGH):
        second.saw(attempt(ms=50.0))
    numbers = second.health("m/a")
    assert (numbers.calls, numbers.p50_ms, numbers.p95_ms) == (36, 50.0, 300.0)
    clock.wait(WINDOW_S)
    assert Live(clock, HealthStore(path)).health("m/a").p50_ms is None


def test_what_others_measured_does_not_stay_young_by_being_passed_on(tmp_path: Path) -> None:
    clock, path = StillClock(), tmp_path / "health.sqlite"
    for calls in (ENOUGH, 1, 1, 1):
        store = HealthStore(path)
        live = Live(clock, store)
        for _ in range(calls):
            live.saw(attempt(ms=300.0))
        live.keep()
        store.close()
        clock.wait(0.4 * WINDOW_S)
    assert Live(clock, HealthStore(path)).health("m/a").p50_ms is None


def test_calls_of_all_processes_add_up(tmp_path: Path) -> None:
    clock, path = StillClock(), tmp_path / "health.sqlite"
    for _ in range(3):
        store = HealthStore(path)
        live = Live(clock, store)
        for _ in range(7):
            live.saw(attempt())
            clock.wait(2)
        live.keep()
        store.close()
    assert Live(clock, HealthStore(path)).health("m/a").calls == 21
