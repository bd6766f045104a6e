"""Limits that the processes of one machine keep together in a file. See `SharedCounters`.

An exchange is one short transaction in a thread of its own. The file needs no care: what is in it
is a minute old at most, and it is not brought to the disk before the system finds it convenient.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from orchestrator.errors import StorageError
from orchestrator.project.protocols import CountAnswer, CountAsk, Counted
from orchestrator.sharing.rules import HOLD_S, LEASE_S, MEMBER_S, PART, RETURN_S, SLOT_S
from orchestrator.storage.sqlite import Schema, connect, writing

WAIT_S = 1.0
"""For another process that writes."""
_LOG = logging.getLogger("orchestrator.sharing")

SCHEMA = Schema(
    # A change here needs a `Step`; see `storage.migrate`.
    create=(
        # `until`: when it counts no more, in seconds since the epoch; `lasts`: set for so long.
        "CREATE TABLE counts ("
        " name TEXT NOT NULL, member TEXT NOT NULL, slot INTEGER NOT NULL,"
        " count INTEGER NOT NULL, until REAL NOT NULL, lasts REAL NOT NULL,"
        " PRIMARY KEY (name, member, slot)) WITHOUT ROWID",
        "CREATE TABLE members (member TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID",
        "CREATE TABLE returns (name TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID",
    ),
)


class FileCounters:
    """Satisfies `protocols.SharedCounters` for the processes that use the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._failing = False

    async def exchange(self, member: str, asks: Sequence[CountAsk]) -> Counted:
        """See `protocols.SharedCounters`."""
        return await asyncio.to_thread(self._exchange, member, asks)

    async def leave(self, member: str) -> None:
        """See `protocols.SharedCounters`."""
        await asyncio.to_thread(self._leave, member)

    async def close(self) -> None:
        """See `protocols.SharedCounters`."""
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            await asyncio.to_thread(database.close)

    def _exchange(self, member: str, asks: Sequence[CountAsk]) -> Counted:
        with self._lock:
            try:
                with writing(self._opened()) as database:
                    counted = _Exchange(database, member).carry_out(asks)
            except (sqlite3.Error, OSError, StorageError) as error:
                raise self._failed(error) from error
            if self._failing:
                self._failing = False
                _LOG.warning("%s can be used again", self._path)
            return counted

    def _leave(self, member: str) -> None:
        with self._lock:
            try:
                self._opened().execute("DELETE FROM members WHERE member = ?", (member,))
            except (sqlite3.Error, OSError, StorageError) as error:
                raise self._failed(error) from error

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = connect(self._path, SCHEMA, wait_s=WAIT_S)
            self._database.execute("PRAGMA synchronous = OFF")
        return self._database

    def _failed(self, error: Exception) -> StorageError:
        database, self._database = self._database, None
        if database is not None:
            with closing(database):
                pass
        why = f"{self._path} cannot be used: {error}"
        if not self._failing:
            self._failing = True
            _LOG.warning("%s; each worker goes on with its share of the limits", why)
        return StorageError(why)


class _Exchange:
    """One exchange, inside of a transaction."""

    def __init__(self, database: sqlite3.Connection, member: str) -> None:
        self._database, self._member = database, member
        self._now = time.time()
        self._slot = int(self._now / SLOT_S)
        self._copies = 1

    def carry_out(self, asks: Sequence[CountAsk]) -> Counted:
        now, execute = self._now, self._database.execute
        execute("REPLACE INTO members VALUES (?, ?)", (self._member, now + MEMBER_S))
        # What reaches beyond its time was written before the clock was set back.
        execute("DELETE FROM members WHERE until <= ? OR until > ?", (now, now + 2 * MEMBER_S))
        execute("DELETE FROM counts WHERE until <= ? OR until > ? + lasts", (now, now))
        execute("DELETE FROM returns WHERE until <= ? OR until > ?", (now, now + 2 * RETURN_S))
        members = [name for (name,) in execute("SELECT member FROM members ORDER BY member")]
        self._copies = len(members)
        answers = [self._answer(ask) for ask in asks]
        return Counted(
            answers=answers, now=now, copies=len(members), rank=members.index(self._member)
        )

    def _answer(self, ask: CountAsk) -> CountAnswer:
        self._state(ask)
        (used,) = self._database.execute(
            "SELECT coalesce(sum(count), 0) FROM counts WHERE name = ?", (ask.name,)
        ).fetchone()
        left = ask.limit - used
        granted = max(min(ask.want, left), 0)
        if granted < ask.least:
            granted = 0
        short = granted < ask.want
        extra = 0
        if not short:
            extra = max(min(ask.more, (left - granted) // (PART * self._copies)), 0)
        if extra:
            row = (ask.name, self._now + RETURN_S)
            self._database.execute("REPLACE INTO returns VALUES (?, ?)", row)
        if granted + extra:
            place = self._place(ask, self._slot)
            self._database.execute(
                "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                (ask.name, self._member, place[0], granted + extra, *place[1:]),
            )
        return CountAnswer(
            granted=granted + extra,
            slot=self._slot,
            left=left - granted - extra,
            leaving=self._leaving(ask.name) if short and ask.lasts_s is not None else (),
            soon_s=self._soon_s(ask.name) if short else 0.0,
        )

    def _state(self, ask: CountAsk) -> None:
        """Take over what the process says that it has."""
        if ask.whole or ask.lasts_s is None:
            self._database.execute(
                "DELETE FROM counts WHERE name = ? AND member = ?", (ask.name, self._member)
            )
        rows = []
        for stated, count in ask.stated.items():
            slot, until, lasts = self._place(ask, stated)
            if until > self._now:
                rows.append((ask.name, self._member, slot, count, until, lasts))
        self._database.executemany("REPLACE INTO counts VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _place(self, ask: CountAsk, slot: int) -> tuple[int, float, float]:
        """The slot, until when what is in it counts, and for how long at most from now on."""
        if ask.lasts_s is None:
            return 0, self._now + LEASE_S, LEASE_S
        lasts_s = SLOT_S + HOLD_S + ask.lasts_s
        return slot, slot * SLOT_S + lasts_s, lasts_s + SLOT_S

    def _leaving(self, name: str) -> list[tuple[float, int]]:
        rows = self._database.execute(
            "SELECT until, sum(count) FROM counts WHERE name = ? GROUP BY until ORDER BY until",
            (name,),
        )
        return [(until - self._now, count) for until, count in rows]

    def _soon_s(self, name: str) -> float:
        row = self._database.execute("SELECT until FROM returns WHERE name = ?", (name,)).fetchone()
        return max(row[0] - self._now, 0.0) if row else 0.0
