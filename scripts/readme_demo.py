"""Put what `make demo` prints into README.md, between the two `demo output` marks.

    python scripts/readme_demo.py

Long lists are cut to their first rows, and a line says how many are left out. Nothing else of the
output is changed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- demo output -->", "<!-- end of demo output -->"
ROWS = {"Citations": 3, "Claims": 2, "Why the others lost": 5}
"""How many entries of a list are shown; the lists that are not named here are shown whole."""


def main() -> None:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        ["make", "--silent", "demo"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    sections = [shortened(section) for section in done.stdout.strip("\n").split("\n\n")]
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2] if END in rest else rest
    shown = "\n\n".join(sections)
    readme.write_text(f"{before}{BEGIN}\n\n```text\n{shown}\n```\n\n{END}{after}", "utf-8")


def shortened(section: str) -> str:
    """A section with its list cut, where `ROWS` says so."""
    lines = section.splitlines()
    most = ROWS.get(lines[0].strip())
    if most is None:
        return section
    header = 1 if lines[0].strip() == "Why the others lost" else 2
    starts = [n for n, line in enumerate(lines[header:], start=header) if is_entry(line)]
    if len(starts) <= most:
        return section
    return "\n".join([*lines[: starts[most]], f"  … and {len(starts) - most} more"])


def is_entry(line: str) -> bool:
    """Whether a table row begins here; what a cell wraps onto the next line is indented more."""
    return len(line) - len(line.lstrip()) <= 3 and bool(line.strip())


if __name__ == "__main__":
    main()
