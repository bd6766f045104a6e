"""Problems as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import Problem

_RED, _BOLD, _DIM, _OFF = "\x1b[31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def render_problems(problems: Sequence[Problem], *, colour: bool = False) -> str:
    """Each problem with its source line and a caret under the column, and their number.

    Args:
        colour: with ANSI colours; leave it off where the output is not a terminal.
    """
    red, bold, dim, off = (_RED, _BOLD, _DIM, _OFF) if colour else ("", "", "", "")
    blocks = [_block(problem, red, bold, dim, off) for problem in problems]
    count = len(problems)
    files = len({problem.file for problem in problems})
    total = f"{count} problem{'s' * (count != 1)} in {files} file{'s' * (files != 1)}"
    return "\n\n".join([*blocks, f"{red}{total}{off}"]) if problems else "no problems"


def _block(problem: Problem, red: str, bold: str, dim: str, off: str) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    key = f" {problem.key}:" if problem.key else ""
    lines = [f"{bold}{place}{off}:{key} {problem.message}"]
    if problem.snippet:
        number = str(problem.line)
        # Tabs are kept in the indent of the caret, so that it stands under its column.
        before = problem.snippet[: problem.column - 1]
        indent = "".join("\t" if c == "\t" else " " for c in before)
        lines.append(f"  {dim}{number} |{off} {problem.snippet}")
        lines.append(f"  {' ' * len(number)} {dim}|{off} {indent}{red}^{off}")
    if problem.found:
        lines.append(f"  found:   {problem.found}")
    if problem.allowed:
        lines.append(f"  allowed: {problem.allowed}")
    if problem.near:
        lines.append(f"  did you mean '{problem.near}'?")
    return "\n".join(lines)
