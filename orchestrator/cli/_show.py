"""How the command prints: width, colour, symbols, tables. Everything shown passes through here.

Colour and symbols beyond ASCII are for terminals; what is piped stays plain.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

WIDEST = 160
PIPED = 100
PROSE = 100
"""Columns beyond which running text is hard to read."""

Tone = Literal["", "good", "bad", "warn", "quiet", "strong"]

_STYLES: Mapping[Tone, str] = {
    "": "",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "quiet": "dim",
    "strong": "bold",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def safe(text: str) -> str:
    """`text` without control characters: what a model or a file says must not steer a terminal."""
    return _CONTROL.sub("", text.expandtabs(4))


def terminal(stream: IO[str]) -> bool:
    """Whether a person is at the other end."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def colour(stream: IO[str]) -> bool:
    """Whether to colour what goes there (https://no-color.org)."""
    return terminal(stream) and not os.environ.get("NO_COLOR")


def print_json(value: Any) -> None:
    """`value` on standard output, as one indented JSON object."""
    print(json.dumps(value, indent=2, ensure_ascii=not _unicode(sys.stdout)))


def _unicode(stream: IO[str]) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


class Screen:
    """A place to print to, which knows its width and whether it is plain.

    Args:
        file: where to print; standard output where absent.
        width: columns; found out where absent.
        rich: colours and symbols; for terminals where absent.
    """

    def __init__(
        self, file: IO[str] | None = None, *, width: int | None = None, rich: bool | None = None
    ) -> None:
        from rich.console import Console

        file = file or sys.stdout
        symbols = terminal(file) and _unicode(file) if rich is None else rich
        self.symbols = symbols
        self.console = Console(
            file=file,
            width=width or _width(file),
            force_terminal=rich,
            no_color=True if os.environ.get("NO_COLOR") else None,
            highlight=False,
            markup=False,
            emoji=False,
        )

    @property
    def width(self) -> int:
        return self.console.width

    def sign(self, name: Literal["yes", "no", "none", "to", "dot", "dash"]) -> str:
        """A symbol, or its ASCII word."""
        fancy = {"yes": "✓", "no": "✗", "none": "·", "to": "→", "dot": "·", "dash": "–"}
        plain = {"yes": "yes", "no": "NO", "none": "-", "to": "->", "dot": "|", "dash": "-"}
        return (fancy if self.symbols else plain)[name]

    def short(self, text: str, length: int) -> str:
        """`text` on one line, cut to `length` characters with a mark where it was cut."""
        line = " ".join(safe(text).split())
        mark = "…" if self.symbols else "..."
        return line if len(line) <= length else line[: length - len(mark)].rstrip() + mark

    def text(self, content: str, tone: Tone = "") -> Text:
        """A piece of text in a tone."""
        from rich.text import Text

        return Text(safe(content), style=_STYLES[tone])

    def join(self, *pieces: tuple[str, Tone] | str) -> Text:
        """Pieces in their tones, one after the other."""
        whole = self.text("")
        for piece in pieces:
            whole.append_text(self.text(*([piece] if isinstance(piece, str) else piece)))
        return whole

    def print(self, *things: RenderableType) -> None:
        """Print each on lines of its own; what is piped has no blanks at the ends of lines."""
        for thing in things:
            shown = self.text(thing) if isinstance(thing, str) else thing
            if self.symbols:
                self.console.print(shown)
                continue
            with self.console.capture() as captured:
                self.console.print(shown)
            lines = captured.get().split("\n")
            self.console.file.write("\n".join(line.rstrip() for line in lines))

    def heading(self, text: str) -> None:
        """A title with air above it."""
        self.print("", self.text(text, "strong"))

    def prose(self, text: str, indent: int = 0, tone: Tone = "") -> None:
        """Running text, wrapped at a width that is good to read; its line breaks are kept."""
        width = min(self.width, PROSE)
        for line in safe(text).split("\n"):
            body = line.lstrip(" ")
            left = min(indent + len(line) - len(body), width // 2)
            for part in self.text(body, tone).wrap(self.console, width - left) or [""]:
                self.print(self.join(" " * left).append_text(self._rich(part)))

    def _rich(self, part: Text | str) -> Text:
        return self.text(part) if isinstance(part, str) else part

    def names(
        self, title: str, values: Iterable[str], share: float = 0.25
    ) -> tuple[str, dict[str, Any]]:
        """A column as wide as its longest value, up to that share of the screen.

        rich makes the other columns of a table narrower in its favour, so names stay whole.
        """
        longest = max(map(len, (title, *values)))
        return title, {"width": min(longest, int(self.width * share))}

    def table(self, *columns: str | tuple[str, Mapping[str, Any]]) -> Table:
        """A table without lines: column titles, then rows; options are those of rich's columns."""
        from rich.table import Table

        table = Table(
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
            header_style="dim",
            show_edge=False,
        )
        for column in columns:
            title, options = column if isinstance(column, tuple) else (column, {})
            table.add_column(title, **{"overflow": "fold", **options})
        return table

    def show(self, table: Table, indent: int = 2) -> None:
        """Print a table, a little to the right."""
        from rich.padding import Padding

        self.print(Padding(table, (0, 0, 0, indent), expand=False))

    def facts(self, parts: Sequence[str]) -> str:
        """Short facts on one line."""
        return f" {self.sign('dot')} ".join(part for part in parts if part)


def _width(file: IO[str]) -> int:
    import shutil

    if terminal(file):
        return min(shutil.get_terminal_size().columns, WIDEST)
    stated = os.environ.get("COLUMNS", "")
    return min(int(stated), WIDEST) if stated.isdigit() and int(stated) > 0 else PIPED
