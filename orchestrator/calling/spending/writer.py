"""How one process hands its lines over: to its spool at once, to the ledger's file later."""

from __future__ import annotations

import threading
from pathlib import Path

from orchestrator.calling.spending import spooled
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.storage.spool import Spool

BOOK_S = 2.0
"""How late the spools are booked from here; a recorder does it sooner."""
_KEPT = 10_000
"""How many records wait in memory while the disk takes nothing; the oldest go first."""


class Writer:
    """The records of one process, which threads may share.

    Args:
        give_back: see `spooled.book`.
    """

    def __init__(self, ledger: Path, give_back: spooled.GiveBack) -> None:
        self._ledger, self._give_back = ledger, give_back
        self._spool = Spool(*spooled.spools_of(ledger), mapped=True)
        self.owner = self._spool.owner
        """The name of this process among those that hold allowances."""
        self._waiting: list[bytes] = []
        self._lost = 0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._unbooked: str | None = None

    @property
    def problem(self) -> str | None:
        """Why lines could not be written, for a person; `None` where none is missing."""
        missing = len(self._waiting) + self._lost
        if missing:
            return f"{missing} records of the ledger could not be written: {self._spool.problem}"
        return self._unbooked

    def must(self, record: bytes) -> None:
        """Write the record before anything happens that it tells of.

        Raises:
            StorageError: the disk does not take it.
        """
        if not self._spool.append(record, now=True):
            raise StorageError(
                f"the ledger {self._ledger} cannot be written: {self._spool.problem}"
            )
        if self._timer is None:
            self._book_soon()

    def write(self, record: bytes) -> None:
        """Write what has happened already; while the disk takes nothing, memory keeps it."""
        if self._waiting or not self._spool.append(record, now=True):
            with self._lock:
                self._waiting.append(record)
                if len(self._waiting) > _KEPT:
                    del self._waiting[0]
                    self._lost += 1
        if self._timer is None:
            self._book_soon()

    def flush(self) -> None:
        """Book all that waits; returns when it is in the ledger's file. Raises nothing."""
        with self._lock:
            if self._waiting and self._spool.write(self._waiting):
                self._waiting = []
        try:
            spooled.book(self._ledger, self._give_back, wait_s=10.0)
            self._unbooked = None
        except (StorageError, OverBudgetError) as error:
            self._unbooked = str(error)

    def close(self) -> None:
        """Book all that waits. Whoever books from now on knows that this process is no more."""
        with self._lock:
            self._closed = True
            timer = self._timer
        if timer is not None:
            timer.cancel()
        self.flush()
        self._spool.close()
        self.flush()

    def _book_soon(self) -> None:
        with self._lock:
            if self._timer is not None or self._closed:
                return
            self._timer = threading.Timer(BOOK_S, self._book)
            self._timer.daemon = True
            self._timer.start()

    def _book(self) -> None:
        self._timer = None
        self.flush()
