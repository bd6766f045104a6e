"""The trace store: hops of every run, written off the request's path, readable at once."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.records import Hop, Trace

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.storage.spool import Backlog, Drained
    from orchestrator.tracing._database import Database
    from orchestrator.tracing._keeping import Keeper

BATCH_SECONDS = 0.05
"""How long the writer collects before it writes."""
RETRY_SECONDS = 1.0
"""How long it waits after a write that failed."""
_READER_S = 2.0
"""How long who reads waits for what was spooled."""
KEPT_LINES = 10_000
"""How many lines of traces wait in memory while the database cannot be written."""


class TraceStore:
    """Traces, hops and attempts in a SQLite file. Satisfies `protocols.Recorder`.

    `start`, `hop` and `finish` put a record into a queue and return; one thread writes them in
    batches, at the latest 100 ms later. What cannot be written never raises into a run: it is
    tried again, and `problem` says what is wrong.

    Texts are stored by the log rules of the decisions (see `redact` and `_keeping`). Reading
    waits for what this store still has to write, takes in what services have spooled beside the
    file (see `spooled`), and raises `StorageError` where the file cannot be read; a file that is
    not there yet holds no traces.

    Args:
        path: the SQLite file; made, with its folder, at the first write.
        database: a PostgreSQL database, `postgresql://…`, that takes its place.
        engine: likewise, for any that SQLAlchemy opens.
        exported: what ends here is put on the list of those that are to be exported.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        database: str | None = None,
        engine: Engine | None = None,
        exported: bool = False,
    ) -> None:
        self.path = Path(path)
        self._exported = exported
        self._url = database
        self._engine = engine
        self._database: Database | None = None
        self._opening = threading.Lock()
        self._keeper: Keeper | None = None
        self._queue: list[Trace | Hop] = []
        self._unwritten: list[bytes] = []
        self._lost = 0
        self._problem: str | None = None
        self._asked = self._served = 0  # flushes
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    # ── recording ────────────────────────────────────────────────────────────────────────

    def start(self, trace: Trace) -> None:
        """A request began."""
        self._put(trace)

    def hop(self, hop: Hop) -> None:
        """A hop ended. One with the same id is replaced."""
        self._put(hop)

    def finish(self, trace: Trace) -> None:
        """The request ended."""
        self._put(trace)

    @property
    def problem(self) -> str | None:
        """Why records could not be written, for a person; `None` where nothing is missing."""
        with self._changed:
            if not self._lost:
                return self._problem
            return f"{self._problem or 'some records could not be written'} ({self._lost} lost)"

    def flush(self) -> None:
        """Wait until everything recorded so far was written, or was tried once more."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                return
            self._asked += 1
            ticket = self._asked
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._served >= ticket)

    def close(self) -> None:
        """Write what is left and let go of the database. Later records are dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
            atexit.unregister(self.close)
        if self._database is not None:
            self._database.close()

    # ── reading ──────────────────────────────────────────────────────────────────────────

    def traces(self, limit: int = 20, *, since: float | None = None) -> list[Trace]:
        """The newest traces, newest first; `since`: begun at that epoch second or later."""
        database = self._readable()
        if database is None:
            return []
        from orchestrator.tracing import _rows as db

        with database.reading() as connection:
            return db.read_traces(connection, limit, since)

    def trace(self, id_or_prefix: str) -> Trace:
        """The trace with that id, or the only one whose id begins so.

        Raises:
            UnknownNameError: there is none.
            UserError: there are several.
        """
        wanted = id_or_prefix.strip().lower()
        database = self._readable() if wanted else None
        if database is None:
            raise UnknownNameError("trace", id_or_prefix, [t.id for t in self.traces(12)])
        from orchestrator.tracing import _rows as db

        with database.reading() as connection:
            found = db.find_traces(connection, wanted, 6)
            if not found:
                known = [t.id for t in db.read_traces(connection, 12, None)]
                raise UnknownNameError("trace", id_or_prefix, known)
        exact = [t for t in found if t.id == wanted]
        if len(found) > 1 and not exact:
            listing = ", ".join(t.id for t in found[:5]) + (", …" if len(found) > 5 else "")
            raise UserError(f"several traces begin with '{id_or_prefix}': {listing}")
        return (exact or found)[0]

    def hops(self, trace_id: str) -> list[Hop]:
        """The hops of the trace with exactly that id, in the order in which they began."""
        database = self._readable()
        if database is None:
            return []
        from orchestrator.tracing import _rows as db

        with database.reading() as connection:
            return db.read_hops(connection, trace_id)

    def _readable(self) -> Database | None:
        self.flush()
        spool = self._spool()
        if spool.is_dir():
            with suppress(StorageError):  # who may only read sees what is there already
                self.drain(wait_s=_READER_S, limit_s=_READER_S)
        elif self._url is None and self._engine is None and not self.path.exists():
            return None
        return self._open()

    # ── what services have spooled ───────────────────────────────────────────────────────

    def drain(self, *, wait_s: float = 0.0, limit_s: float | None = None) -> Drained:
        """Take in what services have recorded beside the file.

        Args:
            wait_s: how long to wait while another process does so.
            limit_s: leave what is left after so long to the next one.

        Raises:
            StorageError: it cannot be read, or not be written.
        """
        from orchestrator.storage.spool import drain
        from orchestrator.tracing._ingest import Intake
        from orchestrator.tracing.spooled import KIND

        try:
            return drain(self._spool(), KIND, Intake(self._open()), wait_s=wait_s, limit_s=limit_s)
        except OSError as error:
            raise StorageError(f"spooled traces cannot be read: {error}") from error

    def backlog(self) -> Backlog:
        """What services have recorded and is not taken in yet."""
        from orchestrator.storage.spool import backlog
        from orchestrator.tracing._ingest import Intake
        from orchestrator.tracing.spooled import KIND

        return backlog(self._spool(), KIND, Intake(self._open()).taken())

    def take_unexported(self, most: int) -> list[tuple[Trace, list[Hop]]]:
        """Traces that ended and are to be exported, the oldest first. None is handed out twice."""
        from orchestrator.tracing import _rows as db

        self.flush()
        database = self._open()
        with database.writing() as connection:
            ids = db.take_unexported(connection, most)
        with database.reading() as connection:
            found = [db.read_trace(connection, name) for name in ids]
            return [(t, db.read_hops(connection, t.id)) for t in found if t is not None]

    def give_back_unexported(self, ids: Iterable[str]) -> None:
        """Those could not be exported; they are on the list again."""
        from orchestrator.tracing import _rows as db

        with self._open().writing() as connection:
            db.write_unexported(connection, ids)

    def _spool(self) -> Path:
        from orchestrator.tracing.spooled import spool_of

        return spool_of(self.path.parent)

    # ── the writer's thread ──────────────────────────────────────────────────────────────

    def _put(self, record: Trace | Hop) -> None:
        with self._changed:
            if self._closed:
                return
            self._queue.append(record)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mesh-traces", daemon=True)
                self._thread.start()
                atexit.register(self.close)  # for a program that forgets it
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._unwritten or self._urgent())
                wait = RETRY_SECONDS if self._unwritten else BATCH_SECONDS
                self._changed.wait_for(self._urgent, wait)
                batch, self._queue = self._queue, []
                ticket, last = self._asked, self._closed
            problem = self._write(batch)
            with self._changed:
                self._problem = problem
                self._lost += self._drop(0 if last else KEPT_LINES)
                self._served = ticket
                self._changed.notify_all()
                if last:
                    return

    def _urgent(self) -> bool:
        return self._closed or self._asked > self._served

    def _drop(self, most: int) -> int:
        """Keep so many of the lines that could not be written; how many went."""
        dropped = max(0, len(self._unwritten) - most)
        del self._unwritten[:dropped]
        return dropped

    def _write(self, batch: list[Trace | Hop]) -> str | None:
        """Why not everything could be written; `None` where it was."""
        from orchestrator.tracing._ingest import write
        from orchestrator.tracing._keeping import Keeper
        from orchestrator.tracing._packing import unpack

        self._keeper = self._keeper or Keeper(exported=self._exported)
        try:
            self._unwritten += self._keeper.lines(batch)[0]
            if self._unwritten:
                database = self._open()
                with database.writing() as connection:
                    retracted = write(connection, map(unpack, self._unwritten))
                self._unwritten.clear()
                if retracted:
                    database.forget()
        except StorageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a run must never fail because of its trace
            return f"the traces cannot be written: {type(error).__name__}"
        return None

    def _open(self) -> Database:
        from orchestrator.tracing._database import Database, server_engine, sqlite_engine

        with self._opening:
            if self._database is None:
                if self._engine is None:
                    self._engine = server_engine(self._url) if self._url else None
                if self._engine is None:
                    try:
                        self.path.parent.mkdir(parents=True, exist_ok=True)
                    except OSError as error:
                        raise StorageError(f"the traces cannot be kept: {error}") from error
                    self._engine = sqlite_engine(self.path)
                self._database = Database(self._engine)
            return self._database
