"""Old lines of the ledger. No line goes that a budget still counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from orchestrator.calling.spending.caps import window_start
from orchestrator.calling.spending.lines import SCHEMA
from orchestrator.errors import StorageError
from orchestrator.storage.compact import size_of
from orchestrator.storage.sqlite import connect, writing
from orchestrator.storage.sweep import Limits


@dataclass(frozen=True, slots=True)
class LedgerSweep:
    """A `storage.sweep.Sweep` over the ledger's file."""

    path: Path
    name: str = "ledger"

    def size(self) -> int:
        return size_of(self.path)

    def sweep(self, limits: Limits, *, dry_run: bool) -> dict[str, int]:
        """Lines from before the moment and before this month, the longest window of a budget.

        Lines of runs that can be resumed stay, since a budget may count a run as a whole, and so
        do leases that are open.
        """
        if limits.ledger is None:
            return {}
        before = min(limits.ledger, window_start("month", limits.now))
        try:
            with closing(connect(self.path, SCHEMA, wait_s=30)) as database:
                rows = database.execute(
                    "SELECT lease, trace_id FROM spend"
                    " WHERE at < ? AND (expires IS NULL OR expires <= ?)",
                    (before, limits.now),
                ).fetchall()
                gone = [(lease,) for lease, run in rows if run not in limits.protected]
                if gone and not dry_run:
                    with writing(database):
                        database.executemany("DELETE FROM spend WHERE lease = ?", gone)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"the ledger {self.path} cannot be cleaned up: {error}") from error
        return {"lines": len(gone)}

    def pseudonymise(self, subject: Mapping[str, str], alias: str, *, dry_run: bool) -> int:
        """Put `alias` in the place of a caller's name; the money stays. How many lines there are.

        Args:
            subject: `user` or `workspace`, or both, which a line must have.

        Raises:
            StorageError: the ledger cannot be read or written.
        """
        columns = {"user": "end_user", "workspace": "workspace"}
        names = [columns[field] for field in subject]
        where = " AND ".join(f"{name} = ?" for name in names)
        if not names or not self.path.exists():
            return 0
        try:
            with closing(connect(self.path, SCHEMA, wait_s=30)) as database:
                found = (*subject.values(),)
                sql = f"SELECT count(*) FROM spend WHERE {where}"
                count: int = database.execute(sql, found).fetchone()[0]
                if count and not dry_run:
                    taken = ", ".join(f"{name} = ?" for name in names)
                    with writing(database):
                        database.execute(
                            f"UPDATE spend SET {taken} WHERE {where}",
                            (*[alias] * len(names), *found),
                        )
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"the ledger {self.path} cannot be written: {error}") from error
        return count
