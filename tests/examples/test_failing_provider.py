"""The example `examples/failing-provider`: what it prints, and that its project has no mistake."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.calling.health.incident_store import incidents

EXAMPLE = Path(__file__).parents[2] / "examples" / "failing-provider"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, after a run."""
    ignored = shutil.ignore_patterns(".mesh", "__pycache__")
    return shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("show") / "example", ignore=ignored)


@pytest.fixture(scope="module")
def printed(folder: Path) -> dict[str, list[str]]:
    """The lines of each scene, by its heading."""
    done = subprocess.run(
        [sys.executable, "-W", "error", folder / "show.py"],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = done.stderr.splitlines()
    assert told.startswith("swan/east: out of order (overloaded): HTTP 503: out of order (incident")
    scenes = re.findall(r"(?ms)^\d\. (.+?)\n(.+?)(?=^\d\. |\Z)", done.stdout)
    return {heading: [line.strip() for line in body.splitlines()] for heading, body in scenes}


def test_a_sentence_is_whole_though_its_author_died(printed: dict[str, list[str]]) -> None:
    sentence, ending, attempts, *_ = printed["A stream dies in mid-sentence"]
    first, second = sentence.split(" ✂ ")
    assert f"{first} {second}" == (
        "The ferry to the island leaves at nine and comes back at five, but never on a Sunday."
    )
    # 5 + 9 words at swan's price; 5 + 9 read, and 9 written, at heron's
    assert ending == f"ending: continued, {(5 * 5 + 9 * 25 + 14 * 15 + 9 * 75) / 1e6:.6f} USD"
    assert attempts == "swan/east cut → heron/main ok"


def test_what_broke_off_is_told_as_that(printed: dict[str, list[str]]) -> None:
    text, reason, attempts, *_ = printed["A stream dies, and nobody else may go on"]
    assert text == "handed on: The ferry to the island leaves at nine and comes"
    assert reason == "IncompleteError: nobody can go on with the text that was handed on"
    assert attempts == "heron/main cut → heron/main cut"


def test_the_dead_one_is_left_alone(printed: dict[str, list[str]], folder: Path) -> None:
    calls, reached, state, *_ = printed["A deployment is dead"]
    assert calls == "20 calls, 20 answers: 20 by swan/west"
    assert reached == "2 requests reached swan/east"
    assert state == "swan/east is open: HTTP 503: out of order"
    (incident,) = incidents(Mesh.load(folder, env={}).health_store, since=0)
    assert (incident.deployment, incident.kind, incident.times) == ("swan/east", "outage", 1)


def test_ten_of_fifty_are_admitted(printed: dict[str, list[str]]) -> None:
    calls, *told = printed["A budget is short"]
    assert calls == "50 calls at once: 10 admitted, 40 refused"
    assert "relax budget:user.day(user_tier=free), for heron/main" in " ".join(told)


def test_the_ledger_is_the_sum_of_the_bills(printed: dict[str, list[str]], folder: Path) -> None:
    lines = printed["The bill, by user and outcome"]
    sums = re.search(r"ledger (\d+) micro-dollars, providers (\d+)", " ".join(lines))
    assert sums
    assert sums[1] == sums[2]
    total = Mesh.load(folder, env={}).costs().total
    assert total.known_micro_usd == int(sums[1]) > 0
    assert (total.answers, total.failed, total.unknown) == (31, 5, 0)


def test_its_files_have_no_mistake(folder: Path) -> None:
    here = {name: f"http://127.0.0.1:9/{name}" for name in ("EAST_URL", "WEST_URL", "HERON_URL")}
    found = Mesh.load(folder, env=here).check()
    assert [problem for problem in found if problem.severity == "error"] == []
