"""`mesh eval` from the command line: a small suite, run for real with a deterministic model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from orchestrator.cli import main
from tests.graph.small import write_project

GRAPH = """
input: {question: text}
nodes:
  reply: {agent: echo, of: question}
output: reply
"""
CHECK = """

from orchestrator import check


@check("short")
async def short(answer, case):
    return None if len(answer.text) < 20 else f"{len(answer.text)} characters"


@builtin("broken")
def broken(request):
    raise RuntimeError("out of order")
"""
SUITE = """
description: What the echo says.
graph: small
defaults: {expect: {checks: [short]}}
cases:
  - {name: one, tags: [good], input: {question: one}, expect: {contains: [<one>]}}
  - {name: two, tags: [good], input: {question: two}, expect: {matches: "^<t"}}
  - {name: long, input: {question: one two three four five}, known_failing: It is what it is.}
"""
Eval = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path, GRAPH)
    with (tmp_path / "functions.py").open("a") as functions:
        functions.write(CHECK)
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "facts.yaml").write_text(SUITE)
    return tmp_path


@pytest.fixture
def mesh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Eval:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MESH_DEBUG", raising=False)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", "eval", *arguments])
        with pytest.raises(SystemExit) as done:
            main()
        assert isinstance(done.value.code, int)
        return done.value.code

    return run


def spoil(folder: Path, old: str, new: str) -> None:
    """Change the project's Python, for example what the model answers."""
    path = folder / "functions.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def saved(folder: Path) -> list[Path]:
    return sorted((folder / ".mesh" / "evals" / "facts").iterdir())


def test_a_suite_that_passes(mesh: Eval, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mesh("facts") == 0
    shown = capsys.readouterr().out
    assert "2 passed, 1 known failing" in shown
    assert "pass rate 100% of 2 (95 % interval 34% to 100%)" in shown
    assert "short: expected to pass; found 25 characters" in shown
    (path,) = saved(folder)
    kept = json.loads(path.read_text())
    assert [case["name"] for case in kept["cases"]] == ["one", "two", "long"]
    assert kept["circumstances"]["project_hash"]
    assert kept["cases"][0]["samples"][0]["trace_id"]
    assert str(path.name) in shown


def test_json_says_everything_and_nothing_else(
    mesh: Eval, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mesh("--json", "--repeat", "2", "--tag", "good") == 0
    told = json.loads(capsys.readouterr().out)
    (run,) = told["runs"]
    assert (told["ok"], run["pass_rate"], run["counts"]) == (True, 1.0, {"passed": 2})
    assert [len(case["samples"]) for case in run["cases"]] == [2, 2]
    assert run["cost_usd"] == 0


def test_a_failing_case_and_junit(
    mesh: Eval, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder, 'f"<{request', 'f"[{request')
    assert mesh("facts", "--junit", "out/junit.xml", "-o", "run.json") == 1
    captured = capsys.readouterr()
    assert "contains: expected <one>; found [one>" in captured.out
    assert "facts: 0% passed, 100% is required" in captured.err
    root = ET.parse(folder / "out" / "junit.xml").getroot()
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    assert json.loads((folder / "run.json").read_text())["suite"] == "facts"
    assert not (folder / ".mesh" / "evals").exists()


def test_a_regression_is_told_where_the_threshold_is_met(
    mesh: Eval, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = folder / "evals" / "facts.yaml"
    suite.write_text(f"pass_at_least: 0.5\n{SUITE}")
    assert mesh("facts", "--against", "last") == 0
    assert "no run of facts was saved yet" in capsys.readouterr().err
    spoil(folder, "return f\"<{request.inputs['text']}>\"", 'return "<one>"')
    assert mesh("facts", "--case", "two") == 1
    assert mesh("facts") == 0
    capsys.readouterr()
    (first, _, last) = saved(folder)
    assert mesh("facts", "--against", str(first)) == 1
    captured = capsys.readouterr()
    assert f"facts: worse than {first}: two" in captured.err
    shown = " ".join(captured.out.split())
    assert "worse two: 100% before, 0% now" in shown
    assert "better long: 0% before, 100% now" in shown
    assert "project hash: " in shown
    assert mesh("facts", "--against", last.stem) == 0
    assert mesh("facts", "--against", last.stem, "--fail-if", "unexpected-pass") == 1
    assert mesh("facts", "--fail-if", "any") == 1


def test_a_run_that_cannot_be_carried_out(
    mesh: Eval, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = folder / "fleet.yaml"
    fleet.write_text(fleet.read_text().replace("function: echo", "function: broken"))
    assert mesh("facts") == 3
    captured = capsys.readouterr()
    assert "could not be carried out: one, two, long" in captured.err
    assert "3 error" in captured.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fact",), "unknown suite 'fact'; known: facts; did you mean 'facts'?"),
        (("--case", "tow"), "unknown case 'tow'"),
        (("--against", "gone.json"), "'gone.json' is neither a file nor a saved run of facts"),
        (("--fail-if", "anything"), "'anything' is not one of"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(
    mesh: Eval,
    folder: Path,
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert mesh(*arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (folder / "calls.log").exists()


def test_a_folder_without_suites(
    mesh: Eval, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert mesh("--project", str(empty)) == 2
    assert "has no suites: write one to evals/NAME.yaml" in capsys.readouterr().err


def test_all_suites_run_and_those_without_the_case_are_left_out(
    mesh: Eval, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "graph: small\ncases: [{input: {question: What now?}}]\n"
    (folder / "evals" / "more.yaml").write_text(other)
    assert mesh("--json") == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["suite"] for run in runs] == ["facts", "more"]
    assert runs[1]["cases"][0]["name"] == "what-now"
    assert mesh("--case", "what-*", "--json") == 0
    assert [r["suite"] for r in json.loads(capsys.readouterr().out)["runs"]] == ["more"]
    assert mesh("-o", "x.json") == 2


def test_ctrl_c_keeps_what_is_finished(folder: Path) -> None:
    environment: dict[str, Any] = {**os.environ, "ECHO_SECONDS": "0"}
    spoil(folder, "await asyncio.sleep(", 'await asyncio.sleep(99 * ("two" in str(request)) or ')
    command = [sys.executable, "-m", "orchestrator.cli", "eval", "facts", "-j", "1"]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    log = folder / "calls.log"
    while process.poll() is None and not (log.exists() and "two" in log.read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err.decode()
    assert b"stopped after 1 of 3 runs" in err
    assert b"1 passed" in out
    (path,) = saved(folder)
    kept = json.loads(path.read_text())
    assert (kept["complete"], [case["name"] for case in kept["cases"]]) == (False, ["one"])
