"""The trace store: hops of every run, written off the request's path, readable at once."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.records import Feedback, Hop, Trace
from orchestrator.types import FleetSnapshot

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.storage.spool import Backlog, Drained
    from orchestrator.tracing._database import Database
    from orchestrator.tracing._finding import BriefHop, Sums
    from orchestrator.tracing._keeping import Keeper
    from orchestrator.tracing.audited import Audited, Keep
    from orchestrator.tracing.redact import Find
    from orchestrator.tracing.steps import UsedRun
    from orchestrator.tracing.totals import Range, Totals
    from orchestrator.tracing.wanted import Place, Wanted

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
        self._find: Find | None = None
        self._audited: Audited | None = None
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

    def audits(self, keep: Keep | None) -> None:
        """From now on `keep` gets what the audit log is told of each hop; see `audited`."""
        from orchestrator.tracing.audited import Audited

        self._audited = None if keep is None else Audited(keep)

    @contextmanager
    def unaudited(self) -> Iterator[None]:
        """What is recorded meanwhile was decided elsewhere, and is no matter of our audit log."""
        self.flush()
        audited, self._audited = self._audited, None
        try:
            yield
        finally:
            self.flush()
            self._audited = audited

    def masks(self, find: Find) -> None:
        """From now on what `find` finds is masked as well, where texts are kept `redacted`."""
        self._find = find
        if self._keeper is not None:
            self._keeper.find = find

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

    def find(self, wanted: Wanted, limit: int = 20, *, after: Place | None = None) -> list[Trace]:
        """The newest traces of which all that is wanted holds, newest first.

        Args:
            after: only those that come behind this place in the list.
        """
        database = self._readable()
        if database is None:
            return []
        from orchestrator.tracing import _finding

        with database.reading() as connection:
            return _finding.find(connection, wanted, limit, after)

    def sums(self, ids: Sequence[str]) -> dict[str, Sums]:
        """By trace: how many hops it has, how many of them failed, who answered."""
        database = self._readable()
        if database is None:
            return {}
        from orchestrator.tracing import _finding

        with database.reading() as connection:
            return _finding.sums(connection, ids)

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

    def stamp(self, trace_id: str) -> tuple[int, int, float]:
        """Another one as soon as a hop of that trace was written; reads none of them."""
        database = self._readable()
        if database is None:
            return 0, 0, 0.0
        from orchestrator.tracing import _finding

        with database.reading() as connection:
            return _finding.stamp(connection, trace_id)

    def hops_of(self, trace_ids: Sequence[str]) -> dict[str, list[Hop]]:
        """`hops` of many traces at once, by trace; without what only a replay needs."""
        database = self._readable()
        if database is None:
            return {name: [] for name in trace_ids}
        from orchestrator.tracing._bulk import read_hops_of

        with database.reading() as connection:
            return read_hops_of(connection, trace_ids)

    def last_answers(self) -> dict[str, float]:
        """By deployment: when its last good answer on record began, seconds since the epoch."""
        database = self._readable()
        if database is None:
            return {}
        from orchestrator.tracing._bulk import read_last_answers

        with database.reading() as connection:
            return read_last_answers(connection)

    def brief(self, trace_id: str) -> list[BriefHop]:
        """All hops of that trace without texts, profiles and decisions, as they began."""
        database = self._readable()
        if database is None:
            return []
        from orchestrator.tracing import _finding

        with database.reading() as connection:
            return _finding.brief(connection, trace_id)

    def some_hops(self, trace_id: str, ids: Sequence[str]) -> list[Hop]:
        """Those hops of that trace, whole, in the order in which they began."""
        database = self._readable()
        if database is None:
            return []
        from orchestrator.tracing import _finding

        with database.reading() as connection:
            return _finding.some_hops(connection, trace_id, ids)

    def used(self, graph: str, limit: int = 300) -> list[UsedRun]:
        """What the newest runs of a graph that ended well have used, newest first, no texts."""
        database = self._readable()
        if database is None:
            return []
        from orchestrator.tracing.steps import read_runs

        with database.reading() as connection:
            return read_runs(connection, graph, limit)

    def judge(self, said: Feedback, *, since: float, most: int) -> bool:
        """Keep what was said of an answer, in the place of what the same one said of it before.

        Args:
            since: its author's count goes from here, in seconds since the epoch.
            most: so much may its author say since then.

        Returns:
            Whether there was room; without it nothing is kept.

        Raises:
            StorageError: it cannot be written.
        """
        from orchestrator.tracing._feedback import write_feedback

        with self._open().writing() as connection:
            return write_feedback(connection, said, since, most)

    def feedback(
        self, trace_id: str | None = None, *, since: float | None = None
    ) -> list[Feedback]:
        """What was said of the trace with exactly that id, or of all, in order of time.

        Args:
            since: said at that epoch second or later.
        """
        from orchestrator.tracing._feedback import read_feedback

        database = self._readable()
        if database is None:
            return []
        with database.reading() as connection:
            return read_feedback(connection, trace_id, since)

    def snapshot(self, fleet_hash: str) -> FleetSnapshot | None:
        """The fleet that decisions with this `fleet_hash` saw, without what only a call needs
        (endpoints, parameters, names of keys); `None` where it is not on record."""
        database = self._readable()
        if database is None:
            return None
        from orchestrator.tracing import _rows as db

        with database.reading() as connection:
            return db.read_fleet(connection, fleet_hash)

    def totals(self, span: Range) -> Totals:
        """What the traces of a span of time come to."""
        from orchestrator.tracing.totals import NOTHING

        database = self._readable()
        if database is None:
            return NOTHING
        from orchestrator.tracing._totals import read_totals

        with database.reading() as connection:
            return read_totals(connection, span)

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
            intake = Intake(self._open(), self._find, self._audited)
            return drain(self._spool(), KIND, intake, wait_s=wait_s, limit_s=limit_s)
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

        self._keeper = self._keeper or Keeper(exported=self._exported, find=self._find)
        try:
            self._unwritten += self._keeper.lines(batch)[0]
            if self._unwritten:
                database = self._open()
                with database.writing() as connection:
                    lines = list(map(unpack, self._unwritten))
                    retracted = write(connection, lines, find=self._find)
                    if self._audited is not None:
                        self._audited.tell(connection, lines)
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
