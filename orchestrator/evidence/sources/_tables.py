"""Rows of tables: which lines of plain text are some, and the cells of any row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_GAP = re.compile(r"(?<=\S)(?:[ ]{2,}|[ ]*\t[ \t]*)(?=\S)")
_LEADER = re.compile(r"(?<=\S)[ \t]*(?:\.[ \t]?){4,}[ \t]*(?=\S)|(?<=\S)[ \t]*…{2,}[ \t]*(?=\S)")
_ENDS = re.compile(r"[.!?;,][\"”’)]*$")
_WIDEST = 60  # characters of a cell
_WIDE = 3  # spaces that no typist leaves by mistake
_CELL = re.compile(r"<t[dh]\b[^>]*>(.*?)(?=<t[dh]\b|</tr|\Z)", re.IGNORECASE | re.DOTALL)
_BAR = re.compile(r"(?<!\\)\|")


def leader(line: str) -> re.Match[str] | None:
    """The dots of `Soup ........ 4 EUR`; `None` where the line has none."""
    return _LEADER.search(line)


def is_row(lines: Sequence[str], at: int) -> bool:
    """Whether a line of plain text is a row: cells with gaps that a neighbour has as well."""
    parts = _cells(lines[at])
    if len(parts) < 2 or any(len(lines[at][a:b]) > _WIDEST for a, b in parts):
        return False
    if any(_ENDS.search(lines[at][a:b]) for a, b in parts[:-1]):
        return False
    if "\t" in lines[at].strip():
        return True
    for other in (at - 1, at + 1, at + 2):
        if 0 <= other < len(lines) and other != at:
            beside = _cells(lines[other])
            if len(beside) == len(parts) and _aligned(parts, beside):
                return True
    gaps = [b - a for (_, a), (b, _) in pairwise(parts)]
    return min(gaps) >= _WIDE


def _cells(line: str) -> list[tuple[int, int]]:
    start = len(line) - len(line.lstrip())
    edges = [(m.start(), m.end()) for m in _GAP.finditer(line)]
    begins = [start, *(b for _, b in edges)]
    return list(zip(begins, [*(a for a, _ in edges), len(line.rstrip())], strict=True))


def _aligned(left: Sequence[tuple[int, int]], right: Sequence[tuple[int, int]]) -> bool:
    """Whether a column but the first begins or ends at one place in both."""
    return any(a[0] == b[0] or a[1] == b[1] for a, b in zip(left[1:], right[1:], strict=True))


def cells(text: str, prose: str, start: int, end: int) -> list[tuple[int, int]]:
    """The spans of the cells of the row `text[start:end]`, white space left out; of HTML, of
    Markdown, of plain text. An empty cell is an empty span.

    Args:
        prose: the view of `text` in which markup is blank.
    """
    row = text[start:end]
    if re.search(r"<t[dh]\b", row, re.IGNORECASE) or re.search(r"</t[dh]>", row, re.IGNORECASE):
        found = [m.span(1) for m in _CELL.finditer(row)]
        if found and prose[start : start + found[0][0]].strip():
            found = [(0, row.lower().find("<t", 1)), *found]  # its first tag lies before the row
    elif "|" in row:
        inner = row.strip().strip("|")
        at = row.find(inner)
        edges = [m.span() for m in _BAR.finditer(row, at, at + len(inner))]
        found = list(
            zip(
                [at, *(b for _, b in edges)], [*(a for a, _ in edges), at + len(inner)], strict=True
            )
        )
    elif dots := leader(row):
        found = [(0, dots.start()), (dots.end(), len(row))]
    else:
        found = _cells(row)
    return [_trimmed(prose, start + a, start + b) for a, b in found]


def _trimmed(prose: str, start: int, end: int) -> tuple[int, int]:
    body = prose[start:end]
    if not body.strip():
        return start, start
    return start + len(body) - len(body.lstrip()), end - len(body) + len(body.rstrip())
