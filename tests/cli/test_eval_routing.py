"""`mesh eval routing` from the command line, on outcomes that we made up."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.evaluation.routing import bootstrap
from tests.evaluation.routing.recorded import recorded, write

Command = Callable[..., int]


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MESH_DEBUG", raising=False)
    monkeypatch.setattr(bootstrap.resampled, "__kwdefaults__", {"seed": 0, "resamples": 40})

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", "eval", "routing", *arguments])
        with pytest.raises(SystemExit) as done:
            main()
        assert isinstance(done.value.code, int)
        return done.value.code

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "data", recorded(120))


def test_predictions_that_anyone_can_recompute_the_figures_from(
    mesh: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out.csv"
    pair = ("--weak", "small", "--strong", "large")
    assert mesh(str(data), *pair, "--predictions", str(out), "--json") == 0
    report, coverage = json.loads(capsys.readouterr().out)["reports"]
    assert {f["name"] for f in coverage["figures"]} == {"by task"}
    [apgr] = [f for f in report["figures"] if (f["of"], f["name"]) == ("predictor", "APGR")]
    assert apgr["low"] < apgr["value"] < apgr["high"]

    from orchestrator.evaluation.routing.pair import Pair

    with out.open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 240
    assert all(float(row["uncertainty"]) > 0 for row in rows)
    said = {(row["id"], row["model"]): float(row["predicted"]) for row in rows}
    import numpy as np

    made = recorded(120)
    gain = np.array([said[q.id, "large"] - said[q.id, "small"] for q in made.queries])
    again = Pair(gain, made.scores[:, 0], made.scores[:, 2]).figures()
    assert apgr["value"] == pytest.approx(again[0], abs=0.002)


def test_a_person_reads_a_table_and_gets_a_plot(
    mesh: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("PIL")
    for name in ("plot.svg", "plot.png"):
        assert mesh(str(data), "--folds", "3", "--plot", name) == 0
    told = capsys.readouterr()
    assert told.err == ""
    for words in ("made: 3 models", "predictor", "task mean", "AIQ", "in 3 folds by prompt"):
        assert words in told.out
    assert (tmp_path / "plot.svg").read_text().startswith("<svg")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "mode"), "did you mean 'made'"),
        (("--weak", "smal", "--strong", "large"), "did you mean 'small'"),
        (("--task", "summs"), "known: sums, talk"),
        (("--plot", "plot.pdf"), "a plot ends in .svg or .png"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    mesh: Command,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    assert mesh(str(data), *arguments) == 2
    assert said in capsys.readouterr().err


def test_one_file_of_predictions_is_of_one_set(
    mesh: Command, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    write(data, replace(recorded(60), name="other"), prices=False)
    assert mesh(str(data), "--predictions", "out.csv") == 2
    assert "--set NAME" in capsys.readouterr().err
