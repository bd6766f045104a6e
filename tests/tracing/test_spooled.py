from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.records import Hop
from orchestrator.tracing.spooled import SpoolRecorder
from orchestrator.tracing.store import TraceStore
from orchestrator.types import Feature, LogRule

from .samples import DECISION, HOP, TRACE, hop, ruled

NOTHING = LogRule(prompts="none", outputs="none", tool_args="none")
DONE = replace(TRACE, status="ok", ms=12.5, cost_micro_usd=7, answer="3 months")
PLANTED = "zanzibar-4711"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".mesh"


@pytest.fixture
def store(folder: Path) -> Iterator[TraceStore]:
    with closing(TraceStore(folder / "traces.sqlite")) as store:
        yield store


@pytest.fixture
def recorder(folder: Path) -> Iterator[SpoolRecorder]:
    with closing(SpoolRecorder(folder)) as recorder:
        yield recorder


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "traces.sqlite")) as database:
        return database.execute(query).fetchall()


def test_what_was_recorded_is_read_as_it_was(recorder: SpoolRecorder, store: TraceStore) -> None:
    recorder.start(TRACE)
    recorder.flush()
    assert store.trace(TRACE.id).status == "running"
    recorder.hop(HOP)
    recorder.finish(DONE)
    recorder.flush()
    assert store.hops(TRACE.id) == [HOP]
    assert store.trace(TRACE.id) == replace(DONE, log=LogRule())
    recorder.hop(hop(2, resumed=True))
    recorder.flush()
    assert [h.id for h in store.hops(TRACE.id)] == ["h1", "h2"]


def test_a_decision_that_many_hops_were_given_is_stored_once(
    folder: Path, recorder: SpoolRecorder, store: TraceStore
) -> None:
    for number in range(50):
        recorder.hop(replace(HOP, id=f"h{number}", trace_id=f"t{number % 10}"))
    other = replace(DECISION, chosen="smollm2/local")
    recorder.hop(replace(HOP, id="x", trace_id="t1", decision=other))
    recorder.flush()
    assert [h.decision for h in store.hops("t1")].count(other) == 1
    assert {h.decision.chosen for h in store.hops("t3") if h.decision} == {"claude/eu"}
    assert rows(folder, "select count(*), count(decision), count(decision_key) from hops") == [
        (51, 0, 51)
    ]
    assert rows(folder, "select count(*) from decisions") == [(2,)]


KILLED = """
import sys
from pathlib import Path
from orchestrator.tracing.spooled import SpoolRecorder
from tests.tracing.samples import DECISION, HOP, TRACE
recorder = SpoolRecorder(Path(sys.argv[1]))
recorder.start(TRACE)
recorder.hop(HOP)
recorder.flush()
print("up", flush=True)
sys.stdin.read()
"""


def test_the_open_traces_of_a_killed_process_end_as_unknown(
    folder: Path, recorder: SpoolRecorder, store: TraceStore
) -> None:
    recorder.start(replace(TRACE, id="mine"))
    recorder.flush()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        assert store.trace(TRACE.id).status == "running"
        process.send_signal(signal.SIGKILL)
    found = store.trace(TRACE.id)
    assert (found.status, found.error) == (
        "unknown",
        "the process that served it ended in the middle",
    )
    assert store.hops(TRACE.id) == [HOP]
    assert store.trace("mine").status == "running"


def test_a_run_that_another_process_took_up_is_its_own(folder: Path, store: TraceStore) -> None:
    first, second = SpoolRecorder(folder), SpoolRecorder(folder)
    first.start(TRACE)
    first.flush()
    store.drain()
    second.start(TRACE)
    second.flush()
    store.drain()
    first.close()
    assert store.trace(TRACE.id).status == "running"
    second.finish(DONE)
    second.close()
    assert store.trace(TRACE.id).status == "ok"


