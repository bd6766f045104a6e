"""Money: reserve, settle, release. Two ledgers with one behaviour.

A budget holds when what was settled in its window, plus every open lease, plus the new
reservation stays within it; checking and reserving are one step, so that concurrent calls never
pass it together. A lease that is neither settled nor released ends by itself, so a crash gives
its money back. What costs nothing (a deterministic model, one of our own machines) touches no
disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestrator.calling.clock import SystemClock
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.money import MICRO_USD, Usage
from orchestrator.project.protocols import Clock, Standing
from orchestrator.storage.sqlite import Schema, connect, writing
from orchestrator.types import Attempt, Caller, Charge

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import Budget

LEASE_S = 900.0
"""How long a lease holds its money; longer than any request may take."""
_FREE = "free:"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Cap:
    """One budget as it stands for one reservation."""

    name: str
    limit: int
    trace_id: str | None
    """Counts this run only; `None`: the whole workspace."""
    since: float
    """Counts from here, in seconds since the epoch."""


def _caps(budgets: Sequence[Budget], trace_id: str, now: float) -> list[_Cap]:
    return [
        _Cap(
            name=f"{_usd(round(b.usd * MICRO_USD))} per {b.per}"
            + ("" if b.window == "run" else f" and {b.window}"),
            limit=round(b.usd * MICRO_USD),
            trace_id=trace_id if "run" in (b.per, b.window) else None,
            since=window_start(b.window, now),
        )
        for b in budgets
    ]


def window_start(window: str, now: float) -> float:
    """The start of the calendar hour, day or month (UTC) that holds `now`."""
    if window == "run":
        return 0.0
    moment = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
    if window in ("day", "month"):
        moment = moment.replace(hour=0)
    if window == "month":
        moment = moment.replace(day=1)
    return moment.timestamp()


def _usd(micro: int) -> str:
    return f"{micro / MICRO_USD:.6f}".rstrip("0").rstrip(".") + " USD"


def _refuse_unknown(caps: Sequence[_Cap], deployment: str) -> None:
    if caps:
        raise OverBudgetError(
            f"{deployment} has no known price, so the budget of {caps[0].name} cannot hold"
        )


def _refuse(cap: _Cap, spent: int, wanted: int) -> None:
    if spent + wanted > cap.limit:
        raise OverBudgetError(
            f"the budget of {cap.name} would be passed: {_usd(spent)} are spent or reserved, "
            f"this call may cost {_usd(wanted)}"
        )


@dataclass(slots=True)
class _Entry:
    trace_id: str
    deployment: str
    amount: int
    """Reserved while the lease is open, then charged."""
    at: float
    expires: float | None
    """`None` once it is settled."""
    usage: Usage | None = None

    def counts(self, now: float) -> bool:
        return self.expires is None or self.expires > now


class MemoryLedger:
    """Keeps the entries in this process; they are gone with it."""

    def __init__(
        self,
        budgets: Sequence[Budget] = (),
        clock: Clock | None = None,
        *,
        lease_s: float = LEASE_S,
    ) -> None:
        self._budgets, self._clock, self._lease_s = budgets, clock or SystemClock(), lease_s
        self._entries: dict[str, _Entry] = {}

    async def standing(self, trace_id: str, caller: Caller, tags: tuple[str, ...]) -> Standing:  # noqa: ARG002
        """See `protocols.Ledger`."""
        return Standing()

    async def reserve(self, charge: Charge, micro_usd: int | None) -> str:
        """See `protocols.Ledger`. Atomic, since nothing is awaited in it."""
        trace_id, deployment = charge.trace_id, charge.deployment
        now = self._clock.now()
        caps = _caps(self._budgets, trace_id, now)
        if micro_usd is None:
            _refuse_unknown(caps, deployment)
        wanted = micro_usd or 0
        for cap in caps if wanted else ():
            _refuse(cap, self._spent(cap, now), wanted)
        lease = uuid.uuid4().hex
        self._entries[lease] = _Entry(trace_id, deployment, wanted, now, now + self._lease_s)
        return lease

    def _spent(self, cap: _Cap, now: float) -> int:
        return sum(
            e.amount
            for e in self._entries.values()
            if e.at >= cap.since and cap.trace_id in (None, e.trace_id) and e.counts(now)
        )

    async def settle(self, lease: str, attempt: Attempt) -> None:
        """Charge what was used. An unknown cost is charged as it was reserved."""
        micro_usd, usage = attempt.cost_micro_usd, attempt.usage
        entry = self._entries.get(lease)
        if entry is None or entry.expires is None:
            return
        entry.amount = entry.amount if micro_usd is None else micro_usd
        entry.expires, entry.usage = None, usage

    async def release(self, lease: str) -> None:
        """Give an open lease back; nothing happens where it is settled or unknown."""
        entry = self._entries.get(lease)
        if entry is not None and entry.expires is not None:
            del self._entries[lease]

    async def spent(self, trace_id: str | None = None) -> int:
        """Micro-dollars settled or under an open lease, of one run or of all."""
        cap = _Cap("", 0, trace_id, 0.0)
        return self._spent(cap, self._clock.now())

    async def close(self) -> None:
        """Nothing to close."""


SCHEMA = Schema(
    # A change here needs a `Step`; see `storage.migrate`.
    create=(
        "CREATE TABLE spend ("
        " lease TEXT PRIMARY KEY, trace_id TEXT NOT NULL, deployment TEXT NOT NULL,"
        " amount INTEGER NOT NULL, cost INTEGER, input_tokens INTEGER, output_tokens INTEGER,"
        " estimated INTEGER, at REAL NOT NULL, expires REAL)",
        "CREATE INDEX spend_at ON spend (at)",
        "CREATE INDEX spend_trace ON spend (trace_id)",
    ),
)


class SqliteLedger:
    """Keeps the entries in a file that processes share. One thread does the writing.

    Raises `StorageError` where the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        budgets: Sequence[Budget] = (),
        clock: Clock | None = None,
        *,
        lease_s: float = LEASE_S,
    ) -> None:
        self._path, self._budgets, self._lease_s = path, budgets, lease_s
        self._clock = clock or SystemClock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._connection: sqlite3.Connection | None = None
        self._free: dict[str, tuple[str, str]] = {}

    async def standing(self, trace_id: str, caller: Caller, tags: tuple[str, ...]) -> Standing:  # noqa: ARG002
        """See `protocols.Ledger`."""
        return Standing()

    async def reserve(self, charge: Charge, micro_usd: int | None) -> str:
        """See `protocols.Ledger`. Atomic over all processes that use the file."""
        trace_id, deployment = charge.trace_id, charge.deployment
        lease, now = uuid.uuid4().hex, self._clock.now()
        caps = _caps(self._budgets, trace_id, now)
        if micro_usd is None:
            _refuse_unknown(caps, deployment)
        if not micro_usd:
            self._free[_FREE + lease] = (trace_id, deployment)
            return _FREE + lease
        wanted = micro_usd

        def work(db: sqlite3.Connection) -> None:
            for cap in caps:
                _refuse(cap, _spent(db, cap, now), wanted)
            db.execute(
                "INSERT INTO spend (lease, trace_id, deployment, amount, at, expires)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (lease, trace_id, deployment, wanted, now, now + self._lease_s),
            )

        try:
            await self._do(work)
        except asyncio.CancelledError:
            await self.release(lease)
            raise
        return lease

    async def settle(self, lease: str, attempt: Attempt) -> None:
        """Charge what was used. An unknown cost is charged as it was reserved."""
        micro_usd, usage = attempt.cost_micro_usd, attempt.usage
        free = self._free.pop(lease, None)
        if lease.startswith(_FREE) and not (free and micro_usd):
            return
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> None:
            if free:  # was to cost nothing and did cost something
                db.execute(
                    "INSERT INTO spend (lease, trace_id, deployment, amount, at, expires)"
                    " VALUES (?, ?, ?, 0, ?, ?)",
                    (lease, *free, now, now),
                )
            db.execute(
                "UPDATE spend SET amount = coalesce(?, amount), cost = ?, input_tokens = ?,"
                " output_tokens = ?, estimated = ?, expires = NULL"
                " WHERE lease = ? AND expires IS NOT NULL",
                (micro_usd, micro_usd, usage.input, usage.output, usage.estimated, lease),
            )

        await self._do(work)

    async def release(self, lease: str) -> None:
        """Give an open lease back; nothing happens where it is settled or unknown."""
        if lease.startswith(_FREE):
            self._free.pop(lease, None)
            return
        await self._do(
            lambda db: db.execute(
                "DELETE FROM spend WHERE lease = ? AND expires IS NOT NULL", (lease,)
            )
        )

    async def spent(self, trace_id: str | None = None) -> int:
        """Micro-dollars settled or under an open lease, of one run or of all."""
        cap, now = _Cap("", 0, trace_id, 0.0), self._clock.now()
        return await self._do(lambda db: _spent(db, cap, now))

    async def close(self) -> None:
        """Finish what is being written and close the file."""

        def work() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction, in the ledger's thread.

        Shielded: what is begun is finished, so that a cancelled caller can undo it after it.
        """
        job = asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)
        return await asyncio.shield(job)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with writing(self._open()) as db:
                return work(db)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"the ledger {self._path} cannot be written: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, SCHEMA, wait_s=30)
        return self._connection


def _spent(db: sqlite3.Connection, cap: _Cap, now: float) -> int:
    row = db.execute(
        "SELECT coalesce(sum(amount), 0) FROM spend"
        " WHERE at >= ? AND (? IS NULL OR trace_id = ?) AND (expires IS NULL OR expires > ?)",
        (cap.since, cap.trace_id, cap.trace_id, now),
    ).fetchone()
    return int(row[0])
