"""Values out of passages: the dates, amounts, durations, names or addresses that are asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.evidence.language.reading import Reading
from orchestrator.evidence.numbers import MONEY, TIME_UNITS
from orchestrator.evidence.passage_index import index_of
from orchestrator.evidence.selecting.question import AnswerType, ask
from orchestrator.evidence.selecting.select import select
from orchestrator.evidence.values import Citation, Passage
from orchestrator.project.protocols import Embedder


@dataclass(frozen=True, slots=True)
class Item:
    """A value, empty where the sentence itself is it, and the sentence that holds it."""

    value: str
    at: Citation


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found, in document order; `reason` says why there is nothing."""

    items: tuple[Item, ...]
    reason: str = ""


def extract(
    question: str, passages: Sequence[Passage], embedder: Embedder, *, limit: int
) -> Extraction:
    """The values of the kind that the question asks for, from the sentences that it is about.

    Without a kind, or where none is found, the sentences themselves. A question without a
    subject ("extract all dates") looks at every sentence; one that asks how many or how much
    looks at the three best.
    """
    finder = _finder(question)
    asked = ask(question)
    if finder is not None and asked.imperative and not asked.subject:
        spans = [s.citation() for s in index_of(passages, embedder).sentences]
        if not spans:
            return Extraction((), "there are no sources")
    else:
        most = limit if asked.imperative and not _ASKS.search(question) else min(limit, _BEST)
        selection = select(question, passages, embedder, limit=most)
        if not selection.spans:
            return Extraction((), selection.reason)
        spans = list(selection.spans)
    readings = {(s.file, s.start): s.reading for s in index_of(passages, embedder).sentences}
    values = [
        Item(value, span)
        for span in spans
        for value in (finder(readings[span.file, span.start]) if finder else ())
    ]
    if values:
        return Extraction(tuple(dict.fromkeys(values))[:limit])
    if finder is not None and asked.imperative and not asked.subject:
        return Extraction((), "the sources hold nothing of that kind")
    return Extraction(tuple(Item("", span) for span in spans[:limit]))


_BEST = 3  # sentences for a question, which asks for one thing and not for all of a kind
_ASKS = re.compile(r"\bhow (?:many|much|long|often|soon)\b", re.IGNORECASE)
Finder = Callable[[Reading], Iterator[str]]


def _quantities(*units: str) -> Finder:
    def find(reading: Reading) -> Iterator[str]:
        yield from (
            q.text.strip()
            for q in reading.quantities
            if (q.unit in units if units else q.unit != "weekday")
        )

    return find


def _names(reading: Reading) -> Iterator[str]:
    yield from (reading.text[name[0].start : name[-1].end] for name in reading.names)


def _matches(pattern: str) -> Finder:
    compiled = re.compile(pattern)

    def find(reading: Reading) -> Iterator[str]:
        yield from (m[0].rstrip(".,;") for m in compiled.finditer(reading.text))

    return find


_FINDERS: tuple[tuple[str, Finder], ...] = (
    (r"e-?mail(?: address)?(?:es)?", _matches(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    (r"(?:links?|urls?|web ?sites?)", _matches(r"https?://[^\s)>\]]+")),
    (r"(?:opening (?:hours|times)|what time|times of day)", _quantities("clock")),
    (r"(?:dates?|deadlines?|years?)", _quantities("date")),
    (
        r"(?:durations?|periods?|how long|how many (?:second|minute|hour|day|week|month|year)s?)",
        _quantities(*TIME_UNITS),
    ),
    (r"(?:percent(?:age)?s?|shares?)", _quantities("percent")),
    (
        r"(?:prices?|costs?|fees?|amounts? of money|money|allowances?|salar(?:y|ies)|budgets?)",
        _quantities(*MONEY),
    ),
    (r"(?:numbers?|amounts?|figures|quantit(?:y|ies)|how many|how much)", _quantities()),
    (r"(?:names?|people|persons?|who|organi[sz]ations?|companies)", _names),
)


_BY_KIND: dict[AnswerType, Finder] = {
    "amount": _quantities(),
    "money": _quantities(*MONEY),
    "duration": _quantities(*TIME_UNITS),
    "when": _quantities("date", "clock", "weekday"),
    "clock": _quantities("clock"),
    "who": _names,
    "name": _names,
}


def _finder(question: str) -> Finder | None:
    """The kind of value that the question names first, else the kind of answer that it wants."""
    found = [
        (match.start(), rank)
        for rank, (pattern, _) in enumerate(_FINDERS)
        if (match := re.search(rf"\b{pattern}\b", question, re.IGNORECASE))
    ]
    return _FINDERS[min(found)[1]][1] if found else _BY_KIND.get(ask(question).kind)
