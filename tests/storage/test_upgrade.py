"""Files of the first version open, list and resume with today's code, and lose nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.calling.ledger import SqliteLedger
from orchestrator.errors import StorageError
from orchestrator.graph.journal import JournalStore
from orchestrator.tracing.store import TraceStore
from tests.calling.fake_clock import FakeClock
from tests.graph.small import calls, write_project
from tests.tracing.samples import TRACE

from .first_version import (
    ANSWER,
    DONE,
    GRAPH,
    KILLED,
    POLICY,
    WITHOUT_TEXTS,
    content,
    restore,
)


async def open_traces(folder: Path) -> None:
    store = TraceStore(folder / "traces.sqlite")
    try:
        store.start(TRACE)
        store.traces()
    finally:
        store.close()


async def open_journal(folder: Path) -> None:
    JournalStore(folder).close()


async def open_ledger(folder: Path) -> None:
    ledger = SqliteLedger(folder / "ledger.sqlite")
    try:
        await ledger.spent()
    finally:
        await ledger.close()


OPENERS = {"traces": open_traces, "journal": open_journal, "ledger": open_ledger}


def columns(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """For each table its columns: name, type, whether it must be set, default, part of the key."""
    with closing(sqlite3.connect(path)) as database:
        return {
            table: {tuple(row[1:]) for row in database.execute(f'PRAGMA table_info("{table}")')}
            for table in content(path)
        }


def indexes(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'"
        )
        return {name for (name,) in rows}


@pytest.mark.parametrize("name", OPENERS)
async def test_an_old_file_keeps_all_its_rows(tmp_path: Path, name: str) -> None:
    path = restore(tmp_path) / f"{name}.sqlite"
    before = content(path)
    await OPENERS[name](tmp_path)
    after = content(path)
    assert any(before.values())
    for table, rows in before.items():
        if table == "schema_version":
            continue
        kept = [{key: row[key] for key in rows[0]} for row in after[table]] if rows else []
        assert all(row in kept for row in rows), table


@pytest.mark.parametrize("name", OPENERS)
async def test_an_old_file_becomes_the_same_as_a_new_one(tmp_path: Path, name: str) -> None:
    old = restore(tmp_path / "old") / f"{name}.sqlite"
    new = tmp_path / "new" / f"{name}.sqlite"
    await OPENERS[name](old.parent)
    await OPENERS[name](new.parent)
    assert columns(old) == columns(new)
    assert indexes(old) == indexes(new)


@pytest.mark.parametrize("name", OPENERS)
async def test_a_file_of_a_newer_program_is_refused_and_left_alone(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"{name}.sqlite"
    await OPENERS[name](tmp_path)
    with closing(sqlite3.connect(path)) as database, database:
        if name == "traces":
            database.execute("UPDATE schema_version SET version = 99")
        else:
            database.execute("PRAGMA user_version = 99")
    before = content(path)
    with pytest.raises(StorageError, match=r"newer version of mesh \(schema 99, .* up to \d+\)"):
        await OPENERS[name](tmp_path)
    assert content(path) == before


async def test_runs_of_the_first_version_are_listed_and_resumed(tmp_path: Path) -> None:
    folder = write_project(tmp_path, GRAPH, policy=POLICY)
    restore(folder / ".mesh")
    async with Mesh.load(folder, env={}) as mesh:
        statuses = {trace.id: trace.status for trace in mesh.store.traces()}
        assert statuses == {DONE: "ok", WITHOUT_TEXTS: "ok", KILLED: "running"}
        assert [hop.node for hop in mesh.store.hops(DONE)][-1] == "done"
        # A release may change the project's hash; who resumes says that this is well.
        done = await mesh.run(resume=DONE, accept_changes=True)
        killed = await mesh.run(resume=KILLED, accept_changes=True)
        mesh.store.flush()
        assert mesh.store.trace(KILLED).status == "ok"
    assert done.text == killed.text == ANSWER
    # Keys of hops may change with a release, and then recorded hops run again, once each.
    assert len(calls(folder)) <= 8


async def test_money_of_the_first_version_still_counts(tmp_path: Path) -> None:
    restore(tmp_path)
    ledger = SqliteLedger(tmp_path / "ledger.sqlite", clock=FakeClock(1_790_000_100.0))
    assert await ledger.spent() == 1100 + 700
    assert await ledger.spent("run1") == 1100
    await ledger.close()
