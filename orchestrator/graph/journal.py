"""The hop journal: what makes a run durable, and what a resume reads.

Each finished hop is written under a key before its result is used. Texts are encrypted at rest
(Fernet, a key file beside the database that only its owner may read); where a route stores
less than everything they are deleted when the run ends. One run belongs to one process at a
time, held by a file lock that the system drops when the process dies.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.storage.migrate import Step
from orchestrator.storage.sqlite import Schema, connect, forget

T = TypeVar("T")

_TURNS = (
    "CREATE TABLE turns ("
    " thread TEXT NOT NULL, number INTEGER NOT NULL, run TEXT NOT NULL, at REAL NOT NULL,"
    " value BLOB, PRIMARY KEY (thread, number))"
)
_APPROVALS = (
    "CREATE TABLE approvals ("
    " id TEXT PRIMARY KEY, run TEXT NOT NULL, node TEXT NOT NULL, tool TEXT NOT NULL,"
    " level TEXT NOT NULL, state TEXT NOT NULL, asked_at REAL NOT NULL, expires_at REAL NOT NULL,"
    " answers INTEGER NOT NULL DEFAULT 0, used_at REAL, wanted BLOB, ruling BLOB)"
)
_SCHEMA = Schema(
    # A change here needs a `Step` below; see `storage.migrate`.
    create=(
        "CREATE TABLE runs ("
        " id TEXT PRIMARY KEY, graph TEXT NOT NULL, project_hash TEXT NOT NULL,"
        " started_at REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0, request BLOB,"
        " state TEXT NOT NULL DEFAULT 'running', cancel INTEGER NOT NULL DEFAULT 0,"
        " waiting BLOB)",
        "CREATE TABLE entries ("
        " run TEXT NOT NULL, key TEXT NOT NULL, node TEXT NOT NULL, deployment TEXT NOT NULL,"
        " value BLOB, position INTEGER, PRIMARY KEY (run, key))",
        _TURNS,
        _APPROVALS,
    ),
    steps=(
        Step(
            "runs can wait, be cancelled, and continue a conversation",
            (
                "ALTER TABLE runs ADD COLUMN state TEXT NOT NULL DEFAULT 'running'",
                "ALTER TABLE runs ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0",
                "ALTER TABLE runs ADD COLUMN waiting BLOB",
                "UPDATE runs SET state = 'ok' WHERE done = 1",
                _TURNS,
            ),
        ),
        Step("tool calls wait for an approval", (_APPROVALS,)),
    ),
)


RunState = Literal["running", "waiting", "interrupted", "ok", "failed", "cancelled"]
"""`waiting`: for a person's answer; `interrupted`: its process died."""
_COLUMNS = "id, graph, project_hash, started_at, state, request, waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is needed to take a run up again."""

    id: str
    graph: str
    project_hash: str
    started_at: float
    request: Mapping[str, Any]
    """Inputs, options, thread and project of the run, packed; empty where its texts were not to
    be kept."""
    state: RunState = "running"
    waiting: Mapping[str, Any] = field(default_factory=dict)
    """The question that a waiting run has asked."""

    @property
    def question(self) -> str | None:
        """The first text among its inputs."""
        texts = (v for v in self.request.get("inputs", {}).values() if isinstance(v, str))
        return next(texts, None)

    @property
    def thread(self) -> str | None:
        """The conversation that it belongs to."""
        thread: str | None = self.request.get("thread")
        return thread


