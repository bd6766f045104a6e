from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.records import Hop
from orchestrator.tracing.explain import (
    decision_sentences,
    dollars,
    duration,
    lost_because,
    why_chosen,
    why_hop,
    why_trace,
)
from orchestrator.tracing.redact import WITHHELD
from orchestrator.types import Candidate, Outcome, Stage

from .samples import DECISION, HOP, PROFILE, TRACE, UNSET


def test_a_hop_is_explained_from_choice_to_cost() -> None:
    assert why_hop(HOP).split("\n") == [
        "draft (agent generator, round 2) was answered by smollm2/local.",
        "claude/eu was chosen: ranked first of the 2 (of 4) that may serve this request. "
        "Expected: quality 0.92, cost $0.0123, time 1.9 s.",
        "The request was seen as: task draft, complexity 0.25, data class pii, risk normal, about "
        "800 tokens in and 256 out, needs json; least sure of its domain (0.42, from embedding).",
        "Routes of the policy that matched: personal-data.",
        "How to call it: temperature 0.2 (agent:generator).",
        "Next in line, should it fail:",
        "  smollm2/local: quality 0.30, cost $0, time 800 ms; a last resort, expected quality "
        "0.30 is below the floor of 0.60",
        "Not eligible:",
        "  1 may not see the data: its region is us, required is de or eu (route personal-data) "
        "(haiku/us)",
        "  1 not available: OPENAI_API_KEY is not set (gpt-5/direct)",
        "What happened:",
        "  1. claude/eu: timeout silent after 8.0 s, unknown: no byte for 8 s",
        "  2. smollm2/local: ok after 1.2 s, 812 tokens in, 60 out (counted here), $0",
        "It fell back from claude/eu to smollm2/local.",
        "Validated: the output passed: claude/eu: not JSON.",
        "Note: code selected the spans",
        "Cost: unknown. Time: 9.2 s.",
    ]


def test_who_asked_for_how_much_checking_is_told() -> None:
    assert HOP.decision is not None
    decision = replace(HOP.decision, checking="two", checking_origin="route:high-risk")
    said = why_hop(replace(HOP, decision=decision))
    assert "Where a graph checks the answer: two (route high-risk)." in said


def test_a_hop_that_nobody_may_serve() -> None:
    lines = why_hop(replace(HOP, decision=None, attempts=(), status="failed", error="nobody left"))
    assert "draft (agent generator, round 2) failed." in lines
    assert "No model was chosen." in lines
    assert "Error: nobody left" in lines
    assert "Cost" not in lines


def test_a_tool_and_a_replayed_hop() -> None:
    tool = Hop(id="t", trace_id="t", node="evidence", role="tool")
    assert why_hop(tool) == "evidence (tool) ran without a model."
    assert "nothing was paid again" in why_hop(replace(HOP, resumed=True))


def test_numbers_are_named_only_where_they_decide() -> None:
    def rival(name: str, quality: float, cost: float) -> Candidate:
        scores = {"quality": quality, "cost_usd": cost, "latency_ms": None}
        return Candidate(deployment=name, model=name, stage=None, scores=scores)

    def first(*rivals: Candidate) -> str:
        return decision_sentences(replace(DECISION, chosen="a", candidates=rivals), None)[0]

    assert "it is the cheapest." in first(rival("a", 0.5, 0.1), rival("b", 0.6, 0.2))
    assert "it is the cheapest (a tie) and the best." in first(
        rival("a", 0.7, 0.1), rival("b", 0.6, 0.1)
    )
    assert "among them" not in first(rival("a", 0.5, 0.3), rival("b", 0.6, 0.2))
    assert "the only one of 2" in first(rival("a", 0.5, 0.3), UNSET)


def test_equal_reasons_are_one_line_with_the_first_names() -> None:
    many = [replace(UNSET, deployment=f"m{n}/x") for n in range(9)]
    lines = decision_sentences(replace(DECISION, candidates=(DECISION.candidates[0], *many)), None)
    assert lines[-1] == (
        "  9 not available: OPENAI_API_KEY is not set (m0/x, m1/x, m2/x, m3/x and 5 more)"
    )


