"""Where in Python a declared value was made, so that a problem can say file, line and column.

The place of a call is taken from the frame that makes it. Its source text is looked at only when
an object is read for a project, and is found wherever Python itself finds it for a traceback:
files, and the cells of a notebook.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import NamedTuple


class Place(NamedTuple):
    """A call expression: lines count from 1, columns from 0 in bytes, as in `ast`."""

    file: str
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0


def place_of_call(frame: FrameType) -> Place:
    """The call that `frame` is carrying out."""
    code = frame.f_code
    found = next(islice(code.co_positions(), frame.f_lasti // 2, None), (None, None, None, None))
    line, end_line, column, end_column = found
    return Place(
        code.co_filename, line or frame.f_lineno, column or 0, end_line or 0, end_column or 0
    )


class Text:
    """A Python source. `file` is how a person would write it; no lines where there is no text."""

    def __init__(self, place: Place) -> None:
        import linecache

        self.path = place.file
        self.file = _shown(place.file)
        self.lines = tuple(line.rstrip("\n") for line in linecache.getlines(place.file))

    def call(self, place: Place | None) -> ast.Call | None:
        """The syntax of the call at `place`; `None` where that is elsewhere or has no text."""
        if place is None or place.file != self.path:
            return None
        return _calls("\n".join(self.lines)).get(place[1:])

    def start(self, part: ast.expr | ast.keyword) -> tuple[int, int]:
        """Line and column, from 1 and in characters, at which `part` starts."""
        before = self.lines[part.lineno - 1].encode()[: part.col_offset]
        return part.lineno, len(before.decode(errors="replace")) + 1


def _shown(file: str) -> str:
    """Relative where it lies below the current folder; `<stdin>` and the like as they are."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


@lru_cache(maxsize=16)
def _calls(text: str) -> dict[tuple[int, int, int, int], ast.Call]:
    """Every call of a source by its place. None where the text is not Python any more."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    return {
        (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0): node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


def part_of(
    syntax: ast.expr | None, steps: tuple[str | int, ...]
) -> tuple[ast.expr | None, ast.expr | ast.keyword | None]:
    """The value at one of `steps` of a literal, and what names it there: a keyword, a key, itself.

    Twice `None` where it does not stand there literally.
    """
    if isinstance(syntax, ast.Call):
        for keyword in syntax.keywords:
            if keyword.arg in steps:
                return keyword.value, keyword
    elif isinstance(syntax, ast.Dict):
        for key, value in zip(syntax.keys, syntax.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in steps:
                return value, key
    elif isinstance(syntax, ast.List | ast.Tuple) and isinstance(steps[0], int):
        items = syntax.elts[: steps[0] + 1]
        if len(items) > steps[0] and not any(isinstance(item, ast.Starred) for item in items):
            return items[-1], items[-1]
    return None, None
