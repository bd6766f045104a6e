"""How sure a figure is: the queries drawn anew, in whole groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000


def resampled(
    figures: Callable[[np.ndarray], np.ndarray],
    groups: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """The figures of each draw, shape `(resamples, figures)`.

    Groups are drawn with replacement (the cluster bootstrap: A. C. Davison and D. V. Hinkley,
    Bootstrap Methods and their Application, 1997, section 3.8), and a query counts as often as its
    group was drawn. With the same groups and seed the draws are the same, so that two routers can
    be compared draw by draw.

    Args:
        figures: from the weights of the queries to the figures.
    """
    import numpy as np

    _, member = np.unique(np.asarray(groups), return_inverse=True)
    count = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    draws = (rng.multinomial(count, np.full(count, 1 / count)) for _ in range(resamples))
    return np.stack([figures(draw[member].astype(float)) for draw in draws])


def interval(drawn: np.ndarray) -> tuple[float, float] | None:
    """The middle 95 % of the draws (percentile interval, B. Efron); `None` where a tenth of them or
    more had no value."""
    import numpy as np

    good = drawn[~np.isnan(drawn)]
    if len(good) <= 0.9 * len(drawn):
        return None
    low, high = np.percentile(good, [2.5, 97.5])
    return float(low), float(high)
