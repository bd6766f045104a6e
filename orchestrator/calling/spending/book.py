"""The book of leases and lines: everything a ledger does, inside one transaction at a time.

Checking and reserving are one step of one transaction, so that calls never pass a budget together,
also not from several processes on one file. Sums of a window are kept in memory and brought up to
date with the lines that came since, whoever wrote them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.calling.spending.caps import Cap
from orchestrator.calling.spending.lines import row_of_attempt, row_of_charge
from orchestrator.project.protocols import Standing
from orchestrator.records import Attempt
from orchestrator.types import Charge, Outcome

_KEPT_SUMS = 10_000
"""How many sums are kept in memory; with more, the oldest is forgotten and summed up again."""


@dataclass(frozen=True, slots=True)
class Free:
    """An attempt that was to cost nothing, and how it ended."""

    lease: str
    charge: Charge
    at: float
    attempt: Attempt


@dataclass(slots=True)
class Book:
    """A ledger's table. Its user sees to transactions, threads, and errors of the disk."""

    db: sqlite3.Connection
    owner: str = ""
    """Who holds the leases that are made here; empty: nobody can tell whether they still live."""
    free_lost: Callable[[], int] = lambda: 0
    """Frees the leases of owners that are gone; how many there were."""
    _sums: dict[tuple[Any, ...], tuple[int, int]] = field(default_factory=dict)
    """For each cap: the number of the newest line that was seen, and the sum up to there."""

    def reserve(
        self,
        lease: str,
        charge: Charge,
        caps: Sequence[Cap],
        wanted: int,
        *,
        now: float,
        expires: float,
    ) -> None:
        """Open a lease. Raises `OverBudgetError` where one of the `caps` would be passed."""
        full = self._full(caps, wanted, now)
        if full is not None and self.free_lost():
            full = self._full(caps, wanted, now)
        if full is not None:
            cap, spent = full
            raise cap.refuse(spent, wanted, now)
        row = {"lease": lease, "amount": wanted, "at": now, "expires": expires, "owner": self.owner}
        self._insert({**row, **row_of_charge(charge)})

    def _full(self, caps: Sequence[Cap], wanted: int, now: float) -> tuple[Cap, int] | None:
        """The first cap that would be passed, and what is spent of it."""
        for cap in caps if wanted else ():
            if cap.limit is None:
                continue
            spent = self.spent(cap, now)
            if spent + wanted > cap.limit:
                return cap, spent
        return None

    def settle(self, lease: str, attempt: Attempt) -> None:
        """Turn a lease into a line; nothing happens where it was ended before.

        An unknown cost is charged as it was reserved.
        """
        row = row_of_attempt(attempt)
        done = self.db.execute(
            f"UPDATE spend SET {_assigned(row)}, amount = coalesce(:cost, amount), expires = NULL"
            " WHERE lease = :lease AND expires IS NOT NULL RETURNING amount",
            {**row, "lease": lease},
        ).fetchone()
        if done and done[0]:
            self._number(lease)

    def settle_free(self, line: Free) -> None:
        """The line of an attempt that had no lease here, since it was to cost nothing."""
        cost = line.attempt.cost_micro_usd or 0
        row = {"lease": line.lease, "amount": cost, "at": line.at, "expires": None}
        self._insert({**row, **row_of_charge(line.charge), **row_of_attempt(line.attempt)})
        if cost:
            self._number(line.lease)

    def release(self, lease: str) -> None:
        """Take an open lease back, without a trace."""
        self.db.execute("DELETE FROM spend WHERE lease = ? AND expires IS NOT NULL", (lease,))

    def owners(self, now: float) -> list[str]:
        """Who else holds an open lease."""
        rows = self.db.execute(
            "SELECT DISTINCT owner FROM spend WHERE expires > ? AND owner NOT IN ('', ?)",
            (now, self.owner),
        )
        return [owner for (owner,) in rows]

    def lapse(self, owners: Collection[str], now: float) -> int:
        """End the open leases of owners that are gone: what they have cost is unknown."""
        marks = ", ".join("?" * len(owners))
        return self.db.execute(
            f"UPDATE spend SET expires = 0, outcome = ? WHERE expires > ? AND owner IN ({marks})",
            (Outcome.UNKNOWN, now, *owners),
        ).rowcount

    # ── sums ─────────────────────────────────────────────────────────────────────────────

    def standing(self, caps: Sequence[Cap], now: float) -> Standing:
        """How somebody stands with the caps that bind them."""
        return standing((cap, self.spent(cap, now)) for cap in caps)

    def spent(self, cap: Cap, now: float) -> int:
        """Micro-dollars that the cap counts: settled, under an open lease, or in an allowance."""
        where, values = f"at >= ? AND {cap.where}", (cap.since, *cap.values)
        if cap.of_run:  # short, and there are many runs: not worth keeping
            either = "(expires IS NULL OR expires > ?)"
            return self._sum(f"{where} AND {either}", (*values, now))
        leased = self._sum(f"expires > ? AND {where}", (now, *values))
        return self._settled(cap, where, values) + leased + self._held(cap)

    def total(self, trace_id: str | None, now: float) -> int:
        """Micro-dollars settled or under an open lease, of one run or of all."""
        mine = "(? IS NULL OR trace_id = ?) AND (expires IS NULL OR expires > ?)"
        return self._sum(mine, (trace_id, trace_id, now))

    def _held(self, cap: Cap) -> int:
        """What processes have taken of it, less what of that is settled in lines."""
        found = self.db.execute(
            "SELECT coalesce(sum(max(taken - spent, 0)), 0) FROM allowance WHERE account = ?",
            (cap.account,),
        )
        return int(found.fetchone()[0])

    def _settled(self, cap: Cap, where: str, values: tuple[Any, ...]) -> int:
        key = (cap.since, cap.where, cap.values)
        newest = int(self.db.execute("SELECT value FROM spend_count").fetchone()[0])
        seen, total = self._sums.pop(key, (-1, 0))
        if seen < 0:
            total = self._sum(f"amount > 0 AND expires IS NULL AND {where}", values)
        elif seen < newest:
            total += self._sum(f"seq > ? AND {where}", (seen, *values))
        self._sums[key] = (newest, total)  # last again: the first is the one to forget
        if len(self._sums) > _KEPT_SUMS:
            del self._sums[next(iter(self._sums))]
        return total

    def _sum(self, where: str, values: tuple[Any, ...]) -> int:
        found = f"SELECT coalesce(sum(amount), 0) FROM spend WHERE {where}"
        return int(self.db.execute(found, values).fetchone()[0])

    def _number(self, lease: str) -> None:
        self.db.execute("UPDATE spend_count SET value = value + 1")
        self.db.execute(
            "UPDATE spend SET seq = (SELECT value FROM spend_count) WHERE lease = ?", (lease,)
        )

    def _insert(self, row: Mapping[str, Any]) -> None:
        columns = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        self.db.execute(f"INSERT INTO spend ({columns}) VALUES ({marks})", row)


def _assigned(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = :{name}" for name in row)


def standing(spent: Iterable[tuple[Cap, int]]) -> Standing:
    """How somebody stands with caps of which so much is spent each."""
    left: int | None = None
    least = ""
    soft: tuple[str, ...] = ()
    for cap, micro_usd in spent:
        if cap.soft is not None and micro_usd >= cap.soft:
            soft = (*soft, cap.budget.label)
        if cap.limit is not None and (left is None or cap.limit - micro_usd < left):
            left, least = max(cap.limit - micro_usd, 0), cap.budget.label
    return Standing(left_micro_usd=left, budget=least, soft=soft)
