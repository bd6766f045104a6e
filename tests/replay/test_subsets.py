"""Who serves with a part of the fleet: what the order of the models says is what `decide` says."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from orchestrator.project.policy_schema import Policy
from orchestrator.replay.subsets import Chooser, Group, as_arrays, grouped, healthy
from orchestrator.types import Constraints, FleetSnapshot, Health, Risk
from tests.replay.asked import call, code, fleet, model, predict

POLICY = Policy.model_validate(
    {
        "objective": {"minimize": "cost", "quality_floor": 0.5},
        "routes": [
            {"name": "a", "match": {"task": "draft"}, "quality_floor": 0.7, "primary": "m3"},
            {"name": "b", "match": {"task": "code"}, "quality_floor": 0.9, "below_floor": "refuse"},
            {"name": "c", "match": {"risk": "high"}, "require": {"not_models": ["m0"]}},
            {"name": "d", "match": {"task": "math"}, "strategy": "cascade"},
            {"name": "e", "match": {"task": "check"}, "require": {"providers": 2}},
            {"name": "f", "match": {"task": "cite"}, "strategy": {"kind": "panel", "models": 2}},
        ],
    }
)
TASKS = ("draft", "code", "chat", "math", "check", "cite", "extract")


def some_fleet(rng: random.Random) -> FleetSnapshot:
    found = [
        model(
            f"m{n}",
            rng.choice([0.4, 0.6, 0.75, 0.92]),
            None if rng.random() < 0.1 else (rng.choice([0.1, 1.0, 3.0]), rng.choice([1.0, 9.0])),
        )
        for n in range(5)
    ]
    return fleet(*found, code("words", 0.8, "extract"))


def some_groups(rng: random.Random, known: FleetSnapshot) -> list[Group]:
    risks: tuple[Risk, ...] = ("normal", "high")
    calls = [
        call(
            rng.choice(TASKS),
            "m0",
            into=rng.choice([100, 5000]),
            risk=rng.choice(risks),
            constraints=Constraints(not_families=(f"m{rng.randrange(5)}",)),
        )
        for _ in range(12)
    ]
    return grouped(calls, known, predict)


@pytest.mark.parametrize("seed", range(12))
def test_every_subset_is_served_as_decide_serves_it(seed: int) -> None:
    rng = random.Random(seed)
    known = some_fleet(rng)
    groups = some_groups(rng, known)
    chooser = Chooser(known, POLICY, frozenset({"words"}))
    chooser.arrange(groups)
    assert any(g.several for g in groups)
    assert any(not g.several for g in groups)
    names = [f"m{n}" for n in range(5)]
    for size in (1, 2, 3):
        for models in map(frozenset, combinations(names, size)):
            for number, group in enumerate(groups):
                decision = chooser.decided(group, models | chooser.always)
                served = chooser.choice(number, group, models)
                assert (served and served.deployment) == (decision and decision.chosen)
                if served and decision:
                    assert served.quality == decision.candidates[0].scores["quality"]
                    assert served.below_floor == (decision.degraded is not None)


def test_the_sums_of_arrays_are_those_of_the_choices() -> None:
    rng = random.Random(7)
    known = some_fleet(rng)
    groups = some_groups(rng, known)
    chooser = Chooser(known, POLICY, frozenset({"words"}))
    chooser.arrange(groups)
    plain = [g for g in groups if not g.several]
    names = [f"m{n}" for n in range(5)]
    arrays = as_arrays(plain, names, chooser.always)
    for columns in ((0,), (1, 3), (0, 2, 4)):
        models = frozenset(names[c] for c in columns)
        found = [(chooser.choice(n, g, models), g.calls) for n, g in enumerate(plain)]
        sums = arrays.sums(columns)
        assert sums.calls == sum(calls for served, calls in found if served)
        cost = sum((s.micro_usd or 0.0) * calls for s, calls in found if s)
        assert sums.micro_usd == pytest.approx(cost)


def test_a_panel_costs_what_all_its_members_cost() -> None:
    known = fleet(model("a", 0.8, (1.0, 0.0)), model("b", 0.8, (2.0, 0.0)))
    groups = grouped([call("cite", "a", into=50_000)], known, predict)
    chooser = Chooser(known, POLICY, frozenset())
    chooser.arrange(groups)
    served = chooser.choice(0, groups[0], frozenset({"a", "b"}))
    assert served is not None
    assert served.micro_usd == pytest.approx(150_000)


def test_alike_requests_are_one_group_and_recorded_lengths_count() -> None:
    known = fleet(model("a", 0.8, (1.0, 1.0)))
    calls = [call("chat", "a", out=200), call("chat", "a", out=200), call("draft", "a")]
    groups = grouped(calls, known, predict)
    assert sorted(g.calls for g in groups) == [1, 2]
    assert groups[0].of_one.output == 200


def test_what_is_out_of_order_today_counts_as_healthy_and_what_has_no_key_does_not() -> None:
    known = fleet(
        model("a", 0.8, (1.0, 1.0)),
        model("b", 0.8, (1.0, 1.0)),
        health={
            "a/api": Health(breaker="open", error_rate=0.4),
            "b/api": Health(available=False, reason="B_KEY is not set"),
        },
    )
    kept, out = healthy(known, all_of_it=False)
    assert [d.model for d in kept.deployments] == ["a"]
    assert kept.health["a/api"] == Health(error_rate=0.4)
    assert out == {"b": "B_KEY is not set"}
    everything, none = healthy(known, all_of_it=True)
    assert len(everything.deployments) == 2
    assert none == {}
