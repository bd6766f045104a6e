"""Hops and traces that the tests of this folder share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.types import (
    Candidate,
    Constraints,
    Decision,
    Feature,
    LogRule,
    Outcome,
    Setting,
    Stage,
    TaskProfile,
)

TRACE = Trace(
    id="01m7yak0d9t6vwng6cwpxkqgd9",
    graph="cross-validated",
    status="running",
    started_at=1_790_000_000.0,
    question="How long is the notice period?",
    project_hash="a1",
    policy_hash="b2",
    fleet_hash="c3",
)
PROFILE = TaskProfile(
    task="draft",
    complexity=0.25,
    data_class="pii",
    needs=("json",),
    tags=("hr",),
    input_tokens=800,
    constraints=Constraints(hosting="self", regions=("eu",), max_cost_usd=0.5),
    features={
        "task": Feature(value="draft", confidence=1.0, origin="declared"),
        "domain": Feature(value="hr", confidence=0.42, origin="embedding"),
    },
)
UNSET = Candidate(
    deployment="gpt-5/direct",
    model="gpt-5",
    stage=Stage.AVAILABILITY,
    rule="health.available",
    found="OPENAI_API_KEY is not set",
    required="available",
    scores={"quality": 0.93, "cost_usd": None, "latency_ms": 2000},
)
DECISION = Decision(
    chosen="claude/eu",
    fallbacks=("smollm2/local",),
    candidates=(
        Candidate(
            deployment="claude/eu",
            model="claude",
            stage=None,
            scores={"quality": 0.92, "cost_usd": 0.0123, "latency_ms": 1900},
        ),
        Candidate(
            deployment="smollm2/local",
            model="smollm2",
            stage=None,
            rule="objective.quality_floor",
            found=0.3,
            required=0.6,
            scores={"quality": 0.3, "cost_usd": 0.0, "latency_ms": 800},
        ),
        UNSET,
        Candidate(
            deployment="haiku/us",
            model="haiku",
            stage=Stage.DATA_POLICY,
            rule="route:personal-data.require.regions",
            found="us",
            required=["de", "eu"],
        ),
    ),
    routes=("personal-data",),
    settings={"temperature": Setting(value=0.2, origin="agent:generator")},
    log=LogRule(),
    confidence=0.42,
    policy_hash="b2",
    fleet_hash="c3",
)
HOP = Hop(
    id="h1",
    trace_id=TRACE.id,
    parent_id="h0",
    node="draft",
    round=1,
    role="generator",
    agent="generator",
    profile=PROFILE,
    decision=DECISION,
    attempts=(
        Attempt(
            deployment="claude/eu",
            model="claude",
            family="anthropic",
            outcome=Outcome.TIMEOUT_SILENT,
            started_at=1_790_000_000.5,
            ms=8000.0,
            error="no byte for 8 s",
            cost_micro_usd=None,
        ),
        Attempt(
            deployment="smollm2/local",
            model="smollm2",
            family="smollm",
            outcome=Outcome.OK,
            started_at=1_790_000_008.5,
            ms=1204.5,
            first_token_ms=80.0,
            usage=Usage(input=812, output=60, cached_input=3, reasoning=1, estimated=True),
            cost_micro_usd=0,
            reported_model="SmolLM2",
            fingerprint="fp",
            finish="stop",
        ),
    ),
    prompt="Write about {braces} and “quotes”.",
    output="The notice period is 3 months.",
    validated=True,
    validation="claude/eu: not JSON",
    notes=("code selected the spans",),
    started_at=1_790_000_000.25,
    ms=9205.0,
)


def hop(number: int, **changes: Any) -> Hop:
    """`HOP` as the one with that number."""
    begun = HOP.started_at + number
    return replace(HOP, **{"id": f"h{number}", "started_at": begun, **changes})


def ruled(rule: LogRule, **changes: Any) -> Hop:
    """`HOP` under another log rule."""
    return replace(HOP, **{"decision": replace(DECISION, log=rule), **changes})
