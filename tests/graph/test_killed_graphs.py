"""Two hundred random graphs, killed with `kill -9` at random moments and resumed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHUNK = 50


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 200, CHUNK))
def test_a_killed_graph_gives_the_same_result_and_repeats_nothing(
    tmp_path: Path, first: int
) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.graph.kill_driver",
        str(tmp_path),
        str(first),
        str(CHUNK),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == CHUNK
    assert [row for row in rows if not row["same"]] == []
    assert [row for row in rows if row["ran_again"]] == [], "a recorded step ran again"
    assert [row for row in rows if row["missing"] or row["thrice"]] == []
    # The experiment itself: most were killed in the middle, and steps did overtake each other.
    assert sum(row["killed"] and row["recorded"] > 0 for row in rows) > CHUNK // 3
    assert sum(row["out_of_order"] for row in rows) > CHUNK // 3
