"""`mesh trace why` and `mesh trace show`: what a person reads, of small traces and of huge ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.records import Hop
from orchestrator.tracing.store import TraceStore
from tests.cli.prompt import Prompt, prompt_in
from tests.tracing.test_diagnosis import ATTEMPT, TRACE, hops

MANY = 600


def written(folder: Path, found: list[Hop]) -> None:
    (folder / "mesh.yaml").write_text("embedder: static\n", "utf-8")
    store = TraceStore(folder / ".mesh" / "traces.sqlite")
    store.start(replace(TRACE, status="running"))
    for hop in found:
        store.hop(hop)
    store.finish(TRACE)
    store.close()


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    return prompt_in(tmp_path, monkeypatch, capsys)


def test_the_sentence_and_the_culprit_come_before_the_hops(tmp_path: Path, mesh: Prompt) -> None:
    written(tmp_path, hops(attempts=(replace(ATTEMPT, reported_model="qwen2.5-7b"),)))
    shown = mesh("trace", "why", "t1").out
    lines = shown.splitlines()
    assert lines[0].startswith("Answered by claude-opus/eu for $0.0042 in 3.1 s; accepted")
    assert shown.index("Look here first:") < shown.index("1. draft  silent fallback")
    assert shown.index("a model of another maker") < shown.index("Run t1 of graph")


def test_of_a_healthy_trace_nobody_is_accused(tmp_path: Path, mesh: Prompt) -> None:
    written(tmp_path, hops())
    shown = mesh("trace", "why", "t1").out
    assert shown.startswith("Answered by claude-opus/eu")
    assert "Look here" not in shown


def test_as_json_the_suspects_stand_beside_the_text(tmp_path: Path, mesh: Prompt) -> None:
    written(tmp_path, hops(output=""))
    told = mesh("trace", "why", "t1", "--json").json
    assert told["sentence"].endswith("answered with nothing.")
    assert told["suspects"][0]["kind"] == "garbage_output"
    assert told["suspects"][0]["hop_id"] == "t1.draft"
    assert told["why"].startswith("Run t1")


def test_a_huge_trace_is_shown_by_node_and_explained_where_something_is_wrong(
    tmp_path: Path, mesh: Prompt
) -> None:
    draft, _ = hops()
    many = [
        replace(draft, id=f"t1.{n}", node=f"work/{n}", started_at=1000.0 + n) for n in range(MANY)
    ]
    bad = replace(ATTEMPT, reported_model="qwen2.5-7b")
    many[400] = replace(many[400], attempts=(bad,))
    written(tmp_path, many)
    shown = mesh("trace", "show", "t1").out
    assert len(shown.splitlines()) < 15
    assert f"{MANY} hops" in shown
    told = mesh("trace", "why", "t1").out
    assert "401. work/400  silent fallback" in told
    assert "work/399 (" not in told


def test_hops_share_the_decision_that_they_were_given(tmp_path: Path) -> None:
    draft, _ = hops()
    written(tmp_path, [replace(draft, id=f"t1.{n}", started_at=1000.0 + n) for n in range(3)])
    store = TraceStore(tmp_path / ".mesh" / "traces.sqlite")
    read = store.hops("t1")
    store.close()
    assert [hop.decision for hop in read] == [draft.decision] * 3
    assert read[0].decision is read[1].decision
    assert read[0] == replace(draft, id="t1.0", started_at=1000.0)
