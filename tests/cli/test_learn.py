"""`mesh learn` from the command line: learn, look, go back, take along."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from tests.evaluation.routing.recorded import recorded, write
from tests.learning.test_wiring import FLEET

Command = Callable[..., int]


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MESH_DEBUG", raising=False)
    write(tmp_path / "data", recorded(120))

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", "learn", *arguments])
        with pytest.raises(SystemExit) as done:
            main()
        assert isinstance(done.value.code, int)
        return done.value.code

    return run


def test_what_was_learned_is_shown_beside_what_was_declared(
    mesh: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mesh() == 0
    assert "Nothing was learned yet" in capsys.readouterr().out
    assert mesh("from", "data") == 0
    assert "learned from 120 queries of made" in capsys.readouterr().out
    assert mesh("--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [line["model"] for line in said["lines"]] == ["large", "small"]
    assert said["models_by_text"] == 3
    small = said["lines"][1]
    assert small["n"] == 120
    assert small["low"] < small["seen"] < small["high"]
    assert small["moved"] == pytest.approx(small["expected"] - 0.7)
    assert mesh() == 0
    assert "80 % interval" in capsys.readouterr().out


def test_the_way_back_and_along(
    mesh: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mesh("from", "data", "--as", "middle=small", "--as", "small=tiny") == 0
    assert mesh("from", "data") == 0
    capsys.readouterr()
    assert mesh("versions", "--json") == 0
    second, first = json.loads(capsys.readouterr().out)["versions"]
    assert (second["used"], first["used"]) == (True, False)
    assert mesh("use", first["version"][:-1], "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == first["version"]
    assert mesh("export", second["version"], "out.npz") == 0
    assert mesh("use", "none") == 0
    capsys.readouterr()
    assert mesh("--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] is None
    assert mesh("take", "out.npz") == 0
    assert second["version"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("from", "data", "--as", "small"), "RECORDED=MODEL is asked"),
        (("from", "data", "--as", "smal=x"), "unknown recorded model 'smal'"),
        (("from", "data", "--set", "mad"), "unknown set 'mad'"),
        (("from", "data", "--as", "small=a", "--as", "large=b"), "none of its models is in"),
        (("take", "fleet.yaml"), "this is no learned state"),
        (("take", "gone"), "cannot be read"),
        (("use", "gone"), "unknown learned state"),
    ],
)
def test_mistakes_are_told(
    mesh: Command, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert mesh(*arguments) == 2
    assert said in capsys.readouterr().err