# ── what is kept ─────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("level", ["none", "hashed"])
def test_no_file_ever_holds_a_text_that_the_rule_hides(
    folder: Path, recorder: SpoolRecorder, store: TraceStore, level: Any
) -> None:
    rule = LogRule(prompts=level, outputs=level, tool_args=level)
    asked = replace(TRACE, question=f"What is {PLANTED}?")
    recorder.start(asked)
    recorder.hop(Hop(id="h0", trace_id=TRACE.id, node="tool", role="tool", output=PLANTED))
    recorder.flush()
    assert TRACE.id.encode() in on_disk(folder)
    assert PLANTED.encode() not in on_disk(folder)
    recorder.hop(planted(rule))
    recorder.finish(replace(asked, status="failed", answer=PLANTED, error=f"no {PLANTED}"))
    recorder.flush()
    assert PLANTED.encode() not in on_disk(folder)
    assert len(store.hops(TRACE.id)) == 2
    assert PLANTED.encode() not in on_disk(folder)


def test_a_text_waits_for_its_rule_and_is_there_then(
    recorder: SpoolRecorder, store: TraceStore
) -> None:
    recorder.start(TRACE)
    recorder.hop(Hop(id="h0", trace_id=TRACE.id, node="tool", role="tool", output="passage"))
    recorder.flush()
    assert store.trace(TRACE.id).question is None
    assert [h.output for h in store.hops(TRACE.id)] == [None]
    recorder.hop(HOP)
    recorder.flush()
    assert store.trace(TRACE.id).question == TRACE.question
    assert [h.output for h in store.hops(TRACE.id)] == ["passage", HOP.output]


@pytest.mark.parametrize("between", [True, False])
def test_a_stricter_hop_takes_back_what_stands_already(
    folder: Path, recorder: SpoolRecorder, store: TraceStore, between: bool
) -> None:
    asked = replace(TRACE, question=f"What is {PLANTED}?")
    recorder.start(asked)
    recorder.hop(HOP)
    tool = Hop(id="h0", trace_id=TRACE.id, node="tool", role="tool", output=PLANTED)
    recorder.hop(tool)
    recorder.flush()
    if between:
        assert PLANTED in str(store.hops(TRACE.id))
    assert PLANTED.encode() in on_disk(folder)
    recorder.hop(planted(NOTHING, id="h2"))
    recorder.flush()
    store.drain()
    assert PLANTED.encode() not in on_disk(folder)
    assert store.trace(TRACE.id).question is None
    assert {h.id: h.output for h in store.hops(TRACE.id)} == {
        "h0": None,
        "h1": HOP.output,
        "h2": None,
    }


