from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.gateway.telemetry import recorder as recording
from orchestrator.gateway.telemetry.board import Board
from orchestrator.gateway.telemetry.recorder import Recorder
from orchestrator.gateway.telemetry.tally import Tally, unpack
from orchestrator.mesh import Mesh
from orchestrator.project.load import load_project
from orchestrator.tracing.spooled import SpoolRecorder
from orchestrator.tracing.store import TraceStore
from tests.gateway.serving import write_served
from tests.tracing.collector import Collector
from tests.tracing.samples import HOP, TRACE

DONE = replace(TRACE, status="ok", ms=5.0)
URLS = {"PRIMARY_URL": "http://127.0.0.1:9/v1", "FALLBACK_URL": "http://127.0.0.1:9/v1"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_served(tmp_path)


@pytest.fixture
def worker(project: Path) -> Iterator[SpoolRecorder]:
    with closing(SpoolRecorder(project / ".mesh", exported=True)) as worker:
        yield worker


def record(worker: SpoolRecorder, count: int) -> None:
    for number in range(count):
        worker.start(replace(TRACE, id=f"t{number}"))
        worker.hop(replace(HOP, trace_id=f"t{number}"))
        worker.finish(replace(DONE, id=f"t{number}"))
    worker.flush()


def stored(project: Path) -> int:
    """By the file itself: a `TraceStore` would take in what is spooled."""
    with closing(sqlite3.connect(project / ".mesh" / "traces.sqlite")) as database:
        return int(database.execute("select count(*) from traces").fetchone()[0])


def numbers(board: Board) -> Tally:
    return unpack(board.slots[0].read())


def test_it_moves_what_the_workers_wrote_and_says_how_much_waits(
    project: Path, worker: SpoolRecorder
) -> None:
    board = Board(1)
    mesh = Mesh(load_project(project, env=URLS), env=URLS)
    with closing(Recorder(mesh, {}, board.slots[0])) as ours:
        record(worker, 20)
        assert not ours.turn()
        assert stored(project) == 20
        assert numbers(board).counts["mesh_spool_taken"] == {("traces",): 20}
        assert numbers(board).gauges["mesh_spool_bytes"] == {("traces",): 0}
        assert numbers(board).gauges["mesh_spool_oldest_seconds"] == {("traces",): 0}


def test_a_backlog_is_seen_and_waits_for_its_turn(
    project: Path, worker: SpoolRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_TURN_S", 0.0)  # a batch at a time
    board = Board(1)
    mesh = Mesh(load_project(project, env=URLS), env=URLS)
    with closing(Recorder(mesh, {}, board.slots[0])) as ours:
        for _ in range(3):
            record(worker, 600)  # some hundred kilobytes; a batch is a megabyte
        assert ours.turn()
        gauges = numbers(board).gauges
        assert gauges["mesh_spool_bytes"]["traces",] > 0
        assert 100 < gauges["mesh_spool_records"]["traces",] < 1800
        assert gauges["mesh_spool_oldest_seconds"]["traces",] > 0
        while ours.turn():
            pass
    assert stored(project) == 600


def test_a_database_that_takes_nothing_is_said_once_and_tried_again(
    project: Path, worker: SpoolRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    record(worker, 1)
    path = project / ".mesh" / "traces.sqlite"
    path.mkdir()
    mesh = Mesh(load_project(project, env=URLS), env=URLS)
    with closing(Recorder(mesh, {}, Board(1).slots[0])) as ours:
        for _ in range(3):
            ours.turn()
        assert len([r for r in caplog.records if "not moved to the database" in r.message]) == 1
        path.rmdir()
        ours.turn()
    assert stored(project) == 1


PROCESS = """
import os, signal, sys
from pathlib import Path
from orchestrator.gateway.telemetry.board import Board
from orchestrator.gateway.telemetry.recorder import run
from orchestrator.project.load import load_project
env = dict(os.environ)
loaded = load_project(Path(sys.argv[1]), env=env)
parent, board = os.getppid(), Board(2)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if not os.fork():  # a worker, which ends when its input does
    board.slots[0].take()
    sys.stdin.read()
    os._exit(0)
while not board.slots[0].is_held:
    pass
print("up", flush=True)
run(loaded, env, board, lambda: os.getppid() == parent)
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def test_told_to_end_it_waits_for_the_workers_and_moves_and_exports_the_rest(
    project: Path, worker: SpoolRecorder, collector: Collector
) -> None:
    env = {**os.environ, **URLS, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.endpoint}
    command = [sys.executable, "-c", PROCESS, str(project)]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        record(worker, 150)
        while not collector.requests and process.poll() is None:
            time.sleep(0.01)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == recording.NICE
        process.send_signal(signal.SIGTERM)  # as who stops all processes at once does
        worker.finish(replace(DONE, id="late"))
        worker.start(replace(TRACE, id="open"))
        worker.close()
        process.stdin.close()
        assert process.wait(20) == 0
    assert list((project / ".mesh" / "spool").glob("*.spool")) == []
    assert stored(project) == 152
    with closing(TraceStore(project / ".mesh" / "traces.sqlite")) as store:
        assert store.trace("open").status == "unknown"
        assert store.take_unexported(10) == []
    roots = [span.about["mesh.trace_id"] for span in collector.spans if not span.parent]
    assert sorted(roots) == sorted(["late", *(f"t{n}" for n in range(150))])
