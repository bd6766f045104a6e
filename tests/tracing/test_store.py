from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing._database import sqlite_engine
from orchestrator.tracing.ids import new_trace_id
from orchestrator.tracing.store import TraceStore
from orchestrator.types import LogRule, Outcome

from .samples import DECISION, HOP, TRACE, hop, ruled

NOTHING = LogRule(prompts="none", outputs="none", tool_args="none")
FULL = LogRule()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".mesh" / "traces.sqlite"


def test_a_hop_comes_back_as_it_was(path: Path) -> None:
    store = TraceStore(path)
    store.start(TRACE)
    store.hop(HOP)
    done = replace(TRACE, status="ok", verdict="accepted", ms=12.5, cost_micro_usd=None)
    store.finish(done)
    assert store.hops(TRACE.id) == [HOP]
    assert store.trace(TRACE.id) == replace(done, log=FULL)
    store.close()
    again = TraceStore(path)
    assert again.hops(TRACE.id) == [HOP]
    assert [t.id for t in again.traces()] == [TRACE.id]
    again.close()


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30).filter(
    lambda t: "sk-" not in t and "sk_" not in t
)
attempts = st.builds(
    Attempt,
    deployment=texts,
    model=texts,
    family=st.none() | texts,
    outcome=st.sampled_from(Outcome),
    started_at=st.floats(allow_nan=False, allow_infinity=False),
    ms=st.floats(0, 1e9),
    first_token_ms=st.none() | st.floats(0, 1e9),
    usage=st.builds(Usage, input=st.integers(0, 2**40), estimated=st.booleans()),
    cost_micro_usd=st.none() | st.integers(0, 2**50),
    error=st.none() | texts,
    finish=st.none() | texts,
)
hop_values = st.builds(
    Hop,
    id=st.just("h"),
    trace_id=st.just("t"),
    node=texts,
    role=texts,
    decision=st.just(DECISION),
    attempts=st.lists(attempts, max_size=3).map(tuple),
    prompt=st.none() | texts,
    output=st.none() | texts,
    validated=st.none() | st.booleans(),
    validation=texts,
    status=st.sampled_from(["ok", "failed", "skipped", "unknown"]),
    notes=st.lists(texts, max_size=2).map(tuple),
)


