"""Requests and tokens a minute, of deployments and of callers."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.traffic.meters import Window
from orchestrator.calling.traffic.rates import CallerRates, Rates
from orchestrator.errors import RateLimitedError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import CallerLimit, CallerMatch
from orchestrator.records import Attempt
from orchestrator.testing import ManualClock
from orchestrator.types import Caller, Capacity, Deployment, Outcome
from tests.calling.samples import deployment

ANA, BEN = Caller(user="ana", tier="free"), Caller(user="ben", tier="paid")


def limited(**limits: int) -> Deployment:
    return deployment("m/d", limits=Capacity(**limits))


def used(tokens: int) -> Attempt:
    return Attempt(
        deployment="m/d",
        model="m",
        family=None,
        outcome=Outcome.OK,
        started_at=0.0,
        ms=1.0,
        usage=Usage(input=tokens),
    )


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 8)), max_size=60),
)
def test_no_sixty_seconds_hold_more_than_the_limit(
    limit: int, arrivals: list[tuple[float, int]]
) -> None:
    window, now = Window(limit), 0.0
    passed: list[tuple[float, int]] = []
    for pause, amount in arrivals:
        now += pause
        if window.wait_s(amount, now) <= 0:
            window.take(amount, now)
            passed.append((now, amount))
    for at, _ in passed:
        assert sum(n for then, n in passed if at <= then < at + 60) <= limit


@given(
    st.integers(1, 10),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 10)), min_size=1, max_size=40),
)
def test_whoever_comes_when_told_finds_room(limit: int, arrivals: list[tuple[float, int]]) -> None:
    window, now = Window(limit), 0.0
    for pause, amount in arrivals:
        now += pause
        amount = min(amount, limit)
        wait_s = window.wait_s(amount, now)
        if wait_s > 0:
            assert window.wait_s(amount, now + wait_s / 2) > 0, "it was told to come too late"
            now += wait_s
            assert window.wait_s(amount, now) <= 1e-9
        window.take(amount, now)


def test_the_memory_of_a_window_does_not_grow_with_its_traffic() -> None:
    window = Window(1_000_000)
    for place in range(100_000):
        window.wait_s(1, place / 100)
        window.take(1, place / 100)
    assert len(window._slots) <= 601


def test_a_deployment_without_limits_always_has_room() -> None:
    rates = Rates(ManualClock())
    assert all(rates.take(deployment("m/d"), 10**9) for _ in range(1000))
    assert rates.left(deployment("m/d")) == 1.0


def test_requests_and_tokens_are_taken_together_or_not_at_all() -> None:
    clock = ManualClock()
    rates, to = Rates(clock), limited(requests_per_minute=2, tokens_per_minute=100)
    assert rates.take(to, 90)
    assert rates.take(to, 20) is None
    assert rates.left(to) == pytest.approx(0.1)
    assert rates.take(to, 10), "the refused one has taken no request"
    assert rates.take(to, 0) is None
    assert 59 < rates.free_in_s(to, 0) <= 60.2
    clock.advance(60.2)
    assert rates.take(to, 100)


def test_what_was_reserved_and_not_used_is_free_at_once() -> None:
    rates, to = Rates(ManualClock()), limited(tokens_per_minute=1000)
    taken = rates.take(to, 900)
    assert taken is not None
    rates.settle(taken, 100)
    assert rates.left(to) == pytest.approx(0.9)


def test_what_was_used_beyond_the_reserve_counts_from_then_on() -> None:
    clock = ManualClock()
    rates, to = Rates(clock), limited(tokens_per_minute=1000)
    taken = rates.take(to, 100)
    assert taken is not None
    clock.advance(50)
    rates.settle(taken, 1000)
    assert rates.left(to) == 0.0
    clock.advance(11)
    assert rates.left(to) == pytest.approx(0.1), "the reserve has left, the rest is 11 s old"
    clock.advance(50)
    assert rates.left(to) == 1.0


def test_a_call_that_was_never_made_counts_for_nothing() -> None:
    rates, to = Rates(ManualClock()), limited(requests_per_minute=1, tokens_per_minute=10)
    taken = rates.take(to, 10)
    assert taken is not None
    rates.give_back(taken)
    assert rates.take(to, 10)


def test_what_is_corrected_after_a_minute_takes_nothing_from_others() -> None:
    clock = ManualClock()
    rates, to = Rates(clock), limited(tokens_per_minute=100)
    early = rates.take(to, 100)
    assert early is not None
    clock.advance(61)
    assert rates.take(to, 60)
    rates.settle(early, 10)
    assert rates.left(to) == pytest.approx(0.4)


def test_a_call_larger_than_the_whole_limit_passes_alone() -> None:
    clock = ManualClock()
    rates, to = Rates(clock), limited(tokens_per_minute=100)
    assert rates.take(to, 1)
    assert rates.take(to, 5000) is None
    clock.advance(61)
    assert rates.take(to, 5000)
    assert rates.take(to, 1) is None


def test_the_estimate_of_a_queue_counts_a_minute_for_each_limit() -> None:
    rates, to = Rates(ManualClock()), limited(requests_per_minute=2)
    assert rates.take(to, 0)
    assert rates.queue_s(to, 1, 0) == 0.0
    assert 60 <= rates.queue_s(to, 2, 0) < 61
    assert 120 <= rates.queue_s(to, 4, 0) < 121


def test_threads_together_never_pass_a_limit() -> None:
    rates, to = Rates(SystemClock()), limited(requests_per_minute=100)
    passed: list[object] = []

    def ask() -> None:
        passed.extend(taken for _ in range(200) if (taken := rates.take(to, 1)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 100


# ── callers ──────────────────────────────────────────────────────────────────────────────


def callers(clock: ManualClock, *limits: dict[str, Any]) -> CallerRates:
    return CallerRates([CallerLimit(**limit) for limit in limits], clock)


async def test_each_user_has_a_limit_of_their_own() -> None:
    clock = ManualClock()
    rates = callers(clock, {"per": "user", "requests_per_minute": 1})
    await rates.take(ANA, (), 10)
    await rates.take(BEN, (), 10)
    with pytest.raises(RateLimitedError, match=r"user 'ana' \(1 call a minute\)") as refused:
        await rates.take(ANA, (), 10)
    assert refused.value.retryable
    clock.advance(refused.value.retry_after_s)
    await rates.take(ANA, (), 10)


async def test_those_who_do_not_say_who_they_are_share_one_limit() -> None:
    rates = callers(ManualClock(), {"per": "user", "requests_per_minute": 1})
    await rates.take(Caller(feature="a"), (), 1)
    with pytest.raises(RateLimitedError, match="callers who name no user"):
        await rates.take(Caller(feature="b"), (), 1)


async def test_a_limit_holds_for_those_whom_it_matches_and_for_those_who_do_not_say() -> None:
    match = CallerMatch(user_tier="free", tags=("batch",))
    rates = callers(ManualClock(), {"per": "user", "match": match, "requests_per_minute": 1})
    for _ in range(3):
        await rates.take(BEN, ("batch",), 1)
        await rates.take(ANA, ("live",), 1)
    await rates.take(ANA, ("batch",), 1)
    await rates.take(Caller(user="eve"), ("batch",), 1)
    for caller in (ANA, Caller(user="eve")):
        with pytest.raises(RateLimitedError):
            await rates.take(caller, ("batch",), 1)


async def test_one_that_refuses_leaves_the_others_untouched_and_the_longest_wait_is_told() -> None:
    clock = ManualClock()
    rates = callers(
        clock,
        {"per": "user", "requests_per_minute": 2},
        {"per": "project", "tokens_per_minute": 100},
    )
    await rates.take(ANA, (), 60)
    clock.advance(30)
    for _ in range(5):
        with pytest.raises(RateLimitedError, match=r"project \(100 tokens a minute") as refused:
            await rates.take(ANA, (), 60)
        assert refused.value.retry_after_s == pytest.approx(30, abs=0.2)
    await rates.take(ANA, (), 40)


async def test_the_attempts_of_a_call_count_instead_of_what_was_reserved() -> None:
    rates = callers(ManualClock(), {"per": "user", "tokens_per_minute": 1000})
    call = await rates.take(ANA, (), 900)
    rates.ended(call, used(100))
    rates.ended(call, used(300))
    await rates.take(ANA, (), 600)
    with pytest.raises(RateLimitedError):
        await rates.take(ANA, (), 1)


async def test_without_limits_nothing_is_counted() -> None:
    rates = callers(ManualClock())
    call = await rates.take(ANA, (), 10**9)
    rates.ended(call, used(10**9))
    assert not rates._meters


async def test_callers_who_stay_away_are_forgotten() -> None:
    clock = ManualClock()
    rates = callers(clock, {"per": "user", "requests_per_minute": 5})
    for number in range(1000):
        clock.advance(1)
        await rates.take(Caller(user=f"user-{number}"), (), 1)
    assert len(rates._meters) <= 62


class Given:
    """Limits of single callers, as they are at the moment; satisfies `Allotments`."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[CallerLimit, ...]] = {}

    def budgets(self, caller: Caller) -> tuple[()]:
        return ()

    def limits(self, caller: Caller) -> tuple[CallerLimit, ...]:
        return self.of.get(caller.user, ())


