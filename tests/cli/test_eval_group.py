"""`mesh eval`: suites by default, measurements by name, and what tells them apart."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.cli._measurements import MEASUREMENTS
from tests.evaluation.crosscheck.claim_files import claims, write
from tests.graph.small import write_project

GRAPH = """
input: {question: text}
nodes:
  reply: {agent: echo, of: question}
output: reply
"""
SUITE = """
description: What the echo says.
graph: small
cases:
  - {name: one, input: {question: one}, expect: {contains: [one]}}
"""
Eval = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path, GRAPH)
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


def test_help_shows_both(mesh: Eval, capsys: pytest.CaptureFixture[str]) -> None:
    assert mesh("--help") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Usage: mesh eval [OPTIONS] [SUITE…]\n       mesh eval COMMAND")
    assert "--against RUN" in shown
    for name in MEASUREMENTS:
        assert f"\n  {name} " in shown
        assert mesh(name, "--help") == 0
        assert capsys.readouterr().out.startswith(f"Usage: mesh eval {name} ")


@pytest.mark.parametrize("arguments", [(), ("facts",), ("--case", "one"), ("--", "facts")])
def test_suites_run_as_ever(mesh: Eval, arguments: tuple[str, ...]) -> None:
    assert mesh(*arguments) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fact",), "unknown suite 'fact'; known: facts; did you mean 'facts'?"),
        (("clams",), "unknown suite or measurement 'clams'; known: "),
        (("clams",), "did you mean 'claims'?"),
        (("clams", "x.jsonl", "--folds", "3"), "unknown measurement 'clams'"),
        (("--case", "one", "claims"), "'claims' is no suite here but a measurement: mesh eval"),
        (("facts", "claims"), "'claims' is no suite here but a measurement: mesh eval claims"),
        (("facts", "--claims"), "No such option"),
    ],
)
def test_a_name_is_near_that_of_a_suite_or_of_a_measurement(
    mesh: Eval, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert mesh(*arguments) == 2
    assert said in capsys.readouterr().err


def test_a_suite_with_the_name_of_a_measurement(
    mesh: Eval, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "evals" / "claims.yaml").write_text(SUITE)
    assert mesh("claims") == 2
    told = capsys.readouterr().err
    assert "the suite evals/claims.yaml is run by: mesh eval -- claims" in told
    assert "Missing argument" in told
    assert mesh("--", "claims", "--json") == 2  # what follows `--` is names
    assert mesh("--json", "--", "claims") == 0
    assert mesh("--json", "facts", "claims") == 0
    told = capsys.readouterr().out
    assert told.count('"suite": "claims"') == 2


def test_the_first_word_decides(
    mesh: Eval, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(folder / "c.jsonl", claims(20))
    assert mesh("claims", str(path), "--leave-one-out") == 2
    assert "--leave-one-out needs two files" in capsys.readouterr().err
    assert mesh("claims", str(path), "--folds", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["measured"]
