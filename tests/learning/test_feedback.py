"""What is said of answers: kept with the trace, within limits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import RateLimitedError, UnknownNameError, UserError
from orchestrator.learning.feedback import DAY_S, LONGEST, Said, give
from orchestrator.project.schema import KeepDays
from orchestrator.records import Feedback
from orchestrator.storage.sweep import limits
from orchestrator.tracing.store import TraceStore
from orchestrator.tracing.sweep import TraceSweep
from orchestrator.types import Caller, LogRule
from tests.tracing.samples import HOP, TRACE

NOW = TRACE.started_at + 60
DONE = replace(TRACE, status="ok", caller=Caller(workspace="north"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with closing(TraceStore(tmp_path / "traces.sqlite")) as store:
        store.hop(HOP)
        store.finish(DONE)
        yield store


def said(store: TraceStore, trace: str = TRACE.id, **changes: Any) -> Feedback:
    given: dict[str, Any] = {
        name: changes.pop(name) for name in ("by", "now", "per_day") if name in changes
    }
    workspace = changes.pop("workspace", "")
    rules: dict[str, Any] = {"by": "anna", "now": NOW, "per_day": 3, **given}
    words = Said(**{"trace": trace, "score": 1.0, **changes})
    return give(store, words, workspace=workspace, **rules)


def test_it_is_kept_with_the_trace(store: TraceStore) -> None:
    kept = said(store, TRACE.id[:12], score=0.25, comment="  the deadline is wrong ")
    assert store.feedback(TRACE.id) == [kept]
    assert (kept.trace_id, kept.hop_id, kept.score, kept.weight) == (TRACE.id, "", 0.25, 1.0)
    assert kept.comment == "the deadline is wrong"
    assert store.feedback(since=NOW + 1) == []
    assert store.feedback("another") == []


@pytest.mark.parametrize("name", [HOP.node, HOP.id, "1"])
def test_of_one_hop(store: TraceStore, name: str) -> None:
    assert said(store, hop=name).hop_id == HOP.id


def test_who_says_it_again_replaces_it_and_others_stand_beside(store: TraceStore) -> None:
    said(store, score=1.0)
    said(store, score=0.0, now=NOW + 5)
    said(store, score=1.0, by="bert")
    said(store, score=0.5, source="tests")
    said(store, score=0.5, hop=HOP.id)
    found = {(f.by, f.source, f.hop_id): f.score for f in store.feedback(TRACE.id)}
    assert found == {
        ("anna", "person", ""): 0.0,
        ("bert", "person", ""): 1.0,
        ("anna", "tests", ""): 0.5,
        ("anna", "person", HOP.id): 0.5,
    }


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_score_that_is_none_is_refused(store: TraceStore, score: float) -> None:
    with pytest.raises(UserError, match=r"not within 0 \(bad\) and 1"):
        said(store, score=score)


def test_names_that_are_none_are_refused_with_the_near_one(store: TraceStore) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'person'"):
        said(store, source="persn")
    with pytest.raises(UnknownNameError, match=f"did you mean '{HOP.node}'"):
        said(store, hop=HOP.node[:-1])
    with pytest.raises(UnknownNameError, match="unknown trace"):
        said(store, "nowhere")
    with pytest.raises(UserError, match="2,001 characters; at most 2,000"):
        said(store, comment="x" * (LONGEST + 1))
    assert store.feedback() == []


def test_a_trace_that_still_runs_has_no_answer(store: TraceStore) -> None:
    store.start(replace(TRACE, id="01m7yak0d9t6vwng6cwpxkqgd0"))
    with pytest.raises(UserError, match="still runs"):
        said(store, "01m7yak0d9t6vwng6cwpxkqgd0")


def test_a_workspace_knows_its_own_traces_alone(store: TraceStore) -> None:
    assert said(store, workspace="north").score == 1.0
    with pytest.raises(UnknownNameError) as error:
        said(store, workspace="south")
    assert "north" not in str(error.value)


def test_a_comment_follows_the_rule_of_the_trace(store: TraceStore) -> None:
    secret = "sk-ant-api03-" + "abcdefghij" * 9
    assert secret not in said(store, comment=f"my key {secret} is in it").comment
    hidden = replace(DONE, id="01m7yak0d9t6vwng6cwpxkqgd8", log=LogRule(prompts="none"))
    store.finish(hidden)
    assert said(store, hidden.id, comment="Mrs Smith was named").comment == ""


def test_one_may_not_decide_alone(store: TraceStore) -> None:
    for number in range(4):
        trace = replace(DONE, id=f"01m7yak0d9t6vwng6cwpxkqg{number}0")
        store.finish(trace)
        if number < 3:
            said(store, trace.id)
    with pytest.raises(RateLimitedError, match="'anna' has judged 3 answers"):
        said(store, trace.id)
    assert said(store, "01m7yak0d9t6vwng6cwpxkqg00", score=0.0).score == 0.0, "that one is his"
    assert said(store, trace.id, by="bert")
    assert said(store, trace.id, now=NOW + DAY_S + 1)


def test_the_limit_holds_for_many_at_once(store: TraceStore) -> None:
    ids = [f"01m7yak0d9t6vwng6cwpxkq{number:02}0" for number in range(20)]
    for id in ids:
        store.finish(replace(DONE, id=id))
    store.flush()
    kept, refused = [], []

    def judge(id: str) -> None:
        try:
            kept.append(said(store, id, per_day=5))
        except RateLimitedError:
            refused.append(id)

    threads = [threading.Thread(target=judge, args=(id,)) for id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(kept), len(refused)) == (5, 15)
    assert len(store.feedback()) == 5


def test_it_goes_with_its_trace(store: TraceStore) -> None:
    said(store)
    TraceSweep(store.path).sweep(limits(KeepDays(), NOW + DAY_S, 0.5), dry_run=False)
    assert store.feedback() == []
