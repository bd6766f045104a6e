"""`mesh guard find` says what a text holds, and not the values unless it is asked."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from .prompt import Prompt, prompt_in

POLICY = """
data_classes: [public, internal, confidential, pii, secret-project]
detect:
  patterns:
    project: {pattern: "Bluebird-[0-9]+", data_class: secret-project}
"""
EMAIL, KEY = "ann.muster@example.org", "AK" + "IAQ7ZK3MNV5TXW2RJD"
TEXT = f"Write to {EMAIL} with {KEY}."


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    (tmp_path / "policy.yaml").write_text(POLICY)
    return prompt_in(tmp_path, monkeypatch, capsys)


def test_it_says_what_stands_where_and_what_class_that_makes(mesh: Prompt) -> None:
    done = mesh("guard", "find", TEXT, "--json")
    assert done.code == 0
    assert EMAIL not in done.out
    assert KEY not in done.out
    assert done.json["data_class"] == "pii"
    email, key = done.json["found"]
    assert TEXT[email["start"] : email["end"]] == EMAIL
    assert (email["kind"], email["data_class"], email["value"]) == ("email", "pii", None)
    assert (key["kind"], key["detail"], key["data_class"]) == ("key", "aws", "confidential")
    assert 0.9 < key["confidence"] <= 1
    shown = mesh("guard", "find", TEXT, "--show", "--json").json["found"]
    assert [one["value"] for one in shown] == [EMAIL, KEY]


def test_the_table_holds_no_value_unless_it_is_asked_for(mesh: Prompt) -> None:
    masked = mesh("guard", "find", TEXT).out
    assert EMAIL not in masked
    assert "email" in masked
    assert "It makes the text pii." in masked
    assert EMAIL in mesh("guard", "find", TEXT, "--show").out
    assert "Nothing was found" in mesh("guard", "find", "hello").out


def test_texts_come_from_files_and_from_stdin_and_patterns_from_the_policy(
    mesh: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "note.txt"
    file.write_text("on Bluebird-17", encoding="utf-8")
    assert mesh("guard", "find", "--file", str(file), "--json").json["data_class"] == (
        "secret-project"
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO(TEXT))
    assert len(mesh("guard", "find", "-", "--json").json["found"]) == 2


def test_a_policy_may_look_for_nothing(mesh: Prompt, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("detect: false\n")
    assert mesh("guard", "find", TEXT, "--json").json == {
        "looked_for": False,
        "data_class": None,
        "found": [],
    }
    assert "detect: false" in mesh("guard", "find", TEXT).out


@pytest.mark.parametrize("arguments", [(), ("x", "--file", "y")])
def test_neither_or_both_is_a_mistake_that_is_named(
    mesh: Prompt, arguments: tuple[str, ...]
) -> None:
    done = mesh("guard", "find", *arguments)
    assert done.code == 2
    assert "say one of both" in done.err


def test_a_file_that_is_not_there_is_named(mesh: Prompt, tmp_path: Path) -> None:
    done = mesh("guard", "find", "--file", str(tmp_path / "gone.txt"))
    assert done.code == 2
    assert "gone.txt" in done.err
    assert "Traceback" not in done.err
