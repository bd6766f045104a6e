from __future__ import annotations

import dataclasses
import json

from orchestrator.cli._json import answer_json, decision_json, hop_json
from orchestrator.roles.values import Checking

from .samples import ANSWER, CHECK, DRAFT, ID, QUOTE, ROUTE, TOOL


def test_the_object_of_an_answer() -> None:
    shown = json.loads(json.dumps(answer_json(ANSWER)))
    assert shown["answer"] == ANSWER.text
    assert (shown["verdict"], shown["reason"]) == ("revised", ANSWER.reason)
    assert (shown["cost_usd"], shown["trace_id"]) == (0.0042, ID)
    assert shown["independence"] == "other-family"
    assert shown["plan"]["subtasks"][0]["id"] == "cost"
    first = shown["citations"][0]
    assert {k: first[k] for k in ("file", "start", "end", "quote", "supported")} == {
        "file": "docs/policies/remote-work.md",
        "start": 120,
        "end": 265,
        "quote": QUOTE,
        "supported": True,
    }
    assert [(c["text"], c["status"], c["reason"]) for c in shown["claims"]] == [
        ("The limit is 30 days.", "supported", "quoted"),
        ("It is 45 EUR.", "contradicted", "it says 40"),
    ]
    assert [h["node"] for h in shown["hops"]] == [h.node for h in ANSWER.hops]


def test_what_the_checking_took_and_why_there_is_no_answer() -> None:
    checking = Checking(effort="two", claims=3, kept=2, deleted=1, ms=30.0, cost_micro_usd=400)
    shown = answer_json(dataclasses.replace(ANSWER, cause="conflict", checking=checking))
    assert shown["cause"] == "conflict"
    found = shown["checking"]
    assert (found["effort"], found["claims"], found["kept"]) == ("two", 3, 2)
    assert (found["cost_usd"], found["cost_usd_per_kept"]) == (0.0004, 0.0002)
    assert (found["ms"], found["ms_per_kept"]) == (30.0, 15.0)
    assert answer_json(ANSWER)["checking"] is None


def test_a_hop_that_fell_back() -> None:
    shown = hop_json(DRAFT)
    assert (shown["role"], shown["agent"], shown["model"]) == ("generator", "generator", "smollm2")
    assert (shown["deployment"], shown["chosen"]) == ("smollm2/local", "claude-sonnet/eu")
    assert shown["fallbacks"] == ["smollm2/local", "extractive/here"]
    assert (shown["strategy"], shown["decision_notes"]) == ("single", [])
    assert [(a["deployment"], a["outcome"], a["ms"], a["cost_usd"]) for a in shown["attempts"]] == [
        ("claude-sonnet/eu", "timeout_silent", 8000.0, 0.0042),
        ("smollm2/local", "ok", 1204.0, 0.0),
    ]
    assert (shown["validated"], shown["confidence"], shown["cost_usd"]) == (True, 0.42, 0.0042)


def test_every_alternative_has_a_stage_and_a_reason() -> None:
    lost = {a["deployment"]: (a["stage"], a["reason"]) for a in hop_json(DRAFT)["alternatives"]}
    assert lost == {
        "claude-sonnet/eu": ("attempt", "tried: timeout silent"),
        "extractive/here": ("rank", "ranked behind"),
        "calculator/here": ("capability", "does not serve the task 'draft'"),
        "claude-sonnet/direct": ("availability", "ANTHROPIC_API_KEY is not set"),
        "gpt-5/direct": ("availability", "OPENAI_API_KEY is not set"),
        "gpt-5-mini/direct": ("availability", "OPENAI_API_KEY is not set"),
        "gemini-pro/direct": ("availability", "GEMINI_API_KEY is not set"),
    }


def test_hops_without_a_call() -> None:
    assert hop_json(TOOL)["model"] is None
    assert hop_json(TOOL)["alternatives"] == []
    assert hop_json(ROUTE)["model"] == "calculator"
    assert hop_json(CHECK)["resumed"] is True


def test_the_record_of_a_decision_keeps_its_fields_and_gains_reasons() -> None:
    assert DRAFT.decision
    shown = json.loads(json.dumps(decision_json(DRAFT.decision)))
    assert (shown["chosen"], shown["strategy"]) == ("claude-sonnet/eu", "single")
    assert (shown["policy_hash"], shown["fleet_hash"]) == ("b2", "c3")
    assert shown["candidates"][0] == {
        "deployment": "claude-sonnet/eu",
        "model": "claude-sonnet",
        "stage": None,
        "rule": "",
        "found": None,
        "required": None,
        "scores": {"quality": 0.92, "cost_usd": 0.0123, "latency_ms": 800},
        "reason": "eligible",
    }
    assert shown["candidates"][3]["reason"] == "does not serve the task 'draft'"