CASES: list[tuple[Stage, str, Any, Any, str]] = [
    (Stage.CAPABILITY, "fleet.capability.tasks", [], "sql", "does not serve the task 'sql'"),
    (Stage.CAPABILITY, "request.needs", ["json"], ["json", "vision"], "lacks vision"),
    (
        Stage.CAPABILITY,
        "fleet.capability.tools",
        ["search"],
        ["calculate", "search"],
        "does not know the tools calculate",
    ),
    (
        Stage.CAPABILITY,
        "fleet.capability.context",
        2048,
        5000,
        "its context of 2,048 tokens is too short for 5,000",
    ),
    (
        Stage.CAPABILITY,
        "fleet.capability.context",
        None,
        5000,
        "does not state its context",
    ),
    (
        Stage.DATA_POLICY,
        "request.hosting",
        "hosted",
        "self",
        "its hosting is 'hosted', 'self' is required",
    ),
    (
        Stage.DATA_POLICY,
        "request.regions",
        None,
        ["eu"],
        "its region is not stated, required is eu",
    ),
    (
        Stage.DATA_POLICY,
        "route:pii.require.retention_days",
        30,
        0,
        "keeps data for 30 days, at most 0 are allowed (route pii)",
    ),
    (
        Stage.DATA_POLICY,
        "request.retention_days",
        None,
        0,
        "does not state its retention days",
    ),
    (Stage.DATA_POLICY, "request.trains_on_data", True, False, "its provider trains on the data"),
    (
        Stage.DATA_POLICY,
        "request.trains_on_data",
        None,
        False,
        "does not state its trains on data",
    ),
    (
        Stage.DATA_POLICY,
        "request.not_families",
        "openai",
        "none of openai",
        "the family 'openai' is ruled out",
    ),
    (Stage.DATA_POLICY, "request.models", "gpt-5", ["claude"], "only claude is allowed"),
    (Stage.AVAILABILITY, "health.breaker", "open", "closed", "its breaker is open"),
    (
        Stage.BUDGET,
        "request.max_cost_usd",
        0.02,
        0.001,
        "would cost $0.02, at most $0.001 is allowed",
    ),
    (
        Stage.BUDGET,
        "request.max_cost_usd",
        None,
        0.001,
        "its price is unknown and a cost limit applies",
    ),
    (
        Stage.LATENCY,
        "route:chat.latency_ms",
        9000,
        2500,
        "would take 9.0 s, at most 2.5 s is allowed (route chat)",
    ),
    (
        Stage.QUALITY,
        "objective.quality_floor",
        0.3,
        0.6,
        "expected quality 0.30 is below the floor of 0.60",
    ),
    (Stage.RANK, "a.rule.of.tomorrow", 1, 2, "a.rule.of.tomorrow: found 1, required 2"),
    (
        Stage.BUDGET,
        "request.max_cost_usd",
        WITHHELD,
        1,
        f"request.max_cost_usd: found {WITHHELD}, required 1",
    ),
]


@pytest.mark.parametrize(("stage", "rule", "found", "required", "words"), CASES)
def test_why_one_lost(stage: Stage, rule: str, found: Any, required: Any, words: str) -> None:
    lost = Candidate(
        deployment="m/d", model="m", stage=stage, rule=rule, found=found, required=required
    )
    assert lost_because(lost) == words


def test_a_whole_run_is_explained_hop_by_hop() -> None:
    plan = replace(
        HOP, id="h0", node="plan", agent="decomposer", round=0, attempts=HOP.attempts[1:]
    )
    text = why_trace(replace(TRACE, status="ok", verdict="accepted", ms=65_000), [plan, HOP])
    assert text.startswith(
        f"Run {TRACE.id} of graph 'cross-validated' ended well and was accepted: "
        "2 hops, 1 min 5 s, unknown.\nQuestion: How long is the notice period?\n1. plan "
    )
    assert "2. draft (agent generator, round 2) was answered by smollm2/local." in text
    assert "  Tried and failed: claude/eu (timeout silent: no byte for 8 s)." in text
    assert "  Lost: its region is us, required is de or eu (route personal-data) (1); " in text


def test_a_run_that_ended_well_says_which_steps_failed() -> None:
    text = why_trace(replace(TRACE, status="ok"), [replace(HOP, status="failed")])
    assert ": 1 hop (1 failed), " in text


def test_what_was_never_asked_is_not_said_to_have_failed() -> None:
    waits = replace(HOP.attempts[0], outcome=Outcome.SKIPPED_OPEN, error="out of order")
    text = why_trace(TRACE, [replace(HOP, attempts=(waits, *HOP.attempts[1:]))])
    assert "  Not tried: claude/eu (skipped open: out of order)." in text
    assert "Tried and failed" not in text


def test_a_preference_is_given_as_the_reason() -> None:
    first, *others = DECISION.candidates
    preferred = replace(first, scores={**first.scores, "preference": 0})
    text = why_chosen(replace(DECISION, candidates=(preferred, *others)))
    assert "; its model is the first that the policy prefers." in text


def test_what_an_attempt_was_for_is_said() -> None:
    repair = replace(HOP.attempts[-1], kind="repair")
    text = why_hop(replace(HOP, attempts=(HOP.attempts[0], repair)))
    assert "  2. smollm2/local (repair): ok after" in text


def test_the_profile_may_be_missing() -> None:
    assert len(decision_sentences(DECISION, None)) == len(decision_sentences(DECISION, PROFILE)) - 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "unknown"),
        (0, "$0"),
        (0.000001, "$0.000001"),
        (0.0000001, "<$0.000001"),
        (0.00042, "$0.00042"),
        (0.0123, "$0.0123"),
        (0.5, "$0.5"),
        (1234.5, "$1,234.50"),
    ],
)
def test_dollars(value: float | None, shown: str) -> None:
    assert dollars(value) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(None, "unknown"), (3.2, "3 ms"), (999.7, "1.0 s"), (8000, "8.0 s"), (125_000, "2 min 5 s")],
)
def test_durations(ms: float | None, shown: str) -> None:
    assert duration(ms) == shown
