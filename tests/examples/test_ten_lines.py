"""The example `examples/ten-lines`: what it prints, and that it has ten lines."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "ten-lines"
PROGRAM = EXAMPLE / "ten_lines.py"


def test_it_answers_from_an_empty_folder_with_a_quote_that_is_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, verdict, *citations = done.stdout.splitlines()
    assert "18:00" in answer
    assert verdict == "accepted 0.0 USD"
    (file, start, end, quote) = re.fullmatch(r"(\S+):(\d+)-(\d+) “(.+)”", citations[0]).groups()  # type: ignore[union-attr]
    text = (EXAMPLE / "documents" / file).read_text("utf-8")
    assert text[int(start) : int(end)] == quote


def test_it_is_ten_lines() -> None:
    text = PROGRAM.read_text("utf-8")
    body = ast.parse(text).body
    first = body[1].lineno  # below the docstring
    lines = [line for line in text.splitlines()[first - 1 :] if line.strip()]
    assert len(lines) <= 10
