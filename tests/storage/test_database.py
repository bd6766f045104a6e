"""Tables in a SQLite file and in a real PostgreSQL: made, brought up to date, refused."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text

from orchestrator.errors import StorageError, UserError
from orchestrator.storage.database import Database, Kind
from orchestrator.storage.migrate import Step
from tests.gateway.postgres import a_database

Place = Path | str

STEPS = (Step("notes have a colour", ("ALTER TABLE notes ADD COLUMN colour TEXT",)),)


def kind(*columns: str, steps: tuple[Step, ...] = (), name: str = "notes") -> Kind:
    tables = MetaData()
    version = Table(f"{name}_version", tables, Column("version", Integer, primary_key=True))
    Table(name, tables, *(Column(column, Text) for column in columns))
    return Kind(what=f"the {name}", tables=tables, version=version, steps=steps)


FIRST = kind("text")
SECOND = kind("text", "colour", steps=STEPS)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield tmp_path / "a folder" / "notes.sqlite"
        return
    with a_database() as url:
        yield url


def write(database: Database, **row: str) -> None:
    with database.writing() as connection:
        connection.execute(Table("notes", MetaData(), *map(Column, row)).insert().values(row))


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM notes")]


def test_what_is_written_is_read(place: Place) -> None:
    database = Database(FIRST, place)
    write(database, text="a")
    assert rows(database) == [("a",)]
    database.close()
    assert rows(database) == [("a",)], "a closed one opens again"
    database.close()


def test_what_fails_is_not_written(place: Place) -> None:
    database = Database(FIRST, place)

    def fail() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO notes VALUES ('a')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rows(database) == []
    database.close()


def test_an_older_one_is_brought_up_to_date_and_keeps_its_rows(place: Place) -> None:
    old = Database(FIRST, place)
    write(old, text="a")
    old.close()
    new = Database(SECOND, place)
    write(new, text="b", colour="red")
    assert sorted(rows(new), key=str) == [("a", None), ("b", "red")]
    new.close()
    if isinstance(place, Path):
        copy = Database(FIRST, place.with_name("notes.sqlite.v1.bak"))
        assert rows(copy) == [("a",)], "as it was before"


def test_a_newer_one_is_refused(place: Place) -> None:
    Database(SECOND, place).close()
    newer = Database(SECOND, place)
    rows(newer)
    newer.close()
    old = Database(FIRST, place)
    with pytest.raises(StorageError, match="newer version of mesh"):
        rows(old)
    old.close()


def test_two_kinds_share_one_place(place: Place) -> None:
    notes, marks = Database(FIRST, place), Database(kind("text", name="marks"), place)
    write(notes, text="a")
    with marks.reading() as connection:
        assert not connection.exec_driver_sql("SELECT * FROM marks").all()
    assert rows(notes) == [("a",)]
    notes.close()
    marks.close()


def test_a_mistake_is_told_without_the_values(place: Place) -> None:
    database = Database(FIRST, place)
    with pytest.raises(StorageError, match=r"the notes in .* cannot be written") as failed:
        write(database, text="a secret", hue="b")
    assert "a secret" not in str(failed.value)
    database.close()


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    write(Database(FIRST, path), text="a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("port", ["port", "99999999"])
def test_an_address_that_is_none_is_told_without_its_password(port: str) -> None:
    with pytest.raises((UserError, StorageError)) as failed:
        rows(Database(FIRST, f"postgresql://ana:hunter2@127.0.0.1:{port}/mesh"))
    assert "hunter2" not in str(failed.value)
