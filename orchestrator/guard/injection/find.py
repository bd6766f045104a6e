"""Orders in texts that may not give any: where they stand, of what kind, and how sure it is.

    orders_in(text, "prompt")     only what reaches beyond the asker: see `_direct`
    orders_in(text, "tool")       any order to whoever answers: none belongs there

Small and local: a text is first asked for words without which no order can be; most hold none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestrator.guard.injection._coded import decoded
from orchestrator.guard.injection._direct import ANYWHERE, INSIDE
from orchestrator.guard.injection._languages import foreign, may_be_foreign
from orchestrator.guard.injection._plain import View, plain_again, tagged, views
from orchestrator.guard.injection.grammar import (
    ENOUGH,
    Part,
    calls,
    demands,
    held,
    parts,
    score,
)

Where = Literal["prompt", "source", "tool", "answer"]
"""Who wrote the text: the asker; a document; what a tool brought; a model, which is fed on."""

MOST = 20
"""Orders that are told of one text."""
_LONGEST = 600
"""Characters of a sentence that is looked at as one; of a longer one each line is."""
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?]+[\"'”’)\]]*(?=\s|$)|[。！？]|\n|$)|[^\n]+")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_WORDS = re.compile(r"[^\W\d]+")
_SEEN = 512  # texts whose orders are remembered: histories come again with every turn


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """`text[start:end]` gives orders and may not."""

    start: int
    """In code points."""
    end: int
    kind: str
    """`takes back the operator's words`, `carries data away`, `an order in German`, …"""
    score: int
    """`ENOUGH` and more: how much speaks for it."""
    why: str = ""
    """How it was hidden: `base64`, `letters set apart`, …; empty where it stands in plain sight."""

    def __str__(self) -> str:
        hidden = f", {self.why}" if self.why else ""
        return f"characters {self.start} to {self.end}: {self.kind}{hidden} (score {self.score})"


def orders_in(text: str, where: Where) -> tuple[Order, ...]:
    """The orders that stand in `text` and may not, by place; those that overlap are one.

    Args:
        where: who wrote it; in what the asker himself writes orders are no attack as such.
    """
    if where == "prompt" and not _may_hold(text):
        return ()
    return _found(text, where)


def is_order(sentence: str) -> bool:
    """Whether a sentence of a source, in whatever costume or language, gives orders."""
    return bool(_found(sentence, "source"))


# ── what cannot be ───────────────────────────────────────────────────────────────────────


def _words_of(parts: Iterable[Part]) -> frozenset[str]:
    return frozenset().union(*(part.needs for part in parts))


_NEEDED = _words_of(ANYWHERE)
"""Words of which every attack in plain English holds one."""
_TURNED = "erongi snoitcurtsni dragersid metsys tpmorp vtaber vafgehpgvba vafgehpgvbaf qvfertneq"
_IN_CODE = frozenset(_TURNED.split())
"""The like written backwards, and in rot13."""
_LEET = re.compile(r"[a-z][013457@$][a-z]")
_LONG = 24
"""Characters; hardly a word is as long, and what stands in code is."""
_SINGLE = 5
"""So many letters that stand alone may be a word that was set apart."""
_SIGNS = ("![", "<!--", "<|", "[inst", "&#", "\\u00", "\\x")


def _may_hold(text: str) -> bool:
    lower = text.lower()
    words = _WORDS.findall(lower)
    return (
        not _NEEDED.isdisjoint(words)
        or not _IN_CODE.isdisjoint(words)
        or may_be_foreign(text, words)
        or any(sign in lower for sign in _SIGNS)
        or (not text.isascii() and plain_again(text))
        or len(max(text.split(), key=len, default="")) >= _LONG
        or list(map(len, words)).count(1) >= _SINGLE
        or _LEET.search(lower) is not None
    )


# ── what is ──────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=_SEEN)
def _found(text: str, where: Where) -> tuple[Order, ...]:
    found = list(_plain_orders(text, where))
    for match in _COMMENT.finditer(text) if "<!--" in text else ():
        if any(_plain_orders(match[0][4:].removesuffix("-->"), "source")):
            found.append(Order(*match.span(), "an order out of sight", ENOUGH, "a comment"))
    for view in views(text):
        found += _seen_through(view, where)
    for view in (*tagged(text), *decoded(text)):  # nobody hides what he may say
        found += _seen_through(view, "source")
    return _apart(found)[:MOST]


def _seen_through(view: View, where: Where) -> Iterator[Order]:
    for order in _plain_orders(view.text, where):
        start, end = view.span(order.start, order.end)
        yield Order(start, end, order.kind, order.score, view.why)


def _plain_orders(text: str, where: Where) -> Iterator[Order]:
    before: tuple[int, int] | None = None
    for start, end in _sentences(text):
        said = text[start:end]
        if where == "prompt" and _NEEDED.isdisjoint(words := _WORDS.findall(said.lower())):
            order = _order(said, where) if may_be_foreign(said, words) else None
        else:
            order = _order(said, where)
        if order is not None:
            kind, sure = order
            yield Order(start, end, kind, sure)
        elif where != "prompt" and before is not None and demands(said):
            yield Order(before[0], end, "an order to a machine", ENOUGH)
        before = (start, end) if where != "prompt" and order is None and calls(said) else None


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    for match in _SENTENCE.finditer(text):
        said = match[0].strip()
        if not said:
            continue
        start = match.start() + match[0].index(said[0])
        for at in range(0, len(said), _LONGEST):
            yield start + at, min(start + at + _LONGEST, start + len(said))


@lru_cache(maxsize=4096)
def _order(sentence: str, where: Where) -> tuple[str, int] | None:
    """The kind of order that a sentence is, and its score."""
    whole = held(sentence, ANYWHERE)
    if where != "prompt":
        whole += held(sentence, INSIDE)
    if whole:
        return whole[0].name, sum(part.weight for part in whole)
    words = _WORDS.findall(sentence.lower())
    language = foreign(sentence) if may_be_foreign(sentence, words) else ""
    if language:
        return f"an order in {language}", ENOUGH
    if where == "prompt":
        return None
    sure = score(sentence)
    if sure < ENOUGH:
        return None
    return next(iter(parts(sentence)), "an order to a machine"), sure


def _apart(orders: Sequence[Order]) -> tuple[Order, ...]:
    """By place; of those that overlap the surest tells what it is, and they are one."""
    found: list[Order] = []
    for order in sorted(orders):
        if not found or order.start >= found[-1].end:
            found.append(order)
            continue
        last = found[-1]
        # What stands in plain sight tells more than that it was also hidden.
        best = max(last, order, key=lambda o: (o.score, not o.why, -o.start))
        end = max(last.end, order.end)
        found[-1] = Order(last.start, end, best.kind, best.score, best.why)
    return tuple(found)
