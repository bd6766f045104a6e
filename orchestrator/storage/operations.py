"""What people did to a running project, on record, and what of it still holds.

Drained deployments, asked-for reloads and the texts of policies stand in one small file of the
storage folder, which every process of the project sees. It is written when a person acts, never by
a call.
"""

from __future__ import annotations

import getpass
import json
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.errors import StorageError, UserError
from orchestrator.storage.sqlite import Schema, connect, writing

if TYPE_CHECKING:
    from orchestrator.project.load import LoadedProject

FILE = "operations.sqlite"
WAIT_S = 5.0
"""For another process that writes."""

Action = Literal["drain", "undrain", "reload", "refresh", "rollback"]
Result = Literal["asked", "done", "refused", "failed"]

SCHEMA = Schema(
    # A change here needs a `Step`; see `storage.migrate`.
    create=(
        "CREATE TABLE operations ("
        " id TEXT PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,"
        " subject TEXT NOT NULL, why TEXT NOT NULL, result TEXT NOT NULL,"
        " before TEXT NOT NULL, after TEXT NOT NULL, details TEXT NOT NULL)",
        "CREATE INDEX operations_at ON operations (at)",
        "CREATE TABLE drains ("
        " deployment TEXT PRIMARY KEY, since REAL NOT NULL, until REAL,"
        " who TEXT NOT NULL, why TEXT NOT NULL, changed REAL NOT NULL)",
        "CREATE TABLE policies (hash TEXT PRIMARY KEY, at REAL NOT NULL, text TEXT NOT NULL)",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that somebody did, or asked for."""

    id: str
    at: float
    """Seconds since the epoch, as all times here."""
    who: str
    """The operating system's user, or the id of a key."""
    action: Action
    subject: str
    """The deployments, the policy, or the gateway that it was done to."""
    why: str = ""
    result: Result = "done"
    before: str = ""
    after: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else there is to say: the problems of a refused reload, what a refresh found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """A deployment that somebody has taken out of use. One that was brought back has an end."""

    deployment: str
    since: float
    until: float | None = None
    """When it comes back by itself; `None`: when somebody says so."""
    who: str
    why: str = ""
    changed: float
    """When this was said last; of two words on one deployment the later counts."""

    def holds(self, now: float) -> bool:
        """Whether it is out of use at that time."""
        return self.until is None or now < self.until

    @property
    def in_words(self) -> str:
        """The reason why it is not available: `drained by ana since 03:07 UTC: spend alarm`."""
        words = f"drained by {self.who} since {_minute(self.since)}"
        if self.until is not None:
            words += f", until {_minute(self.until)}"
        return f"{words}: {self.why}" if self.why else words


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPolicy:
    """A policy that was in use once."""

    hash: str
    at: float
    """When it was first loaded."""
    text: str


class Operations:
    """The record of one project. Every method opens the file for itself, and none keeps it open.

    Raises `StorageError` where the file cannot be read or written.
    """

    def __init__(self, storage: Path) -> None:
        self.path = storage / FILE

    # ── the record ───────────────────────────────────────────────────────────────────────

    def add(self, operation: Operation) -> None:
        """Put it on record."""
        with self._writing() as database:
            _insert(database, operation)

    def finish(
        self, id: str, result: Result, details: Mapping[str, Any], before: str = "", after: str = ""
    ) -> None:
        """Say what became of one that was asked for."""
        with self._writing() as database:
            database.execute(
                "UPDATE operations SET result = ?, before = ?, after = ?, details = ? WHERE id = ?",
                (result, before, after, json.dumps(details), id),
            )

    def get(self, id: str) -> Operation | None:
        """The one of that id."""
        rows = self._rows("SELECT * FROM operations WHERE id = ?", (id,))
        return _operation(rows[0]) if rows else None

    def asked(self, action: Action, subject: str) -> tuple[Operation, ...]:
        """Those that wait to be carried out on `subject`, the oldest first."""
        rows = self._rows(
            "SELECT * FROM operations WHERE action = ? AND subject = ? AND result = 'asked'"
            " ORDER BY at",
            (action, subject),
        )
        return tuple(map(_operation, rows))

    def all(self, most: int = 100, action: str | None = None) -> tuple[Operation, ...]:
        """The latest, the newest first."""
        where = "" if action is None else " WHERE action = ?"
        rows = self._rows(
            f"SELECT * FROM operations{where} ORDER BY at DESC, rowid DESC LIMIT ?",
            (most,) if action is None else (action, most),
        )
        return tuple(map(_operation, rows))

    # ── drained deployments ──────────────────────────────────────────────────────────────

    def drain(self, drains: Sequence[Drain], operation: Operation) -> None:
        """Take them out of use, on record. What is drained already gets the new reason and end."""
        with self._writing() as database:
            database.executemany(_DRAIN, map(_row, drains))
            _insert(database, operation)

    def take(self, drains: Sequence[Drain]) -> None:
        """What was said on other machines, and is on record there; what is older does not count."""
        with self._writing() as database:
            known = dict(database.execute("SELECT deployment, changed FROM drains").fetchall())
            later = [
                one for one in drains if one.changed > known.get(one.deployment, float("-inf"))
            ]
            database.executemany(_DRAIN, map(_row, later))

    def undrain(self, deployments: Sequence[str], operation: Operation) -> None:
        """Bring them back, on record."""
        with self._writing() as database:
            # Not removed: other machines must hear that it is over.
            database.executemany(
                "UPDATE drains SET until = ?, changed = ? WHERE deployment = ?",
                [(operation.at, operation.at, name) for name in deployments],
            )
            _insert(database, operation)

    def drains(self) -> dict[str, Drain]:
        """By deployment; also those whose time is over."""
        names = ("deployment", "since", "until", "who", "why", "changed")
        rows = self._rows(f"SELECT {', '.join(names)} FROM drains")
        return {row[0]: Drain(**dict(zip(names, row, strict=True))) for row in rows}

    # ── policies ─────────────────────────────────────────────────────────────────────────

    def keep_policy(self, hash: str, text: str, at: float) -> None:
        """Keep the text of a policy, unless one of that hash is kept."""
        if self.policies(hash):
            return
        with self._writing() as database:
            database.execute("INSERT OR IGNORE INTO policies VALUES (?, ?, ?)", (hash, at, text))

    def policies(self, beginning: str = "") -> tuple[KeptPolicy, ...]:
        """Those whose hash begins so, the newest first."""
        rows = self._rows(
            "SELECT hash, at, text FROM policies WHERE substr(hash, 1, ?) = ?"
            " ORDER BY at DESC, rowid DESC",
            (len(beginning), beginning),
        )
        return tuple(KeptPolicy(hash=row[0], at=row[1], text=row[2]) for row in rows)

    def policy(self, beginning: str) -> KeptPolicy:
        """The one whose hash begins so.

        Raises:
            UserError: there is none, or more than one.
        """
        found = self.policies(beginning) if beginning else ()
        if len(found) == 1:
            return found[0]
        known = ", ".join(kept.hash for kept in (found or self.policies())[:5])
        if found:
            raise UserError(f"more than one policy begins with '{beginning}': {known}")
        raise UserError(
            f"no policy '{beginning}' is kept; known: {known or 'none yet'}. "
            "Kept is what `mesh serve` and runs have loaded"
        )

    # ── the file ─────────────────────────────────────────────────────────────────────────

    def stamp(self) -> tuple[int, ...]:
        """Changes when anybody writes; costs two looks at the folder."""
        stamp: list[int] = []
        for end in ("", "-wal"):
            with suppress(OSError):
                found = self.path.with_name(self.path.name + end).stat()
                stamp += (found.st_mtime_ns, found.st_size)
        return tuple(stamp)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with (
                closing(connect(self.path, SCHEMA, wait_s=WAIT_S, synchronous="FULL")) as database,
                writing(database),
            ):
                yield database
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self.path} cannot be written: {error}") from error

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        try:
            with closing(connect(self.path, SCHEMA, wait_s=WAIT_S)) as database:
                return database.execute(sql, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self.path} cannot be read: {error}") from error


def keep_policy(operations: Operations, loaded: LoadedProject) -> None:
    """Keep the text of a project's policy, so that one can go back to it.

    One that was made in Python has no text.

    Raises:
        StorageError: it cannot be written.
    """
    document = loaded.documents.get("policy.yaml")
    if document is not None:
        text = "\n".join(document.lines).rstrip("\n") + "\n"
        operations.keep_policy(loaded.project.policy_hash, text, time.time())


def operation(action: Action, subject: str, who: str, **said: Any) -> Operation:
    """A new one, as of now.

    Args:
        **said: the further fields of an `Operation`.
    """
    return Operation(
        id=secrets.token_hex(4), at=time.time(), who=who, action=action, subject=subject, **said
    )


def os_user() -> str:
    """Who runs this process, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return "unknown"


_DRAIN = (
    "INSERT OR REPLACE INTO drains (deployment, since, until, who, why, changed)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


def _row(drain: Drain) -> tuple[Any, ...]:
    return drain.deployment, drain.since, drain.until, drain.who, drain.why, drain.changed


def _insert(database: sqlite3.Connection, one: Operation) -> None:
    values = (one.id, one.at, one.who, one.action, one.subject, one.why, one.result)
    database.execute(
        "INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, one.before, one.after, json.dumps(one.details)),
    )


def _operation(row: tuple[Any, ...]) -> Operation:
    names = ("id", "at", "who", "action", "subject", "why", "result", "before", "after")
    said = dict(zip(names, row[:-1], strict=True))
    return Operation(**said, details=json.loads(row[-1]))


def _minute(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
