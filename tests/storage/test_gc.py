"""`mesh gc` removes what is old and nothing that anybody still needs, also while others work."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import StorageError, UserError
from orchestrator.graph.journal import JournalStore
from orchestrator.project.load import load_project
from orchestrator.storage.sweep import DAY, MEGABYTE, Report, only_one
from orchestrator.tracing.store import TraceStore
from tests.calling.fake_clock import FakeClock
from tests.graph.small import write_project

from .first_version import ANSWER, DONE, GRAPH, KILLED, WITHOUT_TEXTS, content, restore

MADE = 1_795_249_000.0
"""About when the runs of the first version were made."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the runs of the first version: two done, one killed."""
    write_project(tmp_path, GRAPH)
    restore(tmp_path / ".mesh")
    with closing(sqlite3.connect(tmp_path / ".mesh" / "journal.sqlite")) as database, database:
        made = database.execute("SELECT min(started_at), max(started_at) FROM runs").fetchone()
        assert MADE - DAY < made[0] <= made[1] < MADE + DAY
    return tmp_path


def mesh_after(folder: Path, days: float) -> Mesh:
    return Mesh(load_project(folder, env={}), env={}, clock=FakeClock(MADE + days * DAY))


def removed(report: Report) -> dict[str, dict[str, int]]:
    return {store.name: dict(store.removed) for store in report.stores if store.removed}


def runs_in(folder: Path) -> dict[str, set[str]]:
    """The ids of the runs of which each file knows something."""
    storage = folder / ".mesh"
    journal, traces = content(storage / "journal.sqlite"), content(storage / "traces.sqlite")
    return {
        "journal": {str(row["id"]) for row in journal["runs"]}
        | {str(row["run"]) for row in journal["entries"]},
        "traces": {str(row["id"]) for row in traces["traces"]}
        | {str(row["trace_id"]) for row in (*traces["hops"], *traces["attempts"])},
    }


ALL = {DONE, WITHOUT_TEXTS, KILLED}


def test_by_default_what_tells_of_the_past_stays(folder: Path) -> None:
    assert removed(mesh_after(folder, 20).gc()) == {"locks": {"files": 1}}
    assert runs_in(folder) == {"journal": ALL, "traces": ALL}
    # The copy was made when the journal came to today's schema.
    later = removed(mesh_after(folder, 1000).gc())
    assert later == {"journal": {"runs": 2}, "backups": {"copies": 1}}
    assert runs_in(folder) == {"journal": {KILLED}, "traces": ALL}


def test_what_mesh_yaml_says_holds(folder: Path) -> None:
    settings = folder / "mesh.yaml"
    settings.write_text(
        settings.read_text() + "storage: {keep_days: {traces: 5, runs: 400, ledger: 1}}\n"
    )
    found = removed(mesh_after(folder, 40).gc())
    assert found["traces"] == {"traces": 2}
    assert "journal" not in found
    assert runs_in(folder) == {"journal": ALL, "traces": {KILLED}}


async def test_an_unfinished_run_is_still_resumed_after_everything_old_has_gone(
    folder: Path,
) -> None:
    assert removed(mesh_after(folder, 900).gc(older_than_days=1))["traces"] == {"traces": 2}
    assert runs_in(folder) == {"journal": {KILLED}, "traces": {KILLED}}
    async with Mesh.load(folder, env={}) as mesh:
        answer = await mesh.run(resume=KILLED, accept_changes=True)
    assert answer.text == ANSWER


def test_an_unfinished_run_is_given_up_only_when_asked(folder: Path) -> None:
    mesh_after(folder, 900).gc(older_than_days=1, unfinished=True)
    assert runs_in(folder) == {"journal": set(), "traces": set()}


def test_an_unfinished_run_that_is_young_is_not_given_up(folder: Path) -> None:
    mesh_after(folder, 3).gc(older_than_days=30, unfinished=True)
    assert KILLED in runs_in(folder)["journal"]


def test_a_dry_run_tells_the_same_and_changes_nothing(folder: Path) -> None:
    asked: dict[str, Any] = {"older_than_days": 1, "unfinished": True}
    mesh_after(folder, 900).gc(dry_run=True, **asked)  # brings the files to today's schema
    before = {path.name: path.read_bytes() for path in (folder / ".mesh").glob("*.sqlite")}
    planned = mesh_after(folder, 900).gc(dry_run=True, **asked)
    after = {path.name: path.read_bytes() for path in (folder / ".mesh").glob("*.sqlite")}
    assert after == before
    assert planned.before == planned.after
    done = mesh_after(folder, 900).gc(**asked)
    told = removed(planned)
    assert told.pop("locks") == {"files": 1}  # which in the end went with its run
    assert removed(done) == told
    assert done.after < done.before


def test_one_at_a_time(folder: Path) -> None:
    with only_one(folder / ".mesh"), pytest.raises(UserError, match="another process cleans up"):
        mesh_after(folder, 1).gc()


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    folder = write_project(tmp_path, GRAPH)
    assert mesh_after(folder, 1).gc().stores == ()
    assert not (folder / ".mesh").exists()


