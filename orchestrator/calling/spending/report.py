"""What was spent, by whom, on what: sums over the ledger's lines, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Any

from orchestrator.calling.spending import spooled
from orchestrator.calling.spending.book import Book
from orchestrator.calling.spending.lines import SCHEMA
from orchestrator.calling.spending.owners import gone, marks_of
from orchestrator.errors import StorageError, UnknownNameError
from orchestrator.money import usd
from orchestrator.storage.sqlite import connect, writing
from orchestrator.types import Outcome

_NOT_RECORDED = "not recorded"
"""The outcome of lines that were written before outcomes were."""
_NOT_FAILED = (Outcome.OK, Outcome.UNSURE, Outcome.CANCELLED, Outcome.UNKNOWN, _NOT_RECORDED)
_OUTCOME = f"coalesce(outcome, iif(expires IS NULL, '{_NOT_RECORDED}', '{Outcome.UNKNOWN}'))"

DIMENSIONS = {
    "feature": "feature",
    "user": "end_user",
    "user_tier": "user_tier",
    "tier": "user_tier",
    "workspace": "workspace",
    "key": "key_id",
    "model": "model",
    "deployment": "deployment",
    "tag": "(SELECT coalesce(group_concat(value, ', '), '') FROM json_each(spend.tags))",
    "outcome": _OUTCOME,
    "kind": "coalesce(kind, '')",
    "day": "strftime('%Y-%m-%d', at, 'unixepoch')",
    "hour": "strftime('%Y-%m-%dT%H', at, 'unixepoch')",
}
"""What costs can be told apart by. Several tags of one call stand together (`a, b`), so that
nothing is counted twice; days and hours are those of UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Sums over attempts."""

    attempts: int = 0
    answers: int = 0
    """Attempts that gave a valid answer."""
    failed: int = 0
    """Neither that, nor an answer that a stronger model was asked to better, nor stopped."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of those sent: read from a provider's cache."""
    reasoning_tokens: int = 0
    """Of those written: thought."""
    known_micro_usd: int = 0
    """Of the attempts whose cost is known."""
    unknown: int = 0
    """Attempts whose cost nobody knows."""
    unknown_micro_usd: int = 0
    """What was reserved for those."""
    estimated: int = 0
    """Attempts whose tokens were counted here, since the provider reported none."""

    def __add__(self, other: Costs) -> Costs:
        return Costs(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in _SUMS})

    @property
    def cost_usd(self) -> float | None:
        """Dollars; `None` as soon as the cost of one attempt is unknown."""
        return None if self.unknown else usd(self.known_micro_usd)


_SUMS = fields(Costs)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """What was spent from `since` until before `until`, both in seconds since the epoch."""

    by: tuple[str, ...]
    since: float
    until: float
    rows: tuple[tuple[tuple[str, ...], Costs], ...]
    """For each group its names, in the order of `by`, and its sums; the dearest first, days and
    hours in their order. An empty name: nothing was said."""
    under_way: int
    """Attempts that are not over, and are in none of the rows."""
    reserved_micro_usd: int
    """For those."""

    @property
    def total(self) -> Costs:
        """The sum of the rows."""
        return reduce(Costs.__add__, (costs for _, costs in self.rows), Costs())


def read_costs(
    path: Path, by: Sequence[str], *, since: float, until: float, now: float
) -> CostReport:
    """Sum the lines of a ledger's file up, those that are spooled included.

    Raises:
        UnknownNameError: nothing of that name can be told apart.
        StorageError: the file cannot be read.
    """
    for name in by:
        if name not in DIMENSIONS:
            raise UnknownNameError("dimension of costs", name, tuple(DIMENSIONS))
    groups: list[tuple[tuple[str, ...], Costs]] = []
    under_way, reserved = 0, 0
    spooled.book(path, wait_s=10.0)
    if path.exists():
        try:
            with closing(connect(path, SCHEMA)) as db:
                _end_lost(db, path, now)
                groups = _groups(db, by, since, until, now)
                under_way, reserved = _under_way(db, since, until, now)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"the ledger {path} cannot be read: {error}") from error
    return CostReport(
        by=tuple(by),
        since=since,
        until=until,
        rows=tuple(sorted(groups, key=lambda group: _place(by, *group))),
        under_way=under_way,
        reserved_micro_usd=reserved,
    )


def _end_lost(db: sqlite3.Connection, path: Path, now: float) -> None:
    """What a process that has died was about is not under way any more."""
    book = Book(db)
    lost = gone(marks_of(path), book.owners(now))
    if lost:
        with writing(db):
            book.lapse(lost, now)


def _groups(
    db: sqlite3.Connection, by: Sequence[str], since: float, until: float, now: float
) -> list[tuple[tuple[str, ...], Costs]]:
    marks = ", ".join("?" * len(_NOT_FAILED))
    sums = {
        "attempts": "count(*)",
        "answers": f"sum({_OUTCOME} = '{Outcome.OK}')",
        "failed": f"sum({_OUTCOME} NOT IN ({marks}))",
        "input_tokens": "coalesce(sum(input_tokens), 0)",
        "output_tokens": "coalesce(sum(output_tokens), 0)",
        "cached_tokens": "coalesce(sum(cached_tokens), 0)",
        "reasoning_tokens": "coalesce(sum(reasoning_tokens), 0)",
        "known_micro_usd": "coalesce(sum(cost), 0)",
        "unknown": "sum(cost IS NULL)",
        "unknown_micro_usd": "coalesce(sum(iif(cost IS NULL, amount, 0)), 0)",
        "estimated": "sum(coalesce(estimated, 0))",
    }
    names = [DIMENSIONS[name] for name in by]
    grouped = f" GROUP BY {', '.join(names)}" if names else ""
    rows = db.execute(
        f"SELECT {', '.join([*sums.values(), *names])} FROM spend"
        f" WHERE at >= ? AND at < ? AND (expires IS NULL OR expires <= ?){grouped}",
        (*_NOT_FAILED, since, until, now),
    ).fetchall()
    counted = [dict(zip(sums, row[: len(sums)], strict=True)) for row in rows if row[0]]
    named = [tuple(map(str, row[len(sums) :])) for row in rows if row[0]]
    return [(names, Costs(**found)) for names, found in zip(named, counted, strict=True)]


def _under_way(db: sqlite3.Connection, since: float, until: float, now: float) -> tuple[int, int]:
    leased = "SELECT amount, at FROM spend WHERE expires > ? UNION ALL SELECT amount, at FROM begun"
    found: tuple[int, int] = db.execute(
        f"SELECT count(*), coalesce(sum(amount), 0) FROM ({leased}) WHERE at >= ? AND at < ?",
        (now, since, until),
    ).fetchone()
    return found


def _place(by: Sequence[str], names: tuple[str, ...], costs: Costs) -> tuple[Any, ...]:
    day = names[0] if by and by[0] in ("day", "hour") else ""
    return (day, -costs.known_micro_usd, -costs.unknown_micro_usd, -costs.attempts, names)
