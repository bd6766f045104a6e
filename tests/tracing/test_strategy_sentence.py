"""A strategy in one sentence, and what the record of a decision says besides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.tracing.explain import cost, decision_sentences, lost_because, why_trace
from orchestrator.tracing.strategy import standing_remarks, strategy_sentence
from orchestrator.types import Candidate, Decision, Stage, Tactics

from .samples import DECISION, HOP, TRACE


def decision(strategy: Any, *fallbacks: str, **tactics: Any) -> Decision:
    asked = Tactics(**{"models": 2, "origin": "route:r", **tactics})
    return replace(
        DECISION, chosen="a/x", fallbacks=fallbacks, strategy=strategy, tactics=asked,
        least_usd=0.001, most_usd=0.25,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (
            decision("race", "b/x"),
            "race: a/x and b/x at once, the first valid answer counts (route r)",
        ),
        (
            decision("race", "b/x", "c/x", "d/x", "e/x", "f/x", "g/x", models=3),
            "race: a/x, b/x and c/x at once, the first valid answer counts; should all fail, "
            "d/x, e/x, f/x, g/x (route r)",
        ),
        (
            decision("race", "b/x", "c/x", start="after_p95"),
            "race: a/x, and b/x too where it takes longer than 95 of 100 of its calls did; "
            "should all fail, c/x (route r)",
        ),
        (
            decision("cascade", "b/x", "c/x", "d/x", models=3, confidence=0.8),
            "cascade: a/x first; an answer that does not pass its checks, or of which its model is "
            "less than 80% sure, goes to b/x and then c/x; should all fail, d/x (route r)",
        ),
        (
            decision("cascade", "b/x"),
            "cascade: a/x first; an answer that does not pass its checks goes to b/x (route r)",
        ),
        (
            decision("panel", "b/x", "c/x", "d/x", "e/x", models=3, agree=2),
            "panel: a/x, b/x and c/x at once, 2 equal answers settle it; where too few agree or "
            "some fail, d/x, e/x (route r)",
        ),
        (
            decision("single", "b/x", "c/x", "d/x", "e/x", "f/x", models=1, origin=""),
            "single: a/x; should it fail, b/x, c/x, d/x and 2 more",
        ),
    ],
)
def test_a_strategy_is_one_sentence(made: Decision, says: str) -> None:
    assert strategy_sentence(made) == says


def test_the_cost_is_a_range_where_the_strategy_makes_it_one() -> None:
    race = decision("race", "b/x")
    assert cost(race) == "$0.001 to $0.25"
    assert cost(replace(race, most_usd=None)) == "$0.001 to unknown"
    assert cost(replace(race, least_usd=0.25)) == "$0.25"
    assert cost(replace(DECISION, least_usd=0.0, most_usd=0.0)) == "$0"


def test_a_hop_tells_its_strategy_and_what_is_not_as_it_should_be() -> None:
    race = replace(decision("race", "b/x"), notes=("soft limit: user.day is used up",))
    lines = decision_sentences(race, None)
    assert lines[1] == (
        "Strategy race: a/x and b/x at once, the first valid answer counts (route r). "
        "Expected cost: $0.001 to $0.25."
    )
    assert lines[2] == "Note: soft limit: user.day is used up."
    whole = why_trace(TRACE, [replace(HOP, decision=race)])
    assert "Strategy race" in whole
    assert "Note: soft limit" in whole
    assert "Strategy" not in why_trace(TRACE, [HOP])


def test_what_speaks_for_or_against_one_that_stayed() -> None:
    scores = {"quality": 0.8, "error_rate": 0.25, "room": 0.1, "cached_tokens": 9000}
    told = Candidate(deployment="a/x", model="a", stage=None, scores=scores)
    assert standing_remarks(told) == [
        "25% of its calls fail",
        "10% of its limits left",
        "9,000 tokens in its cache",
    ]
    assert standing_remarks(replace(told, scores={"room": 0.0})) == ["no room at the moment"]
    assert standing_remarks(replace(told, scores={"quality": 0.8})) == []


def test_an_open_breaker_is_told_in_its_own_words() -> None:
    gone = Candidate(
        deployment="a/x",
        model="a",
        stage=Stage.AVAILABILITY,
        rule="health.breaker",
        found="out of order (stalled), until 12:04 UTC",
    )
    assert lost_because(gone) == "out of order (stalled), until 12:04 UTC"
    assert lost_because(replace(gone, found="open")) == "its breaker is open"
