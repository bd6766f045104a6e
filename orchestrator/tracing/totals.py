"""What many traces come to: counted by the database, never read one by one.

Times are those at which requests began. Who may see one workspace alone is told of that alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
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
from orchestrator.types import Outcome

PERCENTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which requests are counted, and in which steps of time."""

    since: float
    """Seconds since the epoch, as `until`, which is not in it."""
    until: float
    step_s: int
    workspace: str | None = None
    """`None`: all."""

    @property
    def buckets(self) -> tuple[float, ...]:
        """When each step begins, in whole multiples of its length since the epoch."""
        first = int(self.since // self.step_s)
        last = int(max(self.since, self.until - 1e-6) // self.step_s)
        return tuple(float(n * self.step_s) for n in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class Ended:
    """Requests of one step of time that ended alike."""

    at: float
    status: str
    verdict: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Tried:
    """Attempts of one step of time at one model with one outcome."""

    at: float
    model: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers of one model to one task."""

    task: str
    model: str
    count: int


@dataclass(frozen=True, slots=True)
class FellBack:
    """Hops for which another deployment stepped in."""

    at: float
    chosen: str
    answered: str
    count: int


@dataclass(frozen=True, slots=True)
class Validated:
    """Answers of one model in one step of time that a validator looked at."""

    at: float
    model: str
    passed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How long it took: of one model's answers, or of whole requests in one step of time."""

    model: str
    at: float
    count: int
    ms: tuple[float, ...]
    """At `PERCENTILES`, by the nearest rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Everything at once."""

    ended: tuple[Ended, ...]
    tried: tuple[Tried, ...]
    answered: tuple[Answered, ...]
    fell_back: tuple[FellBack, ...]
    validated: tuple[Validated, ...]
    models: tuple[Speed, ...]
    """Answers by model; `at` is 0."""
    requests: tuple[Speed, ...]
    """Whole requests by step of time; `model` is empty."""


NOTHING = Totals(**{field.name: () for field in fields(Totals)})


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
