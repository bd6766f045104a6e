"""Unified diffs: made, read, and applied to the letter. What does not fit exactly is refused."""

from __future__ import annotations

import ast
import difflib
import io
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from orchestrator.roles.work import InvalidOutputError

from .code_base import is_test

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_FENCE = re.compile(r"^```(?:diff)?\n(.*?)^```", re.DOTALL | re.MULTILINE)
NO_NEWLINE = "\\ No newline at end of file"


def make_diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The change from `before` to `after` as `git diff` would show it; empty where none."""
    parts: list[str] = []
    for file in sorted(after):
        if before.get(file) == after[file]:
            continue
        old = f"a/{file}" if file in before else "/dev/null"
        texts = (before.get(file, ""), after[file])
        left, right = (io.StringIO(text, newline="").readlines() for text in texts)
        for line in difflib.unified_diff(left, right, old, f"b/{file}"):
            parts.append(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}\n")
    return "".join(parts)


def diff_in(text: str) -> str:
    """The diff that a model wrote, or a report shows: what stands in its fence, else all of it."""
    fenced = _FENCE.search(text)
    return fenced[1] if fenced else text


def apply_diff(files: Mapping[str, str], diff: str) -> dict[str, str]:
    """The files that the diff changes or makes, with their new texts.

    Raises:
        InvalidOutputError: it is no unified diff, names a file outside the folder or a file that
            is no Python, or a line of it is not what stands there.
    """
    changed: dict[str, str] = {}
    lines = diff.split("\n")
    at = 0
    while at < len(lines):
        if not lines[at].startswith("--- "):
            if lines[at].startswith(("@@", "+", "-", " ")):
                raise InvalidOutputError(f"line {at + 1} of the diff belongs to no file")
            at += 1
            continue
        if at + 1 >= len(lines) or not lines[at + 1].startswith("+++ "):
            raise InvalidOutputError(f"line {at + 2} of the diff should begin with +++")
        file = _file(lines[at + 1])
        new = lines[at].startswith("--- /dev/null")
        if new == (file in files) or file in changed:
            what = "is there already" if new else "is changed twice" if file in changed else ""
            raise InvalidOutputError(f"{file} {what or 'is not in the folder'}")
        at, changed[file] = _patched(file, files.get(file, ""), lines, at + 2)
    if not changed:
        raise InvalidOutputError("this is no unified diff, or it changes nothing")
    return changed


def _file(line: str) -> str:
    name = line[4:].partition("\t")[0].strip().removeprefix("b/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.suffix != ".py":
        raise InvalidOutputError(f"only Python files inside the folder may change, not {name}")
    return name


def _patched(file: str, text: str, diff: list[str], at: int) -> tuple[int, str]:
    """The file's new text, and the first line of the diff that is about another one."""
    old = text.removesuffix("\n").split("\n") if text else []
    new: list[str] = []
    taken, ends = 0, text.endswith("\n") or not text
    while at < len(diff) and (hunk := _HUNK.match(diff[at])):
        start, length = int(hunk[1]), int(hunk[2] or 1)
        place = start - 1 if length else start
        if place < taken or place > len(old):
            raise InvalidOutputError(f"{file}: there is no line {start} for '{diff[at]}'")
        new += old[taken:place]
        taken, left_old, left_new = place, length, int(hunk[3] or 1)
        at += 1
        while left_old or left_new or (at < len(diff) and diff[at] == NO_NEWLINE):
            if at >= len(diff):
                raise InvalidOutputError(f"{file}: the diff ends within a hunk")
            sign, said = diff[at][:1], diff[at][1:]
            if diff[at] == NO_NEWLINE:
                ends = diff[at - 1].startswith("-")
            elif sign == "+" and left_new:
                new.append(said)
                left_new -= 1
            elif sign in ("-", " ", "") and left_old:
                if taken >= len(old) or old[taken] != said:
                    stands = old[taken] if taken < len(old) else "the end of the file"
                    raise InvalidOutputError(
                        f"{file}:{taken + 1}: the diff expects {said!r}, there stands {stands!r}"
                    )
                new += [said] if sign != "-" else []
                taken, left_old, left_new = taken + 1, left_old - 1, left_new - (sign != "-")
            else:
                raise InvalidOutputError(f"line {at + 1} of the diff does not fit its hunk")
            at += 1
    return at, "\n".join([*new, *old[taken:]]) + ("\n" if ends else "")


def checked_diff(files: Mapping[str, str], text: str) -> str:
    """The diff in a model's output, after it was found to be one that may be tried.

    It applies, what it leaves compiles, and it takes no test and no assertion away.

    Raises:
        InvalidOutputError: with the first thing that is wrong.
    """
    diff = diff_in(text)
    changed = apply_diff(files, diff)
    for file, after in changed.items():
        try:
            compile(after, file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise InvalidOutputError(f"{file} does not compile after the change: {error}") from None
        if is_test(file) and _assertions(after) < _assertions(files.get(file, "")):
            raise InvalidOutputError(f"{file}: the change takes tests or assertions away")
    return diff


def _assertions(text: str) -> int:
    """How many tests, assertions and `pytest.raises` a test file has."""
    kinds = (ast.Assert, ast.withitem)
    return sum(
        isinstance(node, kinds)
        or (isinstance(node, ast.FunctionDef) and node.name.startswith("test"))
        for node in ast.walk(ast.parse(text))
    )
