"""Old incidents, and breakers that nobody has touched for as long."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from orchestrator.calling.health.store import SCHEMA
from orchestrator.errors import StorageError
from orchestrator.storage.compact import size_of
from orchestrator.storage.sqlite import connect, writing
from orchestrator.storage.sweep import Limits


@dataclass(frozen=True, slots=True)
class HealthSweep:
    """A `storage.sweep.Sweep` over `health.sqlite`."""

    path: Path
    name: str = "health"

    def size(self) -> int:
        return size_of(self.path)

    def sweep(self, limits: Limits, *, dry_run: bool) -> dict[str, int]:
        """Incidents that ended before the moment; one that is open stays."""
        if limits.incidents is None:
            return {}
        before = (limits.incidents,)
        try:
            with closing(connect(self.path, SCHEMA, wait_s=30)) as database:
                found = database.execute(
                    "SELECT id FROM incidents WHERE ended < ?", before
                ).fetchall()
                if not dry_run:
                    with writing(database):
                        database.executemany("DELETE FROM incidents WHERE id = ?", found)
                        database.executemany("DELETE FROM reroutes WHERE incident = ?", found)
                        database.execute("DELETE FROM breakers WHERE changed < ?", before)
                        database.execute("DELETE FROM numbers WHERE at < ?", before)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self.path} cannot be cleaned up: {error}") from error
        return {"incidents": len(found)}
