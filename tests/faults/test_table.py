"""The command that prints the table."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.faults.bench import WAYS
from tests.faults.catalogue import SCENARIOS
from tests.faults.run import cells, served

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "scripts/faults.py", "--quick", "--jobs", "1")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_row_has_a_cell_for_each_way() -> None:
    found = run("13", "--via", "openai", "--json")
    assert found.returncode == 0, found.stdout
    told = json.loads(found.stdout)
    assert told["counts"] == {"passed": 5, "failed": 0, "n/a": 0}
    assert told["commit"]
    assert told["machine"]
    lines = told["cells"]
    assert [(line["number"], line["via"], line["status"]) for line in lines] == [
        (13, "openai", "passed")
    ] * 5
    assert [line["way"] for line in lines] == list(WAYS)
    assert "5 of 5 cells, 0 failed" in found.stderr


def test_each_transport_has_a_table_and_what_is_wrong_is_shown(capsys: Any) -> None:
    every = cells(SCENARIOS)
    chosen = [n for n, cell in enumerate(every) if cell.scenario.number in (13, 26)]
    found: list[dict[str, Any]] = [
        {"cell": n, "status": "passed", "seconds": 1.25, "why": "", "seen": ""} for n in chosen
    ]
    found[1] |= {"status": "failed", "why": "it took 31 s", "seen": "caller 0.00"}
    for one in found:
        if every[one["cell"]].inapplicable:
            one |= {"status": "n/a", "seconds": 0.0, "why": every[one["cell"]].inapplicable}
    runpy.run_path(str(ROOT / "scripts" / "faults.py"))["show"](found, every, "the note")
    shown = capsys.readouterr().out
    rows = {n: [row for row in shown.splitlines() if row.startswith(f"{n}  ")] for n in (13, 26)}
    assert [(row.count("yes"), row.count("NO")) for row in rows[13]] == [(4, 1), (5, 0)]
    assert [(row.count("yes"), row.count("n/a")) for row in rows[26]] == [(5, 0), (0, 5)]
    assert "26 the process is killed: the process dies whichever transport" in shown
    assert "13 400 content_policy_violation, streaming, openai\n  it took 31 s\n" in shown
    assert "15 passed, 1 failed, 14 n/a; the note\n" in shown
    assert "# fault, via litellm" in " ".join(shown.split())


def test_the_sixteen_are_asked_of_processes_of_their_own_streaming_and_not() -> None:
    every = served(SCENARIOS)
    assert {cell.scenario.number for cell in every} == set(range(1, 17))
    assert all(cell.process and cell.via == "openai" for cell in every)
    for cell in every:
        both = {c.way for c in every if c.scenario is cell.scenario}
        assert both == {"http", "http streaming"}


def test_an_unknown_number_is_refused() -> None:
    found = run("99")
    assert found.returncode == 2
    assert found.stderr == "no fault 99; there are 1 to 28\n"
