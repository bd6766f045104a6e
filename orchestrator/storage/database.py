"""Tables that live in a SQLite file or in PostgreSQL: opened, versioned, in transactions.

Each kind of store brings its tables and the steps from one version of them to the next
(`storage.migrate`); its version stands in a table of its own, so that several kinds share one
server's database. Nothing is opened before it is used, and `close` lets it be opened again, which
is what a process needs that is about to fork.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from orchestrator.errors import StorageError, UserError
from orchestrator.storage.migrate import Step, is_current, upgrade
from orchestrator.storage.sqlite import backup_of, copy

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_CONNECT_S = 3
_STATEMENT_MS = 10_000
"""How long a server may take; a request never waits for it, but a person may."""
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is kept.

    Attributes:
        what: for messages: `the keys`.
        tables: with all their indexes.
        version: of `tables`: has one integer column, `version`.
        steps: see `storage.migrate`.
    """

    what: str
    tables: MetaData
    version: Table
    steps: tuple[Step, ...] = ()


class Database:
    """One kind of tables at one place. Thread-safe.

    Args:
        kind: what is kept there.
        place: a SQLite file, which only its owner may read; or the address of a PostgreSQL
            database, `postgresql://…`.
    """

    def __init__(self, kind: Kind, place: Path | str) -> None:
        self._kind = kind
        self._file = place if isinstance(place, Path) else None
        self._url = None if isinstance(place, Path) else _address(place)
        self._engine: Engine | None = None
        self._opening = threading.Lock()

    @property
    def place(self) -> str:
        """The file, or the address without its password."""
        return str(self._file or (self._url and self._url.set(drivername="postgresql")))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading; on SQLite it sees one state of the tables.

        Raises:
            StorageError: the database cannot be read.
        """
        with self._errors("read"), self._opened().connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are all kept, or none of them.

        Raises:
            StorageError: the database cannot be written.
        """
        with self._errors("written"):
            writer = self._opened().execution_options(mesh_writes=True)
            with writer.begin() as connection:
                yield connection

    def close(self) -> None:
        """Close all connections. Whoever reads or writes next opens it again."""
        with self._opening:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = self._new_engine()
                try:
                    self._upgrade(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def _new_engine(self) -> Engine:
        if self._file is None:
            assert self._url is not None
            return create_engine(
                self._url,
                pool_size=2,
                pool_pre_ping=True,
                connect_args={
                    "connect_timeout": _CONNECT_S,
                    "options": f"-c statement_timeout={_STATEMENT_MS}",
                },
            )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch(_OWNER_ONLY)
        self._file.chmod(_OWNER_ONLY)
        return _sqlite_engine(self._file)

    def _upgrade(self, engine: Engine) -> None:
        with engine.connect() as connection:
            version = _Target(connection, self._kind, self._file).version()
        if not is_current(version, self._kind.steps, self.place):
            with engine.execution_options(mesh_writes=True).begin() as connection:
                target = _Target(connection, self._kind, self._file)
                target.only_one()
                upgrade(target, self._kind.steps, self.place)

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            # The driver's own words: SQLAlchemy's repeat the statement with its values.
            cause = str(getattr(error, "orig", None) or error).strip()
            raise StorageError(
                f"{self._kind.what} in {self.place} cannot be {done}: {cause}"
            ) from error


def _address(text: str) -> URL:
    """With the driver that is used; hides its password where it is printed."""
    try:
        return make_url(text).set(drivername="postgresql+psycopg")
    except (ValueError, ArgumentError):  # whose words may repeat the password
        raise UserError(
            "storage.database is no address of a database; write "
            "postgresql://user:password@host:5432/name"
        ) from None


def _sqlite_engine(file: Path) -> Engine:
    """Opens the file for each transaction, so that one put in its place is seen.

    It must be there: one that was taken away is not made anew.
    """
    address = f"{file.resolve().as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at once: two that read first and write then would deadlock.
        writes = connection.get_execution_options().get("mesh_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@dataclass(frozen=True, slots=True)
class _Target:
    """A `migrate.Target` that holds its version in a table of its own."""

    connection: Connection
    kind: Kind
    file: Path | None

    def only_one(self) -> None:
        """Of several processes that find the database old, one works and the others wait."""
        if self.file is None:
            self.connection.exec_driver_sql(
                f"SELECT pg_advisory_xact_lock(hashtext('mesh:{self.kind.version.name}'))"
            )

    def version(self) -> int:
        table = self.kind.version
        if not inspect(self.connection).has_table(table.name):
            return 0
        return self.connection.execute(select(table.c.version)).scalar() or 0

    def create(self) -> None:
        self.kind.tables.create_all(self.connection)

    def execute(self, sql: str) -> None:
        self.connection.exec_driver_sql(sql)

    def mark(self, version: int) -> None:
        self.connection.execute(self.kind.version.delete())
        self.connection.execute(self.kind.version.insert().values(version=version))

    def back_up(self, version: int) -> None:
        """A file is copied; a server's owner makes the copies."""
        if self.file is not None:
            copy(self.file, backup_of(self.file, version))
