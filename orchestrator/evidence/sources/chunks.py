"""Sentences and passages of a text, as spans of it.

A heading, a table row and a line of code are one sentence each; a list item and a paragraph are
split at the end of their sentences. No span crosses a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.evidence.sources._block import Block, BlockKind, Layout
from orchestrator.evidence.sources._outline import Outline
from orchestrator.evidence.sources.documents import Document, Kind, kind_of, layout_of
from orchestrator.evidence.values import Passage

CHUNKER = 4
"""Raised whenever the same text would be cut differently."""

UNDER = " › "
"""Parts what stands above a passage, outermost first."""
_WORDS = 120  # a passage is about this long
_LONGEST = 1200  # characters; what runs on longer without an end is cut at a space


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is one sentence, without white space around it."""

    start: int
    end: int
    kind: BlockKind = "paragraph"
    level: int = 0
    """Of a heading, 1 to 6, or `MINOR`."""
    until: int = 0
    """Of a heading, where what it stands above ends; 0 where the next heading ends it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A few sentences that follow each other under one heading."""

    start: int
    end: int
    heading: str
    """The headings above it, outermost first: `Remote work › Allowance`."""
    prose: str
    """The readable text: markup left out, white space collapsed."""
    page: int | None = None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Always followed by more of the same sentence.
_INNER = _words(
    "mr mrs ms dr prof rev hon gen sgt capt lt st mt vs cf viz approx ca circa e.g i.e no nos nr "
    "fig figs eq sec sect art arts ch chap vol pp p para par ref refs ed eds abs ziff bzw z.b d.h "
    "u.a o.ä bspw evtl ggf inkl zzgl vgl dipl mme mlle"
)
# May end a sentence: they do where a word follows that often begins one.
_OUTER = _words(
    "etc inc ltd co corp llc plc gmbh jr sr al a.m p.m dept univ est usw u.s u.k e.u jan feb "
    "apr jun jul aug sep sept oct nov dec tue thu fri ave blvd rd"
)
_STARTERS = _words(
    "the a an it its this that these those he she they we i you in on at by for from if when while "
    "after before however but and as all each every no not there here our your their his her my "
    "employees under over with to then also please see both most some many any "
    "such other another only during since until because although whether who what which how why "
    "do does is are can may must will should note next new staff managers finally first "
    "der die das ein eine er sie es wir le la les un une il elle"
)
_MONTHS = _words(
    "january february march april may june july august september october november december "
    "januar februar märz mai juni juli oktober dezember"
)
_END = re.compile(r"(?:[.!?…]+[\"'”’»)\]*_]*(?=\s)|[。！？]+[」』）]?)\s*")
_LAST_WORD = re.compile(r"([^\s(\[\"“«‘']*)$")
_FIRST_WORD = re.compile(r"[^\w]*([\w’']+)")
_MARKS = 400  # characters of marks before a block, at most
_OPENING = re.compile(
    r"[ \t>]*(?:\|[ \t|]*|(?:[-*+•◦▪‣–]|\(?(?:\d{1,3}|[a-z])[.)])[ \t]+[*_`\[]*)$"
)
_TAGS = re.compile(r"<(?:tr|li|dd|pre)\b[^<>]*>(?:\s*<[^<>]*>)*\s*$", re.IGNORECASE)
_BOLD = re.compile(r"<(?:b|strong|em|i|dfn)\b[^<>]*>\s*$", re.IGNORECASE)
_CLOSING = re.compile(r"\]\(\S*?\)|[*_`]+")


def sentences(text: str) -> list[Span]:
    """The sentences of a text as people and models write it (Markdown understood), in order."""
    return spans(text, layout_of(text, "markdown"), "markdown")


def document_sentences(document: Document) -> list[Span]:
    """The sentences of a document, in order, as spans of `document.text`."""
    layout = Layout(document.prose, document.blocks)
    return spans(document.text, layout, document.kind)


def passage_sentences(passage: Passage) -> list[Span]:
    """The sentences of a passage, as spans of the *file* it comes from."""
    kind = kind_of(passage.file) or "markdown"
    found = spans(passage.text, layout_of(passage.text, kind), kind)
    return [Span(passage.start + s.start, passage.start + s.end, s.kind) for s in found]


def readable(text: str, file: str = "") -> str:
    """A piece of that file for a person: markup left out, white space collapsed."""
    return " ".join(layout_of(text, kind_of(file) or "markdown").prose.split())


def spans(text: str, layout: Layout, kind: Kind) -> list[Span]:
    """The sentences of a text with a known layout."""
    found: list[Span] = []
    for block in layout.blocks:
        whole = block.kind in ("heading", "row", "code")
        ends = [block.end] if whole else _ends(layout.prose, block)
        start = block.start
        for end in ends:
            for part in _cut(layout.prose, start, end):
                floor = found[-1].end if found else 0
                if kind == "markdown" and block.kind not in ("code", "row"):
                    part = _snug(text, layout.prose, part, floor)
                found.append(Span(*part, block.kind, block.level, block.until))
            start = end
    return found


