"""The policy of attempts, alone: what follows which outcome, and that it always ends."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calling.next_action import (
    MAX_RETRIES,
    Action,
    History,
    Next,
    Retry,
    Stop,
    Tried,
    Wait,
    next_action,
)
from orchestrator.calling.rules import RULES
from orchestrator.types import Deployment, Outcome
from tests.calling.samples import deployment

FIRST = deployment("a/one", context=1000)
SIBLING = deployment("a/two", context=1000)
OTHER = deployment("b/one", context=1000)
LARGE = deployment("c/one", context=9000)
BUILTIN = deployment("d/here", family=None, context=None)

NEVER_AGAIN = (
    Outcome.TIMEOUT_SILENT,
    Outcome.TIMEOUT_FIRST_TOKEN,
    Outcome.STALLED,
    Outcome.AUTH,
    Outcome.INVALID_REQUEST,
    Outcome.CONTEXT_EXCEEDED,
    Outcome.REFUSED,
    Outcome.MALFORMED,
    Outcome.EMPTY,
    Outcome.INVALID_OUTPUT,
    Outcome.UNSAFE,
    Outcome.OVER_BUDGET,
)


def after(
    *outcomes: Outcome,
    chain: tuple[Deployment, ...] = (FIRST, OTHER),
    retry_after_s: float | None = None,
    deadline: float = 60.0,
) -> Action:
    """What follows when the chain's first deployment ended in these outcomes, one after another."""
    tried = tuple(
        Tried(deployment=chain[0].id, outcome=o, at=0.0, retry_after_s=retry_after_s)
        for o in outcomes
    )
    return next_action(History(chain=chain, tried=tried, deadline=deadline), 0.0)


def test_every_outcome_has_its_rule() -> None:
    assert set(RULES) == set(Outcome)


def test_the_first_of_the_chain_comes_first() -> None:
    assert after() == Next(FIRST)


@pytest.mark.parametrize("outcome", [Outcome.OVERLOADED, Outcome.UNREACHABLE, Outcome.CUT])
def test_an_outage_gets_one_retry_and_then_the_next(outcome: Outcome) -> None:
    assert isinstance(after(outcome), Retry)
    assert after(outcome, outcome) == Next(OTHER)


@pytest.mark.parametrize("outcome", [Outcome.OVERLOADED, Outcome.UNREACHABLE, Outcome.CUT])
def test_a_sibling_of_the_same_model_goes_before_the_retry(outcome: Outcome) -> None:
    assert after(outcome, chain=(FIRST, OTHER, SIBLING)) == Next(SIBLING)


def test_what_the_model_said_is_not_asked_of_its_sibling_first() -> None:
    assert after(Outcome.INVALID_OUTPUT, chain=(FIRST, OTHER, SIBLING)) == Next(OTHER)


@pytest.mark.parametrize("outcome", NEVER_AGAIN)
def test_some_outcomes_are_never_retried(outcome: Outcome) -> None:
    assert isinstance(after(outcome), Next | Stop)
    assert isinstance(after(outcome, chain=(FIRST,)), Stop)


def test_a_refusal_is_not_routed_around() -> None:
    assert after(Outcome.REFUSED) == Stop("refused")
    unsafe = Tried(deployment=FIRST.id, outcome=Outcome.UNSAFE, at=0.0, final=True)
    history = History(chain=(FIRST, OTHER), tried=(unsafe,), deadline=60.0)
    assert next_action(history, 0.0) == Stop("unsafe")


def test_retry_after_is_waited_for() -> None:
    assert after(Outcome.RATE_LIMITED, retry_after_s=2.0) == Retry(FIRST, 2.0)


def test_a_long_retry_after_sends_the_request_elsewhere() -> None:
    assert after(Outcome.RATE_LIMITED, retry_after_s=20.0) == Next(OTHER)


def test_a_long_retry_after_is_waited_for_where_nobody_else_is_left() -> None:
    assert after(Outcome.RATE_LIMITED, chain=(FIRST,), retry_after_s=20.0) == Retry(FIRST, 20.0)


def test_nothing_waits_beyond_the_deadline() -> None:
    ended = after(Outcome.RATE_LIMITED, chain=(FIRST,), retry_after_s=20.0, deadline=10.0)
    assert isinstance(ended, Stop)


