"""Traces in a real PostgreSQL, which copies on several machines share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import StorageError
from orchestrator.tracing.spooled import SpoolRecorder
from orchestrator.tracing.store import TraceStore
from orchestrator.types import LogRule
from tests.gateway.postgres import a_database

from .samples import DECISION, HOP, TRACE, hop, ruled

DONE = replace(TRACE, status="ok", ms=12.5, cost_micro_usd=None, parent="00-ab-cd-01")
NOTHING = LogRule(prompts="none", outputs="none", tool_args="none")


@pytest.fixture
def url() -> Iterator[str]:
    with a_database() as url:
        yield url


def opened(folder: Path, url: str) -> closing[TraceStore]:
    return closing(TraceStore(folder / "traces.sqlite", database=url))


def test_what_was_recorded_is_read_as_it_was(tmp_path: Path, url: str) -> None:
    with opened(tmp_path, url) as store:
        store.start(TRACE)
        store.hop(HOP)
        store.finish(DONE)
        assert store.hops(TRACE.id) == [HOP]
        assert store.trace(TRACE.id) == replace(DONE, log=LogRule())
        store.hop(replace(HOP, prompt="nul \0 and half \ud800", decision=DECISION))
        assert store.hops(TRACE.id)[0].prompt == "nul \ufffd and half ?"
    assert list(tmp_path.iterdir()) == []


def test_spools_of_several_machines_go_to_one_database(tmp_path: Path, url: str) -> None:
    """Each has its own storage folder; the same decision is stored once."""
    for machine in ("one", "two"):
        folder = tmp_path / machine
        with closing(SpoolRecorder(folder, exported=True)) as recorder:
            for number in range(30):
                name = f"{machine}{number}"
                recorder.start(replace(TRACE, id=name))
                recorder.hop(replace(HOP, trace_id=name))
                if number:
                    recorder.finish(replace(DONE, id=name))
        with opened(folder, url) as store:
            assert store.drain().records >= 30  # a trace may be written in pieces
    with opened(tmp_path / "two", url) as store:
        assert store.hops("one7") == [replace(HOP, trace_id="one7")]
        assert store.trace("one0").status == "unknown"
        assert len(store.traces(100)) == 60


def test_a_stricter_rule_takes_back_what_stands(tmp_path: Path, url: str) -> None:
    with opened(tmp_path, url) as store:
        store.start(TRACE)
        store.hop(HOP)
        store.flush()
        assert store.trace(TRACE.id).question
        store.hop(ruled(NOTHING, id="h2"))
        store.flush()
        assert store.problem is None
        assert store.trace(TRACE.id).question is None


def test_several_exporters_get_each_trace_once(tmp_path: Path, url: str) -> None:
    with opened(tmp_path, url) as store:
        with closing(TraceStore(tmp_path / "x", database=url, exported=True)) as writer:
            for number in range(100):
                writer.finish(replace(DONE, id=f"t{number:03}"))
        taken: list[str] = []

        def take() -> None:
            with opened(tmp_path, url) as other:
                while found := other.take_unexported(7):
                    taken.extend(trace.id for trace, _ in found)

        threads = [threading.Thread(target=take) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == sorted(trace.id for trace in store.traces(200))


def test_several_processes_make_the_tables_once(tmp_path: Path, url: str) -> None:
    problems: list[str | None] = []

    def write(number: int) -> None:
        with opened(tmp_path, url) as store:
            store.hop(hop(number))
            store.flush()
            problems.append(store.problem)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == [None] * 4
    with opened(tmp_path, url) as store:
        assert len(store.hops(TRACE.id)) == 4


def test_a_server_that_is_not_there_is_a_problem_and_not_an_exception(tmp_path: Path) -> None:
    with opened(tmp_path, "postgresql://me:hunter22@127.0.0.1:9/traces") as store:
        store.start(TRACE)
        store.flush()
        assert "traces cannot be" in (store.problem or "")
        assert "hunter22" not in (store.problem or "")
        with pytest.raises(StorageError):
            store.traces()
