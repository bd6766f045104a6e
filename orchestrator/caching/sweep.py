"""Cached answers of requests that are to be forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from orchestrator.errors import StorageError


def remove_answers(path: Path, traces: Sequence[str], *, dry_run: bool = False) -> int:
    """Remove the answers that these requests have brought; how many there are.

    Raises:
        StorageError: the file cannot be read or written.
    """
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(path, timeout=30)) as database, database:
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("PRAGMA secure_delete = ON")
            count = 0
            for trace in traces:
                sql = "SELECT count(*) FROM entries WHERE trace_id = ?"
                count += database.execute(sql, (trace,)).fetchone()[0]
                if not dry_run:
                    database.execute("DELETE FROM entries WHERE trace_id = ?", (trace,))
                    database.execute("DELETE FROM hits WHERE trace_id = ?", (trace,))
            return count
    except sqlite3.Error as error:
        raise StorageError(f"the cache {path} cannot be cleaned up: {error}") from error
