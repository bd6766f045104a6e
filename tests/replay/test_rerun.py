"""A recorded request is carried out again from one of its steps on, with something other there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import MeshError, UnknownNameError, UserError
from orchestrator.replay.rerun import Change, Rerun

from .small import calls, in_mesh, run, write_project

PLAN = json.dumps(
    [
        {"id": "a", "description": "a", "task": "chat"},
        {"id": "b", "description": "b", "task": "chat"},
        {"id": "c", "description": "c", "task": "chat", "needs": ["a", "b"]},
    ]
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def rerun(project: Path, trace: str, **change: Any) -> Rerun:
    found: Rerun = in_mesh(project, lambda mesh: mesh.rerun(trace, Change(**change)))
    return found


def by_place(found: Rerun) -> dict[tuple[str, int], Any]:
    return {(p.after.node, p.after.round): p.after for p in found.diff.pairs if p.after}


def test_another_model_answers_at_the_step_and_what_follows_is_asked_anew(project: Path) -> None:
    trace = run(project, "looped", "why")
    made = calls(project)
    found = rerun(project, trace, hop="check", model="loud")
    hops = by_place(found)
    assert hops["facts", 0].output == hops["facts", 0].output
    assert hops["draft", 0].resumed
    assert hops["check", 0].attempts[-1].deployment == "loud/here"
    assert not hops["draft", 1].resumed
    assert hops["answer", 1].attempts[-1].deployment == "soft/here"
    assert (found.taken, found.made) == (1, 4)
    assert calls(project) == made + 4  # the tool did not look again
    assert found.diff.after.origin == trace
    assert found.diff.after.id != trace
    assert found.diff.first is not None


def test_what_was_taken_from_the_record_costs_nothing(project: Path) -> None:
    found = rerun(project, run(project, "looped", "why"), hop="answer")
    hops = by_place(found)
    assert (found.taken, found.made) == (4, 1)
    assert "taken from trace" in hops["draft", 0].notes[-1]
    assert hops["draft", 0].cost_micro_usd == 0


def test_another_prompt_is_used_at_the_step_alone(project: Path) -> None:
    found = rerun(project, run(project, "looped", "why"), hop="answer", prompt="Now: {{ text }}")
    hops = by_place(found)
    assert hops["answer", 1].prompt.startswith("Now: ")
    assert hops["check", 1].prompt.startswith("End with: ")


def test_another_input_is_seen_from_the_step_on(project: Path) -> None:
    found = rerun(project, run(project, "looped", "why"), hop="draft", inputs={"question": "when"})
    hops = by_place(found)
    assert "when" in hops["draft", 0].prompt
    assert found.diff.after.question == "when"


def test_a_subtask_and_those_that_need_it_are_done_again(project: Path) -> None:
    trace = run(project, "planned", PLAN)
    found = rerun(project, trace, hop="work/a", model="loud")
    hops = by_place(found)
    assert hops["work/a", 0].attempts[-1].deployment == "loud/here"
    assert hops["work/b", 0].resumed
    assert not hops["work/c", 0].resumed
    assert found.diff.after.answer == "<A()> <b()> <c(<A()>,<b()>)>"


def test_a_step_may_be_named_by_its_id(project: Path) -> None:
    trace = run(project, "looped", "why")
    hops = in_mesh(project, _hops(trace))
    second = next(h for h in hops if (h.node, h.round) == ("draft", 1))
    found = rerun(project, trace, hop=second.id)
    assert by_place(found)["check", 0].resumed
    assert not by_place(found)["draft", 1].resumed


def _hops(trace: str) -> Any:
    async def hops(mesh: Mesh) -> Any:
        return mesh.store.hops(trace)

    return hops


def test_a_live_step_that_fails_is_a_trace_that_failed(project: Path) -> None:
    trace = run(project, "looped", "why")
    found = rerun(project, trace, hop="draft", inputs={"question": "stumble"})
    assert found.error is not None
    assert found.diff.after.status == "failed"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"hop": "chekc"}, UnknownNameError, "did you mean 'check'"),
        ({"hop": "facts"}, UserError, "asked no model"),
        ({"hop": "answer", "prompt": "{{ txt }}"}, UserError, "did you mean 'text'"),
        ({"hop": "check", "model": "lout"}, UnknownNameError, "did you mean 'loud'"),
        ({"hop": "check", "inputs": {"qestion": "x"}}, UnknownNameError, "did you mean 'question'"),
    ],
)
def test_a_mistake_is_told_with_the_near_name(
    project: Path, change: dict[str, Any], error: type[MeshError], words: str
) -> None:
    trace = run(project, "looped", "why")
    made = calls(project)
    with pytest.raises(error, match=words):
        rerun(project, trace, **change)
    assert calls(project) == made
