"""What runs leave behind goes when they have ended, and a held run is never touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.graph.journal import JournalStore, RunRecord
from orchestrator.graph.sweep import JournalSweep, LockSweep
from orchestrator.project.schema import KeepDays
from orchestrator.storage.sweep import DAY, Limits, limits

NOW = 1_795_000_000.0
ALL = limits(KeepDays(), NOW, 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JournalStore]:
    with closing(JournalStore(tmp_path)) as store:
        yield store


def sweep_of(store: JournalStore, *, unfinished: bool = False) -> JournalSweep:
    return JournalSweep(store, store.folder / "journal.sqlite", unfinished)


async def run(store: JournalStore, name: str, *, days: float = 9, done: bool = True) -> None:
    """A run that began that many days ago and recorded one hop."""
    journal = store.open(
        RunRecord(
            id=name, graph="g", project_hash="h", started_at=NOW - days * DAY, request={"a": 1}
        )
    )
    await journal.put("key", {"hops": []}, node="n")
    if done:
        journal.finish(keep=True)
    journal.close()


def left(store: JournalStore) -> set[str]:
    runs = {name for (name,) in store.read("SELECT id FROM runs")}
    assert {name for (name,) in store.read("SELECT run FROM entries")} == runs
    return runs


def protecting(sweep: JournalSweep, within: Limits = ALL) -> Limits:
    return replace(within, protected=sweep.protected(within.runs))


async def test_finished_runs_go_when_they_are_old(store: JournalStore) -> None:
    await run(store, "old")
    await run(store, "young", days=0.5)
    await run(store, "killed", done=False)
    sweep = sweep_of(store)
    assert sweep.sweep(protecting(sweep), dry_run=False)["runs"] == 1
    assert left(store) == {"young", "killed"}


async def test_a_run_that_goes_on_is_not_given_up(store: JournalStore) -> None:
    await run(store, "killed", done=False)
    await run(store, "going", done=False)
    sweep = sweep_of(store, unfinished=True)
    held = store.open(store.find("going"))
    assert sweep.protected(ALL.runs) == {"going"}
    sweep.sweep(protecting(sweep), dry_run=False)
    assert left(store) == {"going"}
    # Taken up by somebody after it was looked at: it is held, and so it stays.
    assert sweep.sweep(ALL, dry_run=False)["runs"] == 0
    assert left(store) == {"going"}
    held.close()


async def test_what_a_sweep_that_was_cut_off_left_goes_with_the_next(store: JournalStore) -> None:
    await run(store, "old")
    store.write("DELETE FROM runs WHERE id = 'old'", ())
    sweep_of(store).sweep(limits(KeepDays(), NOW), dry_run=False)
    assert left(store) == set()


def test_a_conversation_goes_as_a_whole_after_its_last_turn(store: JournalStore) -> None:
    for thread, number, days in (("old", 1, 9), ("old", 2, 5), ("alive", 1, 9), ("alive", 2, 1)):
        store.write(
            "INSERT INTO turns (thread, number, run, at) VALUES (?, ?, 'r', ?)",
            (thread, number, NOW - days * DAY),
        )
    sweep = sweep_of(store)
    assert sweep.sweep(limits(KeepDays(), NOW), dry_run=False)["conversations"] == 0
    keep = limits(KeepDays(threads=3), NOW)
    assert sweep.sweep(keep, dry_run=True)["conversations"] == 1
    assert sweep.sweep(keep, dry_run=False)["conversations"] == 1
    assert store.read("SELECT thread, number FROM turns ORDER BY number") == [
        ("alive", 1),
        ("alive", 2),
    ]


async def test_lock_files_that_nobody_holds_go(store: JournalStore) -> None:
    await run(store, "going", done=False)
    locks = LockSweep(store.folder / "runs")
    assert locks.nobody_runs()
    held = store.open(store.find("going"))
    (store.folder / "runs" / "killed.lock").touch()
    assert not locks.nobody_runs()
    assert locks.sweep(ALL, dry_run=True) == {"files": 1}
    assert locks.sweep(ALL, dry_run=False) == {"files": 1}
    assert [file.name for file in locks.path.iterdir()] == ["going.lock"]
    held.close()
