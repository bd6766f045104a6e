"""How well the words of a claim are found: alone, in order, together, and clause by clause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.evidence.scoring.compared import EXACT, Compared

if TYPE_CHECKING:
    import numpy as np

_CLAUSE = re.compile(
    r",\s+(?:and|or|but|which|who|while|including|such as)?\s*|;\s*"
    r"|\s+(?:and|but|while|whereas|which|because|although|including|such as|as well as|due to"
    r"|making|allowing|with)\s+|:\s+|\s+[-–—]\s+|[()]"
)
_PAIR_REACH = 4
_DENSE_REACH = 20
_ABSENT, _UNLIKE = 0.7, 0.5
LOST_AXES = 16
"""Of the static embedder's 256 axes, which are ordered by the variance that they carry."""


def word_features(c: Compared) -> Iterator[tuple[str, float]]:
    """Of single words: in all of the passages, in windows of them, and those that are not found."""
    best = c.best[c.content]
    yield "alignment", float(c.best @ c.weights)
    yield "alignment_median", quantile(best, 0.5)
    yield "lower_weakest", lowest(c.best[c.lower])
    yield "lower_window_1", float(c.to_units[c.lower].sum(axis=0).max() / c.lower.sum())
    yield "absent_weight", float(c.heavy[c.content & (c.best < _ABSENT)].sum())
    yield "unlike_around", float(c.heavy[c.content & (c.around < _UNLIKE)].sum())
    for size in (1, 5):
        yield f"exact_window_{size}", float((c.even @ c.found[size]).max())
    yield "exact_window_3_rare", float((c.weights @ c.found[3]).max())
    for size, name, pool in ((1, "quarter", 0.25), (3, "quarter", 0.25), (2, "weakest", 0.0)):
        there = c.windows[size][:, c.place(size)][c.content]
        yield f"window_{size}_{name}", quantile(there, pool)
    for size in (1, 3):
        yield f"all_window_{size}", float(c.found[size].sum(axis=0).max() / len(c.words))
    yield "second_sentence", _second(c)


def lost_features(c: Compared) -> Iterator[tuple[str, float]]:
    """What sort of words the passages lack: `highlights` or `discusses` harms less than a place.

    The vectors of the content words, each by how rare it is and how little alike to any word of
    the passages. The axes of other embedders mean something else, so with those all are 0.
    """
    import numpy as np

    lost = np.zeros(LOST_AXES)
    if c.passages.vectors.is_static:
        lack = np.clip(1 - c.best, 0, 1) * c.content * c.rarity
        lost = lack @ c.rows[:, :LOST_AXES]
    yield from ((f"lost_{axis}", value) for axis, value in enumerate(lost.tolist()))


def _second(c: Compared) -> float:
    """What a second sentence from anywhere adds to the best one."""
    import numpy as np

    first = c.to_units[:, c.place(1)]
    both = c.weights @ np.maximum(c.to_units, first[:, None])
    return float(both.max() - c.weights @ first)


def order_features(c: Compared) -> Iterator[tuple[str, float]]:
    """Of words with their neighbours: copied runs, phrases, words that stand close together."""
    import numpy as np

    yield "copied_pairs", _copied(c, 2)
    yield "copied_triples", _copied(c, 3)
    phrase = c.in_context.max(axis=1)
    yield "phrase_median", quantile(phrase, 0.5)
    yield "phrase_weakest", lowest(phrase)
    windows = c.by_unit(c.in_context)
    for away in (1, 2):
        if windows.shape[1] > away:
            windows[:, :-away] = np.maximum(windows[:, :-away], windows[:, away:])
    yield "phrase_window", float((c.weights[c.content] @ windows).max())
    yield "ordered", float(_ordered(c.to_words).mean())
    yield "ordered_weakest", float(_ordered(c.near).min())
    heavy = c.heavy[c.content]
    dense = c.close(_DENSE_REACH) >= EXACT
    yield "dense", float(((heavy / heavy.sum()) @ dense).max())
    yield "pairs_quarter", quantile(_pairs(c), 0.25)


def _copied(c: Compared, size: int) -> float:
    """Weighted share of the words in runs of so many words that stand in the passages."""
    import numpy as np

    known = c.passages.pairs if size == 2 else c.passages.triples
    runs = zip(*(c.words[i:] for i in range(size)), strict=False)
    covered = np.zeros(len(c.words), dtype=bool)
    for i, run in enumerate(runs):
        if run in known:
            covered[i : i + size] = True
    return float(c.weights[covered].sum())


def _ordered(values: np.ndarray) -> np.ndarray:
    """The best place of each word where its neighbours count for half, shape (n,)."""
    import numpy as np

    total, share = values.copy(), np.full(len(values), 2.0)
    if len(values) > 1:
        half = 0.5 * values
        total[1:, 1:] += half[:-1, :-1]
        total[:-1, :-1] += half[1:, 1:]
    share[0] -= 0.5
    share[-1] -= 0.5
    result: np.ndarray = total.max(axis=1) / share
    return result


def _pairs(c: Compared) -> np.ndarray:
    """For content words next to each other, or next but one: how well both are found close by."""
    import numpy as np

    near = c.near
    if len(near) < 2:
        alone: np.ndarray = c.best[c.content]
        return alone
    close = c.close(_PAIR_REACH)
    found = []
    for away in (1, 2):
        if len(near) > away:
            left = np.minimum(near[:-away], close[away:]).max(axis=1)
            right = np.minimum(close[:-away], near[away:]).max(axis=1)
            found.append(np.maximum(left, right))
    return np.concatenate(found)


def clause_features(c: Compared) -> Iterator[tuple[str, float]]:
    """Of the parts of the claim: what is added at its end is what most often goes too far."""
    parts = [c.best[p] @ c.heavy[p] / c.heavy[p].sum() for p in _clauses(c)]
    yield "clause_first", float(parts[0])
    yield "clause_last", float(parts[-1])


def _clauses(c: Compared) -> list[list[int]]:
    import numpy as np

    cuts = [m.start() for m in _CLAUSE.finditer(c.text)]
    edges = [0, *cuts, len(c.text) + 1]
    places = [(m.start(), i) for i, m in enumerate(c.matches) if c.content[i]]
    parts = [[i for at, i in places if a <= at < b] for a, b in pairwise(edges)]
    return [p for p in parts if len(p) > 1] or [np.flatnonzero(c.content).tolist()]


def lowest(values: np.ndarray) -> float:
    """The mean of the three smallest."""
    least = sorted(values.tolist())[:3]
    return float(sum(least) / len(least))


def quantile(values: np.ndarray, share: float) -> float:
    """Between the two nearest values in proportion; much faster than numpy's own for a few."""
    ordered = sorted(values.tolist())
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    result: float = ordered[low] + (place - low) * (ordered[high] - ordered[low])
    return result
