"""How wide a range must be to hold what it says: measured on recorded runs that it has not seen.

Recorded runs are put into parts; each is planned with what the other parts teach, and what it cost
is held against that. Where in its own range a run lies, as a share of the distance from the middle
to the end on that side, is its score; the range is stretched or narrowed, in logarithms and on both
sides by the same factor, to hold as many scores as it says (Y. Romano, E. Patterson, E. Candès,
Conformalized Quantile Regression, 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, log
from statistics import median

FEWEST = 20
"""Fewer runs than that say nothing of the ends of a range: of 19, one lies beyond each."""
MOST = 80
"""More are not planned again; it would take longer than it tells."""
PARTS = 4
_AIM = 0.92
"""The share that a range is stretched to hold: a little more than it says, because how far that is
was itself measured on few runs."""
_DRAWN_WORTH = 20.0
"""As many runs as what was drawn counts for."""
_HELD = 4.0
"""As many runs without an error as the middle's correction has to outweigh."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A range: its ends and its middle, all above nought."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Correction:
    """What recorded runs say of ranges."""

    shift: float = 0.0
    """Of the middle, in logarithms."""
    stretch: float = 1.0
    """How much further from the middle the ends lie than was drawn, in logarithms."""
    runs: int = 0

    def of(self, spread: Spread) -> Spread:
        """The range as it should be."""
        if not self.runs or spread.middle <= 0:
            return spread
        down, up = _sides(spread)
        middle = spread.middle * exp(self.shift)
        low, high = middle * exp(-down * self.stretch), middle * exp(up * self.stretch)
        return Spread(low, middle, high)


def correction(pairs: Sequence[tuple[Spread, float]]) -> Correction:
    """From ranges and what came true, of runs that these ranges had not seen."""
    pairs = [(s, true) for s, true in pairs if s.middle > 0 and true > 0]
    if len(pairs) < FEWEST:
        return Correction()
    off = median(log(true / s.middle) for s, true in pairs)
    shift = off * len(pairs) / (len(pairs) + _HELD)
    scores = []
    for spread, true in pairs:
        down, up = _sides(spread)
        error = log(true / spread.middle) - shift
        scores.append(error / up if error > 0 else -error / down)
    return Correction(shift, _stretch(scores), len(pairs))


def _sides(spread: Spread) -> tuple[float, float]:
    """From the middle to either end, in logarithms; never nothing."""
    least = 0.01
    low, high = max(spread.low, spread.middle * 1e-6), max(spread.high, spread.middle)
    return max(log(spread.middle / low), least), max(log(high / spread.middle), least)


def _stretch(scores: Sequence[float]) -> float:
    """Of `n` scores the one that a further run passes in the share that is left out, held towards
    1, where the range is as it was drawn."""
    ordered = sorted(scores)
    place = ceil((len(ordered) + 1) * _AIM) - 1
    furthest = ordered[min(place, len(ordered) - 1)]
    return exp(log(max(furthest, 0.1)) * len(ordered) / (len(ordered) + _DRAWN_WORTH))
