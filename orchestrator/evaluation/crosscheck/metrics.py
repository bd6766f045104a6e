"""The formulas by which checking is measured; labels are 1 (supported) and 0.

All take arrays of one length, one place a claim: `labels` and `said` of 0 and 1, `probability` of
being supported in 0..1. Where one of the two labels is absent, what needs both is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Statistics = Callable[[np.ndarray], np.ndarray]
    """Row numbers, shape (rows,), to the values measured on them, shape (values,)."""

PREVALENCE = 0.02
LEFT_OUT = (0.0, 0.1, 0.2, 0.3, 0.4)
RESAMPLES = 1000
BINS = 10


def rates(labels: np.ndarray, said: np.ndarray) -> tuple[float, float]:
    """The share of the supported claims that is accepted, and that of the others that is refused.

    Sensitivity and specificity, if being supported is what is looked for.
    """
    return _mean(said[labels == 1] == 1), _mean(said[labels == 0] == 0)


def accuracy(labels: np.ndarray, said: np.ndarray) -> float:
    """The share that is judged right."""
    return _mean(said == labels)


def balanced_accuracy(labels: np.ndarray, said: np.ndarray) -> float:
    """The mean of both labels' accuracies, 0.5 for guessing.

    K. H. Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010.
    """
    accepted, refused = rates(labels, said)
    return (accepted + refused) / 2


def auc(labels: np.ndarray, probability: np.ndarray) -> float:
    """How likely a supported claim scores above one that is not, ties counted half.

    The Mann-Whitney statistic: J. A. Hanley and B. J. McNeil, The meaning and use of the area under
    a ROC curve, Radiology 143 (1982).
    """
    import numpy as np

    positives = int((labels == 1).sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of each value, from 1
    total = float(ranks[inverse][labels == 1].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def precision_at(labels: np.ndarray, said: np.ndarray, prevalence: float = PREVALENCE) -> float:
    """Of the claims that are refused, the share rightly so, if `prevalence` of all are unsupported.

    By Bayes from the two rates at the threshold: with t the share of the unsupported claims that
    is refused and f that of the supported ones, p·t / (p·t + (1 - p)·f). NaN where nothing is
    refused. Files hold far more unsupported claims than traffic does, so their own precision says
    little.
    """
    accepted, caught = rates(labels, said)
    true, false = prevalence * caught, (1 - prevalence) * (1 - accepted)
    return true / (true + false) if true + false > 0 else float("nan")


def certainty(probability: np.ndarray, threshold: np.ndarray | float) -> np.ndarray:
    """How sure a verdict is, 0.5..1: the larger of both posteriors after moving the prior.

    The prior odds are moved so that `threshold` becomes 0.5, which is what a threshold stands for
    (C. Elkan, The foundations of cost-sensitive learning, IJCAI 2001, theorem 2).
    """
    import numpy as np

    p = np.clip(probability, 1e-9, 1 - 1e-9)
    t = np.clip(threshold, 1e-9, 1 - 1e-9)
    moved = p * (1 - t) / (p * (1 - t) + (1 - p) * t)
    sure: np.ndarray = np.maximum(moved, 1 - moved)
    return sure


def kept(sure: np.ndarray, left_out: float) -> np.ndarray:
    """Which rows stay (True) where the `left_out` share of the least certain is left out.

    Of equally certain ones the first stay.
    """
    import numpy as np

    stays = len(sure) - int(left_out * len(sure) + 1e-9)
    found = np.zeros(len(sure), bool)
    found[np.argsort(-sure, kind="stable")[:stays]] = True
    return found


def brier(labels: np.ndarray, probability: np.ndarray) -> float:
    """The mean squared distance of probability and label, 0 at best.

    G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review
    78 (1950), for two classes and one of them.
    """
    return _mean((probability - labels) ** 2)


def calibration_error(labels: np.ndarray, probability: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error over `bins` of equal width, 0 at best.

    The mean distance of each bin's mean probability and its share of supported claims, weighted by
    its rows. M. P. Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities
    using Bayesian binning, AAAI 2015.
    """
    import numpy as np

    if not len(labels):
        return float("nan")
    at = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(at, weights=probability - labels, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def best_threshold(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """The score from which to accept, for the highest balanced accuracy on these rows.

    Halfway between two neighbouring scores; of equally good ones the middle one. With `weights`
    rows count for so much within their label.
    """
    import numpy as np

    weight = np.ones(len(labels)) if weights is None else weights
    values, place = np.unique(scores, return_inverse=True)
    held = [
        np.bincount(place, weights=weight * (labels == label), minlength=len(values))
        for label in (0, 1)
    ]
    below = [np.concatenate([[0.0], np.cumsum(h)[:-1]]) / max(h.sum(), 1e-12) for h in held]
    gain = below[0] - below[1]  # the share of each label that is refused
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    at = best[len(best) // 2]
    return float(values[0] if at == 0 else (values[at - 1] + values[at]) / 2)


def intervals(
    statistics: Statistics,
    groups: Sequence[str] | np.ndarray,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """The 95 % bootstrap interval of each value, shape (values, 2).

    Whole groups are drawn with replacement, since claims on the same passages err together: the
    cluster bootstrap (A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application,
    1997, section 3.8), with the percentile interval of B. Efron. Draws on which a value is NaN do
    not count for it.
    """
    import numpy as np

    _, member = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(member, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(member))[:-1])
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        chosen = rng.integers(0, len(parts), len(parts))
        drawn.append(statistics(np.concatenate([parts[i] for i in chosen])))
    return _percentiles(np.array(drawn, dtype=float))


def _percentiles(drawn: np.ndarray) -> np.ndarray:
    """Of each column; NaN where a column holds nothing else."""
    import numpy as np

    found = np.full((drawn.shape[1], 2), np.nan)
    for i, column in enumerate(drawn.T):
        good = column[~np.isnan(column)]
        if len(good):
            found[i] = np.percentile(good, [2.5, 97.5])
    return found


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
