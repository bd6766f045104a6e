"""What holds of `decide` for every fleet, policy and request."""

from __future__ import annotations

import dataclasses
import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.errors import NoCandidateError
from orchestrator.project.policy_schema import Objective, Policy, Require, Route
from orchestrator.routing.decide import decide
from orchestrator.types import (
    EFFORTS,
    LOG_LEVELS,
    Constraints,
    Context,
    Decision,
    FleetSnapshot,
    Health,
    Stage,
    TaskProfile,
    as_json,
    from_json,
)

from .fleets import (
    OPEN,
    constraints,
    contexts,
    deployment,
    fleet,
    fleets,
    policies,
    profiles,
    routes,
)

Case = tuple[TaskProfile, FleetSnapshot, Policy, Context]
cases = st.tuples(profiles, fleets(), policies, contexts)
many = settings(max_examples=100, deadline=None)


def chain(case: Case) -> set[str]:
    """Everybody who may be called; nobody where the funnel is empty."""
    try:
        return set(decide(*case).chain)
    except NoCandidateError:
        return set()


@given(cases)
@many
def test_same_arguments_same_decision(case: Case) -> None:
    copied = from_json(FleetSnapshot, json.loads(json.dumps(as_json(case[1]))))
    shuffled = dataclasses.replace(copied, deployments=tuple(reversed(copied.deployments)))
    again = (case[0], shuffled, case[2], case[3])
    assert _outcome(again) == _outcome(case)


def _outcome(case: Case) -> Decision | tuple[str, ...]:
    try:
        return decide(*case)
    except NoCandidateError as error:
        return error.relax


@given(cases)
@many
def test_every_deployment_stands_in_the_funnel_once(case: Case) -> None:
    try:
        decision = decide(*case)
        candidates = decision.candidates
        stayed = [c.deployment for c in candidates if c.stage is None]
        assert tuple(stayed) == decision.chain
        assert list(candidates[: len(stayed)]) == [c for c in candidates if c.stage is None]
    except NoCandidateError as error:
        candidates = error.candidates  # type: ignore[assignment]
        assert all(c.stage is not None for c in candidates)
    assert sorted(c.deployment for c in candidates) == [d.id for d in case[1].deployments]
    assert all(c.rule for c in candidates if c.stage is not None)


