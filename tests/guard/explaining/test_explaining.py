"""What is said of a policy is what routing does, for random policies and fleets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import NoCandidateError
from orchestrator.guard.explaining.prose import markdown, sections
from orchestrator.project.policy_schema import Policy
from orchestrator.routing.decide import decide
from orchestrator.routing.explaining import cases, explain, profile_of
from orchestrator.routing.predict import PriorPredictor
from orchestrator.types import RISKS, Candidate, Context, Deployment, FleetSnapshot, TaskProfile

TASKS = ("chat", "draft", "math")
CLASSES = ("public", "internal", "confidential", "pii", "regulated")
LEVELS = ["full", "redacted", "hashed", "none"]


def maybe(strategy: Any) -> Any:
    return st.none() | strategy


def some(words: Any) -> Any:
    return st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True)


ROUTE = st.fixed_dictionaries(
    {
        "match": st.fixed_dictionaries(
            {
                "data_class": maybe(some(CLASSES)),
                "risk": maybe(some(RISKS)),
                "task": maybe(some((*TASKS, "unheard-of"))),
                "tags": maybe(some(["red", "blue"])),
                "interactive": maybe(st.booleans()),
            }
        ),
        "require": st.fixed_dictionaries(
            {
                "hosting": maybe(st.sampled_from(["self", "hosted"])),
                "regions": maybe(some(["eu", "us"])),
                "not_families": st.just([]) | some(["one", "two"]),
            }
        ),
        "quality_floor": maybe(st.sampled_from([0.3, 0.8])),
        "below_floor": maybe(st.sampled_from(["best", "refuse"])),
        "checking": maybe(st.sampled_from(["scorer", "two", "human"])),
        "independence": maybe(st.just("required")),
        "cross_validate": maybe(st.sampled_from(["refuse", "careful"])),
        "primary": maybe(st.sampled_from(["m0", "m1"])),
        "strategy": maybe(st.sampled_from(["single", "race"])),
        "cache": maybe(st.sampled_from(["off", "exact"])),
        "redact": maybe(st.sampled_from(["none", "hosted", "all"])),
        "unsafe": maybe(st.sampled_from(["off", "refuse", "review"])),
        "injection": maybe(st.sampled_from(["off", "fence", "refuse"])),
        "store_prompts": maybe(st.sampled_from(LEVELS)),
        "store_outputs": maybe(st.sampled_from(LEVELS)),
    }
)
POLICIES = st.lists(ROUTE, max_size=4).map(
    lambda routes: Policy.model_validate(
        {"routes": [{"name": f"r{i}", **route} for i, route in enumerate(routes)]}, strict=False
    )
)
DEPLOYMENT = st.fixed_dictionaries(
    {
        "hosting": st.sampled_from(["self", "hosted"]),
        "region": maybe(st.sampled_from(["eu", "us"])),
        "family": st.sampled_from(["one", "two", "three"]),
        "tasks": st.dictionaries(
            st.sampled_from((*TASKS, "*")), st.sampled_from([0.2, 0.5, 0.9]), min_size=1
        ),
    }
)
FLEETS = st.lists(DEPLOYMENT, min_size=1, max_size=4).map(
    lambda found: FleetSnapshot(
        deployments=tuple(
            Deployment(
                id=f"m{i}/d",
                model=f"m{i}",
                tier="mid",
                via="openai",
                target="t",
                provider="p",
                context=8000,
                **facts,
            )
            for i, facts in enumerate(found)
        ),
        health={},
        hash="h",
    )
)


def decided(profile: TaskProfile, policy: Policy, fleet: FleetSnapshot) -> Any:
    estimates = PriorPredictor().predict(profile, fleet.deployments)
    return decide(profile, fleet, policy, Context(estimates=estimates))


@settings(max_examples=40)
@given(policy=POLICIES, fleet=FLEETS)
def test_every_group_is_what_routing_does(policy: Policy, fleet: FleetSnapshot) -> None:
    explained = explain(policy, fleet, TASKS)
    told = [case for group in explained.groups for case in group.cases]
    assert len(told) == len(set(told)), "each case once"
    assert set(told) == set(cases(policy, TASKS, {}))
    for group in explained.groups:
        done = group.treatment
        for case in group.cases:
            if not done.served_by:
                with pytest.raises(NoCandidateError) as raised:
                    decided(profile_of(case), policy, fleet)
                assert done.advice == raised.value.advice
                assert {(b.deployment, b.rule) for b in done.barred} == {
                    (c.deployment, c.rule)
                    for c in raised.value.candidates
                    if isinstance(c, Candidate)
                }
                continue
            decision = decided(profile_of(case), policy, fleet)
            assert done.served_by == tuple(sorted(decision.chain))
            assert {(b.deployment, b.rule, b.reason) for b in done.barred} == {
                (c.deployment, c.rule, c.reason) for c in decision.candidates if c.stage
            }
            assert done.routes == decision.routes
            assert (done.log, done.guard, done.cache) == (
                decision.log,
                decision.guard,
                decision.cache,
            )
            need = done.demand
            assert (need.effort, need.origin) == (decision.checking, decision.checking_origin)


@settings(max_examples=40)
@given(policy=POLICIES, fleet=FLEETS)
def test_what_is_said_to_do_nothing_does_nothing(policy: Policy, fleet: FleetSnapshot) -> None:
    explained = explain(policy, fleet, TASKS)
    for idle in explained.idle:
        route = next(r for r in policy.routes if r.name == idle.route)
        parts: dict[str, dict[str, Any]] = {
            "its primary and fallbacks": {"primary": None, "fallbacks": ()},
            "its strategy": {"strategy": None},
            "its prefer_regions": {"prefer_regions": ()},
        }
        silent = parts.get(idle.what)
        changed = () if silent is None else (route.model_copy(update=silent),)
        routes = tuple(new for r in policy.routes for new in (changed if r is route else (r,)))
        without = policy.model_copy(update={"routes": routes})
        for group in explained.groups:
            for case in group.cases:
                profile = profile_of(case)
                try:
                    before = decided(profile, policy, fleet)
                except NoCandidateError:
                    continue
                after = decided(profile, without, fleet)
                assert (before.chain, before.strategy) == (after.chain, after.strategy)


@settings(max_examples=20)
@given(policy=POLICIES, fleet=FLEETS)
def test_the_prose_names_whom_the_values_name(policy: Policy, fleet: FleetSnapshot) -> None:
    explained = explain(policy, fleet, TASKS, {"data_class": "pii", "risk": "high", "task": "chat"})
    (group,) = explained.groups if len(explained.groups) == 1 else (None,)
    text = markdown(explained)
    assert all(section.title in text for section in sections(explained))
    if group is None:
        return
    served = group.treatment.served_by
    assert (f"Served by {', '.join(served)}." in text) == bool(served)
    assert ("Nobody may serve" in text) == (not served)
    for barred in group.treatment.barred:
        ours = not barred.rule.startswith("fleet.capability.")
        assert (f": {barred.reason}" in text) or not ours


@pytest.mark.parametrize(
    ("routes", "route", "what"),
    [
        ([{"name": "a", "match": {"data_class": "gone"}}], "a", "the whole route"),
        ([{"name": "a", "match": {"tags": ()}}], "a", "the whole route"),
        (
            [
                {"name": "a", "primary": "m0"},
                {"name": "b", "match": {"risk": "high"}, "primary": "m1"},
            ],
            "b",
            "its primary and fallbacks",
        ),
    ],
)
def test_what_does_nothing(routes: list[Any], route: str, what: str) -> None:
    policy = Policy.model_validate({"routes": routes}, strict=False)
    fleet = FleetSnapshot(deployments=(), health={}, hash="h")
    (idle,) = explain(policy, fleet, TASKS).idle
    assert (idle.route, idle.what) == (route, what)
