"""The hop journal: what makes a run durable, and what a resume reads.

Each finished hop is written under a key before its result is used. Texts are encrypted at rest
(Fernet, a key file beside the database that only its owner may read); where a route stores
less than everything they are deleted when the run ends. One run belongs to one process at a
time, held by a file lock that the system drops when the process dies.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.errors import StorageError, UnknownNameError, UserError

T = TypeVar("T")

_SCHEMA = """
PRAGMA user_version = 1;
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, graph TEXT NOT NULL, project_hash TEXT NOT NULL,
    started_at REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0, request BLOB
);
CREATE TABLE IF NOT EXISTS entries (
    run TEXT NOT NULL, key TEXT NOT NULL, node TEXT NOT NULL, deployment TEXT NOT NULL,
    value BLOB, position INTEGER, PRIMARY KEY (run, key)
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is needed to take a run up again."""

    id: str
    graph: str
    project_hash: str
    started_at: float
    done: bool
    request: Mapping[str, Any]
    """Inputs and options of the run, packed."""


class JournalStore:
    """All runs of a project, in one SQLite file.

    Raises:
        StorageError: the folder or the database cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        with _storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._cipher = _cipher(folder / "journal.key")
            self._db = sqlite3.connect(folder / "journal.sqlite", check_same_thread=False)
            self._db.execute("PRAGMA busy_timeout = 10000")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def open(self, record: RunRecord) -> RunJournal:
        """Start a run, or take up an unfinished one, and hold it.

        Raises:
            UserError: another living process holds the run.
        """
        journal = RunJournal(self, record.id, self._folder / "runs" / f"{record.id}.lock")
        request = self.seal(record.request)
        self.write(
            "INSERT OR IGNORE INTO runs (id, graph, project_hash, started_at, request)"
            " VALUES (?, ?, ?, ?, ?)",
            (record.id, record.graph, record.project_hash, record.started_at, request),
        )
        return journal

    def find(self, run: str) -> RunRecord:
        """The run of that id, or of the only id that starts so.

        Raises:
            UnknownNameError: no run, or more than one, has it.
            UserError: its texts were deleted when it ended.
        """
        rows = self.read(
            "SELECT id, graph, project_hash, started_at, done, request FROM runs"
            " WHERE id = ? OR substr(id, 1, ?) = ? ORDER BY id = ? DESC LIMIT 3",
            (run, len(run), run, run),
        )
        if not rows or (len(rows) > 1 and rows[0][0] != run):
            known = [row[0] for row in self.read("SELECT id FROM runs ORDER BY id DESC LIMIT 12")]
            raise UnknownNameError("run", run, known)
        identifier, graph, project_hash, started_at, done, request = rows[0]
        if request is None:
            raise UserError(f"run '{identifier}' has ended and its texts were not to be kept")
        return RunRecord(
            id=identifier,
            graph=graph,
            project_hash=project_hash,
            started_at=started_at,
            done=bool(done),
            request=self.unseal(request),
        )

    def seal(self, value: Mapping[str, Any]) -> bytes:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        sealed: bytes = self._cipher.encrypt(text.encode("utf-8", "surrogatepass"))
        return sealed

    def unseal(self, blob: bytes) -> Any:
        return json.loads(self._cipher.decrypt(blob).decode("utf-8", "surrogatepass"))

    def write(self, sql: str, values: tuple[Any, ...]) -> None:
        with self._lock, _storage_errors(self._folder), self._db:
            self._db.execute(sql, values)

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, _storage_errors(self._folder):
            return self._db.execute(sql, values).fetchall()


class RunJournal:
    """The journal of one run; satisfies `protocols.Journal`."""

    def __init__(self, store: JournalStore, run: str, lock: Path) -> None:
        from filelock import FileLock, Timeout

        self.run = run
        self._store = store
        self._values: dict[str, Mapping[str, Any]] = {}
        with _storage_errors(lock.parent):
            lock.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(lock, blocking=False)
            try:
                self._lock.acquire()
            except Timeout:
                raise UserError(f"run '{run}' is being carried out by another process") from None

    async def get(self, key: str) -> Mapping[str, Any] | None:
        if key not in self._values:
            rows = await _thread(
                lambda: self._store.read(
                    "SELECT value FROM entries WHERE run = ? AND key = ? AND value NOT NULL",
                    (self.run, key),
                )
            )
            if not rows:
                return None
            self._values[key] = self._store.unseal(rows[0][0])
        return self._values[key]

    async def begin(self, key: str, *, node: str, deployment: str = "") -> str | None:
        def mark() -> str | None:
            held = self._store.read(
                "SELECT deployment FROM entries WHERE run = ? AND key = ?", (self.run, key)
            )
            self._store.write(
                "INSERT OR REPLACE INTO entries (run, key, node, deployment) VALUES (?, ?, ?, ?)",
                (self.run, key, node, deployment),
            )
            return str(held[0][0]) if held else None

        return await _thread(mark)

    async def put(self, key: str, value: Mapping[str, Any]) -> None:
        def write() -> None:
            self._store.write(
                "UPDATE entries SET value = ?, position ="
                " (SELECT COALESCE(MAX(position), 0) + 1 FROM entries WHERE run = ?)"
                " WHERE run = ? AND key = ?",
                (self._store.seal(value), self.run, self.run, key),
            )

        await _thread(write)
        self._values[key] = value

    def entries(self) -> list[Mapping[str, Any]]:
        """Every recorded value, in the order in which they were recorded."""
        rows = self._store.read(
            "SELECT value FROM entries WHERE run = ? AND value NOT NULL ORDER BY position",
            (self.run,),
        )
        return [self._store.unseal(row[0]) for row in rows]

    def finish(self, *, keep: bool) -> None:
        """Mark the run as done; without `keep` its texts are deleted now."""
        self._store.write("UPDATE runs SET done = 1 WHERE id = ?", (self.run,))
        if not keep:
            self._store.write("UPDATE runs SET request = NULL WHERE id = ?", (self.run,))
            self._store.write("DELETE FROM entries WHERE run = ?", (self.run,))

    def close(self) -> None:
        """Let go of the run; what was recorded stays for a resume."""
        self._values.clear()
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def _cipher(path: Path) -> Any:
    from cryptography.fernet import Fernet

    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        # A link is atomic and never replaces the key that another process has just made.
        try:
            os.link(partial, path)
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return Fernet(path.read_bytes())


@contextmanager
def _storage_errors(where: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise StorageError(
            f"the journal in {where} cannot be read or written: {error}; "
            "free space there, or set storage.path in mesh.yaml"
        ) from error


async def _thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)