@settings(max_examples=40, deadline=None)
@given(value=hop_values)
def test_any_hop_comes_back_as_it_was(value: Hop, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = TraceStore(tmp_path_factory.mktemp("s") / "t.sqlite")
    store.hop(value)
    assert store.hops("t") == [value]
    store.close()


def test_a_decision_is_kept_whose_first_hop_had_to_be_screened(path: Path) -> None:
    """`mesh-…` is how our own keys begin, so that the line is looked at again."""
    store = TraceStore(path)
    store.hop(replace(HOP, validation="mesh-"))
    assert [h.decision for h in store.hops(TRACE.id)] == [HOP.decision]
    store.close()


def test_a_hop_recorded_twice_is_replaced_with_its_attempts(path: Path) -> None:
    store = TraceStore(path)
    store.hop(HOP)
    store.flush()
    store.hop(replace(HOP, attempts=HOP.attempts[:1], resumed=True))
    store.hop(hop(2))
    assert [(h.id, h.resumed, len(h.attempts)) for h in store.hops(TRACE.id)] == [
        ("h1", True, 1),
        ("h2", False, 2),
    ]
    store.close()


def test_text_that_a_database_refuses_is_stored_without_it(path: Path) -> None:
    store = TraceStore(path)
    store.hop(replace(HOP, prompt="nul \0 and half \ud800 a pair"))
    assert store.hops(TRACE.id)[0].prompt == "nul \ufffd and half ? a pair"
    store.close()


def test_reading_a_store_that_is_not_there_makes_nothing(path: Path) -> None:
    store = TraceStore(path)
    assert store.traces() == []
    assert store.hops("x") == []
    with pytest.raises(UnknownNameError, match="unknown trace 'x'"):
        store.trace("x")
    store.close()
    assert not path.parent.exists()


def test_traces_come_newest_first_and_are_found_by_their_beginning(path: Path) -> None:
    store = TraceStore(path)
    ids = [new_trace_id(partial(float, 1_790_000_000 + n * 4000), bytes) for n in range(3)]
    for number, name in enumerate(ids):
        store.start(replace(TRACE, id=name, started_at=float(number)))
    assert [t.id for t in store.traces(2)] == ids[:0:-1]
    assert [t.id for t in store.traces(since=1.0)] == ids[:0:-1]
    assert store.trace(ids[1]).id == ids[1]
    assert store.trace(ids[1][:9].upper()).id == ids[1]
    with pytest.raises(UserError, match="several traces begin with '01'"):
        store.trace("01")
    with pytest.raises(UnknownNameError, match=f"did you mean '{ids[2]}'"):
        store.trace(ids[2][:-1] + "z")
    with pytest.raises(UnknownNameError):
        store.trace("%")
    with pytest.raises(UnknownNameError):
        store.trace("")
    store.close()


READER = """
import json, sys
from orchestrator.tracing.store import TraceStore
store = TraceStore(sys.argv[1])
for line in sys.stdin:
    print(json.dumps([h.id for h in store.hops(line.strip())]), flush=True)
"""


def test_another_process_reads_while_this_one_writes(path: Path) -> None:
    store = TraceStore(path)
    store.start(TRACE)
    store.flush()
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        for number in range(1, 4):
            store.hop(hop(number))
            store.flush()
            reader.stdin.write(TRACE.id + "\n")
            reader.stdin.flush()
            seen = json.loads(reader.stdout.readline())
            assert seen == [f"h{n}" for n in range(1, number + 1)]
        reader.stdin.close()
    store.close()


def test_records_are_written_without_a_flush(path: Path) -> None:
    store = TraceStore(path)
    written = threading.Event()
    engine = sqlite_engine(path)
    store = TraceStore(path, engine=engine)
    event.listen(engine, "commit", lambda _: written.set())
    path.parent.mkdir()
    store.hop(HOP)
    assert written.wait(10)
    store.close()


async def test_recording_does_not_wait_for_a_slow_disk(path: Path) -> None:
    path.parent.mkdir()
    engine = sqlite_engine(path)
    store = TraceStore(path, engine=engine)
    reached, go_on = threading.Event(), threading.Event()

    @event.listens_for(engine, "commit")
    def _slow(_: Any) -> None:
        reached.set()
        assert go_on.wait(10)

    store.start(TRACE)
    assert await asyncio.to_thread(reached.wait, 10)
    for number in range(500):
        store.hop(hop(number))  # the writer stands still: these return, or the test hangs here
    rows = sqlite3.connect(path)
    assert rows.execute("select count(*) from sqlite_master").fetchone() == (0,)
    rows.close()
    go_on.set()
    assert len(store.hops(TRACE.id)) == 500
    store.close()


def test_many_records_take_few_transactions(path: Path) -> None:
    path.parent.mkdir()
    engine = sqlite_engine(path)
    commits: list[int] = []
    event.listen(engine, "commit", lambda _: commits.append(1))
    store = TraceStore(path, engine=engine)
    for number in range(300):
        store.hop(hop(number))
    store.close()
    assert len(commits) < 30


def failing(engine: Any, broken: list[bool]) -> None:
    """Let every write fail as on a full disk, for as long as `broken` holds something."""

    @event.listens_for(engine, "before_cursor_execute")
    def _full(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if broken and statement.startswith("INSERT"):
            full = sqlite3.OperationalError("database or disk is full")
            raise OperationalError(statement, {}, full)


def test_a_full_disk_is_a_problem_and_not_an_exception(path: Path) -> None:
    path.parent.mkdir()
    engine = sqlite_engine(path)
    broken = [True]
    failing(engine, broken)
    store = TraceStore(path, engine=engine)
    store.start(TRACE)
    store.hop(HOP)
    store.flush()
    assert store.problem == "the traces cannot be written: database or disk is full"
    store.close()
    assert store.problem == "the traces cannot be written: database or disk is full (1 lost)"
    store.hop(HOP)  # after the end: dropped, no exception


def test_what_could_not_be_written_is_written_later(path: Path) -> None:
    path.parent.mkdir()
    engine = sqlite_engine(path)
    broken = [True]
    failing(engine, broken)
    store = TraceStore(path, engine=engine)
    store.start(TRACE)
    store.hop(ruled(NOTHING))
    store.flush()
    assert store.problem
    broken.clear()
    store.finish(replace(TRACE, status="ok"))
    store.flush()
    assert store.problem is None
    assert len(store.hops(TRACE.id)) == 1
    assert store.trace(TRACE.id).question is None
    store.close()


def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = TraceStore(tmp_path / "file" / "traces.sqlite")
    store.start(TRACE)
    store.close()
    assert "cannot be kept" in (store.problem or "")


def test_a_file_that_is_no_database_cannot_be_read(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("this is not a database, it is a text of some length " * 40)
    store = TraceStore(path)
    with pytest.raises(StorageError, match="cannot be read"):
        store.traces()
    store.close()


def test_tables_of_a_newer_version_are_refused(path: Path) -> None:
    store = TraceStore(path)
    store.start(TRACE)
    store.close()
    rows = sqlite3.connect(path)
    with rows:
        rows.execute("update schema_version set version = 99")
    rows.close()
    later = TraceStore(path)
    with pytest.raises(StorageError, match=r"newer version of mesh \(schema 99"):
        later.traces()
    later.start(TRACE)
    later.close()
    assert "newer version" in (later.problem or "")


# ── what is kept ─────────────────────────────────────────────────────────────────────────

PLANTED = "zanzibar-4711"


def on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def planted(rule: LogRule, **changes: Any) -> Hop:
    return ruled(
        rule,
        prompt=f"about {PLANTED}",
        output=f"it is {PLANTED}",
        error=f"bad {PLANTED}",
        validation=PLANTED,
        notes=(PLANTED,),
        **changes,
    )


def test_no_file_ever_holds_a_text_that_the_rule_hides(path: Path) -> None:
    store = TraceStore(path)
    asked = replace(TRACE, question=f"What is {PLANTED}?")
    tool = Hop(
        id="h0",
        trace_id=TRACE.id,
        node="evidence",
        role="tool",
        prompt=PLANTED,
        output=f"passage on {PLANTED}",
    )
    store.start(asked)
    store.hop(tool)
    store.flush()
    assert PLANTED.encode() not in on_disk(path)
    store.hop(planted(NOTHING))
    store.flush()
    store.finish(replace(asked, status="failed", answer=PLANTED, error=f"no {PLANTED}"))
    store.flush()
    assert PLANTED.encode() not in on_disk(path)
    assert len(store.hops(TRACE.id)) == 2
    store.close()
    assert PLANTED.encode() not in on_disk(path)


def test_a_stricter_hop_takes_back_what_stands_already(path: Path) -> None:
    store = TraceStore(path)
    tool = Hop(id="h0", trace_id=TRACE.id, node="evidence", role="tool", output=PLANTED)
    store.start(replace(TRACE, question=PLANTED))
    store.hop(tool)
    store.hop(hop(1))
    store.flush()
    assert store.hops(TRACE.id)[0].output == PLANTED
    assert store.trace(TRACE.id).question == PLANTED
    store.hop(hop(2, decision=replace(DECISION, log=NOTHING)))
    store.flush()
    assert [h.output for h in store.hops(TRACE.id)] == [None, HOP.output, None]
    assert store.trace(TRACE.id).question is None
    assert store.trace(TRACE.id).log == NOTHING
    assert PLANTED.encode() not in on_disk(path)
    store.close()


def test_a_resumed_run_stays_as_strict_as_it_was(path: Path) -> None:
    first = TraceStore(path)
    first.start(replace(TRACE, question=PLANTED))
    first.hop(planted(NOTHING))
    first.close()
    second = TraceStore(path)
    second.start(replace(TRACE, question=PLANTED))
    second.finish(replace(TRACE, question=PLANTED, status="ok"))
    second.close()
    assert PLANTED.encode() not in on_disk(path)


def test_a_run_that_could_not_be_routed_keeps_no_text(path: Path) -> None:
    store = TraceStore(path)
    store.hop(replace(HOP, decision=None, attempts=(), prompt=PLANTED, status="failed"))
    store.finish(replace(TRACE, question=PLANTED, status="failed"))
    store.close()
    assert PLANTED.encode() not in on_disk(path)


def test_admission_may_say_at_once_what_is_kept(path: Path) -> None:
    store = TraceStore(path)
    asked: Trace = replace(TRACE, log=LogRule(prompts="hashed"))
    store.start(asked)
    assert (store.trace(TRACE.id).question or "").startswith("sha256:")
    store.start(replace(asked, id="t2", log=LogRule()))
    assert store.trace("t2").question == TRACE.question
    store.close()


def test_secrets_go_even_where_everything_is_kept(path: Path) -> None:
    store = TraceStore(path)
    key = "sk-abcdefghijkl0123"
    store.hop(replace(HOP, prompt=f"use {key}", error=f"401 for {key}", notes=(key,)))
    assert store.hops(TRACE.id)[0].prompt == "use <key-1>"
    store.close()
    assert key.encode() not in on_disk(path)
