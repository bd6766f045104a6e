"""Problems as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import Problem


@dataclass(frozen=True, slots=True)
class _Ink:
    """ANSI colours, or nothing in their place."""

    red: str = ""
    yellow: str = ""
    bold: str = ""
    dim: str = ""
    off: str = ""

    def of(self, problem: Problem) -> str:
        return self.red if problem.severity == "error" else self.yellow


_PLAIN = _Ink()
_COLOURED = _Ink("\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m")


def render_problems(problems: Sequence[Problem], *, colour: bool = False) -> str:
    """Each problem with its source line and a caret under the column, and their number.

        policy.yaml:12:15: error[unknown-model] routes[0].primary: unknown model
          12 |     primary: claude-sonet
             |              ^
          found: claude-sonet
          help:  did you mean 'claude-sonnet'? Allowed: claude-opus, claude-sonnet

    Args:
        colour: with ANSI colours; leave it off where the output is not a terminal.
    """
    if not problems:
        return "no problems"
    ink = _COLOURED if colour else _PLAIN
    blocks = [_block(problem, ink) for problem in problems]
    return "\n\n".join([*blocks, _total(problems, ink)])


def _total(problems: Sequence[Problem], ink: _Ink) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    told = [_counted(errors, "error")] if errors else []
    told += [_counted(warnings, "warning")] if warnings else []
    files = len({problem.file for problem in problems})
    tone = ink.red if errors else ink.yellow
    return f"{tone}{' and '.join(told)} in {_counted(files, 'file')}{ink.off}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _block(problem: Problem, ink: _Ink) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    code = f"[{problem.code}]" if problem.code else ""
    key = f" {problem.key}:" if problem.key else ""
    tone = ink.of(problem)
    kind = f"{tone}{problem.severity}{code}{ink.off}"
    lines = [f"{ink.bold}{place}{ink.off}: {kind}{key} {problem.message}"]
    if problem.snippet:
        number = str(problem.line)
        # Tabs are kept in the indent of the caret, so that it stands under its column.
        before = problem.snippet[: problem.column - 1]
        indent = "".join("\t" if c == "\t" else " " for c in before)
        lines.append(f"  {ink.dim}{number} |{ink.off} {problem.snippet}")
        lines.append(f"  {' ' * len(number)} {ink.dim}|{ink.off} {indent}{tone}^{ink.off}")
    if problem.found:
        lines.append(f"  found: {problem.found}")
    if problem.near or problem.allowed:
        lines.append(f"  help:  {_help(problem)}")
    return "\n".join(lines)


def _help(problem: Problem) -> str:
    near = f"did you mean '{problem.near}'?" if problem.near else ""
    if near and problem.allowed:
        return f"{near} Allowed: {problem.allowed}"
    return near or problem.allowed