SECRETS = (
    "sk-proj-abcdefgh12345678",
    "ghp_0123456789abcdefghij",
    "AKIAABCDEFGHIJKLMNOP",
    "Bearer abcdef123456789",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl",
    "postgres://me:hunter22@host/db",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_gone_before_the_disk(
    folder: Path, recorder: SpoolRecorder, store: TraceStore, secret: str
) -> None:
    """Wherever they stand: in a text, an error, a feature, a decision."""
    part = secret.split(" ")[-1].split("@")[0].removeprefix("postgres://").encode()
    profile = replace(HOP.profile, domain=secret) if HOP.profile else None
    places = (
        replace(HOP, prompt=f"use {secret} here"),
        replace(HOP, notes=(f"saw {secret}",)),
        replace(HOP, attempts=(replace(HOP.attempts[0], error=f"{secret} is wrong"),)),
        replace(HOP, profile=profile),
        replace(HOP, decision=replace(DECISION, notes=(f"{secret} is gone",))),
    )
    for number, place in enumerate(places):
        recorder.start(replace(TRACE, id=f"t{number}"))
        recorder.hop(replace(place, trace_id=f"t{number}"))
        recorder.finish(replace(DONE, id=f"t{number}", answer=f"it is {secret}"))
    recorder.flush()
    assert part not in on_disk(folder)
    assert len(store.traces()) == len(places)
    assert part not in on_disk(folder)


def test_odd_characters_do_no_harm(recorder: SpoolRecorder, store: TraceStore) -> None:
    recorder.hop(replace(HOP, prompt="nul \0 and half \ud800 a pair", notes=("\0\udfff",)))
    recorder.flush()
    (found,) = store.hops(TRACE.id)
    assert found.prompt == "nul \ufffd and half ? a pair"
    assert found.notes == ("\ufffd?",)


# ── robustness ───────────────────────────────────────────────────────────────────────────


def test_a_line_of_another_version_does_not_stop_the_others(
    folder: Path, store: TraceStore
) -> None:
    from orchestrator.storage.spool import Spool

    with closing(Spool(folder / "spool", "traces")) as spool:
        spool.write([b"\x93\x01\x02\x03", b"not even that"])
    with closing(SpoolRecorder(folder)) as recorder:
        recorder.finish(DONE)
    assert store.trace(DONE.id).status == "ok"


def test_hops_whose_trace_was_lost_are_kept_and_replaced(
    recorder: SpoolRecorder, store: TraceStore
) -> None:
    for resumed in (False, True):
        recorder.hop(replace(HOP, resumed=resumed))
        recorder.flush()
        store.drain()
    assert [h.resumed for h in store.hops(TRACE.id)] == [True]
    recorder.finish(DONE)
    recorder.hop(hop(2))
    recorder.flush()
    assert [h.id for h in store.hops(TRACE.id)] == ["h1", "h2"]


def test_a_disk_that_takes_nothing_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    recorder = SpoolRecorder(tmp_path / "file")
    recorder.start(TRACE)
    recorder.finish(DONE)
    recorder.close()
    assert "1 records (traces) could not be written" in (recorder.problem or "")


def test_it_tells_what_was_recorded(folder: Path) -> None:
    told: list[object] = []
    with closing(SpoolRecorder(folder, told=told.extend)) as recorder:
        recorder.start(TRACE)
        recorder.hop(HOP)
        recorder.finish(DONE)
    assert told == [TRACE, HOP, DONE]


def test_traces_that_ended_are_handed_out_once_for_export(folder: Path, store: TraceStore) -> None:
    with closing(SpoolRecorder(folder, exported=True)) as recorder:
        recorder.start(replace(TRACE, id="running"))
        recorder.start(TRACE)
        recorder.hop(HOP)
        recorder.finish(DONE)
        recorder.flush()
        store.drain()
        ((trace, hops),) = store.take_unexported(10)
        assert (trace.id, hops) == (TRACE.id, [HOP])
        assert store.take_unexported(10) == []
    with closing(SpoolRecorder(folder)) as recorder:
        recorder.finish(replace(DONE, id="other"))
    store.drain()
    assert store.take_unexported(10) == []


def test_a_value_that_nobody_knows_is_kept_as_text(
    recorder: SpoolRecorder, store: TraceStore
) -> None:
    profile = HOP.profile
    assert profile is not None
    odd = {"when": Feature(value=Decimal("1.50"), confidence=1.0, origin="declared")}
    recorder.hop(replace(HOP, profile=replace(profile, features=odd)))
    recorder.flush()
    found = store.hops(TRACE.id)[0].profile
    assert found is not None
    assert found.features["when"].value == "1.50"


def test_a_stricter_rule_leaves_decided_hops_once(
    recorder: SpoolRecorder, store: TraceStore
) -> None:
    """Nothing of the batch that brings the rule follows it: only a hop with one of its own."""
    recorder.start(TRACE)
    recorder.hop(HOP)
    recorder.flush()
    store.drain()
    second = SpoolRecorder(store.path.parent)  # of a process that knows nothing of the first
    second.hop(ruled(NOTHING, id="h2"))
    second.close()
    assert [h.id for h in store.hops(TRACE.id)] == ["h1", "h2"]
    assert store.trace(TRACE.id).question is None
