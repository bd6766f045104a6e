"""What is wrong with a quote that does not stand in its text: stitched, altered, or not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from orchestrator.evidence.quoting.fold import Folded, fold, fold_document
from orchestrator.evidence.quoting.spans import nearest

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]"  # a script without spaces: each character for itself
    r"|\w[\w\u0300-\u036f]*(?:[.,:/'-]\w[\w\u0300-\u036f]*)*|[^\w\s]"
)
_ELLIPSIS = re.compile(r"\s*(?:\[\s*\.{3,}\s*\]|\(\s*\.{3,}\s*\)|\.{3,})\s*")
_PIECE = 3  # words that stand together by more than chance
_LEFT_OUT = 2  # words; more than these left out make two pieces of one
_MOST_PIECES = 8
_MOST_STRANGE = 16  # words that stand nowhere, after which no more are looked for
_FEW = 0.25  # of the words changed: they were altered whatever else they are
_HALF = 0.5  # of the words must stand there, or the quote is simply not from there
_SHOWN = 3  # differences
_TIGHT, _WIDE = 0.1, 1.0  # of the quote's length, where its words may stand further off
_MARGIN = 40  # characters more


@dataclass(frozen=True, slots=True)
class Misquote:
    """Why a quote does not stand, in words for a person."""

    status: Literal["stitched", "altered", "absent"]
    reason: str


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a folded text, each with its span there."""

    folded: Folded
    spans: Sequence[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.spans)

    def slice(self, first: int, end: int) -> str:
        """The folded text of the words `first` to `end`, the last one left out."""
        return self.folded.text[self.spans[first][0] : self.spans[end - 1][1]]

    def texts(self) -> list[str]:
        return [self.folded.text[a:b] for a, b in self.spans]

    def shown(self, original: str, first: int, end: int) -> str:
        """The words as they stand in the original, on one line, cut where they are many."""
        if first >= end:
            return ""
        start, stop = self.folded.span(self.spans[first][0], self.spans[end - 1][1])
        flat = " ".join(original[start:stop].split())
        return flat if len(flat) <= 60 else f"{flat[:40].rstrip()} … {flat[-15:].lstrip()}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words of the quote that stand together in the text, and where."""

    first: int
    end: int
    at: int


@dataclass(frozen=True, slots=True)
class _Case:
    """A quote and the text in which it does not stand."""

    quote: str
    text: str
    file: str
    words: _Words
    pieces: Sequence[_Piece]


@dataclass(frozen=True, slots=True)
class _Difference:
    """Words of the quote against the words that the text has there; either may be none."""

    quote: tuple[int, int]
    text: tuple[int, int]

    @property
    def left_out(self) -> int:
        return (self.text[1] - self.text[0]) - (self.quote[1] - self.quote[0])


def explain(quote: str, text: str, file: str, near: int) -> Misquote:
    """What was done to a quote that does not stand in `text`.

    Args:
        near: where it is said to begin in `text`.
    """
    asked, held = fold(quote), fold_document(text)
    words = _words(asked, 0, len(asked.text))
    absent = Misquote("absent", f"the quote does not stand in {file}")
    if not words:
        return absent
    cut = _with_ellipsis(asked.text, held)
    if cut:
        return Misquote("stitched", f"the quote leaves out what stands in {file} between {cut}")
    start = int(held.places.searchsorted(near))
    pieces = _pieces(words, held, start, _PIECE) or _pieces(words, held, start, _PIECE - 1)
    if not pieces:
        return absent
    for slack in (_TIGHT, _WIDE):  # what is near comes first: words repeat themselves
        judged = _judged(_Case(quote, text, file, words, pieces), held, slack)
        if judged and (judged.status == "altered" or slack == _WIDE):
            return judged
    return absent


def _words(folded: Folded, start: int, end: int) -> _Words:
    return _Words(folded, [m.span() for m in _WORD.finditer(folded.text, start, end)])


def _with_ellipsis(quote: str, text: Folded) -> str:
    """The last and the first words around the first ellipsis, where all pieces stand."""
    pieces = [p for p in _ELLIPSIS.split(quote.strip(" \"'")) if p.strip(" \"'")]
    if len(pieces) < 2 or any(len(p) < 4 or p not in text.text for p in pieces):
        return ""
    return f"“{_short(pieces[0], last=True)}” and “{_short(pieces[1])}”"


def _short(text: str, *, last: bool = False) -> str:
    words = text.split()
    return " ".join(words[-4:] if last else words[:4])


def _pieces(words: _Words, text: Folded, near: int, least: int) -> list[_Piece]:
    """The longest runs of at least so many words that stand in the text, from left to right."""
    found: list[_Piece] = []
    first = strange = 0
    while first < len(words) and len(found) < _MOST_PIECES and strange < _MOST_STRANGE:
        end = _reach(words, first, text.text)
        if end - first < min(least, len(words) - 1) or end == first:
            strange += 1
            first += 1
            continue
        at = next(nearest(words.slice(first, end), text.text, near))
        found.append(_Piece(first, end, at))
        near = at + len(words.slice(first, end))
        first = end
    return found


