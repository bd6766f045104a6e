"""Do the citations hold? Each quote against the passages that were handed on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from orchestrator.tracing.diagnosing.reading import Passage, Quote, Seen
from orchestrator.tracing.diagnosing.signs import Kind, Sign
from orchestrator.tracing.diagnosing.wording import content, fold, shown

_KIND: Kind = "bad_citation"
_BAD = frozenset({"wrong_document", "stitched", "altered", "absent"})
_NUMBER = re.compile(r"\d+")
_CARRIES = 0.34
"""Share of a sentence's words that a quote must have to carry it."""
_LEAST = 3
_SLIP = 3
"""Characters by which a span may be off: a blank, a dash."""

_Key = tuple[str, str, int | None, int | None]


class Citations:
    """All citations of a trace, each blamed on the hop that made it first.

    Args:
        seen: all hops, in the order in which they began.
    """

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._first: dict[_Key, int] = {}
        self._paired: dict[tuple[str, str], int] = {}
        """By quote and what it is to carry: who put them together first."""
        self._passages: dict[tuple[str, str], str] = {}
        self._starts: dict[str, Counter[int]] = {}
        self._refused: dict[tuple[str, str], tuple[int, str]] = {}
        for one in seen:
            for passage in one.passages:
                self._passages.setdefault((passage.file, passage.text), fold(passage.text))
            for quote in one.quotes:
                self._first.setdefault(_key(quote), one.at)
                self._paired.setdefault(_pair(quote), one.at)
                self._note_start(quote)
                if quote.status in _BAD or quote.supported is False:
                    self._refused.setdefault(_pair(quote), (one.at, quote.status))

    def _note_start(self, quote: Quote) -> None:
        """Where each passage would begin in its file, by what each citation says."""
        if quote.start is None:
            return
        for (file, text), _ in self._passages.items():
            at = text.find(quote.text) if file == quote.file else -1
            if at >= 0:
                self._starts.setdefault(text, Counter())[quote.start - at] += 1

    def signs(self, seen: Seen) -> Iterator[Sign]:
        """Signs that a citation which this hop made is not what it pretends to be."""
        if seen.hop.status != "ok":
            return
        found: dict[str, Sign] = {}
        for quote in seen.quotes:
            if self._first[_key(quote)] == seen.at:
                for sign in self._of(quote, seen):
                    found.setdefault(sign.words[:24], sign)
            if self._paired[_pair(quote)] == seen.at:
                for sign in self._together(quote, seen):
                    found.setdefault(sign.words[-24:], sign)
        for name, sentence in seen.marks:
            for sign in self._mark(name, sentence, seen):
                found.setdefault(sign.words[:24], sign)
        yield from found.values()
        yield from _uncited(seen)

    def _of(self, quote: Quote, seen: Seen) -> Iterator[Sign]:
        cited = shown(quote.text, 60)
        mine = seen.passages or tuple(Passage("", f, t) for f, t in self._passages)
        folded = fold(quote.text)
        holders = [p for p in mine if folded and folded in self._folded(p)]
        if mine and not holders and folded:
            where = [f for (f, t), text in self._passages.items() if folded in text]
            if where:
                words = f'cites "{cited}", which was not among its passages'
                yield Sign(_KIND, 0.6, words)
            else:
                yield Sign(_KIND, 0.8, f'cites "{cited}", which no passage holds')
        elif mine and not folded:
            yield Sign(_KIND, 0.6, "cites nothing: an empty quote")
        elif holders:
            yield from self._place(quote, holders, mine)
        if quote.start is not None and quote.end is not None:
            if quote.start < 0 or quote.end <= quote.start:
                yield Sign(_KIND, 0.75, f"cites an empty span, {quote.start} to {quote.end}")
            elif abs(quote.end - quote.start - len(quote.text)) > max(3, 0.1 * len(quote.text)):
                words = f'cites the span {quote.start} to {quote.end} for "{cited}", which has '
                yield Sign(_KIND, 0.65, f"{words}{len(quote.text)} characters")

    def _together(self, quote: Quote, seen: Seen) -> Iterator[Sign]:
        """Whether the quote and what it is to carry belong together."""
        cited = shown(quote.text, 60)
        yield from self._carried(quote.text, quote.sentence, seen, quote)
        refused = self._refused.get(_pair(quote))
        if refused is not None and refused[0] > seen.at:
            words = refused[1] or "not supported"
            yield Sign(_KIND, 0.4, f'its citation "{cited}" was refused later ({words})')

    def _folded(self, passage: Passage) -> str:
        return self._passages.get((passage.file, passage.text)) or fold(passage.text)

    def _place(
        self, quote: Quote, holders: Sequence[Passage], mine: Sequence[Passage]
    ) -> Iterator[Sign]:
        """It stands in a passage, but not where the citation says."""
        cited = shown(quote.text, 60)
        files = {p.file for p in mine if p.file}
        if quote.file and files and quote.file not in {p.file for p in holders}:
            strange = "" if quote.file in files else ", a source that nobody handed on"
            yield Sign(
                _KIND,
                0.7,
                f'cites "{cited}" from {quote.file}{strange or ", where it does not stand"}',
            )
            return
        ids = {p.id for p in mine if p.id}
        if quote.passage and ids and quote.passage not in {p.id for p in holders}:
            yield Sign(_KIND, 0.5, f'cites "{cited}" as {quote.passage}, where it does not stand')
        for passage in holders:
            starts, at = self._starts.get(passage.text), passage.text.find(quote.text)
            if starts is None or at < 0 or quote.start is None or quote.file != passage.file:
                continue
            usual, times = starts.most_common(1)[0]
            # In a file with markup a passage is shorter than its span, and nothing agrees.
            away = abs(quote.start - at - usual)
            if times > 1 and away > _SLIP and sum(starts.values()) == times + 1:
                words = f'cites "{cited}" at {quote.start}, and it stands at {usual + at}'
                yield Sign(_KIND, 0.65, words)

    def _carried(
        self, quoted: str, sentence: str, seen: Seen, quote: Quote | None = None
    ) -> Iterator[Sign]:
        """Whether the cited words have anything to do with what they are to carry."""
        wanted = _carrying(sentence)
        if len(wanted) < _LEAST or not quoted:
            return
        share = len(wanted & _carrying(quoted)) / len(wanted)
        if share >= _CARRIES:
            return
        rivals = [s for p in seen.passages for s in _pieces(p.text)]
        best = max(rivals, key=lambda s: len(wanted & _carrying(s)), default="")
        better = len(wanted & _carrying(best)) / len(wanted)
        words = (
            f'cites "{shown(quoted, 60)}" for "{shown(sentence, 60)}", of which it does not speak'
        )
        if better >= 2 * share and better >= 0.5:
            yield Sign(_KIND, 0.6, f'{words}; "{shown(best, 60)}" does')
        elif share < 0.12:
            yield Sign(_KIND, 0.5, words)
        elif quote is not None and quote.supported is not True:
            yield Sign(_KIND, 0.25, words)

    def _mark(self, name: str, sentence: str, seen: Seen) -> Iterator[Sign]:
        """A passage by its number: `p3`, or a sentence of it, `p3.2`."""
        if not seen.passages:
            return
        head, _, number = name.partition(".")
        passage = next((p for p in seen.passages if p.id == head), None)
        if passage is None:
            yield Sign(_KIND, 0.7, f"cites {name}, and has no such passage")
            return
        pieces = passage.text.split("\n")
        if number and f"[{name}]" not in seen.prompt:
            yield Sign(_KIND, 0.65, f"cites {name}, and {head} has no such sentence")
            return
        quoted = passage.text
        if number and int(number) <= len(pieces):
            quoted = pieces[int(number) - 1]
        yield from self._carried(quoted, sentence, seen)


