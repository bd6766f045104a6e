"""How likely a kept answer is wrong for another wording, by what was learned of that very entry.

Each entry is either sound, and its answer is right for whatever the verifier lets through; or it
is treacherous, and right only above a similarity that nobody knows yet. Bayes' rule weighs both
with what was seen: answers that agreed or did not, and feedback. An answer is given again where the
expected probability of a wrong one is at most the stated bound; else the model is asked, and what
it says is one observation more. (The idea of a threshold for each entry, learned to an error bound:
vCache, arXiv 2502.03771, which fits a logistic function to each entry; here its place is summed
over a grid and not fitted, so that one observation moves it and none leaves the prior.)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from orchestrator.caching.values import Seen

DOUBT = 0.007
"""Prior share of treacherous entries: the upper end of the 95 % interval (Jeffreys) of wrong hits
among all that the verifier lets through of fit.yaml's pairs; `mesh eval cache` prints it."""
_SLIP = 0.002
"""A sound entry is seen to be wrong so often: two right answers may be worded differently."""
_STEEP = 25.0
_PLACES = tuple(0.5 + 0.05 * step for step in range(15))
"""Where a treacherous entry may turn from wrong to right: cosines from 0.5 to 1.2 (never)."""


def wrong(score: float, seen: Sequence[Seen]) -> float:
    """The expected probability, in 0..1, that the entry's answer is wrong at this similarity."""
    weights = [1 - DOUBT] + [DOUBT / len(_PLACES)] * len(_PLACES)
    for one in seen:
        weights = [
            weight * (right if one.correct else 1 - right)
            for weight, right in zip(weights, _right(one.score), strict=True)
        ]
    whole = sum(weights)
    if whole <= 0:  # contradictory beyond what numbers can hold
        return 1.0
    missed = (w * (1 - right) for w, right in zip(weights, _right(score), strict=True))
    return sum(missed) / whole


def _right(score: float) -> list[float]:
    """That the answer is right: for a sound entry, and for each place of a treacherous one."""
    return [1 - _SLIP] + [1 / (1 + exp(-_STEEP * (score - place))) for place in _PLACES]
