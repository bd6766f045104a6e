"""How a SQLite file gives back the space of what was deleted, while others use it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from orchestrator.errors import StorageError

_PAGES = 500
"""Pages given back at a time, so that a process that writes waits for milliseconds."""
_WORTH = 0.2
"""The share of free pages from which rewriting a whole file is worth it."""
_INCREMENTAL = 2


def size_of(path: Path) -> int:
    """Bytes of a file with its write-ahead log, or of a folder; 0 where there is none."""
    if path.is_dir():
        return sum(_bytes(file) for file in path.rglob("*"))
    return sum(_bytes(path.with_name(path.name + end)) for end in ("", "-wal", "-shm"))


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # gone in the meantime
        return 0


def compact(path: Path, *, alone: Callable[[], bool]) -> None:
    """Make a SQLite file smaller; anything else stays as it is.

    A file of ours gives its pages back in small steps, at any time. One that cannot (of the first
    version, or of LangGraph) is rewritten once, if nobody else is at work; from then on it can.

    Raises:
        StorageError: the file cannot be written, or there is no space for rewriting it.
    """
    if path.suffix not in (".sqlite", ".sqlite3") or not path.is_file():
        return
    try:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
            free, pages = _number(database, "freelist_count"), _number(database, "page_count")
            if _number(database, "auto_vacuum") == _INCREMENTAL:
                while free:
                    # The statement gives a row for each page, and does nothing until it is read.
                    database.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
                    free, before = _number(database, "freelist_count"), free
                    if free >= before:
                        break
            elif free > _WORTH * pages and alone():
                database.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
                database.execute("VACUUM")
            # Where somebody reads, the log is emptied by whoever closes last; no need to wait.
            database.execute("PRAGMA busy_timeout = 100")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be made smaller: {error}") from error


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
