"""Traces, hops and attempts as rows: written in bulk, read back whole."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, select, tuple_

from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing._packing import (
    ATTEMPT,
    HOP,
    TRACE,
    Line,
    PackedHop,
    json_text,
    without_nul,
)
from orchestrator.tracing._tables import attempts, decisions, hops, traces, unexported
from orchestrator.types import Caller, LogRule, from_json

_TRACES = (*TRACE, "log", "caller", "tags", "owner")
_HOPS = (*HOP, "notes", "profile", "decision_key", "decision")
_ATTEMPTS = ("trace_id", "hop_id", "number", *ATTEMPT)
_TRACE_TEXTS = [TRACE.index(name) for name in ("question", "answer", "error", "parent")]
_HOP_TEXTS = [HOP.index(n) for n in ("node", "prompt", "output", "validation", "error")]
_ATTEMPT_TEXTS = [
    ATTEMPT.index(name) for name in ("error", "reported_model", "fingerprint", "finish")
]
_HOP_ID, _STATUS = HOP.index("id"), TRACE.index("status")
_STAYS = " ON CONFLICT DO NOTHING"


# ── writing ──────────────────────────────────────────────────────────────────────────────


def write_traces(
    connection: Connection, lines: Sequence[Line], *, owner: str | None, new: bool
) -> None:
    """Put the traces in the place of those with the same ids.

    Args:
        lines: each with a trace.
        owner: who writes of those that have not ended, where he may die.
        new: none of them is there yet; one that is, stays.
    """
    found = []
    for line in lines:
        values = line.trace or []
        _mend(values, _TRACE_TEXTS)
        rule = None if line.rule is None else _rule_json(line.rule)
        of = owner if values[_STATUS] == "running" else None
        found.append((*values, rule, json_text(line.caller), json_text(line.tags), of))
    if not new and found:
        ids = [line.trace_id for line in lines]
        connection.execute(traces.delete().where(traces.c.id.in_(ids)))
    _insert(connection, traces, _TRACES, found, _STAYS if new else "")


def write_hops(connection: Connection, lines: Sequence[Line], *, new: bool) -> None:
    """Put the hops in the place of those with the same ids.

    Args:
        lines: each with hops of different ids.
        new: none of them is there yet; one that is, stays.
    """
    found, tried = [], []
    for line in lines:
        for hop in line.hops:
            found.append(_hop_row(hop))
            for number, values in enumerate(hop.attempts):
                _mend(values, _ATTEMPT_TEXTS)
                tried.append((line.trace_id, hop.values[_HOP_ID], number, *values))
    if not new and found:
        ids = [(line.trace_id, hop.values[_HOP_ID]) for line in lines for hop in line.hops]
        for table, column in ((hops, hops.c.id), (attempts, attempts.c.hop_id)):
            keys = tuple_(table.c.trace_id, column)
            connection.execute(table.delete().where(keys.in_(ids)))
    end = _STAYS if new else ""
    _insert(connection, hops, _HOPS, found, end)
    _insert(connection, attempts, _ATTEMPTS, tried, end)


def _hop_row(hop: PackedHop) -> tuple[Any, ...]:
    _mend(hop.values, _HOP_TEXTS)
    notes = json_text(hop.notes) if hop.notes else "[]"
    return (*hop.values, notes, hop.profile_json, hop.key, hop.decision)


def _mend(values: list[Any], texts: Iterable[int]) -> None:
    for at in texts:
        if values[at]:
            values[at] = without_nul(values[at])


@functools.cache
def _rule_json(rule: LogRule) -> str:
    return json_text(rule)


def write_decisions(connection: Connection, contents: Mapping[str, str]) -> None:
    """Keep decisions that hops refer to, JSON by key; one that is there was seen again."""
    now = time.time()
    _insert(
        connection,
        decisions,
        ("key", "content", "seen_at"),
        [(key, content, now) for key, content in contents.items()],
        " ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at",
    )


def write_unexported(connection: Connection, ids: Iterable[str]) -> None:
    """Traces that ended and are to be exported."""
    _insert(connection, unexported, ("trace_id",), [(name,) for name in ids], _STAYS)


def _insert(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    end: str,
) -> None:
    """By the driver itself: SQLAlchemy would look at every value of every row."""
    if rows:
        statement = _statement(table.name, columns, connection.dialect.paramstyle)
        connection.exec_driver_sql(statement + end, list(rows))


@functools.cache
def _statement(table: str, columns: tuple[str, ...], style: str) -> str:
    mark = "?" if style == "qmark" else "%s"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


# ── reading ──────────────────────────────────────────────────────────────────────────────


def read_trace(connection: Connection, trace_id: str) -> Trace | None:
    """The trace with exactly that id."""
    row = connection.execute(select(traces).where(traces.c.id == trace_id)).mappings().first()
    return None if row is None else _trace(row)


def read_rules(connection: Connection, ids: Iterable[str]) -> dict[str, LogRule | None]:
    """Of those traces that are there, the rule that their texts were kept under."""
    query = select(traces.c.id, traces.c.log).where(traces.c.id.in_(list(ids)))
    return {name: log and LogRule(**log) for name, log in connection.execute(query)}


def read_traces(connection: Connection, limit: int, since: float | None) -> list[Trace]:
    """The newest traces, newest first."""
    query = select(traces).order_by(traces.c.started_at.desc(), traces.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(traces.c.started_at >= since)
    return [_trace(row) for row in connection.execute(query).mappings()]


def find_traces(connection: Connection, prefix: str, limit: int) -> list[Trace]:
    """Traces whose id begins with `prefix`, by id."""
    query = select(traces).where(traces.c.id.startswith(prefix, autoescape=True))
    rows = connection.execute(query.order_by(traces.c.id).limit(limit)).mappings()
    return [_trace(row) for row in rows]


def read_hops(connection: Connection, trace_id: str, *, undecided: bool = False) -> list[Hop]:
    """The hops of a trace in the order in which they began; `undecided`: only without decision."""
    whole = func.coalesce(hops.c.decision, decisions.c.content, type_=hops.c.decision.type)
    query = (
        select(*(hops.c[name] for name in (*HOP, "notes", "profile")), whole.label("decision"))
        .join_from(hops, decisions, decisions.c.key == hops.c.decision_key, isouter=True)
        .where(hops.c.trace_id == trace_id)
    )
    if undecided:
        query = query.where(hops.c.decision.is_(None), hops.c.decision_key.is_(None))
    rows = connection.execute(query.order_by(hops.c.started_at, hops.c.n)).mappings().all()
    lines = connection.execute(
        select(attempts)
        .where(attempts.c.trace_id == trace_id)
        .order_by(attempts.c.hop_id, attempts.c.number)
    ).mappings()
    by_hop: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_hop.setdefault(line["hop_id"], []).append(_attempt_value(line))
    return [from_json(Hop, {**row, "attempts": by_hop.get(row["id"], [])}) for row in rows]


def take_unexported(connection: Connection, most: int) -> list[str]:
    """Traces that are to be exported, the oldest first; they are no longer on the list."""
    first = select(unexported.c.trace_id).order_by(unexported.c.trace_id).limit(most)
    taken = unexported.delete().where(unexported.c.trace_id.in_(first.scalar_subquery()))
    rows = connection.execute(taken.returning(unexported.c.trace_id))
    return sorted(name for (name,) in rows)


def _attempt_value(line: Mapping[Any, Any]) -> dict[str, Any]:
    value = {name: line[name] for name in Attempt.__dataclass_fields__ if name != "usage"}
    usage = {name: line[f"usage_{name}"] for name in Usage.__dataclass_fields__}
    return {**value, "usage": usage}


def _trace(row: Mapping[Any, Any]) -> Trace:
    value = {name: row[name] for name in TRACE}
    value["log"] = None if row["log"] is None else LogRule(**row["log"])
    value["caller"] = Caller(**(row["caller"] or {}))
    value["tags"] = tuple(row["tags"] or ())
    return Trace(**value)
