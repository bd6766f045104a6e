"""A decision as a table: each candidate, where it went, by which rule, and what it scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.tracing.explain import lost_because
from orchestrator.types import Candidate, Decision, Stage

STAGES: Mapping[Stage, str] = {
    Stage.CAPABILITY: "capability",
    Stage.DATA_POLICY: "data policy",
    Stage.AVAILABILITY: "availability",
    Stage.BUDGET: "budget",
    Stage.LATENCY: "latency",
    Stage.QUALITY: "quality floor",
    Stage.RANK: "rank",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of the funnel."""

    name: str
    removed: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One candidate."""

    candidate: Candidate
    stage: str
    """Where it was removed, or what it is among those that stayed."""
    tone: str
    words: str
    """Why, as a phrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """The whole of it."""

    total: int
    steps: tuple[Step, ...]
    """Only stages that removed somebody."""
    entries: tuple[Entry, ...]
    stayed: int


def funnel(decision: Decision) -> Funnel:
    """The decision's funnel: first those that stayed, by rank, then the removed by stage."""
    removed = Counter(c.stage for c in decision.candidates if c.stage is not None)
    left, steps = len(decision.candidates), []
    for stage in Stage:
        if removed[stage]:
            left -= removed[stage]
            steps.append(Step(name=STAGES[stage], removed=removed[stage], left=left))
    return Funnel(
        total=len(decision.candidates),
        steps=tuple(steps),
        entries=tuple(_entries(decision)),
        stayed=left,
    )


def _entries(decision: Decision) -> Iterator[Entry]:
    for place, c in enumerate(c for c in decision.candidates if c.stage is None):
        if c.deployment == decision.chosen:
            stage, tone = "chosen", "good"
        else:
            stage, tone = (f"fallback {place}", "info") if not c.rule else ("last resort", "warn")
        words = lost_because(c) if c.rule else "may serve it"
        yield Entry(candidate=c, stage=stage, tone=tone, words=words)
    order = list(Stage)
    gone = [c for c in decision.candidates if c.stage is not None]
    for c in sorted(gone, key=lambda c: order.index(c.stage or Stage.RANK)):
        stage = STAGES[c.stage or Stage.RANK]
        yield Entry(candidate=c, stage=stage, tone="quiet", words=lost_because(c))
