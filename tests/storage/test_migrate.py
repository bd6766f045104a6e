"""Steps run once, all or none, after a copy was made."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.errors import StorageError
from orchestrator.storage.migrate import Step
from orchestrator.storage.sqlite import Schema, backup_of, connect, schema_version

FIRST = Schema(create=("CREATE TABLE things (name TEXT PRIMARY KEY)",))
THIRD = Schema(
    create=("CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER NOT NULL DEFAULT 7)",
            "CREATE INDEX things_size ON things (size)"),
    steps=(
        Step("things have a size",
             ("ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 1",
              "UPDATE things SET size = length(name)")),
        Step("things are found by size", ("CREATE INDEX things_size ON things (size)",)),
    ),
)  # fmt: skip
BROKEN = Schema(
    create=FIRST.create,
    steps=(Step("good", ("DELETE FROM things",)), Step("bad", ("ALTER TABLE nothing ADD x",))),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the first version with two things."""
    path = tmp_path / "folder" / "things.sqlite"
    with closing(connect(path, FIRST)) as database:
        database.execute("INSERT INTO things VALUES ('pen'), ('paper')")
    return path


def things(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT * FROM things ORDER BY name").fetchall()


def test_an_old_file_goes_through_every_step_it_lacks(path: Path) -> None:
    with closing(connect(path, THIRD)) as database:
        assert schema_version(database) == 3
        assert database.execute("PRAGMA index_list(things)").fetchone()[1] == "things_size"
    assert things(path) == [("paper", 5), ("pen", 3)]


def test_a_new_file_is_made_as_the_newest(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "new.sqlite", THIRD)) as database:
        assert schema_version(database) == 3
        database.execute("INSERT INTO things (name) VALUES ('ink')")
    assert things(tmp_path / "new.sqlite") == [("ink", 7)]
    assert not list(tmp_path.glob("*.bak"))


def test_before_the_steps_a_copy_is_made(path: Path) -> None:
    path.chmod(0o600)
    connect(path, THIRD).close()
    copy = backup_of(path, 1)
    assert things(copy) == [("paper",), ("pen",)]
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(connect(copy, FIRST)) as database:
        assert schema_version(database) == 1


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="nothing"):
        connect(path, BROKEN)
    assert things(path) == [("paper",), ("pen",)]
    with closing(connect(path, FIRST)) as database:
        assert schema_version(database) == 1


def test_a_file_of_a_newer_program_is_refused_before_it_is_touched(path: Path) -> None:
    connect(path, THIRD).close()
    before = path.read_bytes()
    with pytest.raises(StorageError) as caught:
        connect(path, FIRST)
    assert "things.sqlite was written by a newer version of mesh" in str(caught.value)
    assert "(schema 3, this one knows up to 1)" in str(caught.value)
    assert "storage.path in mesh.yaml" in str(caught.value)
    assert path.read_bytes() == before


def test_a_marked_file_without_tables_is_new(tmp_path: Path) -> None:
    path = tmp_path / "killed.sqlite"  # the first version marked it and was killed before tables
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 1")
    with closing(connect(path, THIRD)) as database:
        assert schema_version(database) == 3


UPGRADE = """
import sys
from pathlib import Path
from orchestrator.storage.sqlite import connect
from tests.storage.test_migrate import THIRD

print("ready", flush=True)
sys.stdin.readline()
connect(Path(sys.argv[1]), THIRD).close()
"""


@pytest.mark.parametrize("existing", [True, False], ids=["old", "new"])
def test_of_many_processes_one_migrates(path: Path, existing: bool) -> None:
    if not existing:
        path.unlink()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert errors == [""] * 4
    assert things(path) == ([("paper", 5), ("pen", 3)] if existing else [])
    with closing(sqlite3.connect(path)) as database:
        assert schema_version(database) == 3


NO_ROOM = """
import resource, sys
from pathlib import Path
from orchestrator.errors import StorageError
from orchestrator.storage.sqlite import connect
from tests.storage.test_migrate import THIRD

import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    connect(Path(sys.argv[1]), THIRD)
except StorageError as error:
    print(error)
"""


def test_without_room_for_the_copy_nothing_is_upgraded(path: Path) -> None:
    with closing(connect(path, FIRST)) as database:
        database.executemany(
            "INSERT INTO things VALUES (?)", [(f"{n:04d}" * 500,) for n in range(50)]
        )
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(path)], capture_output=True, text=True, check=True
    )
    assert "no copy of it can be made" in done.stdout
    assert f"MB in {path.parent}" in done.stdout
    assert len(things(path)) == 52
    assert [file.name for file in path.parent.iterdir()] == ["things.sqlite"]
