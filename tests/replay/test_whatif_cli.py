"""`mesh whatif` and `mesh drill` at the prompt."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from tests.replay.priced import served

Mesh = Callable[..., int]
REQUESTS = 50


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch) -> Mesh:
    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        return int(stopped.value.code or 0)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(served(REQUESTS)[1], tmp_path / "project"))


def policy(folder: Path, text: str) -> str:
    path = folder / "new.yaml"
    path.write_text(text)
    return str(path)


DEARER = 'routes: [{name: "best", primary: whale}]\n'


def test_a_policy_is_reviewed(folder: Path, mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--project", str(folder), "--policy", policy(folder, DEARER)]
    assert mesh("whatif", *place, "--fail-if", "cost>+10%", "--fail-if", "unserved>0") == 1
    told = capsys.readouterr().out
    assert told.startswith("Under new.yaml, cost would rise by ")
    assert f"of {REQUESTS} calls move" in " ".join(told.split())
    assert "~ estimated" in told
    assert "perch/here" in told
    assert "NO --fail-if cost>+10%: it may be +" in told
    assert "1 limit of --fail-if held" in told


def test_for_programs_and_for_pull_requests(
    folder: Path, mesh: Mesh, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--project", str(folder), "--policy", policy(folder, DEARER)]
    assert mesh("whatif", *place, "--json", "--fail-if", "quality<-0.5") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hops"] == REQUESTS
    assert found["tripped"] == []
    assert sum(group["hops"] for group in found["groups"].values()) == REQUESTS
    assert found["total"]["cost"]["relative"]["mean"] > 0.1
    assert found["told_by"] == {"check": REQUESTS}
    assert mesh("whatif", *place, "--format", "markdown", "--fail-if", "cost>+1%") == 1
    told = capsys.readouterr().out
    assert told.startswith("**Under new.yaml, cost would rise by ")
    assert "| perch/here | whale/here |" in told
    assert "- :x: `--fail-if cost>+1%`: it may be +" in told


def test_another_fleet(folder: Path, mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    declared = json.loads((folder / "fleet.yaml").read_text())
    del declared["models"]["perch"]
    (folder / "fewer.yaml").write_text(json.dumps(declared))
    fleet = str(folder / "fewer.yaml")
    # The policy may not name who is gone, and so the project would not load.
    assert mesh("whatif", "--project", str(folder), "--fleet", fleet) == 2
    assert "perch" in capsys.readouterr().err
    place = ["--project", str(folder), "--policy", policy(folder, "objective: {minimize: cost}\n")]
    assert mesh("whatif", *place, "--fleet", fleet, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["headline"].startswith("Under new.yaml and fewer.yaml, ")
    assert all(move["after"] != "perch/here" for move in found["moves"])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], "--policy FILE, --fleet FILE, or both"),
        (["--policy", "missing.yaml"], "there is no file 'missing.yaml'"),
        (["--policy", "NEW", "--fail-if", "cots>1"], "did you mean 'cost'"),
        (["--policy", "NEW", "--since", "soon"], "--since: 'soon' is no moment"),
        (["--policy", "BAD"], "did you mean 'objective'"),
    ],
)
def test_mistakes_are_told(
    folder: Path, mesh: Mesh, capsys: pytest.CaptureFixture[str], said: list[str], told: str
) -> None:
    (folder / "bad.yaml").write_text("objectve: {minimize: cost}\n")
    files = {"NEW": policy(folder, DEARER), "BAD": str(folder / "bad.yaml")}
    said = [files.get(word, word) for word in said]
    assert mesh("whatif", "--project", str(folder), *said) == 2
    assert told in capsys.readouterr().err


def test_a_drill(folder: Path, mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    assert mesh("drill", "--project", str(folder), "--kill", "perch") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"Without perch, 100% of {REQUESTS} calls are still served")
    assert "trout/here" in told
    assert mesh("drill", "--project", str(folder), "--kill", "perch", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["share"] == 1.0
    assert found["standbys"][0]["last_answer"] is not None
    assert mesh("drill", "--project", str(folder)) == 0
    assert "Nobody stands in fully for 127.0.0.1:" in capsys.readouterr().out
    assert mesh("drill", "--project", str(folder), "--kill", "perhc") == 2
    assert "did you mean 'perch'" in capsys.readouterr().err


def test_nothing_on_record(tmp_path: Path, mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mesh.yaml").write_text("{}\n")
    assert mesh("drill", "--project", str(tmp_path)) == 2
    assert "no call is on record since 7d" in capsys.readouterr().err
