"""Files give space back, in steps or as a whole, and never against somebody who works."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.errors import StorageError
from orchestrator.storage.compact import compact, size_of
from orchestrator.storage.sqlite import Schema, connect

SCHEMA = Schema(create=("CREATE TABLE blobs (value BLOB)",))


def filled(path: Path, *, old: bool) -> Path:
    """A file of 4 MB of which everything was deleted; `old`: as the first version made them."""
    if old:
        with closing(sqlite3.connect(path)) as made:
            made.execute("PRAGMA journal_mode = WAL")
            made.execute(SCHEMA.create[0])
    with closing(connect(path, SCHEMA)) as database:
        for _ in range(40):
            database.execute("INSERT INTO blobs VALUES (?)", (os.urandom(100_000),))
        database.execute("DELETE FROM blobs WHERE rowid > 1")
    assert size_of(path) > 4_000_000
    return path


@pytest.fixture(params=[False, True], ids=["new", "old"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return filled(tmp_path / "blobs.sqlite", old=request.param)


def test_what_was_deleted_is_given_back(path: Path) -> None:
    compact(path, alone=lambda: True)
    assert size_of(path) < 200_000
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM blobs").fetchone() == (1,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_an_old_file_is_rewritten_only_when_nobody_works(tmp_path: Path) -> None:
    path = filled(tmp_path / "blobs.sqlite", old=True)
    compact(path, alone=lambda: False)
    assert size_of(path) > 4_000_000
    compact(path, alone=lambda: True)
    assert size_of(path) < 200_000


def test_a_new_file_shrinks_also_while_others_work(tmp_path: Path) -> None:
    path = filled(tmp_path / "blobs.sqlite", old=False)
    compact(path, alone=lambda: False)
    assert size_of(path) < 200_000


def test_who_reads_meanwhile_sees_what_he_saw(path: Path) -> None:
    with closing(connect(path, SCHEMA)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT length(value) FROM blobs").fetchall()
        compact(path, alone=lambda: True)
        assert reader.execute("SELECT length(value) FROM blobs").fetchall() == before
        reader.execute("COMMIT")
        reader.execute("INSERT INTO blobs VALUES (x'00')")
    compact(path, alone=lambda: True)
    assert size_of(path) < 200_000


def test_sizes_count_the_log_and_whole_folders(tmp_path: Path) -> None:
    for name, size in (("a.sqlite", 10), ("a.sqlite-wal", 5), ("b.txt", 7)):
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c").write_bytes(b"xx")
    assert size_of(tmp_path / "a.sqlite") == 15
    assert size_of(tmp_path) == 24
    assert size_of(tmp_path / "nothing") == 0


def test_what_is_no_database_is_left_alone_or_told(tmp_path: Path) -> None:
    compact(tmp_path, alone=lambda: True)
    compact(tmp_path / "missing.sqlite", alone=lambda: True)
    bad = tmp_path / "bad.sqlite"
    bad.write_text("no database " * 500)
    with pytest.raises(StorageError, match=r"bad\.sqlite cannot be made smaller"):
        compact(bad, alone=lambda: True)
