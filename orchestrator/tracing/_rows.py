"""Traces, hops and attempts as rows: written in bulk, read back whole."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, Text, cast, select, tuple_

from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing._decisions import fleet_of
from orchestrator.tracing._packing import (
    ATTEMPT,
    HOP,
    TRACE,
    Line,
    PackedHop,
    json_text,
    without_nul,
)
from orchestrator.tracing._tables import attempts, decisions, fleets, hops, traces, unexported
from orchestrator.types import (
    Caller,
    Decision,
    FleetSnapshot,
    LogRule,
    Outcome,
    TaskProfile,
    from_json,
)

_TRACES = (*TRACE, "log", "caller", "tags", "request", "owner")
_HOPS = (*HOP, "notes", "replay", "profile", "decision_key", "decision")
_ATTEMPTS = ("trace_id", "hop_id", "number", *ATTEMPT)
_TRACE_TEXTS = [TRACE.index(name) for name in ("question", "answer", "error", "parent")]
_HOP_TEXTS = [HOP.index(n) for n in ("node", "prompt", "output", "validation", "error")]
_ATTEMPT_TEXTS = [
    ATTEMPT.index(name) for name in ("error", "reported_model", "fingerprint", "finish")
]
_HOP_ID, _STATUS = HOP.index("id"), TRACE.index("status")
_OF_ATTEMPT = tuple(name for name in Attempt.__dataclass_fields__ if name != "usage")
_READ_ATTEMPT = tuple(
    attempts.c[name]
    for name in ("hop_id", *_OF_ATTEMPT, *(f"usage_{n}" for n in Usage.__dataclass_fields__))
)
_READ_HOP = (
    *(hops.c[name] for name in (*HOP, "notes", "replay")),
    cast(hops.c.profile, Text).label("profile"),  # as text: many hops of a trace have the same
    hops.c.decision_key,
    hops.c.decision,
)
_AT_ONCE = 500
"""A statement takes only so many values."""
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
        said = (json_text(line.caller), json_text(line.tags), _json_or_none(line.request))
        found.append((*values, rule, *said, of))
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
    replay = _json_or_none(hop.replay)
    return (*hop.values, notes, replay, hop.profile_json, hop.key, hop.decision)


def _json_or_none(value: Any) -> str | None:
    return None if value is None else json_text(value)


def _mend(values: list[Any], texts: Iterable[int]) -> None:
    for at in texts:
        if values[at]:
            values[at] = without_nul(values[at])


@functools.cache
def _rule_json(rule: LogRule) -> str:
    return json_text(rule)


def write_shared(connection: Connection, table: Table, contents: Mapping[str, str]) -> None:
    """Keep decisions, or fleets, JSON by key; one that is there was seen again."""
    now = time.time()
    _insert(
        connection,
        table,
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
    return None if row is None else trace_of(row)


def read_rules(connection: Connection, ids: Iterable[str]) -> dict[str, LogRule | None]:
    """Of those traces that are there, the rule that their texts were kept under."""
    query = select(traces.c.id, traces.c.log).where(traces.c.id.in_(list(ids)))
    return {name: log and LogRule(**log) for name, log in connection.execute(query)}


def read_traces(connection: Connection, limit: int, since: float | None) -> list[Trace]:
    """The newest traces, newest first."""
    query = select(traces).order_by(traces.c.started_at.desc(), traces.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(traces.c.started_at >= since)
    return [trace_of(row) for row in connection.execute(query).mappings()]


def find_traces(connection: Connection, prefix: str, limit: int) -> list[Trace]:
    """Traces whose id begins with `prefix`, by id."""
    query = select(traces).where(traces.c.id.startswith(prefix, autoescape=True))
    rows = connection.execute(query.order_by(traces.c.id).limit(limit)).mappings()
    return [trace_of(row) for row in rows]


def read_hops(
    connection: Connection,
    trace_id: str,
    *,
    undecided: bool = False,
    ids: Sequence[str] | None = None,
) -> list[Hop]:
    """The hops of a trace in the order in which they began.

    Args:
        undecided: only those without decision.
        ids: only these, at most 500.
    """
    query = select(*_READ_HOP).where(hops.c.trace_id == trace_id)
    tried = select(*_READ_ATTEMPT).where(attempts.c.trace_id == trace_id)
    if undecided:
        query = query.where(hops.c.decision.is_(None), hops.c.decision_key.is_(None))
    if ids is not None:
        query = query.where(hops.c.id.in_(ids))
        tried = tried.where(attempts.c.hop_id.in_(ids))
    rows = connection.execute(query.order_by(hops.c.started_at, hops.c.n)).all()
    made: dict[str, list[Attempt]] = {}
    for name, *line in connection.execute(tried.order_by(attempts.c.hop_id, attempts.c.number)):
        made.setdefault(name, []).append(_attempt(line))
    shared = _shared(connection, {row.decision_key for row in rows if row.decision_key})
    profiles: dict[str, TaskProfile] = {}
    return [_hop(row, made, shared, profiles) for row in rows]


def _shared(connection: Connection, keys: Iterable[str]) -> dict[str, Decision]:
    """The decisions of those keys, each made once however many hops refer to it."""
    wanted, found = sorted(keys), {}
    of = decisions.c
    for at in range(0, len(wanted), _AT_ONCE):
        query = select(of.key, of.content).where(of.key.in_(wanted[at : at + _AT_ONCE]))
        for key, content in connection.execute(query):
            found[key] = from_json(Decision, content)
    return found


def _hop(
    row: Any,
    tried: Mapping[str, Sequence[Attempt]],
    shared: Mapping[str, Decision],
    profiles: dict[str, TaskProfile],
) -> Hop:
    """The columns hold what `Hop` declares, and only what is JSON must be read.

    Args:
        profiles: those that were read already, by their JSON.
    """
    *values, notes, replay, told, key, alone = row
    profile = None
    if told is not None:
        profile = profiles.get(told)
        if profile is None:
            profile = profiles[told] = from_json(TaskProfile, json.loads(told))
    return Hop(
        **dict(zip(HOP, values, strict=True)),
        notes=tuple(notes or ()),
        replay=replay,
        profile=profile,
        decision=shared.get(key) if alone is None else from_json(Decision, alone),
        attempts=tuple(tried.get(row.id, ())),
    )


def _attempt(line: Sequence[Any]) -> Attempt:
    value = dict(zip(_OF_ATTEMPT, line, strict=False))
    value["outcome"] = Outcome(value["outcome"])
    usage = dict(zip(Usage.__dataclass_fields__, line[len(_OF_ATTEMPT) :], strict=True))
    return Attempt(**value, usage=Usage(**usage))


def read_fleet(connection: Connection, hash: str) -> FleetSnapshot | None:
    """The fleet of that hash, as decisions saw it."""
    found = select(fleets.c.content).where(fleets.c.key == hash)
    content = connection.execute(found).scalar()
    if not isinstance(content, Mapping):
        return None
    made_of = select(fleets.c.content).where(fleets.c.key == content["deployments"])
    deployments = connection.execute(made_of).scalar()
    return None if deployments is None else fleet_of(hash, deployments, content["health"])


def take_unexported(connection: Connection, most: int) -> list[str]:
    """Traces that are to be exported, the oldest first; they are no longer on the list."""
    first = select(unexported.c.trace_id).order_by(unexported.c.trace_id).limit(most)
    taken = unexported.delete().where(unexported.c.trace_id.in_(first.scalar_subquery()))
    rows = connection.execute(taken.returning(unexported.c.trace_id))
    return sorted(name for (name,) in rows)


def trace_of(row: Mapping[Any, Any]) -> Trace:
    """A row of the table `traces`."""
    value = {name: row[name] for name in TRACE}
    value["log"] = None if row["log"] is None else LogRule(**row["log"])
    value["caller"] = Caller(**(row["caller"] or {}))
    value["tags"] = tuple(row["tags"] or ())
    value["request"] = row["request"]
    return Trace(**value)
