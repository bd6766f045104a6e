"""A decision that was remembered is the one that would be made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import NoCandidateError
from orchestrator.project.policy_schema import Policy
from orchestrator.routing.decide import decide
from orchestrator.routing.memo import Decider
from orchestrator.routing.predict import PriorPredictor
from orchestrator.types import Context, Decision, FleetSnapshot, TaskProfile

from .fleets import contexts, deployment, fleet, fleets, policies, profiles

Asked = tuple[TaskProfile, Context]
left = st.one_of(st.none(), st.integers(0, 3_000_000))
few = st.lists(st.tuples(profiles, contexts), min_size=1, max_size=3)


@given(fleets(), policies, few, st.lists(st.tuples(st.integers(0, 2), left, left), max_size=12))
@settings(max_examples=150, deadline=None)
def test_it_gives_what_decide_gives(
    snapshot: FleetSnapshot,
    policy: Policy,
    kinds: Sequence[Asked],
    more: Sequence[tuple[int, int | None, int | None]],
) -> None:
    """Whatever was asked before, and however much money and time was left then."""
    decider = Decider(policy)
    asked = list(kinds)
    for n, budget, deadline in more:
        profile, context = kinds[n % len(kinds)]
        less = dataclasses.replace(context, budget_micro_usd=budget, deadline_ms=deadline)
        asked.append((profile, less))
    for profile, context in asked:
        remembered = _told(decider, profile, snapshot, context)
        assert remembered == _told(partial(_decided, policy), profile, snapshot, context)


def _decided(
    policy: Policy, profile: TaskProfile, snapshot: FleetSnapshot, context: Context
) -> Decision:
    return decide(profile, snapshot, policy, context)


def _told(
    deciding: Callable[[TaskProfile, FleetSnapshot, Context], Decision],
    *arguments: *tuple[TaskProfile, FleetSnapshot, Context],
) -> Decision | tuple[str, ...]:
    try:
        return deciding(*arguments)
    except NoCandidateError as error:
        return error.relax


PROFILE = TaskProfile(task="chat", input_tokens=100)


def test_what_is_alike_is_decided_once() -> None:
    snapshot, predictor = fleet(deployment("a/one"), deployment("b/two")), PriorPredictor()
    decider = Decider(Policy())

    def ask(profile: TaskProfile, seconds_left: int) -> Decision:
        estimates = predictor.predict(profile, snapshot.deployments)
        return decider(profile, snapshot, Context(estimates=estimates, deadline_ms=seconds_left))

    first = ask(PROFILE, 300_000)
    assert ask(dataclasses.replace(PROFILE, language="de"), 299_000) is first
    assert ask(dataclasses.replace(PROFILE, input_tokens=200), 300_000) is not first


def test_a_fleet_that_has_changed_is_looked_at_anew() -> None:
    decider = Decider(Policy())
    one, other = fleet(deployment("a/one")), fleet(deployment("b/two"))
    assert decider(PROFILE, one, Context()).chosen == "a/one"
    assert decider(PROFILE, other, Context()).chosen == "b/two"