def own(requests: int) -> tuple[CallerLimit, ...]:
    match = CallerMatch(user="ana")
    return (CallerLimit(per="user", match=match, requests_per_minute=requests),)


async def test_a_caller_may_have_a_limit_of_its_own_besides_those_of_the_policy() -> None:
    given = Given()
    limits = [CallerLimit(per="user", requests_per_minute=3)]
    rates = CallerRates(limits, ManualClock(), allotments=given)
    given.of["ana"] = own(1)
    await rates.take(ANA, (), 1)
    with pytest.raises(RateLimitedError, match=r"1 call a minute"):
        await rates.take(ANA, (), 1)
    for _ in range(3):
        await rates.take(BEN, (), 1)
    with pytest.raises(RateLimitedError, match=r"3 calls a minute"):
        await rates.take(BEN, (), 1)


async def test_a_limit_that_changes_while_it_is_used_keeps_what_it_counted() -> None:
    given = Given()
    rates = CallerRates([], ManualClock(), allotments=given)
    given.of["ana"] = own(2)
    for _ in range(2):
        await rates.take(ANA, (), 1)
    given.of["ana"] = own(3)
    await rates.take(ANA, (), 1)
    with pytest.raises(RateLimitedError, match=r"3 calls a minute"):
        await rates.take(ANA, (), 1)
    given.of.clear()
    await rates.take(ANA, (), 1)


async def test_two_limits_on_the_same_callers_count_apart_and_survive_a_reload() -> None:
    two = [
        CallerLimit(per="user", requests_per_minute=2),
        CallerLimit(per="user", requests_per_minute=5),
    ]
    rates = CallerRates(two, ManualClock())
    for _ in range(2):
        await rates.take(ANA, (), 1)
    rates.reconfigure([CallerLimit(per="user", requests_per_minute=4), two[1]])
    for _ in range(2):
        await rates.take(ANA, (), 1)
    with pytest.raises(RateLimitedError, match=r"4 calls a minute"):
        await rates.take(ANA, (), 1)
