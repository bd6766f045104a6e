"""`mesh runs`, and runs that stop for a person or an edited project, at the command line."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import orchestrator.cli._carry
from orchestrator.cli import main
from orchestrator.cli._progress import Progress, Shown
from orchestrator.cli._show import Screen
from orchestrator.roles.events import HopStarted
from tests.graph.small import calls, write_project

from .samples import DRAFT, ID

ASKING = """
    input: {question: text, conversation: "turns?"}
    nodes:
      draft: {agent: echo, of: question}
      approval: {ask: "May it go out?", of: draft, to: {approve: sent, again: draft}, at_most: 2}
      sent: {agent: echo, of: approval}
    output: sent
"""
PLAIN = """
    input: {question: text, conversation: "turns?"}
    nodes:
      reply: {agent: echo, of: question}
    output: reply
"""


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Mesh = Callable[..., Done]


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mesh:
    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments, "--project", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        out, err = capsys.readouterr()
        return Done(ended.value.code, out, err)

    return run


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a person at the terminal, who types these lines."""

    def put(lines: str) -> None:
        monkeypatch.setattr(orchestrator.cli._carry, "_person_is_there", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))

    return put


def waiting(mesh: Mesh) -> str:
    done = mesh("run", "small", "question=q", "--json")
    assert done.code == 4
    run: str = done.json["waiting"]["run"]
    return run


def test_a_question_is_printed_with_the_command_that_answers_it(mesh: Mesh, tmp_path: Path) -> None:
    write_project(tmp_path, ASKING)
    done = mesh("run", "small", "question=q")
    assert done.code == 4
    assert "draft\n  <q>\n\nMay it go out?\n  Answer with one of: approve, again" in done.out
    command = done.err.strip().split("\n")[-1]
    assert command.startswith("To answer: mesh run --resume ")
    run = command.split()[5]
    assert f"--answer approve --project {tmp_path}" in command

    (listed,) = mesh("runs", "list", "--json").json["runs"]
    assert (listed["run"], listed["state"], listed["waiting"]["node"]) == (
        run,
        "waiting",
        "approval",
    )
    assert "waiting" in mesh("runs", "list").out
    shown = mesh("runs", "show", run[:12]).out
    assert "May it go out?" in shown
    assert "recorded: draft" in shown

    done = mesh("run", "--resume", run, "--answer", "approve", "--by", "Ann")
    assert done.code == 0
    assert "<approve>" in done.out
    assert "answered by a person" in mesh("trace", "why").out
    assert mesh("runs", "show", run, "--json").json["state"] == "ok"


def test_a_question_is_one_json_object(mesh: Mesh, tmp_path: Path) -> None:
    write_project(tmp_path, ASKING)
    done = mesh("run", "small", "question=q", "--json")
    assert done.json["waiting"]["allowed"] == ["approve", "again"]
    assert done.json["waiting"]["shown"] == {"draft": "<q>"}
    assert done.json["waiting"]["command"].startswith("mesh run --resume ")


def test_a_person_at_the_terminal_is_asked_until_the_answer_is_one(
    mesh: Mesh, tmp_path: Path, says: Callable[[str], None]
) -> None:
    write_project(tmp_path, ASKING)
    says("perhaps\nagain\nApprove\n")
    done = mesh("run", "small", "question=q", "--json")
    assert done.code == 0
    assert done.json["answer"] == "<approve>"
    assert done.err.count("May it go out?") == 3, "twice the question, once in the complaint"
    assert "'perhaps' is no answer" in done.err


