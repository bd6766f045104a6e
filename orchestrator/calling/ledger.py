"""Money: reserve, settle, release. Two ledgers with one behaviour, over one kind of book: each call
is a transaction, which is the simplest for a program or a command. A service, which must not wait
for a disk, has a third: `spending.allowance`.

A budget holds when what was settled in its window, plus every open lease, plus the new reservation
stays within it. A lease that is neither settled nor released ends by itself; where the process
that held it has died on this machine, as soon as somebody needs its money.

Every attempt becomes a line when it is settled, and in no other way. One that costs nothing (a
deterministic model, one of our own machines) makes nobody wait for a disk: its line is written a
moment later.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.spending.book import Book, Free
from orchestrator.calling.spending.caps import Budgets, Cap
from orchestrator.calling.spending.lines import SCHEMA
from orchestrator.calling.spending.owners import Owner, gone, marks_of
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.project.protocols import Allotments, Clock, Standing
from orchestrator.records import Attempt
from orchestrator.storage.sqlite import connect, reading, writing
from orchestrator.types import Caller, Charge

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import Budget

LEASE_S = 900.0
"""How long a lease holds its money; longer than any request may take."""
FLUSH_S = 0.5
"""How late the line of an attempt that cost nothing may be."""
_KEPT = 10_000
"""How many of these lines wait where the file cannot be written; the oldest go first."""
_FREE = "free:"

T = TypeVar("T")
_Transaction = Callable[[sqlite3.Connection], AbstractContextManager[sqlite3.Connection]]


def refuse_unknown(caps: Sequence[Cap], charge: Charge) -> None:
    """Raise `OverBudgetError` for an unknown price where there is any cap."""
    for cap in caps:
        raise OverBudgetError(
            f"{charge.deployment} has no known price, so the budget of {cap.name} cannot hold"
        )


class MemoryLedger:
    """Keeps the book in this process; it is gone with it."""

    def __init__(
        self,
        budgets: Sequence[Budget] = (),
        clock: Clock | None = None,
        *,
        allotments: Allotments | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._budgets = Budgets(tuple(budgets), allotments)
        self._clock, self._lease_s = clock or SystemClock(), lease_s
        db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, db.close)
        for statement in SCHEMA.create:
            db.execute(statement)
        self._book, self._lock = Book(db), threading.Lock()

    async def standing(self, trace_id: str, caller: Caller, tags: tuple[str, ...]) -> Standing:
        """See `protocols.Ledger`."""
        now = self._clock.now()
        with self._lock:
            return self._book.standing(self._budgets.caps_before(trace_id, caller, tags, now), now)

    async def reserve(self, charge: Charge, micro_usd: int | None) -> str:
        """See `protocols.Ledger`."""
        lease, now = uuid.uuid4().hex, self._clock.now()
        caps, expires = self._budgets.caps(charge, now), now + self._lease_s
        if micro_usd is None:
            refuse_unknown(caps, charge)
        with self._lock:
            self._book.reserve(lease, charge, caps, micro_usd or 0, now=now, expires=expires)
        return lease

    async def settle(self, lease: str, attempt: Attempt) -> None:
        """See `protocols.Ledger`."""
        with self._lock:
            self._book.settle(lease, attempt)

    async def release(self, lease: str) -> None:
        """Give an open lease back; nothing happens where it is settled or unknown."""
        with self._lock:
            self._book.release(lease)

    async def spent(self, trace_id: str | None = None) -> int:
        """Micro-dollars settled or under an open lease, of one run or of all."""
        with self._lock:
            return self._book.total(trace_id, self._clock.now())

    async def close(self) -> None:
        """Nothing to close."""


class SqliteLedger:
    """Keeps the book in a file that processes share. One thread does the writing.

    Raises `StorageError` where the file cannot be written; lines of attempts that cost nothing are
    kept back for later then, and `problem` says so.
    """

    def __init__(
        self,
        path: Path,
        budgets: Sequence[Budget] = (),
        clock: Clock | None = None,
        *,
        allotments: Allotments | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._path, self._budgets = path, Budgets(tuple(budgets), allotments)
        self._lease_s = lease_s
        self._clock = clock or SystemClock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._book: Book | None = None
        self._owner = Owner(marks_of(path))
        self._free: dict[str, tuple[Charge, float]] = {}
        """The leases of attempts that are to cost nothing: for whom, and when they began."""
        self._waiting: list[Free] = []
        self._changed = threading.Lock()
        self._timer: threading.Timer | None = None
        self._at_exit = self._closed = False
        self.problem: str | None = None
        """Why lines could not be written, for a person; `None` where none is missing."""

    # ── calls ────────────────────────────────────────────────────────────────────────────

    async def standing(self, trace_id: str, caller: Caller, tags: tuple[str, ...]) -> Standing:
        """See `protocols.Ledger`. Says nothing where the file cannot be read."""
        now = self._clock.now()
        caps = self._budgets.caps_before(trace_id, caller, tags, now)
        if not caps:
            return Standing()
        try:
            return await self._do(lambda book: book.standing(caps, now), reading)
        except StorageError:  # who would pay is told by `reserve`; who costs nothing goes on
            return Standing()

    async def reserve(self, charge: Charge, micro_usd: int | None) -> str:
        """See `protocols.Ledger`. Atomic over all processes that use the file."""
        lease, now = uuid.uuid4().hex, self._clock.now()
        if micro_usd == 0:
            self._free[_FREE + lease] = charge, now
            return _FREE + lease
        caps = self._budgets.caps(charge, now)
        if micro_usd is None:
            refuse_unknown(caps, charge)

        def work(book: Book) -> None:
            self._owner.take()
            expires = now + self._lease_s
            book.reserve(lease, charge, caps, micro_usd or 0, now=now, expires=expires)

        try:
            await self._do(work)
        except asyncio.CancelledError:
            await self.release(lease)
            raise
        return lease

    async def settle(self, lease: str, attempt: Attempt) -> None:
        """See `protocols.Ledger`."""
        if not lease.startswith(_FREE):
            await self._do(lambda book: book.settle(lease, attempt))
            return
        began = self._free.pop(lease, None)
        if began is None:
            return
        line = Free(lease.removeprefix(_FREE), *began, attempt)
        if attempt.cost_micro_usd == 0:
            self._later(line)
        else:  # was to cost nothing, and did cost something
            await self._do(lambda book: book.settle_free(line))

    async def release(self, lease: str) -> None:
        """Give an open lease back; nothing happens where it is settled or unknown."""
        if lease.startswith(_FREE):
            self._free.pop(lease, None)
        else:
            await self._do(lambda book: book.release(lease))

    async def spent(self, trace_id: str | None = None) -> int:
        """Micro-dollars settled or under an open lease, of one run or of all."""
        now = self._clock.now()
        return await self._do(lambda book: book.total(trace_id, now), reading)

    async def close(self) -> None:
        """Write what waits, and close the file; once."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    def _end(self) -> None:
        atexit.unregister(self._write_waiting)
        self._write_waiting()
        if self._book is not None:
            self._book.db.close()
            self._book = None
        self._owner.leave()

    # ── lines that nobody waits for ──────────────────────────────────────────────────────

    def flush(self) -> None:
        """Write the lines that wait; returns when they are written. Raises nothing."""
        if self._closed:
            return
        self._thread.submit(self._write_waiting).result()

    def _later(self, line: Free) -> None:
        with self._changed:
            self._waiting.append(line)
            if not self._at_exit:
                atexit.register(self._write_waiting)  # for a program that forgets to close
                self._at_exit = True
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_S, self._write_soon)
                self._timer.daemon = True
                self._timer.start()

    def _write_soon(self) -> None:
        with contextlib.suppress(RuntimeError):  # it ends, which writes what is left as well
            self._thread.submit(self._write_waiting)

    def _write_waiting(self) -> None:
        with self._changed:
            lines, self._waiting = self._waiting, []
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
        if not lines:
            return

        def work(book: Book) -> None:
            for line in lines:
                book.settle_free(line)

        try:
            self._transact(work)
            self.problem = None
        except StorageError as error:
            with self._changed:
                self._waiting = [*lines, *self._waiting][-_KEPT:]
            self.problem = f"lines of the ledger could not be written ({len(lines)}): {error}"

    # ── the file ─────────────────────────────────────────────────────────────────────────

    async def _do(self, work: Callable[[Book], T], within: _Transaction = writing) -> T:
        """Run `work` in one transaction, in the ledger's thread.

        Shielded: what is begun is finished, so that a cancelled caller can undo it after it.
        """
        if self._closed:
            raise StorageError(f"the ledger {self._path} is closed")
        loop = asyncio.get_running_loop()
        return await asyncio.shield(
            loop.run_in_executor(self._thread, self._transact, work, within)
        )

    def _transact(self, work: Callable[[Book], T], within: _Transaction = writing) -> T:
        try:
            book = self._open()
            with within(book.db):
                return work(book)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"the ledger {self._path} cannot be written: {error}") from error

    def _open(self) -> Book:
        if self._book is None:
            db = connect(self._path, SCHEMA, wait_s=30)
            book = Book(db, self._owner.id, lambda: self._free_lost(book))
            with writing(db):
                self._free_lost(book)
            self._book = book
        return self._book

    def _free_lost(self, book: Book) -> int:
        """End the leases of processes that have died; how many there were."""
        now = self._clock.now()
        lost = gone(self._owner.folder, book.owners(now))
        return book.lapse(lost, now) if lost else 0
