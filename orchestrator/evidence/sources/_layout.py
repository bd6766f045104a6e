"""Where the blocks of a text lie, and a view of it in which only prose is left.

The view (`prose`) has the same length as the text, so an offset into one is an offset into the
other: markup is replaced by spaces, never removed. A block never crosses a heading, a list item,
a table row, a line of code or a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["paragraph", "item", "heading", "row", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]` is one block; `level` is 1 to 6 for a heading, else 0."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The searchable view of a text, and its blocks in order."""

    prose: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    """Without the line break."""
    text: str


_BULLET = re.compile(r"[ \t>]*(?:[-*+•◦▪‣–]|\(?(\d{1,3}|[a-z])[.)])[ \t]+(?=\S)")
_HEADING = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+\S")
_UNDERLINE = re.compile(r"[ ]{0,3}(=+|-{2,})[ \t]*$")
_NUMBERED = re.compile(
    r"(?:\d{1,2}[.)]?|§ ?\d+|(?:Article|Section|Part) \d+[.:]?)\s+[A-Z][^.!?;]{2,60}$"
)
_RULE = re.compile(r"[ ]{0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|=+)$")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_ROW_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
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
    prose = list(text)
    blocks: list[Block] = []
    paragraph: list[_Line] = []
    kind: BlockKind = "paragraph"
    fence = ""

    def close() -> None:
        nonlocal kind
        blocks.extend(_paragraphs(paragraph, kind))
        paragraph.clear()
        kind = "paragraph"

    for line in _lines(text):
        mark = _FENCE.match(line.text) if markdown else None
        if mark and (not fence or mark.group(1).startswith(fence)):
            close()
            fence = "" if fence else mark.group(1)
            _blank(prose, line.start, line.end)
        elif fence:
            blocks.append(Block("code", line.start, line.end))
        elif not line.text.strip() or (_RULE.match(line.text) and not paragraph):
            close()
            _blank(prose, line.start, line.end)
        elif markdown and _UNDERLINE.match(line.text) and len(paragraph) == 1:
            level = 1 if "=" in line.text else 2
            blocks.append(Block("heading", paragraph[0].start, paragraph[0].end, level))
            paragraph.clear()
            _blank(prose, line.start, line.end)
        elif heading := _HEADING.match(line.text):
            close()
            _blank(prose, line.start, line.start + heading.end(1))
            _blank_inline(prose, line, markdown=markdown)
            blocks.append(Block("heading", line.start, line.end, len(heading.group(1))))
        elif _is_row(line.text):
            close()
            blocks.extend(_row(prose, line))
            _blank_inline(prose, line, markdown=markdown)
        else:
            bullet = _BULLET.match(line.text)
            if bullet and _begins_item(bullet, paragraph, kind):
                close()
                kind = "item"
                _blank(prose, line.start, line.start + bullet.end())
            _blank_inline(prose, line, markdown=markdown)
            paragraph.append(line)
    close()
    if not markdown:
        blocks = _titles(text, blocks)
    joined = "".join(prose).replace("\ufeff", " ")
    return Layout(joined, tuple(_trimmed(joined, blocks)))


def _begins_item(bullet: re.Match[str], paragraph: list[_Line], kind: BlockKind) -> bool:
    """A number that begins a wrapped line is not a list, unless it is the first of one."""
    return not paragraph or kind == "item" or bullet.group(1) in (None, "1", "a")


def _trimmed(prose: str, blocks: list[Block]) -> Iterator[Block]:
    for block in sorted(blocks, key=lambda b: b.start):
        body = prose[block.start : block.end]
        if body.strip():
            start = block.start + len(body) - len(body.lstrip())
            yield Block(block.kind, start, block.end - len(body) + len(body.rstrip()), block.level)


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
        room = width - len(lines[i - 1].text.rstrip()) - 1 - len(following.split()[0])
        if room >= _ROOM and not following[0].islower() and not lines[i - 1].text.endswith(","):
            yield Block(kind, lines[start].start, lines[i - 1].end)
            start, kind = i, "paragraph"
    yield Block(kind, lines[start].start, lines[-1].end)


def _stands_alone(text: str, block: Block) -> bool:
    """Whether there is nothing on the lines before and after it."""
    before = text[: block.start].rsplit("\n", 2)[-2:-1]
    after = text[block.end :].split("\n", 2)[1:2]
    return not "".join([*before, *after]).strip()


def _titles(text: str, blocks: list[Block]) -> list[Block]:
    """In plain text: a short first line, a short line in capitals, a numbered title on its own."""
    found: list[Block] = []
    for i, block in enumerate(blocks):
        line = text[block.start : block.end].strip()
        short = "\n" not in line and len(line) <= 80 and line[-1:] not in ".!?;,:"
        if block.kind == "paragraph" and short and line and len(blocks) > 1:
            if i == 0 and len(line.split()) > 1 and not re.search(r"\d", line):
                block = Block("heading", block.start, block.end, 1)
            elif line.isupper() and len(line) > 3:
                block = Block("heading", block.start, block.end, 2)
        if block.kind in ("item", "paragraph") and short and _NUMBERED.match(line):
            alone = _stands_alone(text, block)
            following = text[blocks[i + 1].start :] if i + 1 < len(blocks) else ""
            if alone and following and not _NUMBERED.match(following.split("\n")[0].strip()):
                block = Block("heading", block.start, block.end, 2)
        found.append(block)
    return found