def _reach(words: _Words, first: int, text: str) -> int:
    """Up to which word the words from `first` on stand together: by doubling, then halving."""
    least = min(first + _PIECE, len(words))
    if words.slice(first, least) not in text:
        return first + 2 if least - first > 2 and words.slice(first, first + 2) in text else first
    good, step = least, _PIECE
    while good + step <= len(words) and words.slice(first, good + step) in text:
        good += step
        step *= 2
    bad = min(good + step, len(words) + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        if words.slice(first, middle) in text:
            good = middle
        else:
            bad = middle
    return good


def _window(words: _Words, pieces: Sequence[_Piece], text: Folded, slack: float) -> _Words:
    """The words of the text around the longest piece, where the whole quote would stand."""
    longest = max(pieces, key=lambda p: len(words.slice(p.first, p.end)))
    before = words.spans[longest.first][0] - words.spans[0][0]
    after = words.spans[-1][1] - words.spans[longest.first][0]
    start = longest.at - before - int(before * slack) - _MARGIN
    end = longest.at + after + int(after * slack) + _MARGIN
    border = text.text.find(" ", end)
    return _words(
        text,
        text.text.rfind(" ", 0, max(0, start)) + 1,
        border if 0 <= border < end + _MARGIN else min(end, len(text.text)),
    )


def _differences(quote: Sequence[str], text: Sequence[str]) -> list[_Difference]:
    """The words that differ, what the text has before and after the quote left aside.

    One equal word between two differences belongs to them.
    """
    pairs = _without_strays(_compact(_matches(quote, text), quote, text))
    if not pairs:
        return [_Difference((0, len(quote)), (0, 0))]
    (q, t), (q_end, t_end) = pairs[0], pairs[-1]
    rest = len(quote) - q_end - 1
    borders = [(-1, max(-1, t - q - 1)), *pairs, (len(quote), min(len(text), t_end + rest + 1))]
    found: list[_Difference] = []
    for (a, b), (c, d) in pairwise(borders):
        if c - a == 1 and d - b == 1:
            continue
        here = _Difference((a + 1, c), (b + 1, d))
        if found and found[-1].quote[1] + 1 >= here.quote[0] > 1:
            before = found.pop()
            here = _Difference((before.quote[0], c), (before.text[0], d))
        found.append(here)
    return found


def _without_strays(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs without a word or two at either end that only by chance stand far off."""
    for _ in range(2):
        cuts = [
            n
            for n in range(1, min(_PIECE, len(pairs)))
            if pairs[n][1] - pairs[n - 1][1] > pairs[n][0] - pairs[n - 1][0] + _LEFT_OUT
        ]
        pairs = [(-q, -t) for q, t in reversed(pairs[max(cuts, default=0) :])]
    return pairs


def _matches(quote: Sequence[str], text: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of equal words, with the fewest changes between them."""
    from rapidfuzz.distance import Levenshtein

    return [
        (op.src_start + n, op.dest_start + n)
        for op in Levenshtein.opcodes(quote, text)
        if op.tag == "equal"
        for n in range(op.src_end - op.src_start)
    ]


def _compact(
    pairs: list[tuple[int, int]], quote: Sequence[str], text: Sequence[str]
) -> list[tuple[int, int]]:
    """The pairs with each word as near as can be to the longest run, for words repeat themselves.

    Of many ways with equally few changes one is given; a `the` far off is as good to it as a near.
    """
    runs: list[list[int]] = []
    for n, (q, t) in enumerate(pairs):
        if n and (q - 1, t - 1) == pairs[n - 1]:
            runs[-1].append(n)
        else:
            runs.append([n])
    if not runs:
        return []
    middle = max(runs, key=len)
    for n in range(middle[-1] + 1, len(pairs)):
        q, t = pairs[n]
        near = pairs[n - 1][1] + q - pairs[n - 1][0]
        if near < t and text[near] == quote[q]:
            pairs[n] = (q, near)
    for n in range(middle[0] - 1, -1, -1):
        q, t = pairs[n]
        near = pairs[n + 1][1] - pairs[n + 1][0] + q
        if near > t and text[near] == quote[q]:
            pairs[n] = (q, near)
    return pairs


def _judged(case: _Case, text: Folded, slack: float) -> Misquote | None:
    words, pieces = case.words, case.pieces
    window = _window(words, pieces, text, slack)
    found = _differences(words.texts(), window.texts())
    changed = sum(d.quote[1] - d.quote[0] for d in found)
    omitted = max((d.left_out for d in found), default=0)
    moved = any(
        d.quote[1] - d.quote[0] >= _PIECE and words.slice(*d.quote) in text.text for d in found
    )
    covered = sum(p.end - p.first for p in pieces) == len(words) and len(pieces) > 1
    few = changed <= max(1, _FEW * len(words))
    if moved or (few and omitted > _LEFT_OUT) or (covered and not few):
        return Misquote("stitched", _apart(case))
    if changed <= _HALF * len(words):
        return Misquote("altered", _told(case, window, found))
    return None


def _apart(case: _Case) -> str:
    """Two pieces that do not follow each other in the text."""
    words, file = case.words, case.file
    if len(case.pieces) < 2:
        return f"the quote is made of words of {file} that do not follow each other"
    left, right = case.pieces[:2]
    ends = words.shown(case.quote, max(left.first, left.end - 4), left.end)
    begins = words.shown(case.quote, right.first, min(right.end, right.first + 4))
    return f"“{ends}” and “{begins}” do not follow each other in {file}"


def _told(case: _Case, window: _Words, found: Sequence[_Difference]) -> str:
    """The first differences: what the quote says, and what the text says in its place."""
    told, file = [], case.file
    for d in found[:_SHOWN]:
        said, true = case.words.shown(case.quote, *d.quote), window.shown(case.text, *d.text)
        if said and true:
            told.append(f"it says “{said}”, {file} says “{true}”")
        elif said:
            told.append(f"it puts in “{said}”, which {file} does not say there")
        else:
            told.append(f"it leaves out “{true}”, which {file} says there")
    if not told:
        told = [f"its hyphens, spaces or quotation marks differ from those in {file}"]
    more = len(found) - len(told)
    return "the quote is altered: " + "; ".join(told) + (f"; and {more} more" if more > 0 else "")
