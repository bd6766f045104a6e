"""Near names, for every message that refuses one."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LEAST = 3
"""Letters that say something about what was meant."""
_MOST = 200
"""Letters of the longest name that anybody means; to compare longer ones takes seconds."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` most likely meant, or an empty string.

    Similar as a whole, or else a slip of the finger away from how a longer name begins or from
    one of its parts: `croos` means `cross-validated`, and so does `vaildated`.

    >>> nearest("promt", ["output", "prompt"])
    'prompt'
    >>> nearest("colour", ["output", "prompt"])
    ''
    """
    from rapidfuzz import fuzz, process

    if len(name) > _MOST:
        return ""
    names = list(known)
    found = process.extractOne(name, names, scorer=fuzz.ratio, score_cutoff=60)
    return str(found[0]) if found else _begins_like(name, names)


def _begins_like(name: str, known: Iterable[str]) -> str:
    """The name of which a beginning or a part is `name`, up to one slip (two from eight letters).

    A slip: a letter left out, added, changed, or swapped with its neighbour. Three letters must
    be right; in four none may be changed, since then too many names are near.
    """
    if len(name) < _LEAST:
        return ""
    most = 0 if len(name) == _LEAST else 1 if len(name) < 8 else 2
    found = []
    for whole in known:
        parts = [part for part in re.split(r"[-_./ ]", whole) if len(part) >= _LEAST]
        beginnings = [whole[: len(name) + more] for more in (-1, 0, 1)]
        near = min(_slips(name.lower(), part.lower()) for part in (*beginnings, *parts))
        if near <= most:
            found.append((near, whole))
    return min(found)[1] if found else ""


def _slips(name: str, part: str) -> int:
    from rapidfuzz.distance import OSA

    changed = len(name) == len(part) and sorted(name) != sorted(part)
    return 9 if changed and len(name) < 5 else int(OSA.distance(name, part))


def listing(known: Iterable[str], limit: int = 20) -> str:
    """The known names for a message, sorted; `none` where there is none."""
    names = sorted(known)
    more = f", … ({len(names)} in all)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more if names else "none"


def misspelt(name: str, known: Iterable[str], *, most: int = 2) -> str:
    """The known word that `name` is a slip of the finger away from, or an empty string.

    For open sets of words, where a new word is nobody's mistake: one letter left out, added,
    changed or swapped with its neighbour (in a word of eight or more up to `most`), the first
    letter and all digits the same. Damerau-Levenshtein distance.
    """
    from rapidfuzz.distance import DamerauLevenshtein

    def numbers(word: str) -> str:
        return "".join(c for c in word if c.isdigit())

    most = most if len(name) >= 8 else 1
    found = {
        word: DamerauLevenshtein.distance(name, word, score_cutoff=most)
        for word in known
        if len(name) >= 3 and word[:1] == name[:1] and numbers(word) == numbers(name)
    }
    close = sorted((distance, word) for word, distance in found.items() if 0 < distance <= most)
    return close[0][1] if close else ""
