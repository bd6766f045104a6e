"""Old traces, and the oldest of all where there are too many."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from orchestrator.storage.compact import size_of
from orchestrator.storage.sweep import DAY, Limits
from orchestrator.tracing._database import Database, server_engine, sqlite_engine
from orchestrator.tracing._tables import (
    attempts,
    decisions,
    feedback,
    fleets,
    hops,
    traces,
    unexported,
)

_BATCH = 200
"""Traces removed in one transaction, so that nobody waits long for the file."""


@dataclass(frozen=True, slots=True)
class TraceSweep:
    """A `storage.sweep.Traces` over the trace store's tables.

    Args:
        path: the SQLite file; with `database`, the storage folder.
        database: the PostgreSQL database that holds them instead. It takes no space of the folder,
            so nothing goes from it for the folder's quota.
    """

    path: Path
    name: str = "traces"
    database: str | None = None

    def size(self) -> int:
        return 0 if self.database else size_of(self.path)

    def sweep(self, limits: Limits, *, dry_run: bool) -> dict[str, int]:
        """Traces that began before the moment, and those whose class's time is over."""
        before = float("-inf") if limits.traces is None else limits.traces
        if limits.traces is None and not limits.expired:
            return {}
        gone = [
            name for name, at in self._removable(limits) if at < before or name in limits.expired
        ]
        if not dry_run:
            self._remove(gone)
        return {"traces": len(gone)}

    def removable(self, limits: Limits) -> int:
        """How many traces nobody needs any more."""
        return 0 if self.database else len(self._removable(limits))

    def remove_oldest(self, count: int, limits: Limits) -> tuple[int, float]:
        """Remove that many; how many there were, and when the last of them began."""
        gone = self._removable(limits)[:count]
        self._remove([name for name, _ in gone])
        return len(gone), gone[-1][1] if gone else 0.0

    def _removable(self, limits: Limits) -> list[tuple[str, float]]:
        """Id and beginning, the oldest first; not what can be resumed or may still go on."""
        columns = (traces.c.id, traces.c.started_at, traces.c.status)
        query = select(*columns).order_by(traces.c.started_at, traces.c.id)
        with self._connected() as database, database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            (name, at)
            for name, at, status in rows
            if name not in limits.protected and (status != "running" or at < limits.now - DAY)
        ]

    def expired(self, before: Mapping[str, float]) -> frozenset[str]:
        """Those with a hop of a class of data that began before the class's moment.

        Args:
            before: by data class, in seconds since the epoch.
        """
        if not before or (not self.database and not self.path.exists()):
            return frozenset()
        latest = max(before.values())
        query = (
            select(hops.c.trace_id, hops.c.profile, traces.c.started_at)
            .join(traces, traces.c.id == hops.c.trace_id)
            .where(traces.c.started_at < latest, hops.c.profile.is_not(None))
        )
        found = set()
        with self._connected() as database, database.reading() as connection:
            for name, profile, at in connection.execute(query):
                if at < before.get(str(profile.get("data_class")), float("-inf")):
                    found.add(name)
        return frozenset(found)

    def of_caller(self, **wanted: str) -> list[str]:
        """The traces on behalf of this `user` or `workspace`, running ones too."""
        if not self.database and not self.path.exists():
            return []
        query = select(traces.c.id, traces.c.caller).where(traces.c.caller.is_not(None))
        with self._connected() as database, database.reading() as connection:
            return [
                name
                for name, caller in connection.execute(query)
                if all(caller.get(field) == value for field, value in wanted.items())
            ]

    def remove(self, gone: Sequence[str]) -> None:
        """These, with all that was recorded and said of them."""
        self._remove(list(gone))

    def _remove(self, gone: list[str]) -> None:
        with self._connected() as database:
            for start in range(0, len(gone), _BATCH):
                with database.writing() as connection:
                    _delete(connection, gone[start : start + _BATCH])
            if gone:
                with database.writing() as connection:
                    _delete_unused(connection, time.time() - DAY)
                    _delete_unseen(connection, DAY)

    def _connected(self) -> Database:
        return Database(server_engine(self.database) if self.database else sqlite_engine(self.path))


def _delete(connection: Connection, gone: list[str]) -> None:
    of_traces = (attempts, hops, unexported, feedback)
    for column in (*(table.c.trace_id for table in of_traces), traces.c.id):
        connection.execute(column.table.delete().where(column.in_(gone)))


def _delete_unused(connection: Connection, before: float) -> None:
    """Decisions that no hop refers to, and that nobody has spoken of since then.

    Whoever records says every few minutes again which decisions he refers to.
    """
    used = select(hops.c.decision_key).where(hops.c.decision_key.is_not(None))
    unused = (decisions.c.seen_at < before) & decisions.c.key.not_in(used)
    connection.execute(decisions.delete().where(unused))


def _delete_unseen(connection: Connection, spare_s: float) -> None:
    """Fleets that nobody has spoken of since well before the oldest trace began, likewise."""
    oldest = connection.execute(select(func.min(traces.c.started_at))).scalar()
    last = time.time() if oldest is None else oldest
    connection.execute(fleets.delete().where(fleets.c.seen_at < last - spare_s))
