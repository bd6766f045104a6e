"""What the cache of answers keeps, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.caching.keys import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Who gave an answer, and how it ended."""

    deployment: str
    model: str
    family: str | None
    finish_reason: str = "stop"
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A kept answer."""

    id: int
    trace_id: str
    """Of the request that was answered with it first."""
    text: str
    answer: str
    about: About
    cost_micro_usd: int | None
    """What it cost; `None`: unknown."""
    ms: float
    """How long it took."""
    made_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """An answer that is to be kept."""

    key: Key
    trace_id: str
    space: str
    """Name of the embedder; empty where there is no vector."""
    vector: bytes | None
    answer: str
    about: About
    cost_micro_usd: int | None
    ms: float
    made_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HitLine:
    """That an answer was given again."""

    entry: int
    tenant: str
    trace_id: str
    kind: str
    at: float
    similarity: float
    saved_micro_usd: int | None
    saved_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """At this score the entry's answer would have been right, or wrong."""

    score: float
    correct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What is kept, and what it has saved."""

    entries: int
    expired: int
    tenants: int
    hits: dict[str, int]
    """By kind: `exact`, `semantic`."""
    saved_micro_usd: int
    """As far as it is known."""
    saved_unknown: int
    """Hits of which it is not."""
    saved_ms: float
    observations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Which answers are to go: those for which all that is set holds; all, where nothing is."""

    entry: int | None = None
    tenant: str | None = None
    policy_hash: str | None = None
    tag: str | None = None
    source: str | None = None
    """Hash of a document that the request quoted."""
    trace_id: str | None = None
    before: float | None = None
    """Those that were good until then, in seconds since the epoch."""