class JournalStore:
    """All runs of a project, in one SQLite file.

    Raises:
        StorageError: the folder or the database cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        with _storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._cipher = _cipher(folder / "journal.key")
            self._secret = (folder / "journal.key").read_bytes()
            self._db = connect(folder / "journal.sqlite", _SCHEMA, synchronous="FULL", wipes=True)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def open(self, record: RunRecord) -> RunJournal:
        """Start a run, or take up an unfinished one, and hold it.

        Raises:
            UserError: another living process holds the run.
        """
        journal = RunJournal(self, record.id, self._lock_of(record.id))
        request = self.seal(record.request)
        journal.fresh = self.write(
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
            f"SELECT {_COLUMNS} FROM runs"
            " WHERE id = ? OR substr(id, 1, ?) = ? ORDER BY id = ? DESC LIMIT 3",
            (run, len(run), run, run),
        )
        if not rows or (len(rows) > 1 and rows[0][0] != run):
            known = [row[0] for row in self.read("SELECT id FROM runs ORDER BY id DESC LIMIT 12")]
            raise UnknownNameError("run", run, known)
        record = self._record(rows[0])
        if not record.request:
            raise UserError(f"run '{record.id}' has ended and its texts were not to be kept")
        return record

    def runs(self, limit: int = 20) -> list[RunRecord]:
        """The latest runs, newest first."""
        rows = self.read(
            f"SELECT {_COLUMNS} FROM runs ORDER BY started_at DESC, id DESC LIMIT ?", (limit,)
        )
        return [self._record(row) for row in rows]

    def nodes(self, run: str) -> list[str]:
        """The nodes of the run with exactly that id of which something is recorded."""
        rows = self.read(
            "SELECT DISTINCT node FROM entries WHERE run = ? AND value NOT NULL", (run,)
        )
        return sorted({node.split("/")[0] for (node,) in rows})

    def values(self, run: str) -> dict[str, Mapping[str, Any]]:
        """All that is recorded of the run with exactly that id, by key."""
        rows = self.read("SELECT key, value FROM entries WHERE run = ? AND value NOT NULL", (run,))
        return {key: self.unseal(value) for key, value in rows}

    def is_held(self, run: str) -> bool:
        """Whether a living process carries the run out."""
        from filelock import FileLock, Timeout

        path = self._lock_of(run)
        if not path.exists():
            return False
        try:
            with FileLock(path, blocking=False):
                return False
        except Timeout:
            return True

    def request_cancel(self, run: str) -> None:
        """Ask the process that carries the run out to stop it."""
        self.write("UPDATE runs SET cancel = 1 WHERE id = ?", (run,))

    def _lock_of(self, run: str) -> Path:
        return self.folder / "runs" / f"{run}.lock"

    def _record(self, row: tuple[Any, ...]) -> RunRecord:
        identifier, graph, project_hash, started_at, state, request, waiting = row
        if state == "running" and not self.is_held(identifier):
            state = "interrupted"
        return RunRecord(
            id=identifier,
            graph=graph,
            project_hash=project_hash,
            started_at=started_at,
            state=state,
            request=self.unseal(request) if request is not None else {},
            waiting=self.unseal(waiting) if waiting is not None else {},
        )

    @property
    def cipher(self) -> Any:
        """A Fernet with the key that lies beside the journal."""
        return self._cipher

    def seal(self, value: Mapping[str, Any]) -> bytes:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        sealed: bytes = self._cipher.encrypt(text.encode("utf-8", "surrogatepass"))
        return sealed

    def unseal(self, blob: bytes) -> Any:
        return json.loads(self._cipher.decrypt(blob).decode("utf-8", "surrogatepass"))

    def mark(self, value: Any) -> str:
        """32 hex digits that nobody finds without this store's key: HMAC-SHA-256 of the value."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        data = text.encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, b"approval\0" + data, hashlib.sha256).hexdigest()[:32]

    def write(self, sql: str, values: tuple[Any, ...]) -> bool:
        """Whether it changed a row."""
        with self._lock, _storage_errors(self.folder):
            return self._db.execute(sql, values).rowcount > 0

    def forget(self) -> None:
        """Let nothing that was deleted stay in the files."""
        with self._lock, _storage_errors(self.folder):
            forget(self._db)

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, _storage_errors(self.folder):
            return self._db.execute(sql, values).fetchall()


