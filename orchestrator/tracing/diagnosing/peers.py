"""What is usual in a trace: the hops that one hop can be held against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median

from orchestrator.tracing.diagnosing.reading import Seen
from orchestrator.tracing.diagnosing.signs import Sign
from orchestrator.types import Candidate, Decision, Outcome

TASK_OF_ROLE = {
    "decomposer": "plan",
    "checker": "check",
    "citation-validator": "cite",
    "aggregator": "aggregate",
}
"""What the steps do that write no answer."""


class Peers:
    """The whole trace, counted once.

    Args:
        seen: all hops, in the order in which they began.
    """

    def __init__(self, seen: Sequence[Seen]) -> None:
        self.seen = seen
        decided = [s.hop for s in seen if s.hop.decision is not None]
        self.decided = len(decided)
        self.degraded = sum(h.decision is not None and bool(h.decision.degraded) for h in decided)
        self.models: dict[str, Counter[str]] = defaultdict(Counter)
        """By deployment: what it reported to be."""
        self.served: dict[str, str] = {}
        """By deployment: a hop that it answered."""
        self.judged: dict[int, tuple[Sign, ...]] = {}
        """By identity of the decision: what speaks against it."""
        self.said: dict[str, tuple[int, str, str]] = {}
        """By output: place, role and node of the hop that said so first."""
        self.tasks: dict[str, Counter[str]] = defaultdict(Counter)
        """By agent: the tasks of its hops."""
        self.routes: dict[tuple[str, str, str], Counter[tuple[str, ...]]] = defaultdict(Counter)
        """By task, data class and risk: the routes that matched."""
        self.classes: Counter[str] = Counter()
        self.vocabulary: set[str] = set()
        """Names of tasks that are met in the trace."""
        self.structured: dict[str, Counter[bool]] = defaultdict(Counter)
        """By agent: how many of its outputs are JSON, and how many are not."""
        self.times: list[float] = []
        for one in seen:
            self._count(one)
        self.usual_ms = median(self.times) if self.times else 0.0
        self.all_ms = sum(self.times)

    def _count(self, one: Seen) -> None:
        hop = one.hop
        for attempt in hop.attempts:
            if attempt.outcome is Outcome.OK:
                self.served.setdefault(attempt.deployment, f"`{hop.node}`")
            if attempt.reported_model:
                self.models[attempt.deployment][attempt.reported_model] += 1
        if hop.attempts and not hop.resumed:
            self.times.append(hop.ms)
        if one.output and hop.attempts:
            self.said.setdefault(one.output, (one.at, hop.role, hop.node))
        if one.output and one.asked:
            self.structured[hop.agent or hop.role][one.data is not None] += 1
        if hop.profile is not None:
            profile = hop.profile
            self.classes[profile.data_class] += 1
            self.vocabulary.add(profile.task)
            if hop.decision is not None:
                self.tasks[hop.agent or hop.role][profile.task] += 1
                key = (profile.task, profile.data_class, profile.risk)
                self.routes[key][hop.decision.routes] += 1


def candidate_of(decision: Decision, deployment: str) -> Candidate | None:
    """What became of that deployment in the funnel."""
    return next((c for c in decision.candidates if c.deployment == deployment), None)


def quality_of(candidate: Candidate | None) -> float | None:
    """The expected quality in 0..1; `None`: unknown."""
    return None if candidate is None else candidate.scores.get("quality")