def test_when_all_have_failed_the_first_to_open_again_is_waited_for() -> None:
    tried = (
        Tried(deployment=FIRST.id, outcome=Outcome.RATE_LIMITED, at=0.0, retry_after_s=30.0),
        Tried(deployment=OTHER.id, outcome=Outcome.SKIPPED_OPEN, at=1.0, retry_after_s=8.0),
        Tried(deployment=LARGE.id, outcome=Outcome.MALFORMED, at=2.0),
    )
    history = History(chain=(FIRST, OTHER, LARGE), tried=tried, deadline=60.0)
    assert next_action(history, 3.0) == Wait(OTHER, 6.0)


def test_pauses_grow_and_the_jitter_spreads_them() -> None:
    def pause(jitter: float, count: int) -> float:
        tried = (Tried(deployment=FIRST.id, outcome=Outcome.RATE_LIMITED, at=0.0),) * count
        action = next_action(History(chain=(FIRST,), tried=tried, deadline=60.0), 0.0, jitter)
        assert isinstance(action, Retry)
        return action.after_s

    assert [pause(j, n) for j, n in ((0.0, 1), (1.0, 1), (0.5, 1), (0.5, 2))] == [
        0.25,
        0.75,
        0.5,
        1.0,
    ]


def test_only_a_larger_context_is_asked_after_one_was_too_small() -> None:
    assert after(Outcome.CONTEXT_EXCEEDED, chain=(FIRST, OTHER, LARGE)) == Next(LARGE)
    assert after(Outcome.CONTEXT_EXCEEDED, chain=(FIRST, OTHER, BUILTIN)) == Next(BUILTIN)
    unknown = dataclasses.replace(OTHER, context=None)
    assert isinstance(after(Outcome.CONTEXT_EXCEEDED, chain=(FIRST, unknown)), Stop)


# ── whatever happens ─────────────────────────────────────────────────────────────────────

chains = st.lists(
    st.builds(
        lambda model, name, context: deployment(f"{model}/{name}", context=context),
        st.sampled_from("abc"),
        st.sampled_from("wxyz"),
        st.sampled_from([None, 100, 1000]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda d: d.id,
).map(tuple)
endings = st.tuples(
    st.sampled_from([o for o in Outcome if o is not Outcome.OK]),
    st.none() | st.floats(0, 100),
    st.floats(0, 5),
)


@given(
    chain=chains,
    script=st.lists(endings, min_size=25, max_size=25),
    jitter=st.floats(0, 1),
    deadline=st.floats(0, 100),
)
def test_the_chain_ends_and_keeps_its_promises(
    chain: tuple[Deployment, ...],
    script: list[tuple[Outcome, float | None, float]],
    jitter: float,
    deadline: float,
) -> None:
    now, tried = 0.0, list[Tried]()
    for outcome, retry_after_s, took in script:
        if not RULES[outcome].sent:
            took += deadline / 10  # such an attempt is bounded by time alone
        history = History(chain=chain, tried=tuple(tried), deadline=deadline)
        action = next_action(history, now, jitter)
        assert next_action(history, now, jitter) == action
        if isinstance(action, Stop):
            break
        assert isinstance(action, Next | Retry | Wait)
        last = {t.deployment: t for t in tried}.get(action.deployment.id)
        if isinstance(action, Next):
            assert last is None
            assert not tried or now < deadline
        else:
            now += action.after_s
            assert last is not None
            assert last.outcome not in NEVER_AGAIN
            assert now < deadline
            asked = last.at + (last.retry_after_s or 0.0)
            # Where there is no room, it may stand in the queue at once.
            queues = last.outcome is Outcome.BUSY
            assert queues or now >= asked - 1e-6 * max(1.0, asked)
        now += took
        tried.append(
            Tried(
                deployment=action.deployment.id,
                outcome=outcome,
                at=now,
                retry_after_s=retry_after_s,
            )
        )
    else:
        pytest.fail("it never stops")
    assert sum(RULES[t.outcome].sent for t in tried) <= len(chain) + MAX_RETRIES


@pytest.mark.parametrize("outcome", [Outcome.INVALID_OUTPUT, Outcome.EMPTY])
def test_a_models_own_failure_goes_to_another_model_before_its_sibling(outcome: Outcome) -> None:
    assert after(outcome, chain=(FIRST, SIBLING, OTHER)) == Next(OTHER)
    assert after(outcome, chain=(FIRST, SIBLING)) == Next(SIBLING)
