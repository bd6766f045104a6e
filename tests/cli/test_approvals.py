"""`mesh approvals`, and what `mesh run` says of a run that waits for one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from tests.chat.served import standing_in
from tests.graph.acting import Told, done, plan, spending, write_project


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
) -> Iterator[Mesh]:
    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments, "--project", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, said.out, said.err)

    with standing_in(Told()) as (url, _):
        write_project(tmp_path, url)
        yield run


def ask(mesh: Mesh, amount: int) -> str:
    stopped = mesh("run", "small", f"question={plan(spending(amount), 'end')}", "--json")
    assert stopped.code == 4
    found: str = stopped.json["waiting"]["approval"]
    return found


def test_a_run_says_that_it_waits_and_how_to_go_on(mesh: Mesh, tmp_path: Path) -> None:
    stopped = mesh("run", "small", f"question={plan(spending(7), 'end')}")
    assert stopped.code == 4
    assert "May the destructive tool 'spend' be called by 'act'?" in stopped.out
    assert '"amount": 7' in stopped.out
    assert "To approve it: mesh approvals approve " in stopped.err
    assert "To refuse it: mesh approvals reject " in stopped.err
    (run,) = mesh("runs", "list", "--json").json["runs"]
    assert "To approve it: mesh approvals approve " in mesh("runs", "show", run["run"]).out
    assert not done(tmp_path)


def test_it_is_listed_shown_approved_and_taken_up(mesh: Mesh, tmp_path: Path) -> None:
    id = ask(mesh, 7)
    listed = mesh("approvals", "list", "--json").json["approvals"]
    assert [(one["approval"], one["tool"], one["state"]) for one in listed] == [
        (id, "spend", "waiting")
    ]
    table = mesh("approvals", "list").out
    assert "spend" in table
    assert "amount" not in table, "arguments are no matter for a list"
    shown = mesh("approvals", "show", id[:8])
    assert '"amount": 7' in shown.out
    assert f"mesh approvals approve {id[:12]}" in shown.out
    approved = mesh("approvals", "approve", id[:8], "--by", "ann", "--because", "it is due")
    assert approved.code == 0
    assert approved.out.startswith("approved: spend")
    assert "mesh runs resume" in approved.out
    again = mesh("approvals", "approve", id, "--go-on", "--json")
    assert again.json["answer"] == "end"
    assert done(tmp_path) == ["spend 7"]
    late = mesh("approvals", "show", id, "--json").json
    assert (late["state"], late["ruling"]["by"]) == ("used", "ann")
    assert mesh("approvals", "list").out == "Nothing waits for an approval.\n"
    assert len(mesh("approvals", "list", "--all", "--json").json["approvals"]) == 1


def test_it_is_rejected_with_a_reason(mesh: Mesh, tmp_path: Path) -> None:
    id = ask(mesh, 7)
    refused = mesh("approvals", "reject", id, "--because", "no money", "--go-on")
    assert refused.code == 0
    assert "end" in refused.out
    assert not done(tmp_path)
    shown = mesh("approvals", "show", id).out
    assert "rejected by" in shown
    assert "no money" in shown
    wrong = mesh("approvals", "approve", id)
    assert wrong.code == 2
    assert "it was rejected" in wrong.err


def test_arguments_are_changed_within_what_the_tool_takes(mesh: Mesh, tmp_path: Path) -> None:
    id = ask(mesh, 700)
    for wrong, words in (
        ("7", "must be a JSON object"),
        ("{", "is no JSON"),
        ('{"amount": "much"}', "do not fit"),
    ):
        refused = mesh("approvals", "edit", id, "--arguments", wrong)
        assert refused.code == 2
        assert words in refused.err
    edited = mesh("approvals", "edit", id, "--arguments", '{"amount": 7}', "--go-on")
    assert edited.code == 0
    assert done(tmp_path) == ["spend 7"]


def test_an_unknown_one_names_those_that_are_known(mesh: Mesh) -> None:
    id = ask(mesh, 7)
    wrong = mesh("approvals", "show", "ffff")
    assert wrong.code == 2
    assert id in wrong.err
