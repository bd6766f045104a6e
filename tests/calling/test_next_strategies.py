"""The policy of attempts beside a single chain: repairs, races, panels, text that was handed on."""

from __future__ import annotations

import dataclasses
from typing import Any

from orchestrator.calling.next_action import (
    QUEUE_PAUSE_S,
    Action,
    History,
    Hold,
    Next,
    Repair,
    Retry,
    Running,
    Stop,
    Tried,
    Wait,
    next_action,
)
from orchestrator.types import Deployment, Outcome, Tactics
from tests.calling.samples import deployment

FIRST = deployment("a/one", context=1000)
SIBLING = deployment("a/two", context=1000)
OTHER = deployment("b/one", context=1000)
LARGE = deployment("c/one", context=9000)
BUILTIN = deployment("d/here", family=None, context=None)


# ── repair ───────────────────────────────────────────────────────────────────────────────


def invalid(of: Deployment, **changes: Any) -> Tried:
    told = {"repairable": True, **changes}
    return Tried(deployment=of.id, outcome=Outcome.INVALID_OUTPUT, at=0.0, **told)


def decided(
    *tried: Tried, chain: tuple[Deployment, ...] = (FIRST, OTHER), **changes: Any
) -> Action:
    return next_action(History(chain=chain, tried=tried, deadline=100.0, **changes), 0.0)


def test_an_invalid_output_is_repaired_once_and_then_the_next_is_asked() -> None:
    assert decided(invalid(FIRST)) == Repair(FIRST)
    assert decided(invalid(FIRST), invalid(FIRST, repair=True)) == Next(OTHER)
    assert decided(invalid(FIRST), invalid(FIRST, repair=True), invalid(OTHER)) == Repair(OTHER)


def test_what_cannot_be_repaired_goes_on_at_once() -> None:
    assert decided(invalid(FIRST, repairable=False)) == Next(OTHER)
    assert decided(invalid(FIRST), speaker=FIRST.id) == Stop(
        "nobody can go on with the text that was handed on"
    )


# ── strategies ───────────────────────────────────────────────────────────────────────────

THREE = (FIRST, OTHER, LARGE)


def running(*deployments: Deployment, since: float = 0.0) -> tuple[Running, ...]:
    return tuple(Running(d.id, since) for d in deployments)


def at(now: float, *tried: Tried, chain: tuple[Deployment, ...] = THREE, **changes: Any) -> Action:
    return next_action(History(chain=chain, tried=tried, deadline=100.0, **changes), now)


def ok(of: Deployment, vote: str | None = None) -> Tried:
    return Tried(deployment=of.id, outcome=Outcome.OK, at=0.0, vote=vote)


def failed(of: Deployment, outcome: Outcome = Outcome.MALFORMED) -> Tried:
    return Tried(deployment=of.id, outcome=outcome, at=0.0)


RACE: dict[str, Any] = {"strategy": "race", "tactics": Tactics(models=2)}
HEDGED: dict[str, Any] = {
    "strategy": "race",
    "tactics": Tactics(models=2, start="after_p95"),
    "hedge_after_s": 2.0,
}
PANEL: dict[str, Any] = {"strategy": "panel", "tactics": Tactics(models=3, agree=2)}


def test_a_single_call_waits_for_its_attempt() -> None:
    assert at(0.0, running=running(FIRST)) == Hold()


def test_racers_start_together_and_the_first_answer_ends_the_race() -> None:
    assert at(0.0, **RACE) == Next(FIRST)
    assert at(0.0, running=running(FIRST), **RACE) == Next(OTHER)
    assert at(0.0, running=running(FIRST, OTHER), **RACE) == Hold()
    assert at(0.0, ok(OTHER), running=running(FIRST), **RACE) == Stop("ok")


def test_a_racer_that_fails_leaves_the_race_to_the_other() -> None:
    assert at(0.0, failed(FIRST), running=running(OTHER), **RACE) == Hold()
    assert at(0.0, failed(FIRST), failed(OTHER), **RACE) == Next(LARGE)


def test_a_hedge_starts_when_the_first_is_slower_than_its_p95() -> None:
    slow = running(FIRST, since=1.0)
    assert at(1.0, running=slow, **HEDGED) == Hold(until=3.0)
    assert at(3.0, running=slow, **HEDGED) == Next(OTHER)
    assert at(9.0, running=running(FIRST, OTHER), **HEDGED) == Hold()


def test_nothing_is_hedged_without_numbers() -> None:
    unknown = {**HEDGED, "hedge_after_s": None}
    assert at(9.0, running=running(FIRST), **unknown) == Hold()


def test_nothing_starts_beside_an_attempt_that_the_caller_hears() -> None:
    assert at(9.0, running=running(FIRST), speaker=FIRST.id, **HEDGED) == Hold()
    assert at(0.0, running=running(FIRST), speaker=FIRST.id, **RACE) == Hold()


def test_a_panel_asks_its_members_at_once_and_stops_when_enough_agree() -> None:
    assert at(0.0, running=running(FIRST), **PANEL) == Next(OTHER)
    assert at(0.0, running=running(*THREE), **PANEL) == Hold()
    assert at(0.0, ok(FIRST, "a"), ok(OTHER, "b"), running=running(LARGE), **PANEL) == Hold()
    assert at(0.0, ok(FIRST, "a"), ok(LARGE, "a"), running=running(OTHER), **PANEL) == Stop("ok")


