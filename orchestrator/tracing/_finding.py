"""Traces that are looked for, and what a list and a timeline show: read without the hops' texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Text, and_, case, cast, exists, func, or_, select

from orchestrator.money import total_cost
from orchestrator.records import Hop, Trace
from orchestrator.tracing._packing import json_text
from orchestrator.tracing._rows import read_hops, trace_of
from orchestrator.tracing._tables import attempts, hops, traces
from orchestrator.tracing.wanted import Place, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the list says of a trace's hops."""

    hops: int = 0
    failed: int = 0
    models: tuple[str, ...] = ()
    """Those that answered, each once, in the order in which they did first."""


class BriefAttempt(NamedTuple):
    """An attempt as a timeline shows it; see `records.Attempt`."""

    deployment: str
    outcome: str
    kind: str
    started_at: float
    ms: float
    cost_micro_usd: int | None
    input: int
    output: int


class BriefHop(NamedTuple):
    """A hop without its texts, its profile and its decision; see `records.Hop`."""

    trace_id: str
    id: str
    parent_id: str | None
    node: str
    round: int
    role: str
    agent: str | None
    status: str
    validated: bool | None
    resumed: bool
    ending: str | None
    started_at: float
    ms: float
    attempts: tuple[BriefAttempt, ...] = ()

    @property
    def cost_micro_usd(self) -> int | None:
        """The sum over its attempts; `None` as soon as one is unknown."""
        if len(self.attempts) == 1:  # as nearly everywhere
            return self.attempts[0].cost_micro_usd
        return total_cost([a.cost_micro_usd for a in self.attempts])


_BRIEF = tuple(
    hops.c[name]
    for name in (
        *("trace_id", "id", "parent_id", "node", "round", "role", "agent", "status", "validated"),
        *("resumed", "ending", "started_at", "ms"),
    )
)
_BRIEF_ATTEMPT = tuple(
    attempts.c[name]
    for name in (
        *("deployment", "outcome", "kind", "started_at", "ms", "cost_micro_usd"),
        *("usage_input", "usage_output"),
    )
)

_LATEST = 1000
"""Hops that may be written again at once, about; to read the times of all takes long."""


def find(connection: Connection, wanted: Wanted, limit: int, after: Place | None) -> list[Trace]:
    """The newest traces of which all that is wanted holds, newest first.

    Args:
        after: only those that come behind this place in the list.
    """
    query = select(traces).order_by(traces.c.started_at.desc(), traces.c.id.desc()).limit(limit)
    for condition in _conditions(wanted):
        query = query.where(condition)
    if after is not None:
        at = traces.c.started_at
        behind = and_(at == after.started_at, traces.c.id < after.trace_id)
        query = query.where(or_(at < after.started_at, behind))
    return [trace_of(row) for row in connection.execute(query).mappings()]


def _conditions(wanted: Wanted) -> Iterable[Any]:
    of = traces.c
    for column, value in ((of.status, wanted.status), (of.graph, wanted.graph)):
        if value:
            yield column == value
    if wanted.verdict:
        yield of.verdict.is_(None) if wanted.verdict == "none" else of.verdict == wanted.verdict
    if wanted.text:
        texts = (of.question, of.answer, of.error)
        found = [text.icontains(wanted.text, autoescape=True) for text in texts]
        yield or_(*found, of.id.startswith(wanted.text.lower(), autoescape=True))
    if wanted.since is not None:
        yield of.started_at >= wanted.since
    if wanted.until is not None:
        yield of.started_at < wanted.until
    if wanted.cost_from is not None:
        yield of.cost_micro_usd >= wanted.cost_from
    if wanted.cost_to is not None:
        yield of.cost_micro_usd <= wanted.cost_to
    if wanted.workspace is not None:
        yield of.caller["workspace"].as_string() == wanted.workspace
    if wanted.tag:  # as it stands in the list of tags, which is JSON
        yield cast(of.tags, Text).contains(json_text(wanted.tag), autoescape=True)
    yield from _of_hops(wanted)


def _of_hops(wanted: Wanted) -> Iterable[Any]:
    if wanted.task:
        task = hops.c.profile["task"].as_string()
        yield exists().where(hops.c.trace_id == traces.c.id, task == wanted.task)
    tried = []
    if wanted.model:
        name = attempts.c.deployment if "/" in wanted.model else attempts.c.model
        tried.append(name == wanted.model)
    if wanted.outcome:
        tried.append(attempts.c.outcome == wanted.outcome)
    if tried:  # both of the same attempt: a model that timed out, not one beside another that did
        yield exists().where(attempts.c.trace_id == traces.c.id, *tried)


def sums(connection: Connection, ids: Sequence[str]) -> dict[str, Sums]:
    """For each of these traces what its hops come to."""
    failed = func.sum(case((hops.c.status == "failed", 1), else_=0))
    counted = (
        select(hops.c.trace_id, func.count(), failed)
        .where(hops.c.trace_id.in_(ids))
        .group_by(hops.c.trace_id)
    )
    first = func.min(attempts.c.started_at)
    answered = (
        select(attempts.c.trace_id, attempts.c.model)
        .where(attempts.c.trace_id.in_(ids), attempts.c.outcome == "ok")
        .group_by(attempts.c.trace_id, attempts.c.model)
        .order_by(first, attempts.c.model)
    )
    models: dict[str, list[str]] = {}
    for name, model in connection.execute(answered):
        models.setdefault(name, []).append(model)
    return {
        name: Sums(hops=number, failed=int(wrong), models=tuple(models.get(name, ())))
        for name, number, wrong in connection.execute(counted)
    }


def stamp(connection: Connection, trace_id: str) -> tuple[int, int, float]:
    """How many hops a trace has, the number of the last one written, and how long the last took
    together: one that is written again gets another number, or (SQLite gives the last ones' again)
    lasted longer."""
    of, here = hops.c, hops.c.trace_id == trace_id
    count, last = connection.execute(select(func.count(), func.max(of.n)).where(here)).one()
    if not count:
        return 0, 0, 0.0
    latest = select(func.sum(of.ms)).where(here, of.n > last - _LATEST)
    return count, last, connection.execute(latest).scalar() or 0.0


def brief(connection: Connection, trace_id: str) -> list[BriefHop]:
    """All hops of a trace in the order in which they began."""
    tried = _attempts_of(connection, trace_id)
    query = select(*_BRIEF).where(hops.c.trace_id == trace_id)
    rows = connection.execute(query.order_by(hops.c.started_at, hops.c.n)).all()
    return [BriefHop._make((*row, tried.get(row[1], ()))) for row in rows]


def _attempts_of(connection: Connection, trace_id: str) -> Mapping[str, tuple[BriefAttempt, ...]]:
    query: Select[Any] = (
        select(attempts.c.hop_id, *_BRIEF_ATTEMPT)
        .where(attempts.c.trace_id == trace_id)
        .order_by(attempts.c.hop_id, attempts.c.number)
    )
    by_hop = groupby(connection.execute(query), key=itemgetter(0))
    return {name: tuple([BriefAttempt._make(r[1:]) for r in rows]) for name, rows in by_hop}


def some_hops(connection: Connection, trace_id: str, ids: Sequence[str]) -> list[Hop]:
    """Those hops of the trace, whole, in the order in which they began."""
    found: list[Hop] = []
    for at in range(0, len(ids), 500):  # a statement takes only so many values
        found += read_hops(connection, trace_id, ids=ids[at : at + 500])
    return sorted(found, key=lambda hop: hop.started_at)
