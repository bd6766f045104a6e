"""What a filter has rejected and a person shall look at: which text, without the text.

A text is known again by a keyed hash, whose key never leaves the file. Once a person has allowed
it, the same text of the same workspace passes; once refused, it is refused without asking again.
What it said stands on its trace, as far as the policy lets a trace keep it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.project.protocols import AuditLog
from orchestrator.records import AuditEvent
from orchestrator.storage.sqlite import Schema, connect, writing

FILE = "reviews.sqlite"
State = Literal["waiting", "allowed", "refused"]
WAIT_S = 5.0

_SCHEMA = Schema(
    # A change here needs a `Step`; see `storage.migrate`.
    create=(
        "CREATE TABLE secret (value TEXT NOT NULL)",
        "CREATE TABLE reviews ("
        " id TEXT PRIMARY KEY, trace_id TEXT NOT NULL, place TEXT NOT NULL,"
        " categories TEXT NOT NULL, at REAL NOT NULL, state TEXT NOT NULL,"
        " decided_by TEXT NOT NULL, decided_at REAL)",
        "CREATE INDEX reviews_at ON reviews (state, at)",
    ),
)
_COLUMNS = "id, trace_id, place, categories, at, state, decided_by, decided_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A text that waits for a person, or what that person said."""

    id: str
    trace_id: str
    """Where it was met first."""
    where: Literal["prompt", "answer"]
    categories: tuple[str, ...]
    at: float
    """Seconds since the epoch, as all times here."""
    state: State = "waiting"
    by: str = ""
    """Who decided."""
    decided_at: float | None = None


class Reviews:
    """The reviews of one project. Every method opens the file for itself, and none keeps it open.

    Raises `StorageError` where the file cannot be read or written.
    """

    def __init__(self, storage: Path, audit: AuditLog | None = None) -> None:
        self.path, self._audit = storage / FILE, audit

    def ask(
        self,
        text: str,
        *,
        where: Literal["prompt", "answer"],
        categories: Sequence[str],
        workspace: str,
        trace_id: str,
        at: float,
    ) -> Review:
        """The review of that text: the one on record, or a new one that waits."""
        with self._open() as database, writing(database):
            id = _mark(database, f"{workspace}\0{where}\0{text}")
            database.execute(
                "INSERT OR IGNORE INTO reviews VALUES (?, ?, ?, ?, ?, 'waiting', '', NULL)",
                (id, trace_id, where, json.dumps(list(categories)), at),
            )
            found = f"SELECT {_COLUMNS} FROM reviews WHERE id = ?"
            return _review(database.execute(found, (id,)).fetchone())

    def all(self, state: State | None = "waiting", most: int = 100) -> tuple[Review, ...]:
        """Those in that state, the oldest first; `None`: in any."""
        if not self.path.exists():
            return ()
        where = "" if state is None else " WHERE state = ?"
        with self._open() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM reviews{where} ORDER BY at LIMIT ?",
                (most,) if state is None else (state, most),
            ).fetchall()
        return tuple(map(_review, rows))

    def decide(
        self, id: str, state: Literal["allowed", "refused"], *, by: str, at: float
    ) -> Review:
        """Say what becomes of it.

        Raises:
            UnknownNameError: there is no such review.
            UserError: it was decided already.
        """
        with self._open() as database, writing(database):
            changed = database.execute(
                "UPDATE reviews SET state = ?, decided_by = ?, decided_at = ?"
                " WHERE id = ? AND state = 'waiting'",
                (state, by, at, id),
            ).rowcount
            row = database.execute(f"SELECT {_COLUMNS} FROM reviews WHERE id = ?", (id,)).fetchone()
            known = [one for (one,) in database.execute("SELECT id FROM reviews LIMIT 1000")]
        if row is None:
            raise UnknownNameError("review", id, known)
        found = _review(row)
        if not changed:
            raise UserError(f"review '{id}' is decided: {found.state} by {found.by}")
        if self._audit is not None:
            facts = {"review": id, "where": found.where, "categories": list(found.categories)}
            what = f"{state}: an unsafe {found.where}"
            trace = found.trace_id
            self._audit.record(
                AuditEvent(kind="approval", what=what, at=at, trace_id=trace, by=by, facts=facts)
            )
        return found

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(connect(self.path, _SCHEMA, wait_s=WAIT_S, synchronous="FULL")) as opened:
                yield opened
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"the reviews in {self.path} cannot be used: {error}") from error


def _mark(database: sqlite3.Connection, text: str) -> str:
    """HMAC-SHA-256 under the file's own key, 16 hex digits."""
    row = database.execute("SELECT value FROM secret").fetchone()
    key = row[0] if row else secrets.token_hex(32)
    if row is None:
        database.execute("INSERT INTO secret VALUES (?)", (key,))
    data = text.encode("utf-8", "surrogatepass")
    return hmac.new(bytes.fromhex(key), data, hashlib.sha256).hexdigest()[:16]


def _review(row: Sequence[object]) -> Review:
    id, trace_id, where, categories, at, state, by, decided_at = row
    return Review(
        id=str(id),
        trace_id=str(trace_id),
        where=where,  # type: ignore[arg-type]
        categories=tuple(json.loads(str(categories))),
        at=at,  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        by=str(by),
        decided_at=decided_at,  # type: ignore[arg-type]
    )
