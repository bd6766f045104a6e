"""What a replay needs is kept where all texts are, and hidden like them everywhere else."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.records import Hop, Trace
from orchestrator.tracing.spooled import SpoolRecorder
from orchestrator.tracing.store import TraceStore
from orchestrator.types import LogRule
from tests.tracing.samples import DECISION, TRACE, hop, ruled

SECRET = "sk-ant-api03-" + "abcdefghij" * 4
CALL = CallRequest(messages=({"role": "user", "content": "How long?"},), stop=("Basta",))


def written(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def kept(folder: Path, trace: Trace, *hops: Hop) -> tuple[Trace, list[Hop]]:
    with closing(TraceStore(folder / "traces.sqlite")) as store:
        store.start(replace(trace, status="running"))
        for one in hops:
            store.hop(one)
        store.finish(replace(trace, status="ok"))
        return store.trace(trace.id), store.hops(trace.id)


def test_a_call_is_kept_without_its_words_a_second_time(tmp_path: Path) -> None:
    trace, _ = kept(tmp_path, replace(TRACE, request={"call": CALL, "declared": False}), hop(1))
    assert trace.request == {
        "call": {"said": [["user", 9]], "stop": ["Basta"]},
        "declared": False,
    }


@pytest.mark.parametrize("level", ["redacted", "hashed", "none"])
@pytest.mark.parametrize("kind", ["prompts", "outputs", "tool_args"])
def test_nothing_of_it_is_kept_where_a_route_hides_texts(
    tmp_path: Path, kind: str, level: str
) -> None:
    decided = ruled(LogRule(**{kind: level}), replay={"value": "Schmitt"})  # type: ignore[arg-type]
    bare = replace(hop(2), decision=None, replay={"value": "Meier"})
    asked = replace(TRACE, request={"inputs": {"question": "Lehmann"}})
    trace, hops = kept(tmp_path, asked, decided, bare)
    assert trace.request is None
    assert [one.replay for one in hops] == [None, None]
    assert not [name for name in (b"Schmitt", b"Meier", b"Lehmann") if name in written(tmp_path)]


def test_a_stricter_rule_that_comes_later_takes_it_back(tmp_path: Path) -> None:
    asked = replace(TRACE, request={"inputs": {"question": "Lehmann"}})
    with closing(TraceStore(tmp_path / "traces.sqlite")) as store:
        store.start(asked)
        store.hop(replace(hop(1), replay={"value": "of its own rule"}))
        store.hop(replace(hop(2), decision=None, replay={"value": "Meier"}))
        store.flush()
        assert store.trace(asked.id).request == asked.request
        store.hop(ruled(LogRule(prompts="hashed"), id="h3"))
        store.flush()
        assert store.trace(asked.id).request is None
        assert {one.id: one.replay for one in store.hops(asked.id)} == {
            "h1": {"value": "of its own rule"},
            "h2": None,
            "h3": None,
        }
    assert not [name for name in (b"Meier", b"Lehmann") if name in written(tmp_path)]


def test_a_secret_in_it_is_masked(tmp_path: Path) -> None:
    asked = replace(TRACE, request={"inputs": {"question": f"with {SECRET}", "more": [SECRET]}})
    trace, (one,) = kept(tmp_path, asked, replace(hop(1), replay={"value": {SECRET: SECRET}}))
    assert trace.request == {"inputs": {"question": "with <key-1>", "more": ["<key-1>"]}}
    assert one.replay == {"value": {"<key-1>": "<key-1>"}}
    assert SECRET.encode() not in written(tmp_path)


def test_so_it_is_in_a_spool(tmp_path: Path) -> None:
    asked = replace(TRACE, request={"call": replace(CALL, stop=(SECRET,))})
    with closing(SpoolRecorder(tmp_path)) as recorder:
        recorder.start(asked)
        recorder.hop(replace(hop(1), decision=DECISION))
        recorder.finish(replace(asked, status="ok"))
        recorder.flush()
        assert SECRET.encode() not in written(tmp_path)
    with closing(TraceStore(tmp_path / "traces.sqlite")) as store:
        assert store.trace(TRACE.id).request == {
            "call": {"said": [["user", 9]], "stop": ["<key-1>"]}
        }