def chunks(document: Document) -> list[Chunk]:
    """Passages of about 120 words with an overlap of one sentence; none crosses a heading.

    A heading is the context of what follows it and part of no passage, unless nothing follows.
    """
    outline = Outline(document.text, document.prose, document.blocks)
    made: list[Chunk] = []
    trail: list[Span] = []
    body: list[Span] = []
    bare: Span | None = None  # the last heading, as long as nothing stands under it
    for span in [*document_sentences(document), None]:
        ended = span is not None and any(0 < h.until <= span.start for h in trail)
        if span is not None and span.kind != "heading" and not ended:
            body.append(span)
            bare = None
            continue
        deeper = bare is not None and span is not None and span.level > bare.level
        if bare is not None and not deeper:
            body = [bare]
            trail.remove(bare)
        made += _fill(document, outline, body, trail)
        if span is None:
            break
        trail = [h for h in trail if not 0 < h.until <= span.start]
        body, bare = [span], None
        if span.kind == "heading":
            trail = [*(h for h in trail if h.level < span.level), span]
            body, bare = [], span
    return made


def _fill(document: Document, outline: Outline, body: list[Span], trail: list[Span]) -> list[Chunk]:
    made: list[Chunk] = []
    held: list[Span] = []
    words = 0
    for span in body:
        count = len(_plain(document, span).split())
        new_page = held and document.page_at(held[0].start) != document.page_at(span.start)
        if held and (words + count > _WORDS or new_page):
            made.append(_chunk(document, outline, held, trail))
            last = len(_plain(document, held[-1]).split())
            overlap = not new_page and last + count <= _WORDS
            held, words = (held[-1:], last) if overlap else ([], 0)
        held.append(span)
        words += count
    if held:
        made.append(_chunk(document, outline, held, trail))
    return made


def _chunk(document: Document, outline: Outline, held: list[Span], trail: list[Span]) -> Chunk:
    start, end = held[0].start, held[-1].end
    above = [_plain(document, heading) for heading in trail]
    above += [text for _, text in outline.above(start)]
    if head := outline.columns(start):
        above.append(head)
    start = _with_marks(document.text, held[0])
    prose = " ".join(document.prose[start:end].split())
    return Chunk(start, end, UNDER.join(above), prose, document.page_at(start))


def _with_marks(text: str, span: Span) -> int:
    """Where the marks begin that make a span what it is: `| `, `- `, `<tr>`, `<b>` of a label."""
    if span.kind == "paragraph":
        tags = _BOLD.search(text, max(0, span.start - _MARKS), span.start)
        return tags.start() if tags else span.start
    begin = max(text.rfind("\n", 0, span.start) + 1, span.start - _MARKS)
    marks = _OPENING.search(text, begin, span.start)
    if marks is None:
        tags = _TAGS.search(text, max(0, span.start - _MARKS), span.start)
        return tags.start() if tags else span.start
    return marks.start()


def _plain(document: Document, span: Span) -> str:
    return " ".join(document.prose[span.start : span.end].split())


def _ends(prose: str, block: Block) -> list[int]:
    """The offsets at which the sentences of a block end."""
    ends: list[int] = []
    start = block.start
    for match in _END.finditer(prose, block.start, block.end):
        if match.end() < block.end and _is_end(prose, start, match, block.end):
            ends.append(match.end())
            start = match.end()
    return [*ends, block.end]


def _is_end(prose: str, start: int, match: re.Match[str], stop: int) -> bool:
    mark = match.group().strip()
    first = _FIRST_WORD.match(prose, match.end(), stop)
    following = first.group(1) if first else ""
    if mark[0] in "。！？":
        return True
    if following[:1].islower():
        return False
    if mark[0] != "." or mark.startswith(".."):
        return True
    found = _LAST_WORD.search(prose, start, match.start())
    word = found.group(1) if found else ""
    lower = word.lower()
    if lower in _INNER:
        return lower in ("no", "p", "art") and not following[:1].isdigit() and len(word) > 1
    if lower in _OUTER or re.fullmatch(r"(?:\w\.)+\w", word):
        return following.lower() in _STARTERS
    if len(word) == 1 and word.isupper():
        return following.lower() in _STARTERS
    if word.isdigit():
        return len(word) > 2 or (
            following.lower() not in _MONTHS and prose[start : match.start()].strip() != word
        )
    return True


def _cut(prose: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The trimmed span; where it runs on beyond all measure, pieces of it."""
    while end - start > _LONGEST:
        at = prose.rfind(" ", start + _LONGEST // 2, start + _LONGEST)
        at = at if at > 0 else start + _LONGEST
        yield from _trim(prose, start, at)
        start = at
    yield from _trim(prose, start, end)


def _trim(prose: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    body = prose[start:end]
    if body.strip():
        yield start + len(body) - len(body.lstrip()), end - len(body) + len(body.rstrip())


def _snug(text: str, prose: str, part: tuple[int, int], floor: int) -> tuple[int, int]:
    """Takes in the Markdown marks that touch the sentence, so that none is torn in two."""
    start, end = part
    while start > floor and prose[start - 1] == " " and text[start - 1] in "*_`[(":
        start -= 1
    while (mark := _CLOSING.match(text, end)) and not prose[end : mark.end()].strip():
        end = mark.end()
    return start, end
