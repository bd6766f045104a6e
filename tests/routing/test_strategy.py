"""Strategies: who takes part, in which order, for how much, and what is said when few are left."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import NoCandidateError
from orchestrator.money import Price
from orchestrator.project.policy_schema import (
    Match,
    Objective,
    Policy,
    Route,
    StrategyDeclaration,
)
from orchestrator.routing.decide import decide
from orchestrator.types import (
    Constraints,
    Context,
    Decision,
    Deployment,
    Health,
    Stage,
    Tactics,
    TaskProfile,
)
from tests.routing.fleets import contexts, deployment, fleet, fleets, policies, profiles

BY_COST = Objective(minimize="cost")
NOTHING = Context()
DRAFT = TaskProfile(task="draft", input_tokens=1_000_000, output_tokens=0)
"""A call costs as many dollars as its price of a million tokens."""


def model(id: str, quality: float = 0.8, usd: int = 1, **changes: Any) -> Deployment:
    """A deployment at a provider and of a family named as its model."""
    name = id.partition("/")[0]
    own = {"family": name, "provider": name, "context": 10**7}
    price = Price(input=usd * 10**6, output=0)
    return deployment(id, tasks={"draft": quality}, price=price, **{**own, **changes})


def run(
    *deployments: Deployment,
    strategy: Any = None,
    profile: TaskProfile = DRAFT,
    context: Context = NOTHING,
    health: dict[str, Health] | None = None,
    objective: Objective = BY_COST,
    **route: Any,
) -> Decision:
    policy = Policy(objective=objective, routes=(Route(name="r", strategy=strategy, **route),))
    return decide(profile, fleet(*deployments, health=health), policy, context)


def kind(kind: str, **keys: Any) -> StrategyDeclaration:
    return StrategyDeclaration(kind=kind, **keys)  # type: ignore[arg-type]


# ── what a policy says ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "strategy", "tactics"),
    [
        (None, "single", Tactics()),
        ("single", "single", Tactics(origin="route:r")),
        ("race", "race", Tactics(models=2, origin="route:r")),
        ("panel", "panel", Tactics(models=3, agree=2, origin="route:r")),
        (kind("panel", models=4), "panel", Tactics(models=4, agree=3, origin="route:r")),
        (kind("panel", agree=3), "panel", Tactics(models=3, agree=3, origin="route:r")),
        ("cascade", "cascade", Tactics(models=2, confidence=0.7, origin="route:r")),
        (
            kind("cascade", confidence=0.0),
            "cascade",
            Tactics(models=2, confidence=0.0, origin="route:r"),
        ),
        (
            kind("race", start="after_p95"),
            "race",
            Tactics(models=2, start="after_p95", origin="route:r"),
        ),
    ],
)
def test_the_long_form_and_the_short_one(said: Any, strategy: str, tactics: Tactics) -> None:
    four = (model("a/x", 0.7), model("b/x", 0.9, 2), model("c/x", 0.7, 3), model("d/x", 0.7, 4))
    decision = run(*four, strategy=said)
    assert (decision.strategy, decision.tactics) == (strategy, tactics)
    assert decision.notes == ()


def test_the_first_matching_route_that_has_one_wins() -> None:
    policy = Policy(
        routes=(
            Route(name="silent"),
            Route(name="other", match=Match(task="math"), strategy="panel"),
            Route(name="first", strategy="single"),
            Route(name="second", strategy="race"),
        )
    )
    decision = decide(DRAFT, fleet(model("a/x"), model("b/x")), policy, Context())
    assert (decision.strategy, decision.tactics.origin) == ("single", "route:first")


# ── cascade ──────────────────────────────────────────────────────────────────────────────


def test_a_cascade_goes_from_cheap_to_better_and_never_to_weaker() -> None:
    decision = run(
        model("cheap/x", 0.5, 1),
        model("weak/x", 0.4, 2),
        model("mid/x", 0.7, 3),
        model("mid/y", 0.7, 3),
        model("best/x", 0.9, 5),
        model("dear/x", 0.8, 9),
        strategy="cascade",
        objective=Objective(maximize="quality"),
        primary="dear",
    )
    assert decision.strategy == "cascade"
    steps = decision.chain[: decision.tactics.models]
    assert steps == ("cheap/x", "mid/x", "best/x")
    assert decision.fallbacks[2:] == ("dear/x", "mid/y", "weak/x")
    assert (decision.least_usd, decision.most_usd) == (1, 9)


def test_a_cascade_begins_above_the_floor_and_ends_with_last_resorts() -> None:
    decision = run(
        model("cheap/x", 0.5),
        model("mid/x", 0.7, 3),
        model("best/x", 0.9, 5),
        strategy="cascade",
        quality_floor=0.6,
    )
    assert decision.chain == ("mid/x", "best/x", "cheap/x")
    assert decision.tactics.models == 2
    assert decision.candidates[2].rule == "route:r.quality_floor"


def test_a_cascade_with_nobody_better_is_none_and_says_so() -> None:
    decision = run(model("a/x", 0.9, 1), model("b/x", 0.8, 2), strategy="cascade")
    assert (decision.strategy, decision.tactics.models) == ("single", 1)
    assert decision.notes == (
        "route:r asks for a cascade, but nobody better than a/x is left to go to: "
        "a/x is asked alone",
    )


# ── race ─────────────────────────────────────────────────────────────────────────────────


def test_racers_are_of_different_providers_and_models_where_there_are() -> None:
    ways = (
        model("a/x", usd=1),
        model("a/y", usd=1),
        model("b/x", usd=2, provider="a"),
        model("a/z", usd=3, provider="c"),
        model("d/x", usd=4),
    )
    assert run(*ways, strategy="race").chain[:2] == ("a/x", "d/x")
    assert run(*ways[:4], strategy="race").chain[:2] == ("a/x", "a/z")
    assert run(*ways[:3], strategy="race").chain[:2] == ("a/x", "b/x")
    assert run(*ways[:2], strategy="race").chain[:2] == ("a/x", "a/y")
    assert run(*ways, strategy=kind("race", models=3)).chain[:3] == ("a/x", "d/x", "a/z")


def test_a_race_begins_with_whom_the_route_prefers() -> None:
    decision = run(model("a/x"), model("b/x", usd=2), model("c/x", usd=3), strategy="race",
                   primary="c", fallbacks=("b",))  # fmt: skip
    assert decision.chain == ("c/x", "b/x", "a/x")


def test_last_resorts_do_not_race() -> None:
    decision = run(model("a/x", 0.9, 5), model("b/x", 0.3), strategy="race", quality_floor=0.6)
    assert (decision.strategy, decision.chosen) == ("single", "a/x")
    assert decision.notes == (
        "route:r asks for a race of 2, but only 1 deployment may serve it: a/x is asked alone",
    )
    nobody = run(model("a/x", 0.5), model("b/x", 0.3), strategy="race", quality_floor=0.6)
    assert (nobody.strategy, nobody.chosen) == ("single", "a/x")
    assert "nobody reaches the quality floor: a/x is asked alone" in nobody.notes[0]
    assert nobody.degraded is not None


def test_a_race_that_finds_fewer_goes_on_with_those_and_says_so() -> None:
    decision = run(model("a/x"), model("b/x"), strategy=kind("race", models=3))
    assert (decision.strategy, decision.tactics.models) == ("race", 2)
    assert decision.notes == (
        "route:r asks for a race of 3, but only 2 deployments may serve it: 2 take part",
    )


# ── panel ────────────────────────────────────────────────────────────────────────────────


def test_members_of_a_panel_are_different_models_of_different_families_where_there_are() -> None:
    ways = (
        model("a/x", usd=1),
        model("a/y", usd=1),
        model("b/x", usd=2, family="a"),
        model("c/x", usd=3, family=None),
        model("d/x", usd=4, family=None),
    )
    decision = run(*ways, strategy="panel")
    assert decision.chain == ("a/x", "c/x", "d/x", "b/x", "a/y")  # then another model, to decide
    assert run(*ways[:4], strategy="panel").chain[:3] == ("a/x", "c/x", "b/x")
    assert (decision.least_usd, decision.most_usd) == (4, 8)


def test_a_panel_shrinks_as_long_as_enough_can_agree() -> None:
    two = (model("a/x"), model("b/x"))
    decision = run(*two, strategy="panel")
    assert (decision.strategy, decision.tactics.models, decision.tactics.agree) == ("panel", 2, 2)
    assert decision.notes == (
        "route:r asks for a panel of 3, but only 2 models may serve it: 2 take part",
    )
    alone = run(*two, strategy=kind("panel", agree=3))
    assert (alone.strategy, alone.tactics) == ("single", Tactics(origin="route:r"))
    assert alone.notes == (
        "route:r asks for a panel of 3, but only 2 models may serve it: a/x is asked alone",
    )


# ── money ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", ["route", "request", "context"])
def test_who_is_asked_at_once_shares_the_limit(limit: str) -> None:
    three = (model("a/x", usd=1), model("b/x", usd=2), model("c/x", usd=3))
    ways: dict[str, dict[str, Any]] = {
        "route": {"max_cost_usd": 5.0},
        "request": {"profile": DRAFT_OF_5},
        "context": {"context": Context(budget_micro_usd=5_000_000)},
    }
    given = ways[limit]
    decision = run(*three, strategy=kind("panel", agree=3), **given)
    assert decision.strategy == "single"
    assert "but more at once would cost over $5 (" in decision.notes[0]
    smaller = run(*three, strategy="panel", **given)
    assert (smaller.strategy, smaller.chain[:2], smaller.most_usd) == ("panel", ("a/x", "b/x"), 3)
    assert smaller.notes[0].endswith("): 2 take part")


DRAFT_OF_5 = TaskProfile(
    task="draft",
    input_tokens=1_000_000,
    output_tokens=0,
    constraints=Constraints(max_cost_usd=5),
)


def test_a_dear_member_makes_room_for_those_that_the_money_pays() -> None:
    ways = (model("a/x", 0.9, 4), model("b/x", 0.8, 3), model("c/x", 0.7, 1), model("d/x", 0.7, 1))
    best = Objective(maximize="quality")
    decision = run(*ways, strategy=kind("race", models=3), objective=best, max_cost_usd=6)
    assert decision.chain == ("a/x", "c/x", "d/x", "b/x")
    assert decision.most_usd == 6
    decision = run(*ways, strategy=kind("race", models=3), objective=best, max_cost_usd=5)
    assert decision.chain == ("b/x", "c/x", "d/x", "a/x")  # a alone would leave too little


def test_a_hedge_counts_once_and_its_range_says_so() -> None:
    decision = run(
        model("a/x", usd=4),
        model("b/x", usd=5),
        strategy=kind("race", start="after_p95"),
        max_cost_usd=5,
    )
    assert (decision.strategy, decision.notes) == ("race", ())
    assert (decision.least_usd, decision.most_usd) == (4, 9)


def test_an_unknown_price_makes_the_range_unknown() -> None:
    decision = run(model("a/x"), deployment("b/x", tasks={"draft": 0.8}, price=None,
                   context=10**7), strategy="race")  # fmt: skip
    assert (decision.strategy, decision.least_usd, decision.most_usd) == ("race", None, None)


def test_a_single_call_has_one_cost() -> None:
    decision = run(model("a/x", usd=3))
    assert (decision.least_usd, decision.most_usd) == (3, 3)


# ── for every fleet and policy ───────────────────────────────────────────────────────────

_strategies = st.one_of(
    st.sampled_from(("single", "cascade", "race", "panel")),
    st.builds(
        StrategyDeclaration,
        kind=st.just("race"),
        models=st.integers(2, 4),
        start=st.sampled_from(("together", "after_p95")),
    ),
    st.builds(StrategyDeclaration, kind=st.just("panel"), models=st.integers(2, 4)),
)


@given(profiles, fleets(), policies, contexts, _strategies)
@settings(max_examples=150, deadline=None)
def test_a_strategy_orders_those_that_passed_and_adds_nobody(
    profile: TaskProfile, snapshot: Any, policy: Policy, context: Context, strategy: Any
) -> None:
    asking = Route(name="asks", strategy=strategy)
    asked = policy.model_copy(update={"routes": (asking, *policy.routes)})
    try:
        plain = decide(profile, snapshot, policy, context)
    except NoCandidateError:
        with pytest.raises(NoCandidateError):
            decide(profile, snapshot, asked, context)
        return
    decision = decide(profile, snapshot, asked, context)
    assert sorted(decision.chain) == sorted(plain.chain)
    assert decision.degraded == plain.degraded
    stayed = {c.deployment: c for c in decision.candidates if c.stage is None}
    assert tuple(stayed) == decision.chain
    rules = [bool(c.rule) for c in stayed.values()]
    assert rules == sorted(rules), "a last resort stands before one that reaches the floor"
    wanted = strategy if isinstance(strategy, str) else strategy.kind
    assert decision.strategy in (wanted, "single")
    if decision.strategy != wanted:
        assert "asks for a" in decision.notes[0]
    _hold(decision, [stayed[id] for id in decision.chain[: decision.tactics.models]], context)


def _hold(decision: Decision, part: list[Any], context: Context) -> None:
    """What is true of those that take part, strategy by strategy."""
    costs = [c.scores["cost_usd"] for c in part]
    if decision.strategy != "single":
        assert len(part) == decision.tactics.models >= 2
        assert not any(c.rule for c in part)
    if decision.strategy == "cascade":
        qualities = [c.scores["quality"] for c in part]
        assert all(a < b for a, b in pairwise(qualities))
        known = [cost for cost in costs if cost is not None]
        assert known == sorted(known)
        assert None not in costs[: len(known)]
    if decision.strategy == "panel":
        assert len({c.model for c in part}) == len(part)
    hedged = decision.tactics.start == "after_p95"
    if (
        decision.strategy in ("race", "panel")
        and not hedged
        and context.budget_micro_usd is not None
    ):
        assert sum(costs) <= context.budget_micro_usd / 1e6 + 1e-9
    assert all(c.stage is not Stage.RANK for c in decision.candidates)
