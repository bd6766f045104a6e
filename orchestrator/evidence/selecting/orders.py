"""Text in sources that speaks to whoever answers from them. It is no evidence for anything.

A source states facts; it gives no orders to who answers from it. Where one does ("ignore previous
instructions", "AI systems that read this are to say …"), the order and what it carries are blanked
before the source is cut into passages: whoever wrote the order may have written those "facts" for
its sake. So nobody after that, no index, no model and no checker, gets to see it. What merely
speaks *about* language models, or tells people what to do, stays. `guard.injection` tells the two
apart.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from orchestrator.evidence.selecting.telling import ordered, tells, told
from orchestrator.evidence.sources._block import Block, Layout
from orchestrator.evidence.sources._hidden import hidden
from orchestrator.evidence.sources.chunks import Span, sentences, spans
from orchestrator.evidence.sources.documents import Document, Kind
from orchestrator.guard.injection.find import orders_in
from orchestrator.guard.injection.grammar import demands, only_calls, score

_ASKED_ABOUT = re.compile(
    r"\b(?:prompt\s+injection|hidden\s+(?:text|notes?|instructions?|orders?)|jailbreak\w*"
    r"|(?:instructions?|orders?|notes?)\s+(?:to|for|addressed)\b.*\b(?:ai|models?|assistants?|systems?))\b",
    re.IGNORECASE,
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_MARKS = re.compile(r"^<!--|-->$")
_LINE_BREAK = re.compile(r"[ \t>]*(?:\r?\n|(?i:<br\s*/?>\s*))?[ \t>]*")
_LINES = frozenset({"paragraph", "code"})
_PIECES = frozenset({"item", "row", "code"})
_BLANKED = re.compile(r"[^\r\n\f]")
_SHORT = 600  # characters; what is longer is looked at sentence by sentence alone
_Place = tuple[int, int]

GIVES_ORDERS = "gives orders to its reader"
"""Stands in what is told of each."""


@dataclass(frozen=True, slots=True)
class Order:
    """`file[start:end]` speaks to who answers from it, or carries what that one is to say."""

    file: str
    start: int
    end: int
    text: str

    def __str__(self) -> str:
        flat = " ".join(self.text.split())
        short = flat if len(flat) <= 90 else flat[:89].rsplit(" ", 1)[0] + "…"
        return (
            f"{self.file}, characters {self.start} to {self.end}, {GIVES_ORDERS} "
            f"and is no evidence ({_kind(self.text)}): {short!r}"
        )


def _kind(text: str) -> str:
    """What kind of order, and how much speaks for it; of what is carried by one that it is."""
    found = orders_in(text, "source")
    best = max(found, key=lambda one: one.score, default=None)
    if best is None:
        return "with an order"
    hidden = f", {best.why}" if best.why else ""
    return f"{best.kind}{hidden}, score {best.score}"


def is_order(text: str) -> bool:
    """Whether a text of one or more sentences gives orders to whoever answers from it."""
    return (len(text) <= _SHORT and tells(text)) or any(
        told([text[s.start : s.end] for s in sentences(text)])
    )


def without_orders(
    documents: Sequence[Document], question: str
) -> tuple[tuple[Document, ...], tuple[Order, ...]]:
    """The documents with all orders and hidden text blanked out, so that offsets stay.

    Hidden text between sentences is blanked whatever it says; within a sentence it stays, for a
    quote must be what stands in the file, unless it is an order: then the sentence goes as well.
    Only orders are told of. A question about such orders sees everything: there they are the facts.
    """
    if _ASKED_ABOUT.search(question):
        return tuple(documents), ()
    kept: list[Document] = []
    found: list[Order] = []
    for document in documents:
        review = _review(document.text, document.prose, document.blocks, document.kind)
        found += [Order(document.file, a, b, document.text[a:b]) for a, b in review.orders]
        kept.append(_cleaned(document, review) if review.unseen or review.orders else document)
    return tuple(kept), tuple(found)


@dataclass(frozen=True, slots=True)
class _Review:
    """What is to be blanked in a text."""

    unseen: tuple[_Place, ...]
    """No reader sees it."""
    orders: tuple[_Place, ...]


@lru_cache(maxsize=256)
def _review(text: str, prose: str, blocks: tuple[Block, ...], kind: Kind) -> _Review:
    unseen = hidden(text, kind)
    prose = _blank(prose, unseen)
    listed = [spans(text, Layout(prose, (block,)), kind) for block in blocks]
    secret = [span for span in unseen if is_order(_MARKS.sub("", text[slice(*span)]).strip())]
    title = _TITLE.search(text) if kind == "html" else None
    if title and is_order(title[1]):
        secret.append(title.span(1))
    inside = list(_within(unseen, [s for block in listed for s in block]))
    orders = [*secret, *((s.start, s.end) for h, s in inside if h in secret)]
    orders += _shown_orders(prose, blocks, listed, _paragraphs(text, blocks))
    torn = {h for h, _ in inside}
    return _Review(tuple(h for h in unseen if h not in torn), _merged(orders))


def _within(unseen: Sequence[_Place], listed: Sequence[Span]) -> Iterator[tuple[_Place, Span]]:
    """What is hidden in the middle of a sentence, and the sentence."""
    starts = [s.start for s in listed]
    for start, end in unseen:
        at = bisect_right(starts, start) - 1
        if at >= 0 and end < listed[at].end:
            yield (start, end), listed[at]


def _paragraphs(text: str, blocks: Sequence[Block]) -> list[range]:
    """Blocks that stand together: the lines of a paragraph or of code, one below the other."""
    found: list[range] = []
    for i, block in enumerate(blocks):
        before = blocks[i - 1] if i else None
        if (
            before is not None
            and block.kind == before.kind
            and block.kind in _LINES
            and _LINE_BREAK.fullmatch(text, before.end, block.start)
        ):
            found[-1] = range(found[-1].start, i + 1)
        else:
            found.append(range(i, i + 1))
    return found


def _shown_orders(
    prose: str,
    blocks: Sequence[Block],
    listed: Sequence[Sequence[Span]],
    paragraphs: Sequence[range],
) -> Iterator[_Place]:
    """The orders that stand in the paragraphs, each with what it carries there and after them."""
    carried = 0  # blocks up to here are carried by an order before them
    for paragraph in paragraphs:
        said = [s for i in paragraph for s in listed[i]]
        texts = [prose[s.start : s.end] for s in said]
        bad = [True] * len(said) if paragraph.start < carried else ordered(texts)
        if not any(bad):
            continue
        yield said[bad.index(True)].start, said[-1].end
        if blocks[paragraph.start].kind == "heading":
            end = _section(blocks, paragraph.start)
            below = [
                prose[s.start : s.end] for under in listed[paragraph.stop : end] for s in under
            ]
            # One that only names who is meant may stand above a mere rule.
            if not all(map(only_calls, texts)) or any(score(t) or demands(t) for t in below):
                carried = max(carried, end)
        elif paragraph.start >= carried and texts[-1].rstrip().endswith(":"):
            carried = _introduced(blocks, paragraph.stop)


def _section(blocks: Sequence[Block], at: int) -> int:
    """The first block after all that stand under heading `at`."""
    level, until = blocks[at].level, blocks[at].until
    for i in range(at + 1, len(blocks)):
        ended = blocks[i].kind == "heading" and blocks[i].level <= level
        if ended or 0 < until <= blocks[i].start:
            return i
    return len(blocks)


def _introduced(blocks: Sequence[Block], start: int) -> int:
    """The first block after what the colon before `start` introduces: a list, or one block."""
    end = start
    while end < len(blocks) and blocks[end].kind in _PIECES:
        end += 1
    return end if end > start else min(start + 1, len(blocks))


def _merged(places: Sequence[_Place]) -> tuple[_Place, ...]:
    found: list[_Place] = []
    for start, end in sorted(places):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)


def _cleaned(document: Document, review: _Review) -> Document:
    text = _blank(_blank(document.text, review.unseen), review.orders, document.kind == "html")
    prose = _blank(document.prose, [*review.unseen, *review.orders])
    blocks = tuple(b for b in document.blocks if prose[b.start : b.end].strip())
    return replace(document, text=text, prose=prose, blocks=blocks)


def _blank(text: str, places: Sequence[_Place], tags: bool = False) -> str:
    """The text with blanks in these places; line ends stay, and with them tables and lists.

    Args:
        tags: what looks like one stays, so that each has its end.
    """
    parts, at = [], 0
    for start, end in _merged(places):
        parts.append(text[at:start])
        while tags and (tag := _TAG.search(text, start, end)):
            parts += [_BLANKED.sub(" ", text[start : tag.start()]), tag[0]]
            start = tag.end()
        parts.append(_BLANKED.sub(" ", text[start:end]))
        at = end
    return "".join([*parts, text[at:]])
