"""`mesh check` as a user and as a build server see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli._app import build
from tests.graph.planted_project import FILES, write_files

WRONG = FILES | {"graphs/main.yaml": FILES["graphs/main.yaml"].replace("agent: writer", "agent: x")}
DOUBTFUL = FILES | {
    "graphs/main.yaml": FILES["graphs/main.yaml"].replace(", family: other-than draft", "")
}


def check(folder: Path, files: dict[str, str], *options: str) -> int:
    """The exit code of `mesh check` over these files."""
    arguments = ["check", "--project", str(write_files(folder, files)), *options]
    return int(build()(arguments, prog_name="mesh", standalone_mode=False) or 0)


@pytest.mark.parametrize(
    ("files", "options", "code"),
    [
        (FILES, (), 0),
        (FILES, ("--strict",), 0),
        (DOUBTFUL, (), 0),
        (DOUBTFUL, ("--strict",), 2),
        (WRONG, (), 2),
    ],
)
def test_the_exit_code(
    tmp_path: Path, files: dict[str, str], options: tuple[str, ...], code: int
) -> None:
    assert check(tmp_path, files, *options) == code


def test_a_warning_is_told_and_the_project_still_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, DOUBTFUL) == 0
    shown = capsys.readouterr()
    assert "graphs/main.yaml:10:3: warning[checker-of-own-family] nodes.check:" in shown.err
    assert "help:  did you mean 'family: other-than draft'?" in shown.err
    assert shown.out.startswith("yes 3 models, 3 deployments, 2 routes")


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_json_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, DOUBTFUL, "--json") == 0
    told = _json(capsys)
    assert told["ok"] is True
    assert told["checked"]["models"] == 3
    assert told["problems"] == [
        {
            "file": f"{tmp_path}/graphs/main.yaml",
            "line": 10,
            "column": 3,
            "key": "nodes.check",
            "severity": "warning",
            "code": "checker-of-own-family",
            "message": "'check' may be checked by the family that wrote 'draft'",
            "found": "anthropic, openai",
            "allowed": "family: other-than draft",
            "near": "family: other-than draft",
        }
    ]
    assert check(tmp_path, WRONG, "--format", "json") == 2
    told = _json(capsys)
    assert (told["ok"], told["checked"]) == (False, None)
    assert [p["code"] for p in told["problems"]] == ["unknown-agent"]


def test_annotations_for_a_pull_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, WRONG, "--format", "github") == 2
    [line] = capsys.readouterr().out.splitlines()
    file = f"{tmp_path}/graphs/main.yaml"
    assert line.startswith(f"::error file={file},line=9,col=18,title=unknown-agent::nodes.draft")
    assert "%0Afound: x%0A" in line