def test_a_panels_member_that_fails_is_replaced() -> None:
    four = (*THREE, BUILTIN)
    assert at(0.0, failed(FIRST), running=running(OTHER, LARGE), chain=four, **PANEL) == Next(
        BUILTIN
    )


def test_a_panel_that_does_not_agree_asks_one_more_and_then_takes_the_most_votes() -> None:
    split = (ok(FIRST, "a"), ok(OTHER, "b"), ok(LARGE, "c"))
    four, five = (*THREE, BUILTIN), (*THREE, BUILTIN, SIBLING)
    assert at(0.0, *split, chain=four, **PANEL) == Next(BUILTIN)
    assert at(0.0, *split, ok(BUILTIN, "d"), chain=five, **PANEL) == Stop("ok")
    assert at(0.0, *split, **PANEL) == Stop("ok")


def test_an_unsure_answer_is_escalated_and_is_still_there_where_nobody_does_better() -> None:
    cascade: dict[str, Any] = {"strategy": "cascade", "tactics": Tactics(models=2, confidence=0.8)}
    unsure = failed(FIRST, Outcome.UNSURE)
    assert at(0.0, unsure, **cascade) == Next(OTHER)
    assert at(0.0, unsure, failed(OTHER), **cascade) == Stop("ok")  # LARGE is a fallback, no step
    assert at(0.0, failed(FIRST), failed(OTHER), **cascade) == Next(LARGE)


# ── once text was handed on ──────────────────────────────────────────────────────────────

PREFILL = dataclasses.replace(LARGE, can=("prefill",))


def heard(*tried: Tried, chain: tuple[Deployment, ...], **changes: Any) -> Action:
    return at(0.0, *tried, chain=chain, speaker=FIRST.id, **changes)


def test_the_one_that_can_go_on_is_asked_and_no_other_model() -> None:
    cut = failed(FIRST, Outcome.STALLED)
    assert heard(cut, chain=(FIRST, OTHER, PREFILL)) == Next(PREFILL, continued=True)
    assert heard(cut, chain=(FIRST, OTHER)) == Stop(
        "nobody can go on with the text that was handed on"
    )


def test_who_can_go_on_goes_before_the_same_model_from_the_beginning() -> None:
    cut = failed(FIRST, Outcome.CUT)
    assert heard(cut, chain=(FIRST, SIBLING, PREFILL)) == Next(PREFILL, continued=True)
    own = dataclasses.replace(FIRST, can=("prefill",))
    assert heard(cut, chain=(own, OTHER)) == Retry(own, 0.5, continued=True)


def test_the_same_model_may_begin_anew() -> None:
    cut = failed(FIRST, Outcome.STALLED)
    assert heard(cut, chain=(FIRST, OTHER, SIBLING)) == Next(SIBLING)


def test_after_a_refused_prefill_only_the_same_model_may_begin_anew() -> None:
    cut = failed(FIRST, Outcome.STALLED)
    refused = Tried(deployment=PREFILL.id, outcome=Outcome.INVALID_REQUEST, at=0.0, continued=True)
    assert isinstance(heard(cut, refused, chain=(FIRST, PREFILL)), Stop)
    own = dataclasses.replace(SIBLING, can=("prefill",))
    refused = dataclasses.replace(refused, deployment=own.id)
    assert heard(cut, refused, chain=(FIRST, own)) == Retry(own, 0.0)


def test_a_refused_prefill_takes_no_retry_from_whoever_was_cut() -> None:
    cut = failed(FIRST, Outcome.CUT)
    refused = Tried(deployment=PREFILL.id, outcome=Outcome.INVALID_REQUEST, at=0.0, continued=True)
    assert heard(cut, refused, chain=(FIRST, PREFILL)) == Retry(FIRST, 0.5)
    assert isinstance(heard(cut, refused, cut, chain=(FIRST, PREFILL)), Stop)


def test_who_writes_something_else_ends_the_call() -> None:
    cut = failed(FIRST, Outcome.STALLED)
    other = failed(SIBLING, Outcome.DIVERGED)
    assert heard(cut, other, chain=(FIRST, SIBLING, PREFILL)) == Stop("diverged")


# ── no room ──────────────────────────────────────────────────────────────────────────────


def test_where_there_is_no_room_the_next_is_asked_and_then_the_first_to_have_some() -> None:
    full = Tried(deployment=FIRST.id, outcome=Outcome.BUSY, at=0.0, retry_after_s=4.0)
    also = Tried(deployment=OTHER.id, outcome=Outcome.BUSY, at=0.0, retry_after_s=2.0)
    assert decided(full) == Next(OTHER)
    assert decided(full, also) == Wait(FIRST, 0.0)  # it has not stood in its queue yet
    assert decided(full, also, full) == Wait(OTHER, 0.0)
    assert decided(full, also, full, also) == Wait(OTHER, 2.0)


def test_a_queue_without_a_time_is_asked_again_after_a_moment() -> None:
    full = Tried(deployment=FIRST.id, outcome=Outcome.BUSY, at=0.0)
    assert decided(full, full, chain=(FIRST,)) == Wait(FIRST, QUEUE_PAUSE_S)
