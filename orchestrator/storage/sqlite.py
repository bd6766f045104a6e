"""How a SQLite file is opened: for several processes at once, at the newest schema."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.errors import StorageError
from orchestrator.storage.migrate import Step, is_current, upgrade

_FORGET_MS = 200


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one kind of file.

    Attributes:
        create: the statements that make a new file, as they are today.
        steps: how a file of an earlier version becomes the same.
    """

    create: tuple[str, ...]
    steps: tuple[Step, ...] = ()


def connect(
    path: Path,
    schema: Schema,
    *,
    wait_s: float = 10.0,
    synchronous: Literal["FULL", "NORMAL"] = "NORMAL",
    wipes: bool = False,
) -> sqlite3.Connection:
    """Open the file, make it where it is not there, bring it to the newest schema.

    The connection may be used from any thread, and commits by itself outside of `BEGIN`.

    Args:
        wait_s: how long a statement waits for another process that writes.
        synchronous: FULL survives a power cut with the last commit; NORMAL without it.
        wipes: what is deleted is overwritten, and does not stay in pages that are free. `forget`
            clears it out of the write-ahead log.

    Raises:
        StorageError: a newer program wrote it, or no copy could be made before an upgrade.
        OSError, sqlite3.Error: it cannot be made, read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=wait_s, isolation_level=None, check_same_thread=False
    )
    try:
        if wipes:
            connection.execute("PRAGMA secure_delete = ON")
        if not is_current(schema_version(connection), schema.steps, str(path)):
            # Counts in a new file only: lets `compact` give space back in small pieces.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            _log_ahead(connection, wait_s)
            with writing(connection):
                upgrade(_File(path, connection, schema), schema.steps, str(path))
        _log_ahead(connection, wait_s)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A write transaction: all of it is kept, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A read transaction: everything is as it was at one moment, and nobody waits for it."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("ROLLBACK")


def forget(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log, which still holds what was deleted; where somebody reads at this
    moment it is emptied by the next one who closes the file."""
    before = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {_FORGET_MS}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {before}")


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of a file's schema; 0 where it has no tables.

    The first version did not always write its number down.
    """
    marked = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if marked > 1:
        return marked
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return 1 if tables else 0


def _log_ahead(connection: sqlite3.Connection, wait_s: float) -> None:
    """Let others read while one writes. SQLite itself does not wait for its turn to switch."""
    limit = time.monotonic() + wait_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > limit:
                raise
            time.sleep(0.005)


def copy(path: Path, target: Path) -> None:
    """Copy a SQLite file as its last commit left it, also while others use it.

    Raises:
        StorageError: the copy cannot be written; nothing is left of it.
    """
    partial = target.with_name(target.name + ".part")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copied:
            shutil.copymode(path, partial)
            source.backup(copied)
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StorageError(
            f"{path} must be brought to a newer schema, and no copy of it can be made before "
            f"({error}): free {path.stat().st_size / 1e6:.0f} MB in {path.parent}"
        ) from error


@dataclass(frozen=True, slots=True)
class _File:
    """A `migrate.Target`; `PRAGMA user_version` holds its version."""

    path: Path
    connection: sqlite3.Connection
    schema: Schema

    def version(self) -> int:
        return schema_version(self.connection)

    def create(self) -> None:
        for statement in self.schema.create:
            self.connection.execute(statement)

    def execute(self, sql: str) -> None:
        self.connection.execute(sql)

    def mark(self, version: int) -> None:
        self.connection.execute(f"PRAGMA user_version = {version}")

    def back_up(self, version: int) -> None:
        copy(self.path, backup_of(self.path, version))


def backup_of(path: Path, version: int) -> Path:
    """Where the copy of a file lies that is made before it leaves that version."""
    return path.with_name(f"{path.name}.v{version}.bak")
