"""What the README shows of `mesh check` is what it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
MISTAKES = (
    ("agent: checker, from", "agent: chekcer, from"),
    ("    at_most: 2\n", ""),
    ("each: route.subtasks", "each: route.subtaks"),
)


def test_the_readme_shows_what_check_says(tmp_path: Path) -> None:
    graph = (ROOT / "graphs" / "cross-validated.yaml").read_text("utf-8")
    for right, wrong in MISTAKES:
        assert right in graph
        graph = graph.replace(right, wrong)
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "cross-validated.yaml").write_text(graph, "utf-8")
    command = [sys.executable, "-m", "orchestrator.cli", "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    said = (done.stdout + done.stderr).strip()
    assert said in (ROOT / "README.md").read_text("utf-8")
