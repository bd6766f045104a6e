"""Reads and writes the tables of the trace store. The only place that speaks SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.errors import StorageError
from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.storage.migrate import is_current, upgrade
from orchestrator.tracing._tables import STEPS, Tables, attempts, hops, traces
from orchestrator.types import Caller, LogRule, as_json, from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOP_COLUMNS = [c.name for c in hops.columns if c.name != "n"]
_TRACE_COLUMNS = [c.name for c in traces.columns]
_USAGE = tuple(Usage.__dataclass_fields__)


def sqlite_engine(path: Path) -> Engine:
    """An engine for the file at `path`; opens nothing yet.

    WAL, so that other processes read while this one writes; freed pages are overwritten, so
    that a text which a stricter rule took back does not stay in the file.
    """
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (
            "busy_timeout=5000",
            "auto_vacuum=INCREMENTAL",  # counts in a new file only
            "journal_mode=WAL",
            "synchronous=NORMAL",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA secure_delete=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at once: two that read first and write then would deadlock.
        writes = connection.get_execution_options().get("mesh_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class Database:
    """The tables behind one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(mesh_writes=True)
        self._ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the tables.

        Raises:
            StorageError: the database cannot be read.
        """
        with _storage_errors("read"):
            self._prepare()
            with self._engine.connect() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are all kept, or none of them.

        Raises:
            StorageError: the database cannot be written.
        """
        with _storage_errors("written"):
            self._prepare()
            with self._writer.begin() as connection:
                yield connection

    def forget(self) -> None:
        """Empty SQLite's write-ahead log, which still holds texts that were just taken back."""
        if self._engine.dialect.name == "sqlite":
            with _storage_errors("written"), self._engine.connect() as connection:
                # Past SQLAlchemy, which would begin a transaction and so stop the checkpoint.
                raw = connection.connection.driver_connection
                if raw is not None:
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _prepare(self) -> None:
        if self._ready:
            return
        database = self._engine.url.database
        file = Path(database) if database and self._engine.dialect.name == "sqlite" else None
        name = str(file or self._engine.url)
        with self._engine.connect() as connection:
            current = is_current(Tables(connection).version(), STEPS, name)
        if not current:
            with self._writer.begin() as connection:
                upgrade(Tables(connection, file), STEPS, name)
        self._ready = True


@contextmanager
def _storage_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StorageError(f"the traces cannot be {what}: {cause}") from error


def write_trace(connection: Connection, trace: Trace) -> None:
    """Put the trace in the place of one with the same id."""
    connection.execute(traces.delete().where(traces.c.id == trace.id))
    connection.execute(traces.insert(), [_clean(as_json(trace))])


def write_hops(connection: Connection, batch: Sequence[Hop]) -> None:
    """Put the hops in the place of those with the same ids; of two with one id, the last."""
    latest = {(hop.trace_id, hop.id): hop for hop in batch}
    for table, column in ((hops, hops.c.id), (attempts, attempts.c.hop_id)):
        keys = tuple_(table.c.trace_id, column)
        connection.execute(table.delete().where(keys.in_(list(latest))))
    connection.execute(hops.insert(), [_hop_row(hop) for hop in latest.values()])
    lines = [
        _attempt_row(hop, number, attempt)
        for hop in latest.values()
        for number, attempt in enumerate(hop.attempts)
    ]
    if lines:
        connection.execute(attempts.insert(), lines)


def read_trace(connection: Connection, trace_id: str) -> Trace | None:
    """The trace with exactly that id."""
    row = connection.execute(select(traces).where(traces.c.id == trace_id)).mappings().first()
    return None if row is None else _trace(row)


def read_traces(connection: Connection, limit: int, since: float | None) -> list[Trace]:
    """The newest traces, newest first."""
    query = select(traces).order_by(traces.c.started_at.desc(), traces.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(traces.c.started_at >= since)
    return [_trace(row) for row in connection.execute(query).mappings()]


def find_traces(connection: Connection, prefix: str, limit: int) -> list[Trace]:
    """Traces whose id begins with `prefix`, by id."""
    query = select(traces).where(traces.c.id.startswith(prefix, autoescape=True))
    rows = connection.execute(query.order_by(traces.c.id).limit(limit)).mappings()
    return [_trace(row) for row in rows]


def read_hops(connection: Connection, trace_id: str, *, undecided: bool = False) -> list[Hop]:
    """The hops of a trace in the order in which they began; `undecided`: only without decision."""
    query = select(hops).where(hops.c.trace_id == trace_id)
    if undecided:
        query = query.where(hops.c.decision.is_(None))
    rows = connection.execute(query.order_by(hops.c.started_at, hops.c.n)).mappings().all()
    lines = connection.execute(
        select(attempts)
        .where(attempts.c.trace_id == trace_id)
        .order_by(attempts.c.hop_id, attempts.c.number)
    ).mappings()
    by_hop: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_hop.setdefault(line["hop_id"], []).append(_attempt_value(line))
    return [_hop(row, by_hop.get(row["id"], [])) for row in rows]


def _hop_row(hop: Hop) -> dict[str, Any]:
    content = _clean(as_json(hop))
    return {name: content[name] for name in _HOP_COLUMNS}


def _attempt_row(hop: Hop, number: int, attempt: Attempt) -> dict[str, Any]:
    content = _clean(as_json(attempt))
    usage = content.pop("usage")
    content.update({f"usage_{name}": usage[name] for name in _USAGE})
    return {"trace_id": hop.trace_id, "hop_id": hop.id, "number": number, **content}


def _attempt_value(line: Mapping[Any, Any]) -> dict[str, Any]:
    value = {name: line[name] for name in Attempt.__dataclass_fields__ if name != "usage"}
    return {**value, "usage": {name: line[f"usage_{name}"] for name in _USAGE}}


def _trace(row: Mapping[Any, Any]) -> Trace:
    value = {name: row[name] for name in _TRACE_COLUMNS}
    value["log"] = None if row["log"] is None else LogRule(**row["log"])
    value["caller"] = Caller(**(row["caller"] or {}))
    value["tags"] = tuple(row["tags"] or ())
    return Trace(**value)


def _hop(row: Mapping[Any, Any], lines: Iterable[dict[str, Any]]) -> Hop:
    value = {name: row[name] for name in _HOP_COLUMNS}
    value["attempts"] = list(lines)
    return from_json(Hop, value)


def _clean(value: Any) -> Any:
    """Without what a database refuses in a text: NUL, and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_clean(v) for v in value]
    return value