def test_a_damaged_file_is_a_clear_error(folder: Path) -> None:
    (folder / ".mesh" / "traces.sqlite").write_text("no database, but a text of some length" * 99)
    with pytest.raises(StorageError, match="the traces cannot be read"):
        mesh_after(folder, 1).gc(older_than_days=0)


# ── quota ────────────────────────────────────────────────────────────────────────────────


def grow(folder: Path, count: int, size: int) -> list[str]:
    """Finished runs beside the others, each with that many bytes of text; oldest first."""
    ids = [f"grown{number:03}" for number in range(count)]
    JournalStore(folder / ".mesh").close()
    storage = folder / ".mesh"
    with closing(TraceStore(storage / "traces.sqlite")) as store:
        store.traces(1)  # brings it to today's schema
    with closing(sqlite3.connect(storage / "traces.sqlite")) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(traces)")]
        row = list(database.execute("SELECT * FROM traces WHERE id = ?", (DONE,)).fetchone())
        for number, run in enumerate(ids):
            row[names.index("id")] = run
            row[names.index("started_at")] = MADE - 10 * DAY + number
            row[names.index("answer")] = os.urandom(size // 2).hex()
            database.execute(f"INSERT INTO traces VALUES ({','.join('?' * len(row))})", row)
    with closing(sqlite3.connect(storage / "journal.sqlite")) as database, database:
        database.executemany(
            "INSERT INTO runs (id, graph, project_hash, started_at, done, state)"
            " VALUES (?, 'g', 'h', ?, 1, 'ok')",
            [(run, MADE - 10 * DAY + number) for number, run in enumerate(ids)],
        )
        database.executemany(
            "INSERT INTO entries (run, key, node, deployment, value) VALUES (?, 'k', 'n', '', ?)",
            [(run, os.urandom(size)) for run in ids],
        )
    return ids


def test_over_the_quota_the_oldest_runs_go_and_no_more_than_needed(folder: Path) -> None:
    grown = grow(folder, 40, 100_000)
    report = mesh_after(folder, 1).gc(max_mb=4)
    left = runs_in(folder)
    kept = [run for run in grown if run in left["traces"]]
    assert kept == grown[-len(kept) :], "the oldest go first"
    assert 12 <= len(kept) <= 21
    assert set(kept) | ALL == left["journal"] | ALL
    assert left["traces"] >= ALL  # younger than what had to go
    assert report.after <= 4 * MEGABYTE
    assert report.over == 0
    assert removed(report)["traces"] == {"traces for the quota": 40 - len(kept)}


def test_what_cannot_fit_is_told(folder: Path) -> None:
    grow(folder, 3, 100_000)
    with closing(sqlite3.connect(folder / ".mesh" / "ledger.sqlite")) as database, database:
        database.execute("CREATE TABLE other (value BLOB)")
        database.execute("INSERT INTO other VALUES (?)", (os.urandom(3 * MEGABYTE),))
    planned = mesh_after(folder, 2).gc(max_mb=1, dry_run=True)
    report = mesh_after(folder, 2).gc(max_mb=1)
    assert runs_in(folder)["traces"] == {KILLED}
    assert 2 * MEGABYTE < report.over < 3 * MEGABYTE
    assert planned.over == pytest.approx(report.over, rel=0.2)


# ── beside other processes ───────────────────────────────────────────────────────────────

RUN = """
import asyncio, sys
from orchestrator import Mesh

async def main():
    async with Mesh.load(sys.argv[1], env={}) as mesh:
        answer = await mesh.run(question=sys.argv[2])
        print(answer.text, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_run_of_another_process_goes_on_undisturbed(folder: Path) -> None:
    plan = json.dumps(
        [
            {"id": f"t{n}", "description": "x", "task": "chat", "needs": [f"t{n - 1}"] if n else []}
            for n in range(8)
        ]
    )
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), plan],
        env={**os.environ, "ECHO_SECONDS": "0.2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    rounds = 0
    while process.poll() is None:
        # As if everything were old, the run of the other process included.
        mesh_after(folder, 5000).gc(older_than_days=1, unfinished=True, max_mb=1)
        rounds += 1
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "t7" in out
    assert rounds > 1


FULL = """
import resource, signal, sys
from orchestrator.errors import StorageError
from tests.storage.test_gc import mesh_after
from pathlib import Path

mesh = mesh_after(Path(sys.argv[1]), 900)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (33_000, 33_000))
try:
    mesh.gc(older_than_days=1)
except StorageError as error:
    print(error)
"""


def test_a_full_disk_is_a_clear_error_and_loses_nothing(folder: Path) -> None:
    JournalStore(folder / ".mesh").close()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, check=True
    )
    assert str(folder / ".mesh") in done.stdout
    assert "cannot be" in done.stdout
    assert KILLED in runs_in(folder)["journal"]
