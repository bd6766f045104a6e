"""What stands above a place of a text, besides headings, and says what is meant there.

The sentence that introduces a list, the label that a paragraph begins with, the question before an
answer in one paragraph, the caption and the columns of a table, who wrote a letter, and when.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from orchestrator.evidence.sources._block import Block
from orchestrator.evidence.sources._tables import cells

_MARKED = re.compile(
    r"(?:(?P<mark>\*{1,3}|_{1,3})(?=\S)(?P<a>[^*_\n]{2,60}?)(?P=mark)"
    r"|<(?P<tag>b|strong|em|i|dfn)\b[^>]*>(?P<b>[^<]{2,60})</(?P=tag)>)\s*[.:–—-]?(?=\s|<|$)",
    re.IGNORECASE,
)
_MARK_BEFORE = re.compile(r"(?:[*_]{1,3}|<(?:b|strong|em|i|dfn)\b[^<>]*>\s*)$", re.IGNORECASE)
_LABEL = re.compile(r"(?P<a>[A-Z0-9][^.:;!?\n|]{1,45}?)(?::| [–—])\s+(?=\S)")
_LABEL_WORDS = 6
_ALONE = re.compile(r"(?P<a>[A-Z][^.,:;!?\n|]{1,30})[.!](?=\s)")
_ALONE_WORDS = 3
_PRONOUN = re.compile(r"(?:I|you|we|it|they|he|she|this|that|there|yes|no)\b", re.IGNORECASE)
_MAIL = re.compile(
    r"[>\s*_]*(?:From|Sent|Date|Subject|To|Cc|Re)[*_]*:[*_]*\s*(?=\S)", re.IGNORECASE
)
_SAYS_WHO = re.compile(r"(?:From|Sent|Date|Subject|Re)\b", re.IGNORECASE)
_CAPTION = re.compile(r"(?:Table|Tab\.|Figure|Fig\.|Overview)\s?\d*\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_LOOKED_AT = 4  # rows, to see whether the first one alone has no number
_LONGEST = 160  # characters of what is taken from above
_RULE_BELOW = re.compile(r"[\s|]*:?-{2,}")


class Outline:
    """The blocks of a text, asked what stands above a place."""

    def __init__(self, text: str, prose: str, blocks: Sequence[Block]) -> None:
        self._text = text
        self._prose = prose
        self._blocks = blocks
        self._starts = [block.start for block in blocks]

    def block_at(self, at: int) -> int:
        """The index of the block that holds a place, or of the last one before it; -1: none."""
        return bisect.bisect_right(self._starts, at) - 1

    def above(self, at: int) -> list[tuple[int, str]]:
        """Where each piece stands and what it says, in order. One that ends with a colon is said of
        what follows it directly alone."""
        i = self.block_at(at)
        if i < 0:
            return []
        block = self._blocks[i]
        found = [*self._letter(i)]
        if block.kind in ("item", "row"):
            found += self._introduction(i)
        elif block.kind == "paragraph" and i and self._blocks[i - 1].kind == "paragraph":
            before = self._plain(self._blocks[i - 1])
            if before.endswith(":") and not _MAIL.match(before):
                found.append((self._blocks[i - 1].start, _last_sentence(before)))
        if label := self._label(block, at):
            found.append((block.start, label))
        return found

    def columns(self, at: int) -> str:
        """The names of the columns of the row that holds a place, where they stand above it."""
        i = self.block_at(at)
        first = self.head_of(i)
        if first is None or first == i:
            return ""
        named = self.cells(first)
        return " | ".join(" ".join(self._prose[a:b].split()) for a, b in named)

    def cells(self, i: int) -> list[tuple[int, int]]:
        """The spans of the cells of the row with that index."""
        block = self._blocks[i]
        return cells(self._text, self._prose, block.start, block.end)

    def head_of(self, i: int) -> int | None:
        """The index of the row that names the columns of a row; `None` where none does."""
        first = self._first_row(i)
        return first if first is not None and self._names_columns(first) else None

    def _first_row(self, i: int) -> int | None:
        if i < 0 or self._blocks[i].kind != "row":
            return None
        while i and self._blocks[i - 1].kind == "row" and self._joined(i - 1, i):
            i -= 1
        return i

    def _joined(self, i: int, j: int) -> bool:
        """Whether nothing parts two rows: no blank line, no end of a table."""
        gap = self._text[self._blocks[i].end : self._blocks[j].start]
        return not re.search(r"\n[ \t]*\r?\n|</table", gap, re.IGNORECASE)

    def _names_columns(self, first: int) -> bool:
        """Whether a row is the head of its table, by its markup or as it alone has no number."""
        block, text = self._blocks[first], self._text
        begin = text.rfind("\n", 0, block.start) + 1
        if "|" in text[begin : block.end] and "<t" not in text[begin : block.end].lower():
            return bool(_RULE_BELOW.match(text, block.end))
        below = first + 1
        if below >= len(self._blocks) or self._blocks[below].kind != "row":
            return False
        if not self._joined(first, below) or len(self.cells(first)) < 2:
            return False
        tags = text[text.rfind("<tr", 0, block.start + 1) : block.end].lower()
        if "<th" in tags and "<td" not in tags:
            return True
        run = self._blocks[first : first + _LOOKED_AT]
        numbers = [bool(re.search(r"\d", self._plain(b))) for b in run if b.kind == "row"]
        return len(numbers) > 2 and not numbers[0] and any(numbers[1:])

    def _introduction(self, i: int) -> Iterator[tuple[int, str]]:
        """The sentence that a list or a table follows, and the items that an item is part of."""
        kind = self._blocks[i].kind
        indent = self._indent(i)
        parents: list[tuple[int, str]] = []
        j = i - 1
        while j >= 0 and self._blocks[j].kind == kind:
            if kind == "item" and self._indent(j) < indent:
                indent = self._indent(j)
                parents.append(
                    (self._blocks[j].start, f"{self._plain(self._blocks[j]).rstrip(':.')}:")
                )
            j -= 1
        if j >= 0 and self._blocks[j].kind == "paragraph":
            said = _last_sentence(self._plain(self._blocks[j]))
            if said.endswith(":") or (kind == "row" and _CAPTION.match(said)):
                yield self._blocks[j].start, f"{said.rstrip(':.')}:"
        yield from parents[::-1]

    def _indent(self, i: int) -> int:
        """How far the bullet of an item stands in."""
        begin = self._text.rfind("\n", 0, self._blocks[i].start) + 1
        line = self._text[begin : self._blocks[i].start]
        return len(line) - len(line.lstrip(" \t"))

    def _label(self, block: Block, at: int) -> str:
        """The label or the question that a paragraph or an item begins with, if before `at`."""
        if block.kind not in ("paragraph", "item"):
            return ""
        if marked := self._marked(block.start):
            label = (marked["a"] or marked["b"]).strip()
            if marked.end() <= at and len(label.split()) <= _LABEL_WORDS:
                return f"{label.rstrip(' .:')}:"
        shown = self._prose[block.start : block.end]
        plain = _LABEL.match(shown)
        if plain and at > block.start and len(plain["a"].split()) <= _LABEL_WORDS:
            return f"{' '.join(plain['a'].split())}:"
        alone = _ALONE.match(shown)
        if (
            alone
            and block.start + alone.end() <= at
            and not _PRONOUN.match(shown)
            and len(alone["a"].split()) <= _ALONE_WORDS
        ):
            return f"{' '.join(alone['a'].split())}:"
        asks = re.match(r"[^.!?]{8,160}\?(?=\s)", shown)
        if asks and block.start + asks.end() <= at:
            return f"{' '.join(asks[0].split())}:"
        return ""

    def _marked(self, start: int) -> re.Match[str] | None:
        """The words in bold that a block begins with."""
        before = _MARK_BEFORE.search(self._text, max(0, start - 60), start)
        return _MARKED.match(self._text, before.start() if before else start)

    def _letter(self, i: int) -> Iterator[tuple[int, str]]:
        """Who wrote the letter that holds a block, when, and on what."""
        runs = [run for run in self._heads if run[-1] < i]
        if not runs or _MAIL.match(self._plain(self._blocks[i])):
            return
        for j in runs[-1]:
            said = self._plain(self._blocks[j])
            if _SAYS_WHO.match(said):
                yield self._blocks[j].start, said[:_LONGEST].rstrip(":")

    @cached_property
    def _heads(self) -> list[list[int]]:
        """The runs of blocks that are the head of a letter, as `From:`, `Date:` and `Subject:`."""
        if not _MAIL.search(self._text):
            return []
        runs: list[list[int]] = []
        for i, block in enumerate(self._blocks):
            if block.kind == "row" or not _MAIL.match(self._plain(block)):
                continue
            if runs and runs[-1][-1] == i - 1:
                runs[-1].append(i)
            else:
                runs.append([i])
        return [run for run in runs if len(run) > 1]

    def _plain(self, block: Block) -> str:
        return " ".join(self._prose[block.start : block.end].split())


def _last_sentence(text: str) -> str:
    return _SENTENCE.split(text)[-1][-_LONGEST:]
