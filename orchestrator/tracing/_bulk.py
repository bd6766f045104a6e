"""Hops of many traces at once, and when deployments last answered: for who looks back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from orchestrator.records import Attempt, Hop
from orchestrator.tracing._rows import _READ_ATTEMPT, _READ_HOP, _attempt, _hop, _shared
from orchestrator.tracing._tables import attempts, hops
from orchestrator.types import Outcome, TaskProfile

_PART = 400
"""A statement takes only so many values."""


def read_hops_of(connection: Connection, trace_ids: Sequence[str]) -> dict[str, list[Hop]]:
    """The hops of those traces, in the order in which they began, by trace."""
    found: dict[str, list[Hop]] = {name: [] for name in trace_ids}
    for at in range(0, len(trace_ids), _PART):
        _read(connection, trace_ids[at : at + _PART], found)
    return found


def _read(connection: Connection, ids: Sequence[str], found: dict[str, list[Hop]]) -> None:
    tried: dict[str, dict[str, list[Attempt]]] = {name: {} for name in ids}
    lines = select(attempts.c.trace_id, *_READ_ATTEMPT).where(attempts.c.trace_id.in_(ids))
    lines = lines.order_by(attempts.c.trace_id, attempts.c.hop_id, attempts.c.number)
    for trace, hop, *line in connection.execute(lines):
        tried[trace].setdefault(hop, []).append(_attempt(line))
    query = select(*_READ_HOP).where(hops.c.trace_id.in_(ids))
    rows = connection.execute(query.order_by(hops.c.started_at, hops.c.n)).all()
    shared = _shared(connection, {row.decision_key for row in rows if row.decision_key})
    profiles: dict[str, TaskProfile] = {}
    for row in rows:
        found[row.trace_id].append(_hop(row, tried[row.trace_id], shared, profiles))


def read_last_answers(connection: Connection) -> dict[str, float]:
    """By deployment: when its last good answer began, in seconds since the epoch."""
    last = func.max(attempts.c.started_at)
    good = attempts.c.outcome == str(Outcome.OK)
    query = select(attempts.c.deployment, last).where(good, attempts.c.kind != "cached")
    rows = connection.execute(query.group_by(attempts.c.deployment))
    return {row[0]: row[1] for row in rows}
