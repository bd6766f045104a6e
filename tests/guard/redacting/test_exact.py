"""The measurement of `make bench-guard` that values come back letter by letter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "_guard_redaction.py"


def test_every_answer_comes_back_exactly_in_pieces_of_every_size() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT.name, "400"],
        cwd=SCRIPT.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    exact = re.search(r"(\d+) of (\d+) answers came back exactly", done.stdout)
    assert exact, done.stdout
    assert exact[1] == exact[2], done.stdout
    assert int(exact[2]) > 50_000
    assert "; in 0 one reached the model" in done.stdout
