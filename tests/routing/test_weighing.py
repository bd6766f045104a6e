"""`strategy: auto`: one call or several, by what they cost and what they are worth."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.project.policy_schema import Match, Objective, Policy, Route, StrategyDeclaration
from orchestrator.routing.decide import decide
from orchestrator.types import Agreement, Constraints, Context, Decision
from tests.routing.fleets import fleet
from tests.routing.test_strategy import BY_COST, DRAFT, model

CHEAP, OTHER, STRONG = model("a/x", 0.7, 1), model("b/x", 0.72, 2), model("c/x", 0.85, 50)
KNOWN = Agreement(models=("a", "b", "c"), spread=2.0, variety=4.0)


def run(
    *deployments: Any,
    error_usd: float | None = 500.0,
    agreement: Agreement | None = KNOWN,
    profile: Any = DRAFT,
    objective: Objective = BY_COST,
    soft: tuple[str, ...] = (),
    **route: Any,
) -> Decision:
    said = StrategyDeclaration(kind="auto", error_usd=error_usd)
    policy = Policy(objective=objective, routes=(Route(name="r", strategy=said, **route),))
    context = Context(agreement=agreement, soft_limits=soft)
    return decide(profile, fleet(*(deployments or (CHEAP, OTHER, STRONG))), policy, context)


def test_cheap_ones_are_asked_in_turn_and_the_strong_one_where_they_differ() -> None:
    decision = run()
    assert decision.strategy == "panel"
    assert decision.tactics.start == "in_turn"
    assert decision.chain == ("a/x", "b/x", "c/x")
    moves = decision.tactics.moves
    assert (moves[""].place, moves["a"].place) == (0, 1)
    assert moves["aa"].gives
    assert not moves["ab"].gives
    assert moves["ab"].place == 2
    assert decision.least_usd == 1
    assert decision.most_usd == 53
    assert "expected to answer right" in decision.notes[0]


@pytest.mark.parametrize(
    ("error_usd", "chosen"), [(1.0, "a/x"), (20.0, "a/x"), (10_000_000.0, None)]
)
def test_what_an_error_costs_says_how_much_is_spent(error_usd: float, chosen: str | None) -> None:
    decision = run(error_usd=error_usd)
    if chosen:
        assert (decision.strategy, decision.chosen) == ("single", chosen)
    else:
        assert decision.strategy == "panel"
        assert decision.tactics.models == 3


def test_where_nothing_is_known_of_agreement_one_is_asked() -> None:
    decision = run(agreement=None)
    assert decision.strategy == "single"
    assert "how answers agree is not known" in decision.notes[0]
    assert run(agreement=None, error_usd=100_000.0).chosen == "c/x"


def test_a_strong_call_is_taken_where_nobody_else_helps() -> None:
    alone = Agreement(models=("c",), spread=2.0, variety=4.0)
    assert run(agreement=alone, error_usd=100_000.0).chosen == "c/x"


def test_the_quality_floor_is_reached_at_the_least_cost() -> None:
    decision = run(error_usd=None, quality_floor=0.8)
    assert decision.strategy == "panel"
    assert "answer right 86% of the time for $22" in decision.notes[0]  # c/x alone: 85% for $50
    lower = run(error_usd=None, quality_floor=0.7)
    assert (lower.strategy, lower.chosen) == ("single", "a/x")


def test_without_floor_and_errors_the_objective_counts() -> None:
    assert run(error_usd=None).chosen == "a/x"
    best = run(error_usd=None, objective=Objective(maximize="quality"))
    assert best.strategy == "panel"
    assert best.tactics.models == 3


def test_a_cap_holds_for_all_together() -> None:
    capped = run(max_cost_usd=50.0)
    assert (capped.most_usd or 99) <= 50
    assert (run().most_usd or 0) > 50


def test_who_may_not_serve_takes_no_part() -> None:
    barred = run(profile=DRAFT.__class__(
        task="draft", input_tokens=1_000_000, output_tokens=0,
        constraints=Constraints(not_models=("b",)),
    ))  # fmt: skip
    assert "b/x" not in barred.chain


def test_once_a_soft_limit_is_used_up_one_is_asked() -> None:
    decision = run(soft=("project.day",))
    assert (decision.strategy, decision.chosen) == ("single", "a/x")


def test_the_same_in_one_word_and_for_some_requests_only() -> None:
    policy = Policy(routes=(Route(name="r", match=Match(task="math"), strategy="auto"),))
    decision = decide(DRAFT, fleet(CHEAP, STRONG), policy, Context(agreement=KNOWN))
    assert (decision.strategy, decision.notes) == ("single", ())


def test_a_decision_with_moves_comes_back_from_its_record() -> None:
    from orchestrator.types import as_json, from_json

    decision = run()
    assert from_json(Decision, as_json(decision)) == decision


def test_it_is_told_in_words() -> None:
    from orchestrator.tracing.strategy import strategy_sentence

    assert strategy_sentence(run()) == (
        "panel: a/x first, then b/x and then c/x as long as another answer is worth its price "
        "(route r)"
    )
