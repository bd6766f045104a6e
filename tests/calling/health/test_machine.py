"""The breaker as a pure function: what opens it, what closes it, and what never does."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from orchestrator.calling.health.breaker import rules_of
from orchestrator.calling.health.machine import (
    NOT_SENT,
    OUTAGES,
    PROBE_LEASE_S,
    STREAK_S,
    WHOLE,
    Effect,
    Ending,
    Opened,
    Recovered,
    Refused,
    State,
    Ticket,
    ask,
    at,
    end,
    given_back,
    shifted,
)
from orchestrator.project.calls_schema import Breaker
from orchestrator.types import Outcome

RULES = rules_of(Breaker())
NEUTRAL = sorted(set(Outcome) - OUTAGES - {Outcome.OK, Outcome.RATE_LIMITED, Outcome.AUTH})


@dataclass
class Driven:
    """One deployment's breaker, its time, and everything that it said."""

    now: float = 1000.0
    state: State = field(default_factory=State)
    effects: list[Effect] = field(default_factory=list)

    def ask(self) -> Ticket | Refused:
        self.state, answer = ask(self.state, self.now)
        return answer

    def begin(self) -> Ticket:
        answer = self.ask()
        assert isinstance(answer, Ticket), answer
        return answer

    def end(self, ticket: Ticket, outcome: Outcome, retry_after_s: float | None = None) -> None:
        ending = Ending(outcome, f"it said {outcome}", retry_after_s)
        self.state, effects = end(self.state, ticket, ending, self.now, RULES)
        self.effects += effects

    def call(self, outcome: Outcome, retry_after_s: float | None = None) -> None:
        self.end(self.begin(), outcome, retry_after_s)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    @property
    def phase(self) -> str:
        return at(self.state, self.now).phase


def vouched() -> Driven:
    """It has answered."""
    driven = Driven()
    driven.call(Outcome.OK)
    return driven


def opened(outcome: Outcome = Outcome.OVERLOADED) -> Driven:
    driven = Driven()
    while driven.phase == "closed":
        driven.call(outcome)
    return driven


def recovered() -> Driven:
    driven = opened()
    driven.wait(RULES.open_s)
    driven.call(Outcome.OK)
    assert driven.phase == "ramping"
    return driven


# ── opening ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outcome", sorted(OUTAGES))
def test_failures_in_a_row_open_it(outcome: Outcome) -> None:
    driven = vouched()
    for _ in range(RULES.failures - 1):
        driven.call(outcome)
        assert driven.phase == "closed"
    driven.call(outcome)
    assert driven.phase == "open"
    assert driven.effects == [Opened("outage", outcome, f"it said {outcome}")]
    refused = driven.ask()
    assert isinstance(refused, Refused)
    assert str(outcome) in refused.why
    assert refused.retry_after_s == pytest.approx(RULES.open_s)


def test_two_suffice_where_it_has_never_answered() -> None:
    driven = Driven()
    driven.call(Outcome.OVERLOADED)
    assert driven.phase == "closed", "one failure may be retried"
    driven.call(Outcome.OVERLOADED)
    assert driven.phase == "open"


def test_an_answer_between_them_begins_the_row_anew() -> None:
    driven = Driven()
    for _ in range(3):
        driven.call(Outcome.OK)
        driven.call(Outcome.CUT)
        driven.call(Outcome.CUT)
    assert driven.phase == "closed"


def test_failures_of_another_day_are_no_row() -> None:
    driven = Driven()
    for _ in range(5):
        driven.call(Outcome.CUT)
        driven.wait(STREAK_S + 1)
    assert driven.phase == "closed"


def test_a_high_share_of_failures_opens_it_even_if_they_never_come_in_a_row() -> None:
    driven = Driven()
    for number in range(RULES.min_calls):
        assert driven.phase == "closed"
        driven.call(Outcome.OK if number % 2 == 0 else Outcome.STALLED)
    assert driven.phase == "open"


def test_failures_that_the_window_has_left_behind_do_not_count() -> None:
    driven = Driven()
    for number in range(4 * RULES.min_calls):
        driven.call(Outcome.OK if number % 2 == 0 else Outcome.STALLED)
        driven.wait(1.01 * RULES.window_s / (RULES.min_calls - 1))
    assert driven.phase == "closed"


@pytest.mark.parametrize("outcome", NEUTRAL)
def test_what_is_not_the_deployments_doing_neither_counts_nor_resets(outcome: Outcome) -> None:
    driven = vouched()
    for _ in range(50):
        driven.call(outcome)
    assert (driven.phase, driven.effects, driven.state.consecutive) == ("closed", [], 0)
    for _ in range(RULES.failures):
        driven.call(outcome)
        driven.call(Outcome.OVERLOADED)
    assert driven.phase == "open"


# ── rate limits and keys ─────────────────────────────────────────────────────────────────


