"""`mesh eval claims` and `mesh calibrate` from the command line, on claims that we wrote."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.cli import main
from orchestrator.evaluation.crosscheck import metrics
from orchestrator.evidence.scoring.model import SupportModel, shipped
from orchestrator.mesh import Mesh
from tests.evaluation.crosscheck.claim_files import claims, write

Command = Callable[..., int]


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MESH_DEBUG", raising=False)
    monkeypatch.setattr("orchestrator.evaluation.crosscheck.metrics.RESAMPLES", 100)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments])
        with pytest.raises(SystemExit) as done:
            main()
        assert isinstance(done.value.code, int)
        return done.value.code

    return run


@pytest.fixture
def towns(tmp_path: Path) -> Path:
    return write(tmp_path / "towns.jsonl.gz", claims(25))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_model_in_use_and_a_cross_validated_one(
    mesh: Command, towns: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "said" / "out.jsonl"
    assert mesh("eval", "claims", str(towns), "--predictions", str(out), "--json") == 0
    used, crossed = json.loads(capsys.readouterr().out)["measured"]
    assert used["how"] == f"the model {shipped().name}"
    assert crossed["how"] == "cross-validated in 5 folds"
    [part] = crossed["parts"]
    assert (part["file"], part["source"]) == ("towns", None)
    assert (part["supported"], part["unsupported"], part["groups"]) == (25, 25, 25)

    said = lines_of(out)
    assert [set(line) for line in said] == [
        {"id", "supported", "probability", "reason", "threshold"}
    ] * 50
    labels = np.array([row["label"] for row in claims(25)])
    assert [line["id"] for line in said] == [row["id"] for row in claims(25)]
    accepted = np.array([line["supported"] for line in said]).astype(int)
    figures = {name: held["value"] for name, held in part["figures"].items()}
    assert figures["balanced accuracy"] == metrics.balanced_accuracy(labels, accepted)
    assert figures["precision at 2%"] == metrics.precision_at(labels, accepted)
    probability = np.array([line["probability"] for line in said])
    assert figures["AUC"] == metrics.auc(labels, probability)


def test_a_person_reads_tables(
    mesh: Command, towns: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mesh("eval", "claims", str(towns), "--folds", "3") == 0
    told = capsys.readouterr()
    assert told.err == ""
    for title in ("told apart", "beside single signals", "least certain left out", "calibration"):
        assert f"cross-validated in 3 folds: {title}" in told.out or title in told.out
    assert "towns: 25 supported and 25 unsupported claims on 25 sets of passages." in told.out
    assert "by Bayes" in " ".join(told.out.split())


def test_fitted_on_other_files(
    mesh: Command, towns: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(tmp_path / "other.jsonl", claims(25, "other", start=50))
    out = tmp_path / "out.jsonl"
    ran = mesh(
        "eval", "claims", str(towns), "--train", str(other), "--predictions", str(out), "--json"
    )
    assert ran == 0
    [fitted] = json.loads(capsys.readouterr().out)["measured"]
    assert fitted["how"] == "fitted on other"
    assert len(lines_of(out)) == 50
    assert mesh("eval", "claims", str(towns), str(other), "--leave-one-out", "--json") == 0
    [left] = json.loads(capsys.readouterr().out)["measured"]
    assert left["how"] == "fitted on the other files"
    assert left["parts"][0]["figures"] == fitted["parts"][0]["figures"]
    both = write(tmp_path / "both.jsonl", [*claims(5), *claims(25, "other", start=50)])
    assert mesh("eval", "claims", str(towns), "--train", str(both), "--json") == 0
    [without] = json.loads(capsys.readouterr().out)["measured"]
    assert without["how"] == "fitted on both without 10 claims on passages that are measured"
    assert without["parts"] == fitted["parts"]


def test_a_seed_gives_the_same_figures_again(
    mesh: Command, towns: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for seed in ("1", "1", "2"):
        arguments = ("--seed", seed, "--cache", str(tmp_path / "kept"), "--json")
        assert mesh("eval", "claims", str(towns), *arguments) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] != told[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.jsonl",), "none.jsonl cannot be read: No such file"),
        (("bad.jsonl",), "bad.jsonl:1:1: label: the value is not allowed; found 2; allowed: 0, 1"),
        (("towns.jsonl.gz", "towns.jsonl.gz"), "towns.jsonl.gz is given twice"),
        (("towns.jsonl.gz", "--leave-one-out"), "needs two files or more"),
        (("towns.jsonl.gz", "--train", "bad.jsonl"), "bad.jsonl:1:1: label"),
        (("towns.jsonl.gz", "--train", "x", "--leave-one-out"), "give one of them"),
        (
            ("towns.jsonl.gz", "--train", "towns.jsonl.gz"),
            "all that --train names stands on passages that are measured",
        ),
        (
            ("towns.jsonl.gz", "--train", "true.jsonl"),
            "what --train names: no claim is unsupported",
        ),
        (("towns.jsonl.gz", "--folds", "40"), "25 different sets of passages, too few for 40"),
        (("towns.jsonl.gz", "--folds", "1"), "Invalid value for '--folds'"),
        (("towns.jsonl.gz", "--predictions", "bad.jsonl/x"), "cannot be written"),
    ],
)
def test_mistakes_are_told_before_the_work(
    mesh: Command,
    towns: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    write(towns.parent / "bad.jsonl", [claims(1)[0] | {"label": 2}])
    write(towns.parent / "true.jsonl", claims(9, start=60)[::2])
    assert mesh("eval", "claims", *arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err


# ── mesh calibrate ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write(tmp_path / "own.jsonl", claims(60))


def test_a_model_of_ones_own_is_what_runs_use(
    mesh: Command, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Mesh.load(tmp_path).project.hash
    assert mesh("calibrate", str(own), "-o", "evals/towns.json", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    written = SupportModel.from_json((tmp_path / "evals" / "towns.json").read_text())
    assert (told["name"], told["hash"]) == ("towns", written.hash) == (written.name, written.hash)
    assert told["gain"]["low"] <= told["gain"]["value"] <= told["gain"]["high"]
    assert told["before"][0]["figures"].keys() >= {"balanced accuracy", "Brier score"}

    (tmp_path / "mesh.yaml").write_text("checking: {support: evals/towns.json}\n")
    project = Mesh.load(tmp_path)
    assert project.support_model.hash == written.hash
    assert project.project.hash != before
    assert mesh("check") == 0
    assert mesh("eval", "claims", str(own), "--json") == 0
    assert '"how": "the model towns"' in capsys.readouterr().out


def test_a_person_reads_what_it_brings(
    mesh: Command, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mesh("calibrate", str(own)) == 0
    told = capsys.readouterr().out
    assert f"before, by {shipped().name}: told apart" in told
    assert "after, cross-validated: told apart" in told
    assert "balanced accuracy +" in told or "balanced accuracy -" in told
    assert "saved as support.json; mesh.yaml takes it as" in told
    assert mesh("calibrate", str(own), "--seed", "1") == 0  # over the model that it wrote


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (claims(20), "20 claims are supported, and at least 50 of each label are needed"),
        (claims(60)[::2], "no claim is unsupported"),
    ],
)
def test_too_little_to_fit_is_refused(
    mesh: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rows: list[dict[str, Any]],
    said: str,
) -> None:
    path = write(tmp_path / "few.jsonl", rows)
    assert mesh("calibrate", str(path)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "support.json").exists()


def test_a_file_of_another_kind_is_not_written_over(
    mesh: Command, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = own.read_bytes()
    assert mesh("calibrate", str(own), "-o", str(own)) == 2
    assert "is no model of support" in capsys.readouterr().err
    assert own.read_bytes() == before
