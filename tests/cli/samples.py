"""An answer with everything in it, and ways to see what a renderer prints."""

from __future__ import annotations

import io
from collections.abc import Callable

from orchestrator.cli._show import Screen
from orchestrator.evidence.values import Citation, ClaimCheck
from orchestrator.graph.answer import Answer
from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop
from orchestrator.roles.values import Plan, Subtask
from orchestrator.types import Candidate, Decision, Outcome, Setting, Stage

WIDTHS = (80, 140)
ID = "01m7yak0d9t6vwng6cwpxkqgd9"


def printed(show: Callable[[Screen], None], width: int, *, rich: bool = False) -> str:
    """What `show` prints; fails where a line is wider than the screen, or ends in a blank."""
    file = io.StringIO()
    show(Screen(file, width=width, rich=rich))
    text = file.getvalue()
    if not rich:
        for line in text.split("\n"):
            assert len(line) <= width, f"{len(line)} columns of {width}: {line!r}"
            assert line == line.rstrip(), repr(line)
        assert "\x1b" not in text
    return text


def squeezed(text: str) -> str:
    """All on one line, so that it does not matter where a cell was wrapped."""
    return " ".join(text.split())


def candidate(name: str, quality: float = 0.5, cost: float = 0.0) -> Candidate:
    """One that stayed."""
    return Candidate(
        deployment=name,
        model=name.partition("/")[0],
        stage=None,
        scores={"quality": quality, "cost_usd": cost, "latency_ms": 800},
    )


def unset(name: str, key: str, quality: float) -> Candidate:
    """One whose key is missing."""
    return Candidate(
        deployment=name,
        model=name.partition("/")[0],
        stage=Stage.AVAILABILITY,
        rule="health.available",
        found=f"{key} is not set",
        required="available",
        scores={"quality": quality, "cost_usd": 0.02, "latency_ms": 2000},
    )


CLOUD = (
    unset("claude-sonnet/direct", "ANTHROPIC_API_KEY", 0.92),
    unset("gpt-5/direct", "OPENAI_API_KEY", 0.93),
    unset("gpt-5-mini/direct", "OPENAI_API_KEY", 0.85),
    unset("gemini-pro/direct", "GEMINI_API_KEY", 0.9),
)
CANNOT = Candidate(
    deployment="calculator/here",
    model="calculator",
    stage=Stage.CAPABILITY,
    rule="fleet.capability.tasks",
    found=["math"],
    required="draft",
)


def decision(*candidates: Candidate, degraded: str | None = None) -> Decision:
    """A decision for the first of them."""
    return Decision(
        chosen=candidates[0].deployment,
        fallbacks=tuple(c.deployment for c in candidates[1:] if c.stage is None),
        candidates=candidates,
        routes=("personal-data",),
        settings={"temperature": Setting(value=0.2, origin="agent:generator")},
        degraded=degraded,
        confidence=0.42,
        policy_hash="b2",
        fleet_hash="c3",
    )


def attempt(name: str, outcome: Outcome = Outcome.OK, ms: float = 1204.0, cost: int = 0) -> Attempt:
    """One call."""
    return Attempt(
        deployment=name,
        model=name.partition("/")[0],
        family="some",
        outcome=outcome,
        started_at=1_790_000_001.0,
        ms=ms,
        usage=Usage(input=812, output=60),
        cost_micro_usd=cost,
        error=None if outcome is Outcome.OK else "no byte for 8 s",
    )


TOOL = Hop(id="h0", trace_id=ID, node="evidence", role="tool", started_at=1_790_000_000.0, ms=312.0)
PLAN = Hop(
    id="h1",
    trace_id=ID,
    node="plan",
    role="decomposer",
    agent="decomposer",
    decision=decision(candidate("rule-planner/here", 0.6), candidate("smollm2/local"), *CLOUD),
    attempts=(attempt("rule-planner/here", ms=2.0),),
    validated=True,
    started_at=1_790_000_000.4,
    ms=3.0,
)
ROUTE = Hop(
    id="h2",
    trace_id=ID,
    node="route/cost",
    role="router",
    agent="router",
    decision=decision(candidate("calculator/here", 0.99), *CLOUD),
    started_at=1_790_000_000.5,
    ms=1.0,
)
DRAFT = Hop(
    id="h3",
    trace_id=ID,
    node="draft",
    role="generator",
    agent="generator",
    decision=decision(
        candidate("claude-sonnet/eu", 0.92, 0.0123),
        candidate("smollm2/local"),
        candidate("extractive/here", 0.4),
        CANNOT,
        *CLOUD,
    ),
    attempts=(
        attempt("claude-sonnet/eu", Outcome.TIMEOUT_SILENT, 8000.0, 4200),
        attempt("smollm2/local"),
    ),
    validated=True,
    notes=("code selected the spans",),
    started_at=1_790_000_001.0,
    ms=9204.0,
)
CHECK = Hop(
    id="h4",
    trace_id=ID,
    parent_id="h3",
    node="check",
    role="checker",
    agent="checker",
    round=1,
    decision=decision(candidate("claim-gates/here"), CANNOT, degraded="nobody reaches 0.60"),
    attempts=(attempt("claim-gates/here", ms=4.0),),
    validated=False,
    resumed=True,
    started_at=1_790_000_010.0,
    ms=12.0,
)
HOPS = (TOOL, PLAN, ROUTE, DRAFT, CHECK)

QUOTE = (
    "Employees may work remotely from any country of the European Union for up to thirty "
    "days in a calendar year, if their manager agrees in writing."
)
ANSWER = Answer(
    text=(
        "Employees may work from any EU country for up to 30 days a year [1].\n\n"
        "The yearly cost is 57,600 EUR: 120 × 40 EUR/month × 12 months."
    ),
    verdict="revised",
    reason="one claim was taken out after the first round",
    citations=(
        Citation(
            file="docs/policies/remote-work.md", start=120, end=265, quote=QUOTE, supported=True
        ),
        Citation(
            file="allowance.pdf",
            start=12033,
            end=12066,
            quote="The allowance is 40 EUR a month.",
            supported=False,
            reason="the quote says 40, the sentence 45",
        ),
    ),
    claims=(
        ClaimCheck(claim="c1", text="The limit is 30 days.", status="supported", reason="quoted"),
        ClaimCheck(claim="c2", text="It is 45 EUR.", status="contradicted", reason="it says 40"),
    ),
    independence="other-family",
    cost_micro_usd=4200,
    trace_id=ID,
    hops=HOPS,
    plan=Plan(subtasks=(Subtask(id="cost", description="The yearly cost.", task="math"),)),
)