def test_a_rate_limit_shuts_the_door_for_as_long_as_was_asked_and_is_no_outage() -> None:
    driven = Driven()
    driven.call(Outcome.RATE_LIMITED, retry_after_s=20.0)
    refused = driven.ask()
    assert isinstance(refused, Refused)
    assert refused.retry_after_s == pytest.approx(20.0)
    driven.wait(19.9)
    assert isinstance(driven.ask(), Refused)
    driven.wait(0.2)
    assert isinstance(driven.ask(), Ticket)
    assert (driven.effects, driven.state.consecutive) == ([], 0)


def test_without_retry_after_the_pause_grows_to_a_limit_until_an_answer_comes() -> None:
    driven, pauses = Driven(), []
    for _ in range(9):
        driven.call(Outcome.RATE_LIMITED)
        refused = driven.ask()
        assert isinstance(refused, Refused)
        pauses.append(refused.retry_after_s)
        driven.wait(refused.retry_after_s)
    assert pauses == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 15, 15, 15])
    driven.call(Outcome.OK)
    driven.call(Outcome.RATE_LIMITED)
    refused = driven.ask()
    assert isinstance(refused, Refused)
    assert refused.retry_after_s == pytest.approx(0.25)


def test_a_refused_key_keeps_it_out_for_minutes_and_one_call_asks_again() -> None:
    driven = Driven()
    driven.call(Outcome.AUTH)
    assert driven.effects == [Opened("account", Outcome.AUTH, "it said auth")]
    refused = driven.ask()
    assert isinstance(refused, Refused)
    assert "key was refused" in refused.why
    driven.wait(RULES.account_s)
    driven.call(Outcome.AUTH)
    assert len(driven.effects) == 1, "the same trouble is told once"
    driven.wait(RULES.account_s)
    driven.call(Outcome.OK)
    assert driven.phase == "closed", "nobody was overloaded, so nothing has to be spared"
    assert driven.effects[-1] == Recovered("account")


# ── probes ───────────────────────────────────────────────────────────────────────────────


def test_one_probe_at_a_time() -> None:
    driven = opened()
    driven.wait(RULES.open_s)
    assert driven.phase == "half_open"
    driven.begin()
    assert isinstance(driven.ask(), Refused)


def test_open_times_grow_to_a_limit() -> None:
    driven, times = opened(), []
    for _ in range(5):
        refused = driven.ask()
        assert isinstance(refused, Refused)
        times.append(refused.retry_after_s)
        driven.wait(refused.retry_after_s)
        driven.call(Outcome.OVERLOADED)
    assert times == pytest.approx([5, 10, 15, 15, 15])
    assert len(driven.effects) == 1, "it was out all the time"


def test_a_probe_that_was_never_made_leaves_its_place_to_the_next() -> None:
    driven = opened()
    driven.wait(RULES.open_s)
    probe = driven.begin()
    driven.state = given_back(driven.state, probe)
    driven.begin()


@pytest.mark.parametrize("outcome", sorted(NOT_SENT))
def test_nor_does_one_that_a_limit_of_our_own_held_back(outcome: Outcome) -> None:
    driven = opened()
    driven.wait(RULES.open_s)
    driven.end(driven.begin(), outcome)
    driven.begin()


def test_a_cancelled_probe_says_nothing_and_the_next_comes_at_its_time() -> None:
    driven = opened()
    driven.wait(RULES.open_s)
    driven.end(driven.begin(), Outcome.CANCELLED)
    assert isinstance(driven.ask(), Refused), "one probe in each interval"
    driven.wait(RULES.open_s)
    driven.call(Outcome.OK)
    assert driven.phase == "ramping"


def test_a_probe_that_is_never_heard_of_again_is_replaced() -> None:
    driven = opened()
    driven.wait(RULES.open_s)
    lost = driven.begin()
    driven.wait(PROBE_LEASE_S)
    second = driven.begin()
    driven.end(lost, Outcome.CUT)
    assert driven.phase == "half_open", "the lost one counts no more"
    driven.end(second, Outcome.OK)
    assert driven.phase == "ramping"


@pytest.mark.parametrize("outcome", sorted(WHOLE))
def test_a_whole_answer_to_a_probe_brings_it_back_whatever_it_is_worth(outcome: Outcome) -> None:
    driven = opened()
    driven.wait(RULES.open_s)
    driven.call(outcome)
    assert driven.phase == "ramping"
    assert driven.effects[-1] == Recovered("outage")


# ── the ramp ─────────────────────────────────────────────────────────────────────────────


def let_through(driven: Driven, calls: int) -> int:
    return sum(isinstance(driven.ask(), Ticket) for _ in range(calls))


def test_the_share_of_calls_grows_after_a_recovery() -> None:
    driven = recovered()
    assert let_through(driven, 40) == 10
    driven.wait(RULES.ramp_s / 2)
    assert let_through(driven, 40) == 20
    driven.wait(RULES.ramp_s / 2)
    assert let_through(driven, 40) == 40
    assert driven.phase == "closed"


def test_a_place_in_the_ramp_that_is_given_back_goes_to_the_next() -> None:
    driven = recovered()
    for _ in range(5):
        driven.state = given_back(driven.state, driven.begin())
    driven.begin()


