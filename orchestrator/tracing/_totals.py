"""Traces counted by the database; see `totals`, which loads none of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    cast,
    func,
    select,
)

from orchestrator.tracing._tables import attempts, hops, traces
from orchestrator.tracing.totals import (
    PERCENTILES,
    Answered,
    Ended,
    FellBack,
    Range,
    Speed,
    Totals,
    Tried,
    Validated,
)
from orchestrator.types import Outcome


def read_totals(connection: Connection, span: Range) -> Totals:
    """Count what is on record of a span of time."""
    reader = _Reader(connection, span)
    return Totals(
        ended=tuple(reader.ended()),
        tried=tuple(reader.tried()),
        answered=tuple(reader.answered()),
        fell_back=tuple(reader.fell_back()),
        validated=tuple(reader.validated()),
        models=tuple(reader.models()),
        requests=tuple(reader.requests()),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    connection: Connection
    span: Range

    @property
    def _at(self) -> ColumnElement[int]:
        """The number of the step; PostgreSQL would round where SQLite cuts off."""
        number = traces.c.started_at / float(self.span.step_s)
        if self.connection.dialect.name != "sqlite":
            number = func.floor(number)
        return cast(number, BigInteger)

    @property
    def _wanted(self) -> ColumnElement[bool]:
        span = self.span
        found = and_(traces.c.started_at >= span.since, traces.c.started_at < span.until)
        if span.workspace is not None:
            found = and_(found, traces.c.caller["workspace"].as_string() == span.workspace)
        return found

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        return self.connection.execute(query.where(self._wanted)).all()

    def _time(self, number: int) -> float:
        return float(number * self.span.step_s)

    def ended(self) -> Iterator[Ended]:
        at = self._at.label("at")
        kind = (traces.c.status, traces.c.verdict)
        query = select(at, *kind, func.count()).group_by(at, *kind).order_by(at, *kind)
        for number, status, verdict, count in self._rows(query):
            yield Ended(self._time(number), status, verdict, count)

    def tried(self) -> Iterator[Tried]:
        at = self._at.label("at")
        kind = (attempts.c.model, attempts.c.outcome)
        query = (
            select(at, *kind, func.count())
            .join_from(traces, attempts, attempts.c.trace_id == traces.c.id)
            .group_by(at, *kind)
            .order_by(at, *kind)
        )
        for number, model, outcome, count in self._rows(query):
            yield Tried(self._time(number), model, outcome, count)

    def answered(self) -> Iterator[Answered]:
        task = func.coalesce(hops.c.profile["task"].as_string(), "").label("task")
        query = _with_hops(select(task, attempts.c.model, func.count())).where(_good())
        grouped = query.group_by(task, attempts.c.model).order_by(task, attempts.c.model)
        for name, model, count in self._rows(grouped):
            yield Answered(name, model, count)

    def fell_back(self) -> Iterator[FellBack]:
        first = attempts.alias("first")
        at = self._at.label("at")
        sides = (first.c.deployment, attempts.c.deployment)
        query = (
            select(at, *sides, func.count())
            .join_from(traces, attempts, attempts.c.trace_id == traces.c.id)
            .join(
                first,
                and_(
                    first.c.trace_id == attempts.c.trace_id,
                    first.c.hop_id == attempts.c.hop_id,
                    first.c.number == 0,
                ),
            )
            .where(attempts.c.kind == "fallback", _good())
            .group_by(at, *sides)
            .order_by(at, *sides)
        )
        for number, chosen, answered, count in self._rows(query):
            yield FellBack(self._time(number), chosen, answered, count)

    def validated(self) -> Iterator[Validated]:
        at = self._at.label("at")
        last = attempts.alias("last")
        latest = (
            select(func.max(last.c.number))
            .where(last.c.trace_id == hops.c.trace_id, last.c.hop_id == hops.c.id)
            .scalar_subquery()
        )
        kind = (attempts.c.model, hops.c.validated)
        query = (
            _with_hops(select(at, *kind, func.count()))
            .where(hops.c.validated.is_not(None), attempts.c.number == latest)
            .group_by(at, *kind)
            .order_by(at, *kind)
        )
        found: dict[tuple[int, str], list[int]] = {}
        for number, model, passed, count in self._rows(query):
            found.setdefault((number, model), [0, 0])[not passed] += count
        for (number, model), (passed, failed) in found.items():
            yield Validated(self._time(number), model, passed, failed)

    def models(self) -> Iterator[Speed]:
        query = (
            select(attempts.c.model.label("of"), attempts.c.ms.label("ms"))
            .join_from(traces, attempts, attempts.c.trace_id == traces.c.id)
            .where(_good(), attempts.c.kind != "cached")
        )
        for model, count, ms in self._percentiles(query):
            yield Speed(model, 0.0, count, ms)

    def requests(self) -> Iterator[Speed]:
        query = select(self._at.label("of"), traces.c.ms.label("ms")).where(
            traces.c.status.in_(("ok", "failed"))
        )
        for number, count, ms in self._percentiles(query):
            yield Speed("", self._time(number), count, ms)

    def _percentiles(self, query: Select[Any]) -> Iterator[tuple[Any, int, tuple[float, ...]]]:
        """For each `of` how many there are, and the values at the nearest ranks (⌈p·n⌉)."""
        inner = query.where(self._wanted).subquery()
        place = func.row_number().over(partition_by=inner.c.of, order_by=inner.c.ms)
        many = func.count().over(partition_by=inner.c.of)
        placed = select(inner.c.of, inner.c.ms, place.label("n"), many.label("many")).subquery()
        rank = {
            p: (placed.c.n * 100 >= placed.c.many * round(p * 100))
            & ((placed.c.n - 1) * 100 < placed.c.many * round(p * 100))
            for p in PERCENTILES
        }
        values = [func.max(placed.c.ms).filter(here) for here in rank.values()]
        outer = select(placed.c.of, func.max(placed.c.many), *values).group_by(placed.c.of)
        for of, count, *ms in self.connection.execute(outer.order_by(placed.c.of)):
            yield of, count, tuple(ms)


def _with_hops(query: Select[Any]) -> Select[Any]:
    return query.join_from(traces, hops, hops.c.trace_id == traces.c.id).join(
        attempts, and_(attempts.c.trace_id == hops.c.trace_id, attempts.c.hop_id == hops.c.id)
    )


def _good() -> ColumnElement[bool]:
    return attempts.c.outcome == str(Outcome.OK)
