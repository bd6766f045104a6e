"""What recorded runs have used, step by step and without texts: a fraction of a whole trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.types import Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedCall:
    """One attempt."""

    deployment: str
    model: str
    outcome: Outcome
    kind: str
    ms: float
    input: int
    cached_input: int
    output: int
    cost_micro_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedStep:
    """One hop."""

    node: str
    round: int
    role: str
    agent: str | None
    status: str
    started_at: float
    ms: float
    input_tokens: int | None
    """As its profile has counted them; `None` where no model was asked."""
    calls: tuple[UsedCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRun:
    """One trace."""

    id: str
    started_at: float
    ms: float
    cost_micro_usd: int | None
    question: str | None
    steps: tuple[UsedStep, ...]
    """In the order in which they began."""


def read_runs(connection: Connection, graph: str, limit: int) -> list[UsedRun]:
    """The newest runs of the graph that ended well, newest first; see `TraceStore.used`."""
    from sqlalchemy import select

    from orchestrator.tracing._tables import attempts, hops, traces

    chosen = select(traces).where(traces.c.graph == graph, traces.c.status == "ok")
    chosen = chosen.order_by(traces.c.started_at.desc(), traces.c.id.desc()).limit(limit)
    found = connection.execute(chosen).mappings().all()
    ids = [row["id"] for row in found]
    calls: dict[tuple[str, str], list[UsedCall]] = {}
    steps: dict[str, list[UsedStep]] = {}
    for some in _parts(ids):
        lines = select(
            *(attempts.c[name] for name in ("trace_id", "hop_id", *_PLAIN)),
            *(attempts.c[f"usage_{name}"] for name in _USAGE),
        ).where(attempts.c.trace_id.in_(some))
        ordered = lines.order_by(attempts.c.trace_id, attempts.c.hop_id, attempts.c.number)
        for trace, hop, *values in connection.execute(ordered):
            calls.setdefault((trace, hop), []).append(_call(values))
        counted = hops.c.profile["input_tokens"].as_integer()
        rows = select(
            *(hops.c[name] for name in ("trace_id", "id", *_OF_STEP)), counted.label("counted")
        ).where(hops.c.trace_id.in_(some))
        for trace, hop, *values in connection.execute(rows.order_by(hops.c.started_at, hops.c.n)):
            fields = dict(zip((*_OF_STEP, "input_tokens"), values, strict=True))
            made = UsedStep(**fields, calls=tuple(calls.pop((trace, hop), ())))
            steps.setdefault(trace, []).append(made)
    return [
        UsedRun(
            id=row["id"],
            started_at=row["started_at"],
            ms=row["ms"],
            cost_micro_usd=row["cost_micro_usd"],
            question=row["question"],
            steps=tuple(steps.get(row["id"], ())),
        )
        for row in found
    ]


_PLAIN = ("deployment", "model", "outcome", "kind", "ms", "cost_micro_usd")
_USAGE = ("input", "cached_input", "output")
_OF_STEP = ("node", "round", "role", "agent", "status", "started_at", "ms")
_AT_ONCE = 200
"""Traces asked for in one query; databases take only so many parameters."""


def _call(values: list[Any]) -> UsedCall:
    fields = dict(zip((*_PLAIN, *_USAGE), values, strict=True))
    return UsedCall(**{**fields, "outcome": Outcome(fields["outcome"])})


def _parts(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
