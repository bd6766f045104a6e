"""What is measured and what is left weighs: failures, speed, room, caches, soft limits."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from orchestrator.money import FREE, Price
from orchestrator.project.policy_schema import Objective, Policy, Route
from orchestrator.routing.decide import decide
from orchestrator.types import (
    Candidate,
    Context,
    Decision,
    Deployment,
    Health,
    Stage,
    TaskProfile,
)
from tests.routing.fleets import builtin, deployment, fleet

DRAFT = TaskProfile(task="draft", input_tokens=100, output_tokens=100)
NOTHING = Context()
BY_COST = Objective(minimize="cost")


def per_million(usd: float) -> Price:
    """US dollars for a million tokens, read or written; a default deployment takes 1 and 2."""
    return Price(input=round(usd * 10**6), output=round(usd * 10**6))


CHEAP = per_million(0.1)


def run(
    *deployments: Deployment,
    context: Context = NOTHING,
    profile: TaskProfile = DRAFT,
    objective: Objective = BY_COST,
    routes: tuple[Route, ...] = (),
    **health: Health,
) -> Decision:
    live = {id.replace("_", "/"): found for id, found in health.items()}
    policy = Policy(objective=objective, routes=routes)
    return decide(profile, fleet(*deployments, health=live), policy, context)


def found(decision: Decision, id: str) -> Candidate:
    return next(c for c in decision.candidates if c.deployment == id)


# ── failures ─────────────────────────────────────────────────────────────────────────────


def test_failures_make_an_answer_dearer() -> None:
    ways = (deployment("a/x", price=per_million(2)),
            deployment("b/x", price=per_million(3)))  # fmt: skip
    assert run(*ways, a_x=Health(error_rate=0.3)).chosen == "a/x"
    decision = run(*ways, a_x=Health(error_rate=0.4))
    assert decision.chosen == "b/x"
    assert found(decision, "a/x").scores["error_rate"] == 0.4
    assert "error_rate" not in found(decision, "b/x").scores


@pytest.mark.parametrize(
    "objective", [Objective(maximize="quality"), Objective(minimize="latency")]
)
def test_failures_weigh_whatever_the_objective(objective: Objective) -> None:
    better = deployment("a/x", tasks={"draft": 0.9}, first_token_ms=400)
    worse = deployment("b/x", tasks={"draft": 0.8}, first_token_ms=500)
    assert run(better, worse, objective=objective).chosen == "a/x"
    shaky = Health(error_rate=0.2)
    decision = run(better, worse, objective=objective, a_x=shaky)
    assert decision.chosen == "b/x"
    assert found(decision, "a/x").scores["quality"] == 0.9


def test_one_that_fails_too_often_for_the_floor_goes_behind_the_steady_ones() -> None:
    good, dear = deployment("a/x", price=FREE), deployment("b/x")
    floor = Objective(minimize="cost", quality_floor=0.6)
    steady = (Route(name="r", primary="a"),)
    assert run(good, dear, objective=floor, routes=steady, a_x=Health(error_rate=0.2)).chain == (
        "a/x",
        "b/x",
    )
    decision = run(good, dear, objective=floor, routes=steady, a_x=Health(error_rate=0.3))
    assert decision.chain == ("b/x", "a/x")
    assert found(decision, "a/x").rule == "", "its answers are good enough when they come"
    assert decision.degraded is None


def test_failures_never_refuse_a_request() -> None:
    strict = Objective(minimize="cost", quality_floor=0.8, below_floor="refuse")
    assert run(deployment("a/x"), objective=strict, a_x=Health(error_rate=0.9)).chain == ("a/x",)


def test_confidence_is_that_an_answer_comes_and_is_good() -> None:
    assert run(deployment("a/x"), a_x=Health(error_rate=0.25)).confidence == pytest.approx(0.6)


# ── breakers ─────────────────────────────────────────────────────────────────────────────


def test_an_open_breaker_says_why_and_until_when() -> None:
    why = "out of order (timeout_silent), until 12:04 UTC"
    decision = run(deployment("a/x"), builtin(), a_x=Health(breaker="open", reason=why))
    gone = found(decision, "a/x")
    assert (gone.stage, gone.rule, gone.found) == (Stage.AVAILABILITY, "health.breaker", why)
    assert gone.reason == f"health.breaker: {why}"


def test_where_all_that_may_serve_are_open_they_stay_to_be_waited_for() -> None:
    gone = Health(breaker="open", error_rate=1.0)
    ways = (deployment("a/x", price=CHEAP), deployment("b/x"), deployment("c/x", can=()))
    decision = run(*ways, a_x=gone, b_x=gone, c_x=Health(available=False))
    assert decision.chain == ("a/x", "b/x")
    assert "is waited for" in decision.notes[0]


def test_one_that_may_be_tried_again_keeps_its_place_so_that_it_is_tried() -> None:
    """Its failures are from before; the breaker counts its probes, and only they close it."""
    ways = (deployment("a/x", price=CHEAP), deployment("a/y"), deployment("b/x"))
    again = Health(breaker="half_open", error_rate=1.0)
    assert run(*ways, a_x=again).chain == ("a/x", "a/y", "b/x")


# ── time ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("health", "ms"),
    [
        (Health(), 500 + 1000),
        (Health(first_token_ms=100), 100 + 1000),
        (Health(first_token_ms=100, tokens_per_second=50.0), 100 + 2000),
        (Health(p50_ms=700), 700),
        (Health(first_token_ms=100, p50_ms=700), 700),
        (Health(first_token_ms=100, tokens_per_second=50.0, p50_ms=700), 100 + 2000),
    ],
)
def test_what_was_measured_counts_before_what_is_declared(health: Health, ms: int) -> None:
    assert found(run(deployment("a/x"), a_x=health), "a/x").scores["latency_ms"] == ms


def test_the_whole_time_of_code_is_measured_too() -> None:
    decision = run(builtin(), rules_here=Health(first_token_ms=5, p50_ms=40))
    assert found(decision, "rules/here").scores["latency_ms"] == 40


# ── several deployments of one model ─────────────────────────────────────────────────────


def test_siblings_go_by_price_then_time_then_room() -> None:
    ways = (
        deployment("a/dear", first_token_ms=1),
        deployment("a/slow", price=CHEAP, first_token_ms=900),
        deployment("a/full", price=CHEAP, first_token_ms=300),
        deployment("a/free", price=CHEAP, first_token_ms=300),
    )
    decision = run(*ways, a_full=Health(room=0.2), a_free=Health(room=0.7))
    assert decision.chain == ("a/free", "a/full", "a/slow", "a/dear")
    assert found(decision, "a/full").scores["room"] == 0.2
    assert "room" not in found(decision, "a/slow").scores


def test_one_without_room_spills_over_to_its_siblings_and_stays() -> None:
    ways = (deployment("a/x", price=CHEAP), deployment("a/y"), deployment("b/x", price=None))
    assert run(*ways).chain == ("a/x", "a/y", "b/x")
    assert run(*ways, a_x=Health(room=0.0)).chain == ("a/y", "a/x", "b/x")
    assert run(*ways, a_x=Health(room=0.0), a_y=Health(room=0.0)).chain == ("a/x", "a/y", "b/x")
    alone = (ways[0], ways[2])
    assert run(*alone, a_x=Health(room=0.0)).chain == ("a/x", "b/x")


def test_no_room_at_one_deployment_makes_no_other_model_dearer() -> None:
    ways = (deployment("a/x", price=FREE), deployment("a/y", price=per_million(9)),
            deployment("b/x"))  # fmt: skip
    assert run(*ways, a_x=Health(room=0.0)).chain == ("b/x", "a/y", "a/x")


def test_a_preferred_region_orders_the_deployments_of_one_model_only() -> None:
    ways = (
        deployment("a/us", region="us", price=CHEAP),
        deployment("a/eu", region="eu"),
        deployment("a/none", region=None, price=FREE),
        deployment("b/us", region="us", price=per_million(0.2)),
    )
    assert run(*ways).chain == ("a/none", "a/us", "a/eu", "b/us")
    prefer = (Route(name="silent"), Route(name="r", prefer_regions=("eu", "us")))
    assert run(*ways, routes=prefer).chain == ("b/us", "a/eu", "a/us", "a/none")
    first = (*prefer, Route(name="s", prefer_regions=("us",), primary="a"))
    assert run(*ways, routes=first).chain == ("a/eu", "a/us", "a/none", "b/us")


# ── what a provider has in its cache ─────────────────────────────────────────────────────

LONG = TaskProfile(task="draft", input_tokens=10_000, output_tokens=100)
HELD = deployment("a/x", price=Price(input=3_000_000, output=0, cache_read=300_000))
OTHER = deployment("b/x", price=Price(input=2_000_000, output=0))


def test_a_conversation_stays_where_its_cache_makes_it_cheaper_and_only_there() -> None:
    assert run(HELD, OTHER, profile=LONG).chosen == "b/x"
    cached = Context(cached_tokens={"a/x": 9_000})
    decision = run(HELD, OTHER, profile=LONG, context=cached)
    assert decision.chosen == "a/x"
    scores = found(decision, "a/x").scores
    assert scores["cost_usd"] == pytest.approx((1_000 * 3 + 9_000 * 0.3) / 10**6)
    assert scores["cached_tokens"] == 9_000
    little = Context(cached_tokens={"a/x": 2_000})
    assert run(HELD, OTHER, profile=LONG, context=little).chosen == "b/x"


def test_what_is_cached_need_not_be_read_again() -> None:
    slow = dataclasses.replace(HELD, prompt_tokens_per_second=1000.0)
    fastest = Objective(minimize="latency")
    assert run(slow, OTHER, profile=LONG, objective=fastest).chosen == "b/x"
    more_than_all = Context(cached_tokens={"a/x": 99_999})
    decision = run(slow, OTHER, profile=LONG, objective=fastest, context=more_than_all)
    assert found(decision, "a/x").scores["latency_ms"] == 500 + 1000
    assert found(decision, "a/x").scores["cached_tokens"] == 10_000


# ── soft limits ──────────────────────────────────────────────────────────────────────────

SOFT = Context(soft_limits=("user.day",))
PRICES: dict[str, Any] = {"a/x": CHEAP, "b/x": per_million(0.2), "c/x": FREE}
THREE = tuple(
    deployment(id, price=price, tasks={"draft": q})
    for (id, price), q in zip(PRICES.items(), (0.7, 0.9, 0.3), strict=True)
)


@pytest.mark.parametrize("strategy", [None, "race", "panel"])
def test_a_soft_limit_takes_the_cheapest_that_is_good_enough(strategy: Any) -> None:
    asked: dict[str, Any] = {
        "objective": Objective(maximize="quality", quality_floor=0.6),
        "routes": (Route(name="r", primary="b", prefer_regions=("us",), strategy=strategy),),
    }
    assert run(*THREE, **asked).chosen == "b/x"
    decision = run(*THREE, **asked, context=SOFT)
    assert decision.chain == ("a/x", "b/x", "c/x")
    assert decision.strategy == "single"
    soft = "soft limit: user.day is used up, so the cheapest that is allowed goes first"
    assert decision.notes[0] == soft
    if strategy:
        assert "but a soft limit is used up: a/x is asked alone" in decision.notes[1]


def test_a_cascade_goes_on_under_a_soft_limit_since_it_begins_with_the_cheapest() -> None:
    decision = run(*THREE, routes=(Route(name="r", strategy="cascade"),), context=SOFT)
    assert (decision.strategy, decision.chain) == ("cascade", ("c/x", "a/x", "b/x"))


def test_several_soft_limits_are_all_named() -> None:
    both = Context(soft_limits=("user.day", "project.month"))
    [note] = run(*THREE, context=both).notes
    assert note.startswith("soft limit: user.day and project.month are used up")