def test_in_the_ramp_fewer_failures_open_it_again_and_for_longer() -> None:
    driven = recovered()
    driven.wait(RULES.ramp_s / 2)
    tickets = [t for t in (driven.ask() for _ in range(4)) if isinstance(t, Ticket)]
    for ticket in tickets:
        driven.end(ticket, Outcome.OVERLOADED)
    assert driven.phase == "open"
    assert [type(e) for e in driven.effects] == [Opened, Recovered, Opened]
    refused = driven.ask()
    assert isinstance(refused, Refused)
    assert refused.retry_after_s == pytest.approx(2 * RULES.open_s)


# ── what began earlier ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.STALLED, Outcome.AUTH])
def test_a_stream_from_before_the_outage_decides_nothing_after_it(outcome: Outcome) -> None:
    driven = vouched()
    early = [driven.begin() for _ in range(10)]
    for _ in range(RULES.failures):
        driven.call(Outcome.UNREACHABLE)
    for ticket in early[:5]:
        driven.end(ticket, outcome)
    assert driven.phase == "open"
    driven.wait(RULES.open_s)
    driven.call(Outcome.OK)
    for ticket in early[5:]:
        driven.end(ticket, outcome)
    assert driven.phase == "ramping"


# ── fault 15 ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offset", [0.0, 0.7, 1.9, 2.6, 3.9])
def test_it_serves_again_within_30_s_of_recovering(offset: float) -> None:
    """503 for 60 s, then healthy; one call every 4 s, each with one retry after half a second."""
    driven, sent, served = Driven(now=offset), [], []
    healthy_at = 60.0
    for number in range(30):
        driven.now = offset + 4.0 * number
        for _ in range(2):
            if isinstance(ticket := driven.ask(), Refused):
                break
            sent.append(driven.now)
            if driven.now >= healthy_at:
                served.append(driven.now)
                driven.end(ticket, Outcome.OK)
                break
            driven.end(ticket, Outcome.OVERLOADED)
            driven.wait(0.5)
    assert served[0] <= healthy_at + 30
    assert served[-1] == offset + 4.0 * 29
    probes = [t for t in sent if offset + 8 < t < healthy_at]
    assert all(b - a >= RULES.open_s for a, b in itertools.pairwise(probes))


# ── everything at once ───────────────────────────────────────────────────────────────────


class Anything(RuleBasedStateMachine):
    """Calls begin, end in any order and any way, are given back or lost; time passes."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.driven = Driven()
        self.probes: list[float] = []
        self.throttled_until = 0.0

    @rule(seconds=st.one_of(st.floats(0, 2), st.floats(0, 400)))
    def wait(self, seconds: float) -> None:
        self.driven.wait(seconds)

    @rule(target=tickets)
    def ask(self) -> Ticket | Refused:
        before = self.driven.phase
        answer = self.driven.ask()
        if isinstance(answer, Refused):
            assert answer.retry_after_s > 0
            assert answer.why
        else:
            assert before != "open"
            assert self.driven.now >= self.throttled_until
            assert (answer.probe is not None) == (before == "half_open")
        return answer

    @rule(
        ticket=consumes(tickets),
        outcome=st.sampled_from(Outcome),
        after=st.none() | st.floats(0, 60),
    )
    def end(self, ticket: Ticket | Refused, outcome: Outcome, after: float | None) -> None:
        if isinstance(ticket, Refused):
            return
        told = len(self.driven.effects)
        self.driven.end(ticket, outcome, after)
        if outcome is Outcome.RATE_LIMITED and after is not None:
            self.throttled_until = max(self.throttled_until, self.driven.now + after)
        if outcome not in OUTAGES | WHOLE | {Outcome.AUTH}:
            assert len(self.driven.effects) == told
        if outcome is Outcome.OK:
            assert not any(isinstance(e, Opened) for e in self.driven.effects[told:])

    @rule(ticket=consumes(tickets))
    def give_back(self, ticket: Ticket | Refused) -> None:
        if isinstance(ticket, Ticket):
            self.driven.state = given_back(self.driven.state, ticket)

    @rule()
    def recovers(self) -> None:
        """Whatever happened, it can be brought back: nothing is stuck."""
        trial = Driven(self.driven.now, self.driven.state)
        for _ in range(1000):
            answer = trial.ask()
            if isinstance(answer, Ticket):
                trial.end(answer, Outcome.OK)
            trial.wait(5.0)
            if trial.phase == "closed" and isinstance(answer, Ticket):
                break
        assert trial.phase == "closed"
        assert isinstance(trial.ask(), Ticket)

    @invariant()
    def effects_alternate(self) -> None:
        """Nothing recovers that did not open, nor opens twice for the same cause."""
        out: str | None = None
        for effect in self.driven.effects:
            if isinstance(effect, Opened):
                assert effect.cause != out
                out = effect.cause
            else:
                assert effect.cause == out
                out = None
        assert (self.driven.phase in ("open", "half_open")) == (out is not None)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.driven.state.counts) <= 10


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.floats(-1e9, 1e9))
def test_another_scale_of_time_and_back(by: float) -> None:
    state = opened().state
    back = shifted(shifted(state, by), -by)
    assert back.until == pytest.approx(state.until, abs=1e-3)
    assert back.phase == state.phase
