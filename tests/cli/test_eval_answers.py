"""`mesh eval answers` from the command line, over one document."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main

Command = Callable[..., int]
TEXT = "# Pool\n\nThe pool opens at 7:00. A ticket costs 4 EUR.\n"


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", "eval", "answers", *arguments])
        with pytest.raises(SystemExit) as done:
            main()
        assert isinstance(done.value.code, int)
        return done.value.code

    return run


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / "pool"
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "pool.md").write_text(TEXT, "utf-8")
    questions = [
        {
            "id": "ticket",
            "kind": "answerable",
            "question": "What does a ticket cost?",
            "outcome": "answer",
            "facts": [["4 EUR"]],
            "spans": [{"file": "pool.md", "quote": "A ticket costs 4 EUR."}],
        },
        {
            "id": "sauna",
            "kind": "unanswerable",
            "question": "When does the sauna open?",
            "outcome": "abstain",
            "cause": "no_evidence",
            "forbidden": ["7:00"],
        },
    ]
    lines = "".join(json.dumps(q) + "\n" for q in questions)
    (folder / "questions.jsonl").write_text(lines, "utf-8")
    return folder


def test_answers_and_baselines(
    mesh: Command, pool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mesh(str(pool), "--offline", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    answers, baselines = said["reports"]
    assert said["met"]
    assert [f["value"] for f in answers["figures"][:3]] == [1.0, 1.0, 0]
    assert {f["of"] for f in baselines["figures"]} == {"quote everything", "abstain always"}


def test_a_missed_bar_ends_with_1(
    mesh: Command, pool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (pool / "questions.jsonl").read_text("utf-8")
    (pool / "questions.jsonl").write_text(lines.replace('"4 EUR"', '"5 EUR"'), "utf-8")
    assert mesh(str(pool), "--offline", "--only", "answerable", "--show", "failed") == 1
    out = capsys.readouterr().out
    assert "What does a ticket cost?" in out
    assert "lacks 5 EUR" in out


def test_a_folder_without_questions(mesh: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert mesh("nowhere") != 0
    assert "questions.jsonl cannot be read" in capsys.readouterr().err
