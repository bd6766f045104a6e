"""Opens the database of the trace store: a SQLite file, or a server."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.errors import StorageError
from orchestrator.storage.migrate import is_current, upgrade
from orchestrator.tracing._tables import STEPS, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECT_S = 3
_ONE_UPGRADES = "SELECT pg_advisory_xact_lock(hashtext('mesh:traces'))"


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


def server_engine(url: str) -> Engine:
    """An engine for a PostgreSQL database, `postgresql://…`; opens nothing yet."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=2,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_S},
    )


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
                if file is None:  # of several that find it old, one works and the others wait
                    connection.exec_driver_sql(_ONE_UPGRADES)
                upgrade(Tables(connection, file), STEPS, name)
        self._ready = True


@contextmanager
def _storage_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StorageError(f"the traces cannot be {what}: {cause}") from error
