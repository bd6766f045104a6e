"""Many models with prices: what quality costs when each query may go to any of them.

Definitions of RouterBench (Q. J. Hu et al., RouterBench: a benchmark for multi-LLM routing system,
arXiv 2403.12031, section 3): a router is the set of points (mean cost, mean score) that it reaches
at different exchange rates of money and quality, and is judged by their non-decreasing convex hull.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NAMES = ("AIQ", "score at its cost", "gap closed", "cost at 95 %", "cost at 100 %")
_ROUNDING = 1e-9
RATES = 41
"""How many exchange rates are tried; besides them, only quality and only cost."""
_DECADES = (-2.0, 3.0)
"""Exchange rates, as powers of ten of quality a mean cost of the single models."""


class Market:
    """A router's choices on recorded outcomes, at every exchange rate.

    Args:
        chosen: the column that it chooses at each rate, shape `(queries, rates)`.
        scores: what came out, shape `(queries, models)`.
        costs: what it cost, same shape.
    """

    names = NAMES

    def __init__(self, chosen: np.ndarray, scores: np.ndarray, costs: np.ndarray) -> None:
        import numpy as np

        rows = np.arange(len(scores))
        self._score = scores[rows[:, None], chosen]
        self._cost = costs[rows[:, None], chosen]
        self._scores, self._costs = scores, costs

    def figures(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Each of `NAMES`; a query counts as often as `weights` says.

        - AIQ: the mean height of the hull between the cheapest and the dearest single model.
        - The score at the cost of the best single model.
        - The share of the way from there to the oracle (the best answer, whatever it costs, which
          nobody reaches) that this score closes.
        - The cost of 95 % and of 100 % of the best single model's score, in parts of what it
          costs; NaN where that is not reached.
        """
        import numpy as np

        n = len(self._scores)
        w = np.full(n, 1 / n) if weights is None else weights / weights.sum()
        costs, scores = w @ self._costs, w @ self._scores
        hull = self._hull(w)
        best = int(np.argmax(scores))
        reached = height(hull, costs[best])
        gap = float(w @ self._scores.max(axis=1)) - scores[best]
        return np.array(
            [
                mean_height(hull, costs.min(), costs.max()),
                reached,
                (reached - scores[best]) / gap if gap > 0 else np.nan,
                price(hull, 0.95 * scores[best]) / costs[best],
                price(hull, scores[best]) / costs[best],
            ]
        )

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """The points of the hull: mean costs in US dollars, and mean scores."""
        import numpy as np

        return self._hull(np.full(len(self._scores), 1 / len(self._scores)))

    def _hull(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Asking always the cheapest model is open to every router, so that all begin there."""
        import numpy as np

        costs = w @ self._costs
        cheapest = int(np.argmin(costs))
        return non_decreasing_hull(
            np.r_[costs[cheapest], w @ self._cost],
            np.r_[w @ self._scores[:, cheapest], w @ self._score],
        )


def exchange_rates(costs: np.ndarray) -> np.ndarray:
    """The rates that are tried, in quality a dollar, around what the single models cost."""
    import numpy as np

    rates: np.ndarray = np.logspace(*_DECADES, RATES) / float(np.nanmean(costs))
    return np.concatenate([[0.0], rates, [np.inf]])


def choices(quality: np.ndarray, expected: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """The column that is worth most at each rate, shape `(queries, rates)`.

    Args:
        quality: what is expected of each model, shape `(queries, models)`.
        expected: what it is expected to cost, US dollars, same shape.
    """
    import numpy as np

    return np.stack([_choice(quality, expected, rate) for rate in rates], axis=1)


def _choice(quality: np.ndarray, expected: np.ndarray, rate: float) -> np.ndarray:
    """The model of each query; of equally good ones the cheapest, of those the first."""
    import numpy as np

    chosen: np.ndarray
    if rate == np.inf:
        chosen = np.argmin(expected, axis=1)
    elif rate == 0:
        best = quality.max(axis=1, keepdims=True)
        chosen = np.argmin(np.where(quality == best, expected, np.inf), axis=1)
    else:
        chosen = np.argmax(quality - rate * expected, axis=1)
    return chosen


def non_decreasing_hull(costs: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the least concave non-decreasing curve above the points, from left to right.

    Two neighbours can be mixed by chance, so what lies between them is reached too.
    """
    import numpy as np

    kept: list[tuple[float, float]] = []
    for cost, score in sorted(zip(costs.tolist(), scores.tolist(), strict=True)):
        if kept and score <= kept[-1][1]:
            continue
        if kept and cost == kept[-1][0]:
            kept.pop()
        while len(kept) > 1 and _below(kept[-2], kept[-1], (cost, score)):
            kept.pop()
        kept.append((cost, score))
    corners = np.array(kept)
    return corners[:, 0], corners[:, 1]


def _below(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> bool:
    """Whether b lies on or below the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


def height(hull: tuple[np.ndarray, np.ndarray], cost: float) -> float:
    """The score at a mean cost: level beyond the dearest point."""
    import numpy as np

    return float(np.interp(cost, *hull))


def mean_height(hull: tuple[np.ndarray, np.ndarray], low: float, high: float) -> float:
    """The mean score over the costs from `low` to `high`, which the hull covers or ends before."""
    import numpy as np

    if high <= low:
        return height(hull, high)
    corners = hull[0][(hull[0] > low) & (hull[0] < high)]
    at = np.r_[low, corners, high]
    return float(np.trapezoid(np.interp(at, *hull), at) / (high - low))


def price(hull: tuple[np.ndarray, np.ndarray], least: float) -> float:
    """The least mean cost that reaches a score; NaN where none does."""
    import numpy as np

    costs, scores = hull
    if least > scores[-1] + _ROUNDING:
        return float("nan")
    return float(np.interp(least, scores, costs))
