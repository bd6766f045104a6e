"""Sentences and passages of a text, as spans of it.

A heading, a table row and a line of code are one sentence each; a list item and a paragraph are
split at the end of their sentences. No span crosses a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.evidence.sources._layout import Block, BlockKind, Layout
from orchestrator.evidence.sources.documents import Document, Kind, kind_of, layout_of
from orchestrator.evidence.values import Passage

CHUNKER = 3
"""Raised whenever the same text would be cut differently."""

_WORDS = 120  # a passage is about this long
_LONGEST = 1200  # characters; what runs on longer without an end is cut at a space


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is one sentence, without white space around it."""

    start: int
    end: int
    kind: BlockKind = "paragraph"
    level: int = 0
    """Of a heading, 1 to 6."""


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
                found.append(Span(*part, block.kind, block.level))
            start = end
    return found


def chunks(document: Document) -> list[Chunk]:
    """Passages of about 120 words with an overlap of one sentence; none crosses a heading.

    A heading is the context of what follows it and part of no passage, unless nothing follows.
    """
    made: list[Chunk] = []
    trail: list[Span] = []
    sections = list(_sections(document_sentences(document)))
    for i, (heading, body) in enumerate(sections):
        below = sections[i + 1][0] if i + 1 < len(sections) else None
        if heading is not None:
            trail = [above for above in trail if above.level < heading.level]
            if not body and (below is None or below.level <= heading.level):
                made += _fill(document, [heading], trail)
            trail = [*trail, heading]
        made += _fill(document, body, trail)
    return made


def _sections(found: list[Span]) -> Iterator[tuple[Span | None, list[Span]]]:
    """Each heading with the sentences up to the next one."""
    heading: Span | None = None
    body: list[Span] = []
    for span in found:
        if span.kind != "heading":
            body.append(span)
            continue
        if heading is not None or body:
            yield heading, body
        heading, body = span, []
    if heading is not None or body:
        yield heading, body


def _fill(document: Document, body: list[Span], trail: list[Span]) -> list[Chunk]:
    above = " › ".join(_plain(document, span) for span in trail)
    heading = above
    made: list[Chunk] = []
    held: list[Span] = []
    words = 0
    head: Span | None = None
    for at, span in enumerate(body):
        if span.kind != "row":
            head = None
        elif at == 0 or body[at - 1].kind != "row":
            head = span
        count = len(_plain(document, span).split())
        new_page = held and document.page_at(held[0].start) != document.page_at(span.start)
        if held and (words + count > _WORDS or new_page):
            made.append(_chunk(document, held, heading))
            last = len(_plain(document, held[-1]).split())
            overlap = not new_page and last + count <= _WORDS
            held, words = (held[-1:], last) if overlap else ([], 0)
            first = held[0] if held else span
            heading = above
            if head is not None and first.kind == "row" and first.start > head.start:
                heading = f"{above} › {_columns(document, head)}".removeprefix(" › ")
        held.append(span)
        words += count
    if held:
        made.append(_chunk(document, held, heading))
    return made


def _chunk(document: Document, held: list[Span], heading: str) -> Chunk:
    start, end = held[0].start, held[-1].end
    while held[0].kind == "row" and start and document.text[start - 1] in " |":
        start -= 1  # without its first bar a row is none
    prose = " ".join(document.prose[start:end].split())
    return Chunk(start, end, heading, prose, document.page_at(start))


def _columns(document: Document, head: Span) -> str:
    """The first row of a table, which names the columns of a piece that is cut from it."""
    text = document.text[head.start : head.end]
    if document.kind == "html":
        text = re.sub(r"<[^>]*>", " ", re.sub(r"</t[dh]>\s*<t[dh]\b[^>]*>", " | ", text))
    return " ".join(text.strip(" |").split())


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
