"""Text folded so that typography does not matter, with the place of every character kept.

Folded are what NFKC makes one, dashes, quotation marks, and white space; soft hyphens and what has
no width are left out. Case, letters, digits and all other marks stay. The folded text is in NFKD
and not in NFKC: two texts have the same NFKC if and only if they have the same NFKD (Unicode
Standard Annex 15), and NFKD takes each character alone, so that no place is lost.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from orchestrator.evidence.keeping import Kept

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Places = npt.NDArray[np.int32]

DASHES = "-‐‑‒–—―−⸺⸻﹘﹣－"
_APOSTROPHES = "'‘’‚‛′ʹʼˈ`‵＇"
_QUOTES = '"“”„‟«»＂〝〞〟'
_FOLDED = {
    **dict.fromkeys(DASHES, "-"),
    **dict.fromkeys(_APOSTROPHES, "'"),
    **dict.fromkeys(_QUOTES, '"'),
    "‹": "'",
    "›": "'",
    "\u2044": "/",  # of a vulgar fraction
    "\u2215": "/",
}
_INVISIBLE = frozenset(
    chain(
        (0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF),
        range(0x200B, 0x2010),
        range(0x202A, 0x202F),
        range(0x2060, 0x2070),
        range(0xFE00, 0xFE10),
    )
)
_ACUTE = 0x301
_SPACE, _MARK = ord(" "), ord("'")


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """A folded text. Character `i` of it came from character `places[i]` of the original."""

    text: str
    places: Places
    joined: npt.NDArray[np.bool_]
    """Where a character belongs to the one before it: a combining mark, a part of a ligature.
    No span may begin there."""

    def whole(self, start: int, end: int) -> bool:
        """Whether the span tears no character of the original in two."""
        after = end < len(self.text) and bool(self.joined[end])
        return not after and not bool(self.joined[start])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the folded span `start:end`, not empty, stands in the original."""
        held = self.places[start:end]
        return int(held.min()), int(held.max()) + 1


def fold_document(text: str) -> Folded:
    """`fold` of a text that will be asked for again."""
    return _FOLDED_DOCUMENTS(text)


def fold(text: str) -> Folded:
    """The folded text. Takes about 10 ms for a million characters of ASCII, 30 ms of others."""
    import numpy as np

    if text.isascii():
        return _plain(text)
    chars, places = _expanded(text)
    marks = _classes(chars)
    if marks is not None and bool(((marks[1:] < marks[:-1]) & (marks[1:] > 0)).any()):
        order = _canonical(marks)
        chars, places, marks = chars[order], places[order], marks[order]
    keep = np.ones(len(chars), np.bool_)
    spaces = chars == _SPACE
    if marks is not None:
        acute = np.flatnonzero(spaces[:-1] & (chars[1:] == _ACUTE))  # what NFKC makes of ´
        chars[acute] = _MARK
        spaces[acute] = False
        keep[acute + 1] = False
    keep[1:] &= ~(spaces[1:] & spaces[:-1])
    if not keep.all():
        chars, places = chars[keep], places[keep]
        marks = marks[keep] if marks is not None else None
    joined = np.zeros(len(chars), np.bool_)
    joined[1:] = places[1:] == places[:-1]
    if marks is not None:
        joined |= marks > 0
    folded = chars.tobytes().decode("utf-32-le", "surrogatepass")
    return Folded(folded, places, joined)


_FOLDED_DOCUMENTS: Kept[str, Folded] = Kept(fold, size=len, room=4_000_000)  # about 30 MB


def _plain(text: str) -> Folded:
    """The folded text of one in ASCII, which only loses white space."""
    import numpy as np

    table = np.array([_folded(point)[0] for point in range(128)], np.uint8)
    chars = table[np.frombuffer(text.encode("ascii"), np.uint8)]
    keep = np.ones(len(chars), np.bool_)
    spaces = chars == _SPACE
    keep[1:] = ~(spaces[1:] & spaces[:-1])
    places = np.flatnonzero(keep).astype(np.int32)
    return Folded(chars[keep].tobytes().decode("ascii"), places, np.zeros(len(places), np.bool_))


def _expanded(text: str) -> tuple[Any, Places]:
    """What each code point folds to, and the index of the code point that it came from."""
    import numpy as np

    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    used = [*range(128), *map(int, np.unique(points[points >= 128]))]
    folded = {point: _folded(point) for point in used}
    first = np.zeros(used[-1] + 1, dtype="<u4")
    first[used] = [f[0] if f else 0 for f in folded.values()]
    size = np.ones(used[-1] + 1, np.int8)
    size[used] = [len(f) for f in folded.values()]
    chars, places = first[points], np.arange(len(points), dtype=np.int32)
    odd = np.flatnonzero(size[points] != 1)
    if not len(odd):
        return chars, places
    sizes = size[points[odd]].astype(np.int64)
    more = np.repeat(odd, np.maximum(sizes - 1, 0))  # where what follows the first one comes from
    rest = [char for point in points[odd].tolist() for char in folded[point][1:]]
    gone = odd[sizes == 0]
    chars, places = np.insert(chars, more + 1, rest), np.insert(places, more + 1, more)
    if len(gone):
        keep = np.ones(len(points), np.bool_)
        keep[gone] = False
        kept = keep[places]
        chars, places = chars[kept], places[kept]
    return chars, places


@lru_cache(maxsize=65_536)
def _folded(point: int) -> tuple[int, ...]:
    """What one code point folds to; nothing where it cannot be seen."""
    char = chr(point)
    if point in _INVISIBLE:
        return ()
    if char.isspace():
        return (_SPACE,)
    if char in _FOLDED:
        return (ord(_FOLDED[char]),)
    parts = unicodedata.normalize("NFKD", char)
    return tuple(ord(" " if c.isspace() else _FOLDED.get(c, c)) for c in parts)


def _canonical(marks: Any) -> Any:
    """The order in which the marks of each character are sorted by their class."""
    import numpy as np

    order = np.arange(len(marks), dtype=np.int32)
    cluster = np.cumsum(marks == 0, dtype=np.int32)
    wrong = np.zeros(int(cluster[-1]) + 1, np.bool_)
    wrong[cluster[1:][(marks[1:] < marks[:-1]) & (marks[1:] > 0)]] = True
    held = np.flatnonzero(wrong[cluster])
    order[held] = held[np.lexsort((marks[held], cluster[held]))]
    return order


def _classes(chars: Any) -> Any | None:
    """The canonical combining class of each character; `None` where there is no such mark."""
    import numpy as np

    high = np.flatnonzero(chars >= 0x300)
    used, which = np.unique(chars[high], return_inverse=True)
    classes = np.array([unicodedata.combining(chr(int(point))) for point in used], np.uint8)
    if not classes.any():
        return None
    marks = np.zeros(len(chars), np.uint8)
    marks[high] = classes[which]
    return marks
