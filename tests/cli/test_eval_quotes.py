"""`mesh eval quotes` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli._app import build
from orchestrator.evidence.values import Citation


def run(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(build(), ["eval", "quotes", *args])
    return done.exit_code, done.output


def test_a_table_by_kind_with_intervals() -> None:
    code, output = run("--most", "5", "--at-least", "0.995")
    assert code == 0
    assert "one digit changed" in output
    assert "document with cut words" in output
    assert "stitched: 5 stitched" in output
    assert "at least 0.995" in output


def test_json_for_programs() -> None:
    code, output = run("--most", "3", "--json")
    told = json.loads(output)
    assert (code, told["met"]) == (0, True)
    assert {"all bad ones", "all good ones", "negation"} <= {
        f["of"] for f in told["reports"][0]["figures"]
    }


def test_a_gate_that_lets_quotes_through_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def credulous(citation: Citation, *_: object) -> Citation:
        return citation.model_copy(update={"status": "exact"})

    monkeypatch.setattr("orchestrator.evaluation.crosscheck.quotes.verify_quote", credulous)
    assert run("--most", "3")[0] == 0
    assert run("--most", "3", "--at-least", "0.5")[0] == 1


def test_a_text_without_sentences_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "a.txt"
    empty.write_text("Only this.", "utf-8")
    done = CliRunner().invoke(build(), ["eval", "quotes", str(empty)])
    assert done.exit_code != 0
    assert "a.txt" in str(done.exception)
