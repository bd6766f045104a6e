"""The layout of HTML: tags, scripts and comments are blanked, entities become their character."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

from orchestrator.evidence.sources._block import MINOR, Block, BlockKind, Layout
from orchestrator.evidence.sources._titles import with_titles

_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "math", "title"})
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
_ENDS_BY_ITSELF = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "option"})
"""Where the next of its kind begins, the one before has ended, with or without an end tag."""
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BREAKS = frozenset(
    re.findall(
        r"\w+",
        """address article aside blockquote body br caption dd details dialog div dl dt fieldset
        figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main nav ol
        option p pre section select summary table tbody td textarea tfoot th thead tr ul""",
    )
)
_IN_ROW = frozenset({"td", "th"})
_KINDS: dict[str, tuple[BlockKind, int]] = {
    "li": ("item", 0),
    "dd": ("item", 0),
    "tr": ("row", 0),
    "pre": ("code", 0),
    **dict.fromkeys(("dt", "summary", "caption", "legend"), ("heading", MINOR)),
    **{f"h{level}": ("heading", level) for level in range(1, 7)},
}
_HOLDERS = frozenset({"dl", "details", "table", "fieldset"})
"""At the end of these ends what the minor headings in them stand above."""
_BOLD = frozenset({"b", "strong"})
_BOLD_WORDS = 8  # of a paragraph in bold that is taken for a heading, at most

Attributes = list[tuple[str, str | None]]


def html_layout(text: str) -> Layout:
    """Blocks follow the block-level tags; a table row is one block."""
    reader = _Reader(text)
    reader.feed(text)
    reader.close()
    reader.end_block(len(text))
    prose = "".join(reader.prose)
    return Layout(prose, tuple(with_titles(prose, reader.blocks, markdown=True)))


def _is_hidden(tag: str, attrs: Attributes) -> bool:
    """Whether a reader of the page does not see the element, as far as its own tag says."""
    said = dict(attrs)
    return tag not in _VOID and ("hidden" in said or bool(_HIDING.search(said.get("style") or "")))


class _Reader(HTMLParser):
    """Copies prose into a blank page at the places where it stands."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self._text = text
        self._lines = [0, *(m.end() for m in re.finditer("\n", text))]
        self.prose = [" "] * len(text)
        self.blocks: list[Block] = []
        self._kind: tuple[BlockKind, int] = ("paragraph", 0)
        self._first: int | None = None
        self._last = 0
        self._skipping: list[str] = []
        self._row = False
        self._bold = 0
        self._plain = False

    def parse_marked_section(self, i: int, report: int = 1) -> int:  # noqa: ARG002
        """`<![…` is a comment of no meaning in HTML; the parser would fail at an odd one."""
        return self.parse_bogus_comment(i)

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag in _ENDS_BY_ITSELF and self._skipping[-1:] == [tag]:
            self._skipping.pop()
        if tag in _SKIPPED or tag in self._skipping or _is_hidden(tag, attrs):
            self._skipping.append(tag)
        elif tag in _BREAKS and not (self._row and (tag in _IN_ROW or tag not in _KINDS)):
            self.end_block(self._offset())
            self._kind = _KINDS.get(tag, ("paragraph", 0))
            self._row = tag == "tr"
        elif tag in _BOLD:
            self._bold += 1

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:  # noqa: ARG002
        if tag in _BREAKS and not self._row:
            self.end_block(self._offset())

    def handle_endtag(self, tag: str) -> None:
        if tag in self._skipping:
            while self._skipping and self._skipping.pop() != tag:
                pass
        elif tag in ("tr", "table") or (tag in _BREAKS and not self._row):
            self.end_block(self._offset())
            self._row = False
        if tag in _BOLD:
            self._bold = max(0, self._bold - 1)
        elif tag in _HOLDERS:
            self._end_headings(self._offset())

    def handle_data(self, data: str) -> None:
        start = self._offset()
        if self._skipping:
            return
        for i, char in enumerate(data, start):
            if not char.isspace() and char != "\ufeff":
                self._put(i, char, i + 1)

    def handle_entityref(self, name: str) -> None:
        self._entity(f"&{name}")

    def handle_charref(self, name: str) -> None:
        self._entity(f"&#{name}")

    def _entity(self, source: str) -> None:
        start = self._offset()
        end = start + len(source)
        end += self._text[end : end + 1] == ";"
        char = html.unescape(self._text[start:end])
        if not self._skipping and len(char) == 1 and char.isprintable() and not char.isspace():
            self._put(start, char, end)

    def _put(self, at: int, char: str, end: int) -> None:
        self.prose[at] = char
        self._first = at if self._first is None else self._first
        self._last = end
        self._plain |= not self._bold

    def end_block(self, at: int) -> None:
        """What has been read since the last block is a block."""
        if self._first is not None:
            kind, level = self._kind
            end = min(self._last, at)
            if kind == "paragraph" and not self._plain and self._is_title(self._first, end):
                kind, level = "heading", MINOR
            self.blocks.append(Block(kind, self._first, end, level))
        self._first = None
        self._plain = False
        self._kind = ("paragraph", 0)

    def _is_title(self, start: int, end: int) -> bool:
        shown = "".join(self.prose[start:end]).split()
        return len(shown) <= _BOLD_WORDS and shown[-1][-1] not in ".!?;,"

    def _end_headings(self, at: int) -> None:
        """The minor headings that have no end yet stand above what is before `at`."""
        for i in range(len(self.blocks) - 1, -1, -1):
            block = self.blocks[i]
            if block.until or (block.kind == "heading" and block.level < MINOR):
                break
            if block.kind == "heading":
                self.blocks[i] = replace(block, until=at)