class RunJournal:
    """The journal of one run; satisfies `protocols.Journal`."""

    def __init__(self, store: JournalStore, run: str, lock: Path) -> None:
        from filelock import FileLock, Timeout

        self.run = run
        self.fresh = False
        """True where no process has carried out this run before."""
        self._store = store
        self._values: dict[str, Mapping[str, Any]] = {}
        self._sealed: dict[str, bytes] | None = None
        with _storage_errors(lock.parent):
            lock.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(lock, blocking=False)
            try:
                self._lock.acquire()
            except Timeout:
                raise UserError(f"run '{run}' is being carried out by another process") from None

    async def get(self, key: str) -> Mapping[str, Any] | None:
        # The lock makes this the only writer, so what was there at first and what it adds is all.
        if self._sealed is None:
            self._sealed = {} if self.fresh else await _thread(self._recorded)
        if key not in self._values and key in self._sealed:
            self._values[key] = self._store.unseal(self._sealed.pop(key))
        return self._values.get(key)

    def _recorded(self) -> dict[str, bytes]:
        """Key → sealed value, for everything that an earlier process has recorded."""
        rows = self._store.read(
            "SELECT key, value FROM entries WHERE run = ? AND value NOT NULL", (self.run,)
        )
        return dict(rows)

    async def begin(self, key: str, *, node: str, deployment: str = "") -> str | None:
        def mark() -> str | None:
            held = self._store.read(
                "SELECT deployment FROM entries WHERE run = ? AND key = ?", (self.run, key)
            )
            self._store.write(
                "INSERT INTO entries (run, key, node, deployment) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (run, key) DO UPDATE SET deployment = excluded.deployment",
                (self.run, key, node, deployment),
            )
            return str(held[0][0]) if held else None

        return await _thread(mark)

    async def put(self, key: str, value: Mapping[str, Any], *, node: str) -> None:
        def write() -> None:
            self._store.write(
                "INSERT INTO entries (run, key, node, deployment, value, position)"
                " VALUES (?, ?, ?, '', ?,"
                " (SELECT COALESCE(MAX(position), 0) + 1 FROM entries WHERE run = ?))"
                " ON CONFLICT (run, key) DO UPDATE"
                " SET value = excluded.value, position = excluded.position",
                (self.run, key, node, self._store.seal(value), self.run),
            )

        await _thread(write)
        self._values[key] = value

    async def drop(self, key: str) -> None:
        await _thread(
            lambda: self._store.write(
                "DELETE FROM entries WHERE run = ? AND key = ? AND value IS NULL", (self.run, key)
            )
        )

    def entries(self) -> list[Mapping[str, Any]]:
        """Every recorded value, in the order in which they were recorded."""
        rows = self._store.read(
            "SELECT value FROM entries WHERE run = ? AND value NOT NULL ORDER BY position",
            (self.run,),
        )
        return [self._store.unseal(row[0]) for row in rows]

    def begin_run(self) -> None:
        """Mark the run as carried out by this process; an earlier wish to cancel it is met."""
        self._store.write(
            "UPDATE runs SET state = 'running', cancel = 0, waiting = NULL WHERE id = ?",
            (self.run,),
        )

    def adopt(self, record: RunRecord) -> None:
        """From now on the run belongs to the project as it is today."""
        self._store.write(
            "UPDATE runs SET project_hash = ?, request = ? WHERE id = ?",
            (record.project_hash, self._store.seal(record.request), self.run),
        )

    async def cancel_requested(self) -> bool:
        """Whether another process has asked to stop this run."""
        rows = await _thread(
            lambda: self._store.read("SELECT cancel FROM runs WHERE id = ?", (self.run,))
        )
        return bool(rows and rows[0][0])

    def stop(self, state: RunState, waiting: Mapping[str, Any] | None = None) -> None:
        """The run has not ended, and can be taken up again; `waiting`: what it asks a person."""
        self._store.write(
            "UPDATE runs SET state = ?, waiting = ? WHERE id = ?",
            (state, None if waiting is None else self._store.seal(waiting), self.run),
        )

    def finish(self, *, keep: bool) -> None:
        """Mark the run as done; without `keep` its texts are deleted now."""
        self._store.write("UPDATE runs SET done = 1, state = 'ok' WHERE id = ?", (self.run,))
        if not keep:
            self._store.write("UPDATE runs SET request = NULL WHERE id = ?", (self.run,))
            self._store.write("DELETE FROM entries WHERE run = ?", (self.run,))
            self._store.write(
                "UPDATE approvals SET wanted = NULL, ruling = NULL WHERE run = ?", (self.run,)
            )
            self._store.forget()

    def close(self) -> None:
        """Let go of the run; what was recorded stays for a resume."""
        self._values.clear()
        # Removed while it is held: after the release it may be another process's.
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


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
    except (OSError, sqlite3.DatabaseError) as error:
        damaged = str(error) == "file is not a database" or "malformed" in str(error)
        advice = (
            "the file is damaged: put a copy of it back, or move it away and start anew"
            if damaged
            else "free space there, or set storage.path in mesh.yaml"
        )
        raise StorageError(
            f"the journal in {where} cannot be read or written: {error}; {advice}"
        ) from error


async def _thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)