def _tightened(one: Constraints, other: Constraints) -> Constraints:
    """Both at once, as far as one value can say so; the rest stays as in `one`."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(Constraints):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("certifications", "not_models", "not_families"):
            changes[field.name] = tuple(dict.fromkeys((*mine, *theirs)))
        elif mine is None:
            changes[field.name] = theirs
    return dataclasses.replace(one, **changes)


@given(cases, constraints)
@many
def test_adding_a_constraint_never_adds_a_candidate(case: Case, more: Constraints) -> None:
    profile = dataclasses.replace(case[0], constraints=_tightened(case[0].constraints, more))
    assert chain((profile, *case[1:])) <= chain(case)


@given(cases, routes("third"), st.integers(0, 2))
@many
def test_adding_a_route_never_loosens(case: Case, route: Route, place: int) -> None:
    profile, snapshot, policy, context = case
    held = policy.routes
    longer = policy.model_copy(update={"routes": (*held[:place], route, *held[place:])})
    assert chain((profile, snapshot, longer, context)) <= chain(case)
    try:
        before = decide(*case)
        after = decide(profile, snapshot, longer, context)
    except NoCandidateError:
        return
    assert LOG_LEVELS.index(after.log.prompts) >= LOG_LEVELS.index(before.log.prompts)
    assert EFFORTS.index(after.checking) >= EFFORTS.index(before.checking)


@given(cases, st.integers(0, 200), st.sampled_from(("alpha/one", "beta/two")))
@many
def test_less_money_time_or_rate_never_adds_a_candidate(case: Case, left: int, id: str) -> None:
    profile, snapshot, policy, context = case
    budget = left if context.budget_micro_usd is None else min(left, context.budget_micro_usd)
    poorer = dataclasses.replace(
        context, budget_micro_usd=budget, rate_limited=(*context.rate_limited, id)
    )
    assert chain((profile, snapshot, policy, poorer)) <= chain(case)


_REQUIRED: dict[str, tuple[Any, Any]] = {
    "region": ("regions", ("eu", "us")),
    "retention_days": ("retention_days", 10_000),
    "trains_on_data": ("trains_on_data", False),
    "certifications": ("certifications", ("soc2",)),
}


@pytest.mark.parametrize("fact", sorted(_REQUIRED))
@pytest.mark.parametrize("by", ["route", "request"])
def test_missing_data_fails_closed(fact: str, by: str) -> None:
    key, required = _REQUIRED[fact]
    nothing: Any = () if fact == "certifications" else None
    silent = deployment("alpha/silent", **{fact: nothing})
    stated = deployment("alpha/stated")
    profile, policy = TaskProfile(task="draft"), OPEN
    if by == "route":
        policy = Policy(routes=(Route(name="r", require=Require(**{key: required})),))
    else:
        profile = dataclasses.replace(profile, constraints=Constraints(**{key: required}))
    decision = decide(profile, fleet(silent, stated), policy, Context())
    assert decision.chain == ("alpha/stated",)
    removed = decision.candidates[-1]
    prefix = "route:r.require" if by == "route" else "request"
    assert (removed.stage, removed.rule) == (Stage.DATA_POLICY, f"{prefix}.{key}")
    assert removed.found in (None, [])


@pytest.mark.parametrize(
    ("changes", "limit", "stage"),
    [
        ({"price": None}, {"max_cost_usd": 1000.0}, Stage.BUDGET),
        ({"first_token_ms": None}, {"latency_ms": 10**9}, Stage.LATENCY),
        ({"tokens_per_second": None}, {"latency_ms": 10**9}, Stage.LATENCY),
    ],
)
def test_unknown_numbers_fail_closed_under_a_limit(
    changes: dict[str, Any], limit: dict[str, Any], stage: Stage
) -> None:
    unknown = deployment("alpha/unknown", **changes)
    free = TaskProfile(task="draft")
    assert decide(free, fleet(unknown), OPEN, Context()).chosen == "alpha/unknown"
    limited = dataclasses.replace(free, constraints=Constraints(**limit))
    with pytest.raises(NoCandidateError) as error:
        decide(limited, fleet(unknown), OPEN, Context())
    assert error.value.candidates[0].stage is stage  # type: ignore[attr-defined]


# ── The empty funnel: `relax` checked by trying every smaller set ────────────────────────


def _relaxed(case: Case, names: frozenset[str]) -> Case:
    """The case with the named rules gone, written without any help of the code under test."""
    profile, snapshot, policy, context = case
    limits: dict[str, Any] = {}
    for name in names:
        if name.startswith("request."):
            limits[name.removeprefix("request.")] = None
    for several in ("certifications", "not_models", "not_families"):
        if several in limits:
            limits[several] = ()
    if "budget_usd" in limits:
        del limits["budget_usd"]
        context = dataclasses.replace(context, budget_micro_usd=None)
    if "deadline_ms" in limits:
        del limits["deadline_ms"]
        context = dataclasses.replace(context, deadline_ms=None)
    if "rate_limited" in limits:
        del limits["rate_limited"]
        context = dataclasses.replace(context, rate_limited=())
    needs = () if "needs" in limits else profile.needs
    limits.pop("needs", None)
    profile = dataclasses.replace(
        profile, needs=needs, constraints=dataclasses.replace(profile.constraints, **limits)
    )
    snapshot = _relaxed_fleet(profile, snapshot, names)
    objective = policy.objective
    if "objective.quality_floor" in names:
        objective = objective.model_copy(update={"quality_floor": 0.0})
    held = tuple(_relaxed_route(route, names) for route in policy.routes)
    return profile, snapshot, Policy(objective=objective, routes=held), context


def _relaxed_fleet(
    profile: TaskProfile, snapshot: FleetSnapshot, names: frozenset[str]
) -> FleetSnapshot:
    health = dict(snapshot.health)
    for id, h in health.items():
        if "health.available" in names:
            h = dataclasses.replace(h, available=True)
        if "health.breaker" in names:
            h = dataclasses.replace(h, breaker="closed")
        health[id] = h
    changed = []
    for d in snapshot.deployments:
        if "fleet.capability.tasks" in names and not {"*", profile.task} & set(d.tasks):
            # What it is taken to be good for is its tier's business; keep that quality.
            prior = {"nano": 0.15, "small": 0.55, "mid": 0.7, "frontier": 0.8}[d.tier]
            d = dataclasses.replace(d, tasks={**d.tasks, profile.task: prior})
        if "fleet.capability.context" in names:
            d = dataclasses.replace(d, context=10**9)
        changed.append(d)
    return dataclasses.replace(snapshot, deployments=tuple(changed), health=health)


def _relaxed_route(route: Route, names: frozenset[str]) -> Route:
    changes: dict[str, Any] = {}
    require: dict[str, Any] = {}
    for name in names:
        prefix, _, key = name.partition(".")
        if prefix != f"route:{route.name}":
            continue
        if key.startswith("require."):
            field = key.removeprefix("require.")
            several = field in ("certifications", "not_models", "not_families")
            require[field] = () if several else None
        else:
            changes[key] = None
    changes["require"] = route.require.model_copy(update=require)
    return route.model_copy(update=changes)


@given(cases)
@settings(max_examples=50, deadline=None)
def test_relax_is_sufficient_and_minimal(case: Case) -> None:
    try:
        decide(*case)
    except NoCandidateError as error:
        relax = error.relax
    else:
        assume(False)
        return
    assert chain(_relaxed(case, frozenset(relax))), "what it names is not enough"
    rules = _all_rule_names(case)
    assert set(relax) <= rules
    for size in range(len(relax)):
        for fewer in combinations(sorted(rules), size):
            assert not chain(_relaxed(case, frozenset(fewer))), f"{fewer} would have been enough"
        if size >= 2:
            break  # all sets up to two rules were tried; more would take minutes


def _all_rule_names(case: Case) -> set[str]:
    """Every rule that somebody states, or that always holds."""
    names = {
        "fleet.capability.tasks",
        "fleet.capability.context",
        "health.available",
        "health.breaker",
        "objective.quality_floor",
        "request.needs",
        "request.budget_usd",
        "request.deadline_ms",
        "request.rate_limited",
    }
    unset: tuple[Any, ...] = (None, ())
    asked = case[0].constraints
    names |= {
        f"request.{f.name}"
        for f in dataclasses.fields(Constraints)
        if getattr(asked, f.name) not in unset
    }
    for route in case[2].routes:
        prefix = f"route:{route.name}"
        for key in Require.model_fields:
            if getattr(route.require, key) not in unset:
                names.add(f"{prefix}.require.{key}")
        for key in ("latency_ms", "max_cost_usd", "quality_floor"):
            if getattr(route, key) is not None:
                names.add(f"{prefix}.{key}")
    return names


@given(cases)
@many
def test_a_decision_survives_json(case: Case) -> None:
    try:
        decision = decide(*case)
    except NoCandidateError:
        return
    assert from_json(Decision, json.loads(json.dumps(as_json(decision)))) == decision


def test_a_fleet_without_deployments_says_so() -> None:
    empty = FleetSnapshot(deployments=(), health={}, hash="0")
    with pytest.raises(NoCandidateError, match="the fleet is empty"):
        decide(TaskProfile(task="draft"), empty, OPEN, Context())


def test_relax_prefers_what_a_person_can_change() -> None:
    """One rule either way: nobody can teach the model a task, but the floor can be lowered."""
    snapshot = fleet(
        deployment("alpha/one", tasks={"math": 0.9}),
        deployment("beta/one"),
        deployment("gamma/one", tasks={"draft": 0.9}),
        health={"gamma/one": Health(available=False, reason="KEY is not set")},
    )
    policy = Policy(objective=Objective(quality_floor=0.85, below_floor="refuse"))
    with pytest.raises(NoCandidateError) as error:
        decide(TaskProfile(task="draft"), snapshot, policy, Context())
    assert error.value.relax == ("objective.quality_floor",)
    assert "beta/one" in str(error.value)
