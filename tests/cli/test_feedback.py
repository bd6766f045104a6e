"""`mesh feedback` at the prompt."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.mesh import Mesh
from orchestrator.storage.operations import os_user
from tests.graph.small import write_project

GRAPH = """
    input: {question: text}
    nodes:
      reply: {agent: echo, of: question}
    output: reply
"""


async def run(folder: Path) -> str:
    async with Mesh.load(folder) as mesh:
        return (await mesh.run("small", question="Hello?")).trace_id


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        return int(stopped.value.code or 0)

    return run


async def test_say_it_again_and_it_counts_once(
    tmp_path: Path, mesh: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_project(tmp_path, GRAPH)
    trace = await run(folder)
    place = ["--project", str(folder)]
    assert mesh("feedback", trace, "--good", *place) == 0
    assert f"Kept: trace {trace}: 1 from person {os_user()}" in capsys.readouterr().out
    assert mesh("feedback", trace[:20], "--score", "0.5", "--json", *place) == 0
    assert json.loads(capsys.readouterr().out)["score"] == 0.5
    assert [f.score for f in Mesh.load(folder).store.feedback()] == [0.5]
    assert mesh("feedback", trace, "--bad", "--hop", "reply", *place) == 0
    assert "Kept: hop" in capsys.readouterr().out


@pytest.mark.parametrize("said", [[], ["--good", "--bad"], ["--good", "--score", "1"]])
def test_one_score_is_wanted(
    tmp_path: Path,
    said: list[str],
    mesh: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_project(tmp_path, GRAPH)
    assert mesh("feedback", "abc", *said, "--project", str(folder)) == 2
    assert "say one of --good, --bad and --score" in capsys.readouterr().err
