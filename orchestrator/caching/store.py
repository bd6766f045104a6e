"""Kept answers in a SQLite file: written once, found by key, dropped by age or by what they are of.

One connection for a process, since opening the file for each look-up would take longer than all
else of it. Processes of one machine share the file; every machine has its own.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from orchestrator.caching.values import About, Drop, Entry, HitLine, New, Seen, Stats
from orchestrator.errors import StorageError
from orchestrator.storage.sqlite import Schema, connect, writing

_SCHEMA = Schema(
    create=(
        # An id is never used again: indexes in memory count on it.
        """CREATE TABLE entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT, exact TEXT NOT NULL UNIQUE,
            partition TEXT NOT NULL, tenant TEXT NOT NULL, policy_hash TEXT NOT NULL,
            trace_id TEXT NOT NULL, text TEXT NOT NULL, space TEXT NOT NULL, vector BLOB,
            answer TEXT NOT NULL, about TEXT NOT NULL, cost_micro_usd INTEGER, ms REAL NOT NULL,
            made_at REAL NOT NULL, expires_at REAL NOT NULL)""",
        "CREATE INDEX entries_by_partition ON entries (partition, id)",
        "CREATE INDEX entries_by_tenant ON entries (tenant)",
        "CREATE INDEX entries_by_trace ON entries (trace_id)",
        "CREATE INDEX entries_by_end ON entries (expires_at)",
        """CREATE TABLE labels (
            entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
            kind TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (entry, kind, value)) WITHOUT ROWID""",
        "CREATE INDEX labels_by_value ON labels (kind, value)",
        """CREATE TABLE seen (
            entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
            score REAL NOT NULL, correct INTEGER NOT NULL, at REAL NOT NULL)""",
        "CREATE INDEX seen_by_entry ON seen (entry)",
        """CREATE TABLE hits (
            entry INTEGER NOT NULL, tenant TEXT NOT NULL, trace_id TEXT NOT NULL,
            kind TEXT NOT NULL, at REAL NOT NULL, similarity REAL NOT NULL,
            saved_micro_usd INTEGER, saved_ms REAL NOT NULL)""",
        "CREATE INDEX hits_by_trace ON hits (trace_id)",
        "CREATE INDEX hits_by_entry ON hits (entry)",
    )
)
_ENTRY = tuple(field.name for field in fields(Entry))
_HIT = tuple(field.name for field in fields(HitLine))
_OF_KEY = ("exact", "partition", "tenant", "policy_hash")
_OF_NEW = tuple(f.name for f in fields(New) if f.name not in ("key", "about"))
_COLUMNS = (*_OF_KEY, *_OF_NEW, "text", "about")
_PUT = (
    f"INSERT INTO entries ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "RETURNING id"
)
_SELECT = f"SELECT {', '.join(_ENTRY)} FROM entries"
_OF_LABEL = "id IN (SELECT entry FROM labels WHERE kind = ? AND value = ?)"


class AnswerStore:
    """The kept answers of a project. Thread-safe. Every method raises `StorageError` where the
    file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    # ── looking up ───────────────────────────────────────────────────────────────────────

    def exact(self, key: str, now: float) -> Entry | None:
        """The answer to the very same request, where it is still good."""
        with self._open() as db:
            row = db.execute(f"{_SELECT} WHERE exact = ? AND expires_at > ?", (key, now)).fetchone()
        return None if row is None else _entry(row)

    def vectors(self, partition: str, space: str, after: int) -> list[tuple[int, bytes]]:
        """The ids and vectors of a partition's entries with greater ids, in order; of those alone
        whose vectors the embedder `space` made."""
        query = (
            "SELECT id, vector FROM entries WHERE partition = ? AND id > ? AND space = ? "
            "ORDER BY id"
        )
        with self._open() as db:
            return db.execute(query, (partition, after, space)).fetchall()

    def good(
        self, partition: str, ids: Sequence[int], now: float
    ) -> dict[int, tuple[Entry, tuple[Seen, ...]]]:
        """Of these the ones that are there and still good, with what was learned of them."""
        found: dict[int, tuple[Entry, tuple[Seen, ...]]] = {}
        if not ids:
            return found
        query = f"{_SELECT} WHERE id IN ({_marks(ids)}) AND partition = ? AND expires_at > ?"
        with self._open() as db:
            for row in db.execute(query, (*ids, partition, now)).fetchall():
                learned = db.execute(
                    "SELECT score, correct FROM seen WHERE entry = ? ORDER BY rowid", (row[0],)
                )
                seen = tuple(Seen(score=score, correct=bool(right)) for score, right in learned)
                found[row[0]] = _entry(row), seen
        return found

    # ── keeping ──────────────────────────────────────────────────────────────────────────

    def put(self, news: Sequence[New]) -> list[int]:
        """Keep answers, in the place of older ones to the same requests; returns their ids."""
        made: list[int] = []
        with self._open() as db, writing(db):
            for new in news:
                db.execute("DELETE FROM entries WHERE exact = ?", (new.key.exact,))
                [id] = db.execute(_PUT, _row(new)).fetchone()
                named = [("tag", v) for v in new.key.tags] + [
                    ("source", v) for v in new.key.sources
                ]
                lines = [(id, kind, value) for kind, value in dict.fromkeys(named)]
                db.executemany("INSERT INTO labels VALUES (?, ?, ?)", lines)
                made.append(id)
        return made

    def drop(self, what: Drop) -> int:
        """Remove answers for good; returns how many. What they have saved stays on record."""
        where, values = _where(what)
        with self._open() as db, writing(db):
            return db.execute(f"DELETE FROM entries{where}", values).rowcount

    # ── what became of them ──────────────────────────────────────────────────────────────

    def tell(self, lines: Sequence[HitLine]) -> None:
        """Write down hits."""
        if lines:
            rows = [tuple(getattr(line, name) for name in _HIT) for line in lines]
            with self._open() as db, writing(db):
                db.executemany(
                    f"INSERT INTO hits ({', '.join(_HIT)}) VALUES ({_marks(_HIT)})", rows
                )

    def hits_of(self, trace_id: str) -> list[HitLine]:
        """What a trace was given from here, in order."""
        query = f"SELECT {', '.join(_HIT)} FROM hits WHERE trace_id = ? ORDER BY rowid"
        with self._open() as db:
            rows = db.execute(query, (trace_id,)).fetchall()
        return [HitLine(**dict(zip(_HIT, row, strict=True))) for row in rows]

    def learn(self, entry: int, learned: Seen, at: float) -> None:
        """Write down what was learned of an entry, if it is still there."""
        query = "INSERT INTO seen SELECT id, ?, ?, ? FROM entries WHERE id = ?"
        with self._open() as db, writing(db):
            db.execute(query, (learned.score, int(learned.correct), at, entry))

    def listed(self, limit: int, now: float) -> list[tuple[Entry, int]]:
        """The newest answers that are good, each with how often it was given again."""
        query = (
            f"SELECT {', '.join(_ENTRY)}, (SELECT count(*) FROM hits WHERE entry = entries.id) "
            "FROM entries WHERE expires_at > ? ORDER BY id DESC LIMIT ?"
        )
        with self._open() as db:
            return [(_entry(row[:-1]), row[-1]) for row in db.execute(query, (now, limit))]

    def stats(self, now: float) -> Stats:
        """What is kept, and what it has saved."""
        with self._open() as db:
            kept, expired, tenants = db.execute(
                "SELECT count(*), coalesce(sum(expires_at <= ?), 0), count(DISTINCT tenant) "
                "FROM entries",
                (now,),
            ).fetchone()
            saved, ms, unknown = db.execute(
                "SELECT coalesce(sum(saved_micro_usd), 0), coalesce(sum(saved_ms), 0.0), "
                "coalesce(sum(saved_micro_usd IS NULL), 0) FROM hits"
            ).fetchone()
            kinds = dict(db.execute("SELECT kind, count(*) FROM hits GROUP BY kind").fetchall())
            [learned] = db.execute("SELECT count(*) FROM seen").fetchone()
        return Stats(
            entries=kept,
            expired=expired,
            tenants=tenants,
            hits=kinds,
            saved_micro_usd=saved,
            saved_unknown=unknown,
            saved_ms=ms,
            observations=learned,
        )

    def close(self) -> None:
        """Close the file; who asks next opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = connect(self._path, _SCHEMA)
                    self._connection.execute("PRAGMA foreign_keys = ON")
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise StorageError(
                    f"the kept answers in {self._path} cannot be used: {error}"
                ) from error


def _entry(row: Sequence[Any]) -> Entry:
    value = dict(zip(_ENTRY, row, strict=True))
    return Entry(**{**value, "about": About(**json.loads(value["about"]))})


def _row(new: New) -> tuple[Any, ...]:
    values: Mapping[str, Any] = {
        **{name: getattr(new.key, name) for name in _OF_KEY},
        **{name: getattr(new, name) for name in _OF_NEW},
        "text": new.key.text if new.vector is not None else "",
        "about": json.dumps(asdict(new.about)),
    }
    return tuple(values[name] for name in _COLUMNS)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _where(what: Drop) -> tuple[str, list[Any]]:
    said: list[tuple[str, list[Any]]] = [
        ("id = ?", [what.entry]),
        ("tenant = ?", [what.tenant]),
        ("policy_hash = ?", [what.policy_hash]),
        ("trace_id = ?", [what.trace_id]),
        ("expires_at <= ?", [what.before]),
        (_OF_LABEL, ["tag", what.tag]),
        (_OF_LABEL, ["source", what.source]),
    ]
    held = [(words, values) for words, values in said if values[-1] is not None]
    where = f" WHERE {' AND '.join(words for words, _ in held)}" if held else ""
    return where, [value for _, values in held for value in values]
