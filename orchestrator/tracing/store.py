"""The trace store: hops of every run, written off the request's path, readable at once."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.records import Hop, Trace

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.tracing._database import Database
    from orchestrator.tracing._keeping import Kept

BATCH_SECONDS = 0.05
"""How long the writer collects before it writes."""
RETRY_SECONDS = 1.0
"""How long it waits after a write that failed."""
KEPT_RECORDS = 10_000
"""How many records wait in memory while the database cannot be written."""


class TraceStore:
    """Traces, hops and attempts in a SQLite file. Satisfies `protocols.Recorder`.

    `start`, `hop` and `finish` put a record into a queue and return; one thread writes them in
    batches, at the latest 100 ms later. What cannot be written never raises into a run: it is
    tried again, and `problem` says what is wrong.

    Texts are stored by the log rules of the decisions (see `redact` and `_keeping`). Reading
    waits for what this store still has to write, and raises `StorageError` where the file
    cannot be read; a file that is not there yet holds no traces.

    Args:
        path: the SQLite file; made, with its folder, at the first write.
        engine: takes the place of the one for `path` (another database).
    """

    def __init__(self, path: str | Path, *, engine: Engine | None = None) -> None:
        self.path = Path(path)
        self._engine = engine
        self._database: Database | None = None
        self._opening = threading.Lock()
        self._running: dict[str, Kept] = {}
        self._queue: list[Trace | Hop] = []
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
        from orchestrator.tracing import _database as db

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
        from orchestrator.tracing import _database as db

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
        from orchestrator.tracing import _database as db

        with database.reading() as connection:
            return db.read_hops(connection, trace_id)

    def _readable(self) -> Database | None:
        self.flush()
        if self._engine is None and not self.path.exists():
            return None
        return self._open()

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
        failed = False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._urgent())
                self._changed.wait_for(self._urgent, RETRY_SECONDS if failed else BATCH_SECONDS)
                batch, self._queue = self._queue, []
                ticket, last = self._asked, self._closed
            problem = self._write(batch) if batch else None
            failed = problem is not None
            with self._changed:
                self._settle(batch, problem, last=last)
                self._served = ticket
                self._changed.notify_all()
                if last:
                    return

    def _urgent(self) -> bool:
        return self._closed or self._asked > self._served

    def _settle(self, batch: list[Trace | Hop], problem: str | None, *, last: bool) -> None:
        self._problem = problem if batch else self._problem
        if problem is None:
            return
        waiting = [*batch, *self._queue]
        self._queue = [] if last else waiting[-KEPT_RECORDS:]
        self._lost += len(waiting) - len(self._queue)

    def _write(self, batch: list[Trace | Hop]) -> str | None:
        """Why the batch could not be written; `None` where it was."""
        from orchestrator.tracing import _keeping

        try:
            database = self._open()
            with database.writing() as connection:
                running, retracted = _keeping.write(connection, batch, self._running)
            self._running = running
            if retracted:
                database.forget()
        except StorageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a run must never fail because of its trace
            return f"the traces cannot be written: {type(error).__name__}"
        return None

    def _open(self) -> Database:
        from orchestrator.tracing._database import Database, sqlite_engine

        with self._opening:
            if self._database is None:
                if self._engine is None:
                    try:
                        self.path.parent.mkdir(parents=True, exist_ok=True)
                    except OSError as error:
                        raise StorageError(f"the traces cannot be kept: {error}") from error
                    self._engine = sqlite_engine(self.path)
                self._database = Database(self._engine)
            return self._database
