"""Where a quote stands in a text: letter by letter, after folding, then across broken lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from typing import TYPE_CHECKING

from orchestrator.evidence.keeping import Kept
from orchestrator.evidence.quoting.fold import DASHES, Folded, fold, fold_document

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Accept = Callable[[int, int], bool]
"""Whether a span of the text, `start` and `end`, may be taken."""

_MOST_PLACES = 64  # that are looked at of a quote that stands in many
_GAP = " -'\""
_ENDS = r"\n\r\f\v\x85\u2028\u2029"  # of a line
_HYPHENATED = re.compile(rf"[{DASHES}\u00ad][^\S{_ENDS}]*[{_ENDS}]\s*")
_BREAK = re.compile(rf"\s*[{_ENDS}]\s*")
_WRAPPING = " \t\n\r\"“”„‟«»‘’‚'`"
_ELLIPSES = ("[...]", "[…]", "...", "…")


@dataclass(frozen=True, slots=True)
class _Skeleton:
    """A folded text without spaces, dashes and quotation marks."""

    text: str
    places: npt.NDArray[np.int32]
    """Of its characters, in the folded text."""


def find(quote: str, text: str, near: int, accept: Accept) -> tuple[int, int] | None:
    """The acceptable span of `text` that reads as the quote, the one that begins nearest to `near`.

    Tried in turn, each only where the one before it finds nothing: the same letters; the same
    after folding; the same with words that were hyphenated at the end of a line, dashes in other
    clothes, and lines of a script without spaces; all that without the quotation marks or the
    ellipsis that the quote is wrapped in.

    Args:
        near: a code point of `text`; anything at all is understood.
    """
    found = _literal(quote, text, near, accept)
    bare = _bare(quote)
    for form in [quote.strip(), *([bare] if bare and bare != quote.strip() else [])]:
        found = found or _folded(form, text, near, accept) or _broken(form, text, near, accept)
    return found


def _bare(quote: str) -> str:
    """The quote without the quotation marks and ellipses around it."""
    before = ""
    while quote != before:
        before, quote = quote, quote.strip(_WRAPPING)
        for mark in _ELLIPSES:
            quote = quote.removeprefix(mark).removesuffix(mark)
    return quote


def nearest(needle: str, hay: str, near: int) -> Iterator[int]:
    """The places of `needle`, by their distance from `near`; at most 64 on each side.

    The search to the left goes through the text reversed: only `str.find` takes linear time.
    """
    if not needle or needle not in hay:
        return iter(())
    near = min(max(near, 0), len(hay))
    right = ((abs(at - near), at) for at in _ahead(needle, hay, near))
    end = near + len(needle) - 1
    mirror = hay[:end][::-1]
    length = len(mirror) - len(needle)
    left = ((near - length + at, length - at) for at in _ahead(needle[::-1], mirror, 0))
    return (at for _, at in merge(left, right))


def _ahead(needle: str, hay: str, start: int) -> Iterator[int]:
    at = hay.find(needle, start)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        yield at
        at = hay.find(needle, at + 1)


def _literal(quote: str, text: str, near: int, accept: Accept) -> tuple[int, int] | None:
    spans = ((at, at + len(quote)) for at in nearest(quote, text, near))
    return next((span for span in spans if accept(*span)), None)


def _folded(quote: str, text: str, near: int, accept: Accept) -> tuple[int, int] | None:
    needle = fold(quote).text.strip()
    if not needle:
        return None
    hay = fold_document(text)
    for at in nearest(needle, hay.text, _place_in(hay, near)):
        end = at + len(needle)
        if hay.whole(at, end) and accept(*(span := hay.span(at, end))):
            return span
    return None


def _place_in(hay: Folded, near: int) -> int:
    return int(hay.places.searchsorted(near))


def _broken(quote: str, text: str, near: int, accept: Accept) -> tuple[int, int] | None:
    asked, hay = fold(quote), fold_document(text)
    needle, bones = _skeleton(asked), _SKELETONS(hay)
    if not needle.text:
        return None
    first, last = int(needle.places[0]), int(needle.places[-1])
    before, after = asked.text[:first].lstrip(), asked.text[last + 1 :].rstrip()
    start = int(bones.places.searchsorted(_place_in(hay, near)))
    for at in nearest(needle.text, bones.text, start):
        held = bones.places[at : at + len(needle.text)]
        begin, end = int(held[0]) - len(before), int(held[-1]) + 1 + len(after)
        if (
            begin >= 0
            and hay.text[begin : int(held[0])] == before
            and hay.text[int(held[-1]) + 1 : end] == after
            and hay.whole(begin, end)
            and _same_gaps(_Side(quote, asked, needle.places), _Side(text, hay, held))
            and accept(*(span := hay.span(begin, end)))
        ):
            return span
    return None


def _skeleton(folded: Folded) -> _Skeleton:
    import numpy as np

    points = np.frombuffer(folded.text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    keep = np.ones(len(points), np.bool_)
    for char in _GAP:
        keep &= points != ord(char)
    bones = points[keep].tobytes().decode("utf-32-le", "surrogatepass")
    return _Skeleton(bones, np.flatnonzero(keep).astype(np.int32))


_SKELETONS: Kept[Folded, _Skeleton] = Kept(
    _skeleton, size=lambda folded: len(folded.text), room=4_000_000
)


@dataclass(frozen=True, slots=True)
class _Side:
    """A text, folded, and the places of a skeleton in the folded one."""

    text: str
    folded: Folded
    bones: npt.NDArray[np.int32]

    def gap(self, number: int) -> str:
        """What stands in the original between two characters of the skeleton."""
        left, right = self.bones[number], self.bones[number + 1]
        return self.text[self.folded.places[left] + 1 : self.folded.places[right]]

    def char(self, number: int) -> str:
        return self.folded.text[self.bones[number]]


def _same_gaps(quote: _Side, text: _Side) -> bool:
    """Whether what the skeleton leaves out can be read alike on both sides, everywhere."""
    import numpy as np

    open_ = np.flatnonzero((np.diff(quote.bones) > 1) | (np.diff(text.bones) > 1))
    return all(
        bool(_readings(quote.gap(n), around) & _readings(text.gap(n), around))
        for n in map(int, open_)
        for around in [quote.char(n) + quote.char(n + 1)]
    )


@lru_cache(maxsize=4096)
def _readings(gap: str, around: str) -> frozenset[str]:
    """All that the characters between two others can stand for.

    A hyphen at the end of a line may be part of the word or not, and so may one before a space
    that was such an end once. A dash between spaces is one without them, and two or three hyphens
    are a dash. Between ideographs a line ends without a space.
    """
    base = fold(gap).text
    found = {base, base.replace("''", '"')}
    if re.fullmatch(r"-{2,3}| -{1,3} ", base):
        found.add("-")
    if _HYPHENATED.fullmatch(gap) or (base == "- " and around.islower()):
        found |= {"-", "- "}
        if around.isalpha():
            found.add("")
    if _BREAK.fullmatch(gap) and all(map(_is_ideograph, around)):
        found.add("")
    return frozenset(found)


def _is_ideograph(char: str) -> bool:
    return "\u2e80" <= char <= "\u9fff" or "\uff00" <= char <= "\uffef" or char >= "\U00020000"
