"""The page of results: bars first, then every section, and what could not be measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .claim_files import claims, write

SCRIPTS = Path(__file__).parents[3] / "scripts"
CODE = """
import json, sys
from pathlib import Path
import crosscheck_results as made
from orchestrator.evaluation.crosscheck.progress import silent

files = [Path(name) for name in sys.argv[1:]]
section = made.claims_section(files, None, silent)
skipped = made.command_section(made.Command(title="T", arguments=("eval",), claims="needed"), [])
print(json.dumps({
    "page": made.page([section, skipped]),
    "bars": [[f.of, f.name, f.bar, f.met] for f in made.barred_figures(section)],
}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("claims")
    files = [
        write(folder / "wice.dev.jsonl.gz", claims(25, "wice")),
        write(folder / "other.dev.jsonl.gz", claims(25, "other", start=50)),
    ]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, files)],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_something_is_asked_of_the_files_that_are_known(made: dict[str, object]) -> None:
    bars = made["bars"]
    assert isinstance(bars, list)
    assert [(of, name) for of, name, *_ in bars] == [
        ("wice.dev", "balanced accuracy"),
        ("wice.dev", bars[1][1]),
        ("wice.dev", "below, by the other files"),
        ("other.dev", "below, by the other files"),
        (bars[4][0], "balanced accuracy, 40% left out"),
        (bars[5][0], "balanced accuracy, 40% left out"),
    ]
    assert bars[0][2] == "at least 0.7"
    assert bars[1][2] == "above 0 at the lower bound"
    assert all(isinstance(met, bool) for *_, met in bars)


def test_the_page_says_all_of_it_once(made: dict[str, object]) -> None:
    page = str(made["page"])
    assert page.startswith("# What checking is worth\n\nMade by `make eval-crosscheck")
    assert page.count("| Claims: wice.dev | balanced accuracy |") == 1
    assert page.count("### Cross-validated: told apart") == 1
    assert "### Fitted on the other files: told apart" in page
    assert "bars are met." in page
    assert (
        "## T\n\n`mesh eval FILE…`\n\nNot measured here: no labelled claims were given.\n" in page
    )
