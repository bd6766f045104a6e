"""Where the blocks of a text lie, and a view of it in which only prose is left.

The view (`prose`) has the same length as the text, so an offset into one is an offset into the
other: markup is replaced by spaces, never removed. A block never crosses a heading, a list item,
a table row, a line of code or a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from orchestrator.evidence.sources._block import Block, BlockKind, Layout
from orchestrator.evidence.sources._tables import is_row, leader
from orchestrator.evidence.sources._titles import with_titles


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    """Without the line break."""
    text: str


_BULLET = re.compile(r"[ \t>]*(?:[-*+•◦▪‣–]|\(?(\d{1,3}|[a-z])[.)])[ \t]+(?=\S)")
_HEADING = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+\S")
_UNDERLINE = re.compile(r"[ ]{0,3}(=+|-{2,})[ \t]*$")
_DECORATED = re.compile(
    r"[ ]{0,3}(?P<mark>([~=*+•:#<–—-])\2{0,11})[ \t]*(?=[^\s~=*+•:#<>–—_-])(?P<title>.{1,60}?)[ "
    r"\t]*"
    r"(?P<close>([~=*+•:#>–—-])\5{0,11})[ \t]*$"
)
_LINE_UNDER = re.compile(r"[ ]{0,3}([=~*^_+–—-])\1{2,}[ \t]*$")
_TURN = re.compile(
    r"[ \t>]*(?:\*\*|__)?(?:[QA]|Question|Answer)\s?\d*\s?[:.)](?:\*\*|__)?\s+(?=\S)", re.IGNORECASE
)
"""How a question or an answer begins."""
_QUESTIONS = re.compile(
    r"^[ \t>]*(?:\*\*|__)?Q(?:uestion)?\s?\d*\s?[:.)].+(?:\n.*){0,8}?\n[ \t>]*(?:\*\*|__)?"
    r"A(?:nswer)?\s?\d*\s?[:.)]",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKER = re.compile(r"(?:\*\*|__)?[A-Z][\w.’'-]*(?: [A-Z][\w.’'-]*){0,3}(?:\*\*|__)?:\s")
_RULE = re.compile(r"[ ]{0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|=+)$")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_ROW_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_GAPS = re.compile(r"\S(?:[ ]{2,}|[ ]*\t)[ \t]*\S")
_DECORATED_LEVEL = 3
_DECORATED_WORDS = 8
_NARROW = 40  # characters; a text that is set no wider than this wraps at 40
_ROOM = 8  # characters of room at a line's end that say that the writer meant to end it

# Markup inside a line: each match is blanked, or its group 1 where it has one.
_INLINE = (
    re.compile(r"!?\[(?=[^\]\n]*\]\()"),
    re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+\"[^\"\n]*\")?\)"),
    re.compile(r"(?<!\w)(\*{1,3}|_{1,3})(?=[^\s*_])"),
    re.compile(r"(?<=[^\s*_])(\*{1,3}|_{1,3})(?!\w)"),
    re.compile(r"`+"),
)


def text_layout(text: str) -> Layout:
    """Plain text, or the text of PDF pages joined by form feeds."""
    return _line_layout(text, markdown=False)


def markdown_layout(text: str) -> Layout:
    """Markdown: headings, lists, tables, code; inline marks and link targets are blanked."""
    return _line_layout(_COMMENT.sub(_spaces, text), markdown=True)


def _spaces(match: re.Match[str]) -> str:
    return re.sub(r"[^\r\n\f]", " ", match.group())


def _lines(text: str) -> Iterator[_Line]:
    for match in re.finditer(r"[^\r\n\f]*(?:\r\n|[\r\n\f]|$)", text):
        if match.group():
            body = match.group().rstrip("\r\n\f")
            yield _Line(match.start(), match.start() + len(body), body)
            if match.group().endswith("\f"):
                yield _Line(match.end(), match.end(), "")  # a page ends every block


def _line_layout(text: str, *, markdown: bool) -> Layout:
    reader = _Reader(text, markdown)
    for at in range(len(reader.lines)):
        reader.take(at)
    reader.close()
    blocks = sorted(reader.blocks, key=lambda b: b.start)
    prose = "".join(reader.prose).replace("\ufeff", " ")
    return Layout(prose, tuple(_trimmed(prose, with_titles(text, blocks, markdown=markdown))))


class _Reader:
    """Takes one line after the other; what it has not closed yet is `paragraph`."""

    def __init__(self, text: str, markdown: bool) -> None:
        self.markdown = markdown
        self.lines = list(_lines(text))
        self.bare = [line.text for line in self.lines]
        self.prose = list(text)
        self.blocks: list[Block] = []
        self.paragraph: list[_Line] = []
        self.kind: BlockKind = "paragraph"
        self.fence = ""
        self.turns = bool(_QUESTIONS.search(text))
        """Whether the text has questions and answers that are marked so."""

    def close(self) -> None:
        """What was taken since the last block is one, or several."""
        self.blocks.extend(_paragraphs(self.paragraph, self.kind))
        self.paragraph.clear()
        self.kind = "paragraph"

    def take(self, at: int) -> None:
        """The line at that index."""
        line = self.lines[at]
        mark = _FENCE.match(line.text) if self.markdown else None
        if mark and (not self.fence or mark.group(1).startswith(self.fence)):
            self.close()
            self.fence = "" if self.fence else mark.group(1)
            _blank(self.prose, line.start, line.end)
        elif self.fence:
            self.blocks.append(Block("code", line.start, line.end))
        elif not line.text.strip() or (_RULE.match(line.text) and not self.paragraph):
            self.close()
            _blank(self.prose, line.start, line.end)
        elif level := self._underlines(line):
            title = self.paragraph[0]
            self.blocks.append(Block("heading", title.start, title.end, level))
            self.paragraph.clear()
            _blank(self.prose, line.start, line.end)
        elif not self._title(line) and not self._row(at):
            self._running(line)

    def _underlines(self, line: _Line) -> int:
        """The level of the heading that the line underlines; 0 where it underlines none."""
        if len(self.paragraph) != 1:
            return 0
        if self.markdown:
            found = _UNDERLINE.match(line.text)
        else:
            found = _LINE_UNDER.match(line.text)
            title, rule = self.paragraph[0].text.strip(), line.text.strip()
            if not len(title) * 0.6 <= len(rule) <= len(title) * 1.6 + 3:
                return 0
        return 0 if found is None else 1 if "=" in line.text else 2

    def _title(self, line: _Line) -> bool:
        """Takes the line as a heading if its marks make it one."""
        if heading := _HEADING.match(line.text):
            self.close()
            _blank(self.prose, line.start, line.start + heading.end(1))
            _blank_inline(self.prose, line, markdown=self.markdown)
            self.blocks.append(Block("heading", line.start, line.end, len(heading.group(1))))
            return True
        found = _DECORATED.match(line.text)
        if found is None or not _decorates(found, self.markdown):
            return False
        self.close()
        start, end = found.span("title")
        _blank(self.prose, line.start, line.start + start)
        _blank(self.prose, line.start + end, line.end)
        self.blocks.append(Block("heading", line.start, line.end, _DECORATED_LEVEL))
        return True

    def _row(self, at: int) -> bool:
        """Takes the line as a row of a table if it is one."""
        line = self.lines[at]
        if _is_row(line.text):
            self.close()
            self.blocks.extend(_row(self.prose, line))
        elif dots := leader(line.text):
            self.close()
            _blank(self.prose, line.start + dots.start(), line.start + dots.end())
            self.blocks.append(Block("row", line.start, line.end))
        elif _GAPS.search(line.text) and not _BULLET.match(line.text) and is_row(self.bare, at):
            self.close()
            self.blocks.append(Block("row", line.start, line.end))
        else:
            return False
        _blank_inline(self.prose, line, markdown=self.markdown)
        return True

    def _running(self, line: _Line) -> None:
        bullet = _BULLET.match(line.text)
        if bullet and _begins_item(bullet, self.paragraph, self.kind):
            self.close()
            self.kind = "item"
            _blank(self.prose, line.start, line.start + bullet.end())
        elif self.turns and (turn := _TURN.match(line.text)):
            self.close()
            _blank(self.prose, line.start, line.start + turn.end())
        _blank_inline(self.prose, line, markdown=self.markdown)
        self.paragraph.append(line)


def _decorates(found: re.Match[str], markdown: bool) -> bool:
    """Whether the same marks stand on both sides of a few words."""
    mirrored = found["mark"].replace("<", ">")
    title = found["title"]
    if mirrored != found["close"] or len(title.split()) > _DECORATED_WORDS or title[-1] in ".!?;,":
        return False
    emphasis = found["mark"][0] in "*" and title[:1] == found.string[found.end("mark")]
    return not (markdown and emphasis)


def _begins_item(bullet: re.Match[str], paragraph: list[_Line], kind: BlockKind) -> bool:
    """A number that begins a wrapped line is not a list, unless it is the first of one."""
    return not paragraph or kind == "item" or bullet.group(1) in (None, "1", "a")


def _trimmed(prose: str, blocks: list[Block]) -> Iterator[Block]:
    for block in sorted(blocks, key=lambda b: b.start):
        body = prose[block.start : block.end]
        if body.strip():
            start = block.start + len(body) - len(body.lstrip())
            end = block.end - len(body) + len(body.rstrip())
            yield replace(block, start=start, end=end)


def _blank(prose: list[str], start: int, end: int) -> None:
    prose[start:end] = " " * (end - start)


def _blank_inline(prose: list[str], line: _Line, *, markdown: bool) -> None:
    if not markdown:
        return
    for pattern in _INLINE:
        for match in pattern.finditer(line.text):
            group = 1 if pattern.groups else 0
            _blank(prose, line.start + match.start(group), line.start + match.end(group))
    closing = re.search(r"[ \t]#+[ \t]*$", line.text)
    if closing and _HEADING.match(line.text):
        _blank(prose, line.start + closing.start(), line.end)


def _is_row(line: str) -> bool:
    stripped = line.strip()
    return (stripped.startswith("|") and stripped.count("|") > 1) or (
        stripped.count("|") > 0 and _ROW_RULE.match(line) is not None
    )


def _row(prose: list[str], line: _Line) -> Iterator[Block]:
    for i in range(line.start, line.end):
        if prose[i] == "|":
            prose[i] = " "
    if _ROW_RULE.match(line.text):
        _blank(prose, line.start, line.end)
        return
    yield Block("row", line.start, line.end)


def _paragraphs(lines: list[_Line], kind: BlockKind) -> Iterator[Block]:
    """Lines that follow each other, split where the writer ended a line early on purpose.

    A wrapped line ends because the next word did not fit. Where it would have fitted with room
    to spare and the next line starts like a new sentence, the break is meant.
    """
    if not lines:
        return
    width = max(_NARROW, *(len(line.text) for line in lines))
    start = 0
    for i in range(1, len(lines)):
        following = lines[i].text.strip()
        above = lines[i - 1].text.rstrip()
        room = width - len(above) - 1 - len(following.split()[0])
        meant = room >= _ROOM and not following[0].islower() and not above.endswith(",")
        if meant or (_SPEAKER.match(following) and above[-1:] in ".!?…"):
            yield Block(kind, lines[start].start, lines[i - 1].end)
            start, kind = i, "paragraph"
    yield Block(kind, lines[start].start, lines[-1].end)
