"""The shared file: off the path, seldom written, and harmless when the disk is not."""

from __future__ import annotations

import functools
import logging
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.calling.health.breaker import Breakers
from orchestrator.calling.health.incident_store import Incident, incidents, write
from orchestrator.calling.health.live import Live
from orchestrator.calling.health.machine import State
from orchestrator.calling.health.store import SCHEMA, HealthStore, StoredState
from orchestrator.calling.health.sweep import HealthSweep
from orchestrator.errors import AttemptError, StorageError
from orchestrator.project.calls_schema import Breaker
from orchestrator.project.schema import KeepDays
from orchestrator.storage.sqlite import connect
from orchestrator.storage.sweep import limits
from orchestrator.types import Outcome

from .seen import StillClock, attempt

DAY = 86_400.0


def test_reading_makes_no_file(tmp_path: Path) -> None:
    store = HealthStore(tmp_path / "deep" / "health.sqlite")
    assert store.latest().states == {}
    assert incidents(store) == ()
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_burst_is_written_once_and_not_by_the_caller(tmp_path: Path) -> None:
    writes = list[int]()
    store = HealthStore(tmp_path / "health.sqlite", pause_s=0.05)
    store.latest()
    done = threading.Event()
    store.soon(lambda _: writes.append(threading.get_ident()), lambda _: done.set())
    for number in range(1000):
        state = StoredState(changed=float(number), state=State(consecutive=number))
        store.keep_state("m/a", state)
    assert done.wait(10)
    assert len(writes) == 1
    assert writes[0] != threading.get_ident(), "nothing is written while the caller waits"
    store.close()
    stored = HealthStore(store.path).latest().states["m/a"]
    assert stored.state.consecutive == 999


def test_it_is_read_again_by_itself(tmp_path: Path) -> None:
    one = HealthStore(tmp_path / "health.sqlite", pause_s=0.01)
    two = HealthStore(tmp_path / "health.sqlite", pause_s=0.01)
    assert two.latest().states == {}
    one.keep_state("m/a", StoredState(changed=1.0, state=State()))
    one.close()
    limit = time.monotonic() + 10
    while not two.latest().states and time.monotonic() < limit:
        time.sleep(0.005)
    assert "m/a" in two.latest().states
    two.close()


@pytest.mark.parametrize("content", [b"this is no database, and never was one " * 200, b"SQLite f"])
def test_a_broken_file_costs_the_sharing_and_never_a_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / "health.sqlite"
    path.write_bytes(content)
    store, clock = HealthStore(path), StillClock()
    breakers, live = Breakers(Breaker(), clock, store), Live(clock, store)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            failed = attempt(outcome=Outcome.CUT)
            breakers.ended(breakers.permit("m/a"), failed)
            live.saw(failed)
            store.flush()
        with pytest.raises(AttemptError):
            breakers.permit("m/a")
        store.close()
    assert live.health("m/a").calls == 2
    assert [r.name for r in caplog.records] == ["orchestrator.health"], "said once"
    assert "move the file away" in caplog.text
    assert path.read_bytes() == content
    with pytest.raises(StorageError, match="cannot be read"):
        incidents(HealthStore(path))


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = HealthStore(tmp_path / "file" / "health.sqlite")
    store.keep_state("m/a", StoredState(changed=1.0, state=State()))
    store.flush()
    store.close()
    assert len(caplog.records) == 1


def test_a_row_of_another_version_is_passed_over(tmp_path: Path) -> None:
    store = HealthStore(tmp_path / "health.sqlite")
    store.keep_state("m/a", StoredState(changed=1.0, state=State()))
    store.keep_state("m/b", StoredState(changed=1.0, state=State()))
    store.close()
    with closing(sqlite3.connect(store.path)) as database, database:
        database.execute(
            "UPDATE breakers SET state = '{\"phase\": \"odd\"}' WHERE deployment = 'm/a'"
        )
    assert set(HealthStore(store.path).latest().states) == {"m/b"}


def test_two_processes_write_without_losing_anything(tmp_path: Path) -> None:
    stores = [HealthStore(tmp_path / "health.sqlite", pause_s=0.001) for _ in range(4)]

    def work(number: int) -> None:
        for step in range(25):
            row = Incident(
                id=f"{number}-{step}",
                deployment="m/a",
                kind="changed",
                started=1.0,
                ended=1.0,
                what="",
            )
            stores[number].soon(functools.partial(write, incident=row))
            stores[number].flush()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(incidents(stores[0])) == 100


def test_old_incidents_go_and_open_ones_stay(tmp_path: Path) -> None:
    path, now = tmp_path / "health.sqlite", 1_700_000_000.0
    with closing(connect(path, SCHEMA)) as database:
        for id, ended in (("old", now - 100 * DAY), ("open", None), ("new", now - DAY)):
            write(
                database,
                Incident(
                    id=id,
                    deployment=f"m/{id}",
                    kind="outage",
                    started=now - 120 * DAY,
                    ended=ended,
                    what="",
                ),
            )
    sweep = HealthSweep(path)
    assert sweep.sweep(limits(KeepDays(), now), dry_run=True) == {"incidents": 1}
    assert sweep.sweep(limits(KeepDays(), now), dry_run=False) == {"incidents": 1}
    assert {i.id for i in incidents(HealthStore(path))} == {"open", "new"}
    assert sweep.sweep(limits(KeepDays(incidents=None), now), dry_run=False) == {}
