"""Questions over documents: what a line may say, and what is told of one that says it wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UserError
from orchestrator.evaluation.crosscheck.asked import read_asked

GATE: dict[str, Any] = {
    "id": "gate",
    "kind": "answerable",
    "question": "When does the gate open?",
    "outcome": "answer",
    "facts": [["7:00"]],
    "spans": [{"file": "gate.txt", "quote": "The gate opens at 7:00."}],
}


def write(folder: Path, *lines: dict[str, Any]) -> Path:
    (folder / "documents").mkdir()
    (folder / "documents" / "gate.txt").write_text("Hours.\n\nThe gate opens\nat 7:00.\n", "utf-8")
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "questions.jsonl").write_text(text, "utf-8")
    return folder


def test_a_span_is_found_whatever_its_white_space(tmp_path: Path) -> None:
    folder = read_asked(write(tmp_path, GATE))
    (asked,) = folder.questions
    (place,) = folder.places(asked.spans)
    assert (place.start, place.text) == (8, "The gate opens\nat 7:00.")
    assert folder.sources(asked) == [(tmp_path / "documents").as_posix()]
    assert asked.longest == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spans": [{"file": "gate.txt", "quote": "It is shut."}]}, "does not hold 'It is shut.'"),
        ({"spans": [{"file": "door.txt", "quote": "It is shut."}]}, "no document 'door.txt'"),
        ({"sources": ["door.txt"]}, "no document 'door.txt'"),
        ({"facts": []}, "an answer has facts and no cause"),
        ({"outcome": "abstain"}, "an abstention has a cause and no facts"),
        (
            {"outcome": "abstain", "cause": "conflict", "facts": []},
            "a conflict has a span for each side",
        ),
        ({"forbiden": ["8:00"]}, "did you mean 'forbidden'?"),
        ({"kind": "hard"}, "kind"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as raised:
        read_asked(write(tmp_path, GATE, {**GATE, "id": "other", **change}))
    assert "questions.jsonl:2:1: " in str(raised.value)
    assert said in str(raised.value)


def test_ids_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the id is that of line 1"):
        read_asked(write(tmp_path, GATE, GATE))


def test_no_questions(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no question"):
        read_asked(write(tmp_path))
    with pytest.raises(UserError, match=r"questions\.jsonl cannot be read"):
        read_asked(tmp_path / "nowhere")


def test_questions_of_one_kind(tmp_path: Path) -> None:
    folder = read_asked(write(tmp_path, GATE))
    assert folder.only("answerable") == folder.only(None) == folder
    with pytest.raises(UserError, match="no poisoned question"):
        folder.only("poisoned")
