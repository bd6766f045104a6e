"""What is recorded of a request: its attempts, its hops, its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.money import Usage
from orchestrator.types import (
    Caller,
    Decision,
    Ending,
    LogRule,
    Outcome,
    TaskProfile,
    VerdictName,
)

AttemptKind = Literal[
    "first", "retry", "fallback", "repair", "hedge", "racer", "panelist", "cached"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to one deployment."""

    deployment: str
    model: str
    family: str | None
    outcome: Outcome
    started_at: float
    """Seconds since the epoch."""
    ms: float
    first_token_ms: float | None = None
    usage: Usage = Usage()
    cost_micro_usd: int | None = 0
    """`None` is unknown."""
    error: str | None = None
    kind: AttemptKind = "first"
    """Why it was made."""
    continued: bool = False
    """It was asked to go on with a text that an earlier attempt had begun."""
    retry_after_s: float | None = None
    """What the provider, or a limit of our own, asked for."""
    confidence: float | None = None
    """How sure the model was, in 0..1: the geometric mean of its tokens' probabilities."""
    reported_model: str | None = None
    fingerprint: str | None = None
    finish: str | None = None
    """The provider's own reason why it stopped (`stop`, `length`, …); `None` where none came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of an agent, as the trace keeps it."""

    id: str
    trace_id: str
    parent_id: str | None = None
    node: str
    """The graph's node; for a subtask `node/subtask-id`."""
    round: int = 0
    role: str
    agent: str | None = None
    profile: TaskProfile | None = None
    decision: Decision | None = None
    attempts: tuple[Attempt, ...] = ()
    prompt: str | None = None
    output: str | None = None
    validated: bool | None = None
    """True or False after a validator ran; `None` where there was none."""
    validation: str = ""
    status: Literal["ok", "failed", "skipped", "cancelled", "unknown"] = "ok"
    error: str | None = None
    ending: Ending | None = None
    """How its answer came together; `None` where no model was called."""
    resumed: bool = False
    """True where the result came from the journal and nothing ran."""
    notes: tuple[str, ...] = ()
    replay: Mapping[str, Any] | None = None
    """What a replay needs besides the texts, where it needs more: what a tool brought and which
    sources it read, tool calls, the kind of an error. Only where all texts are kept."""
    started_at: float = 0.0
    ms: float = 0.0

    @property
    def cost_micro_usd(self) -> int | None:
        """The sum over its attempts; `None` as soon as one is unknown."""
        costs = [a.cost_micro_usd for a in self.attempts]
        return None if any(c is None for c in costs) else sum(c or 0 for c in costs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One request: its hops are kept apart and found by `id`."""

    id: str
    graph: str
    status: Literal["running", "waiting", "ok", "failed", "cancelled", "unknown"]
    """`waiting`: for a person's answer; `unknown`: the process that served it is no more."""
    started_at: float
    ms: float = 0.0
    verdict: VerdictName | None = None
    cost_micro_usd: int | None = 0
    question: str | None = None
    answer: str | None = None
    error: str | None = None
    project_hash: str = ""
    policy_hash: str = ""
    fleet_hash: str = ""
    caller: Caller = Caller()
    tags: tuple[str, ...] = ()
    parent: str = ""
    """The caller's `traceparent` (W3C Trace Context), where it sent one."""
    log: LogRule | None = None
    """What may be kept of the request's own texts, where admission knows it; hops tighten it."""
    request: Mapping[str, Any] | None = None
    """What was asked for, as a replay needs it: a run's inputs and options, or a single call. Only
    where all texts are kept."""
    origin: str = ""
    """The trace that this one repeats from some hop on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a person, or a check after the fact, says of how good an answer was."""

    trace_id: str
    hop_id: str = ""
    """Empty: of the whole trace."""
    score: float
    """0 is bad, 1 is good."""
    weight: float = 1.0
    """How much it counts, in 0..1."""
    source: str = "person"
    """`person`, or a name for what found out: `downstream`, `tests`, …"""
    by: str
    """Who says so, of all that share a limit: a key's id, a user of this machine."""
    at: float
    """Seconds since the epoch."""
    comment: str = ""


AuditKind = Literal[
    "decision",
    "refusal",
    "approval",
    "tool",
    "redaction",
    "restoration",
    "unsafe",
    "injection",
    "risk",
    "policy",
    "deletion",
    "retention",
    "configuration",
    "verdict",
    "gap",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Something that an auditor will ask for. Names, classes, counts and hashes; never a text."""

    kind: AuditKind
    what: str
    """In a few words, for a person: `refused: pii may not go to hosted models`."""
    at: float
    """Seconds since the epoch."""
    trace_id: str = ""
    by: str = ""
    """Who did it: a person, `key:ID`, or a part of the mesh."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON content: `data_class`, `model`, `rule`, `tool`, `arguments_hash`, …"""