def test_a_wrong_answer_is_a_users_mistake(mesh: Mesh, tmp_path: Path) -> None:
    write_project(tmp_path, ASKING)
    run = waiting(mesh)
    done = mesh("runs", "resume", run, "--answer", "aprove")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'approve'?" in done.err
    assert mesh("runs", "resume", run, "--answer", "approve").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "which graph?"),
        (["run", "small", "--resume", "x"], "leave them out"),
        (["ask", "q", "--resume", "x"], "leave them out"),
        (["run", "small", "--answer", "x"], "--answer needs the run"),
        (["runs", "show", "nope"], "unknown run 'nope'"),
        (["runs", "cancel", "nope"], "unknown run 'nope'"),
        (["runs", "threads", "nope"], "unknown thread 'nope'"),
    ],
)
def test_mistakes_are_one_line(
    mesh: Mesh, tmp_path: Path, arguments: list[str], message: str
) -> None:
    write_project(tmp_path, PLAIN)
    done = mesh(*arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_an_edited_project_needs_consent(
    mesh: Mesh, tmp_path: Path, says: Callable[[str], None]
) -> None:
    write_project(tmp_path, PLAIN)
    run = mesh("run", "small", "question=q", "--json").json["trace_id"]
    write_project(tmp_path, PLAIN, policy="objective: {minimize: latency}\n")
    done = mesh("runs", "resume", run)
    assert done.code == 2
    assert "policy.yaml: objective changed: minimize" in done.err
    assert "run now: reply" in done.err
    assert f"To go on: mesh runs resume {run} --accept-changes" in done.err
    assert len(calls(tmp_path)) == 1

    says("n\n")
    assert mesh("runs", "resume", run).code == 130
    assert len(calls(tmp_path)) == 1
    says("y\n")
    assert mesh("runs", "resume", run, "--json").json["answer"] == "<q>"
    assert len(calls(tmp_path)) == 2
    assert mesh("runs", "resume", run).code == 0, "having agreed once is enough"


def test_a_conversation_is_listed_and_shown(mesh: Mesh, tmp_path: Path) -> None:
    write_project(tmp_path, PLAIN)
    assert "There are no conversations yet" in mesh("runs", "threads").out
    for question in ("one", "two"):
        assert mesh("run", "small", f"question={question}", "--thread", "t1").code == 0
    (thread,) = mesh("runs", "threads", "--json").json["threads"]
    assert (thread["name"], thread["turns"], thread["kept"]) == ("t1", 2, 2)
    assert "t1" in mesh("runs", "threads").out
    assert mesh("runs", "threads", "t1").out.split() == ["one", "<one>", "two", "<two>"]
    turns = mesh("runs", "threads", "t1", "--json").json["turns"]
    assert [turn["question"] for turn in turns] == ["one", "two"]


def test_a_turn_that_is_not_kept_is_told(mesh: Mesh, tmp_path: Path) -> None:
    policy = "routes: [{name: p, match: {}, store_outputs: none}]\n"
    write_project(tmp_path, PLAIN, policy=policy)
    done = mesh("run", "small", "question=q", "--thread", "t1")
    assert "the thread 't1' keeps nothing of this turn" in done.err
    assert "(texts were not to be kept)" in mesh("runs", "list").out
    assert "(1 without texts)" in mesh("runs", "threads").out


def test_a_run_that_has_ended_cannot_be_cancelled(mesh: Mesh, tmp_path: Path) -> None:
    write_project(tmp_path, PLAIN)
    assert "There are no runs yet" in mesh("runs", "list").out
    run = mesh("run", "small", "question=q", "--json").json["trace_id"]
    assert "it is ok" in mesh("runs", "cancel", run).err
    write_project(tmp_path, ASKING)
    stopped = waiting(mesh)
    assert f"to go on: mesh runs resume {stopped}" in mesh("runs", "cancel", stopped).out


# ── progress ─────────────────────────────────────────────────────────────────────────────


def test_progress_shows_what_is_under_way_its_model_and_what_it_costs() -> None:
    file = io.StringIO()
    with Progress(Shown.AUTO, Screen(file, width=100, rich=True)) as progress:
        progress.tell(HopStarted(trace_id=ID, node="plan", agent="decomposer"))
        progress.tell(DRAFT)
        progress.tell(HopStarted(trace_id=ID, node="check", agent="checker"))
        progress.tell(HopStarted(trace_id=ID, node="check", agent="checker", deployment="m/one"))
    shown = file.getvalue()
    last = shown[shown.rindex("draft") :]
    assert "m/one" in last
    assert "plan" in last
    assert "1 step done" in last
    assert "$0.0042 so far" in last


def test_progress_as_lines_for_a_log(mesh: Mesh, tmp_path: Path) -> None:
    write_project(tmp_path, PLAIN)
    assert mesh("run", "small", "question=q", "--json").err == ""
    lines = mesh("run", "small", "question=q", "--json", "--progress", "plain").err.split("\n")
    assert lines[0].split()[:3] == ["yes", "reply", "echo/here"]
