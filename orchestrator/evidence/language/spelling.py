"""A word of a question that no source has, and the word of the sources that it misspells."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from orchestrator.evidence.language.lexicon import NUMBER_WORDS, STOP_WORDS
from orchestrator.evidence.language.paraphrase import paraphrases
from orchestrator.evidence.language.similarity import has_synonym

_LEAST = 6
"""Letters: shorter words are too often one letter away from another."""
_LONG = 9
"""From here on two letters may be wrong."""


def misspelt(asked: str, known: Collection[str]) -> str:
    """The stem that a stem most likely misspells; empty where it is known, or none is near.

    One letter is missing, added, wrong, or has changed places with its neighbour; two in a long
    word. The first letter is seldom wrong, and a word of the word lists is meant as it stands.
    """
    if len(asked) < _LEAST or asked in known or asked in STOP_WORDS | NUMBER_WORDS:
        return ""
    if not asked.isalpha() or has_synonym(asked) or paraphrases(asked):
        return ""
    near = _near(asked, (s for s in known if s[0] == asked[0] and s.isalpha()))
    return min(near)[1] if near else ""


def _near(asked: str, others: Iterable[str]) -> list[tuple[int, str]]:
    most = 2 if len(asked) >= _LONG else 1
    found = []
    for other in others:
        if len(other) >= _LEAST - 1 and abs(len(other) - len(asked)) <= most:
            apart = distance(asked, other)
            if 0 < apart <= most and not _only_inflected(asked, other):
                found.append((apart, other))
    return found


def _only_inflected(left: str, right: str) -> bool:
    """Whether the end alone differs, which is more often another form than an error."""
    short, long = sorted((left, right), key=len)
    return long.startswith(short)


def distance(left: str, right: str) -> int:
    """The Damerau-Levenshtein distance (optimal string alignment) of two words."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