def _key(quote: Quote) -> _Key:
    return fold(quote.text), quote.file, quote.start, quote.end


def _pair(quote: Quote) -> tuple[str, str]:
    return fold(quote.text), fold(quote.sentence)


def _uncited(seen: Seen) -> Iterator[Sign]:
    """It was to cite, and did not."""
    profile, data = seen.hop.profile, seen.data
    if profile is None or "cite" not in profile.needs or not isinstance(data, dict):
        return
    listed = data.get("sentences")
    if not isinstance(listed, list) or not seen.passages or seen.hop.role == "aggregator":
        return
    said = [s for s in listed if isinstance(s, dict) and s.get("text") and "citations" in s]
    bare = [s for s in said if not s["citations"] and s.get("kind", "evidence") == "evidence"
            and not s.get("calculation")]  # fmt: skip
    if bare and len(bare) == len(said):
        yield Sign(_KIND, 0.6, "cites nothing at all, and was to cite every sentence")
    elif bare:
        yield Sign(_KIND, 0.35, f'cites nothing for "{shown(str(bare[0]["text"]), 60)}"')


def _carrying(text: str) -> frozenset[str]:
    return content(text) | frozenset(_NUMBER.findall(text))


def _pieces(text: str) -> list[str]:
    return [piece for line in text.split("\n") for piece in line.split(". ") if piece]
