"""Fits a scorer to labelled claims: one formula for all, and one for each source beside it.

Regularised logistic regression by Newton's method. Each source's formula is drawn to the general
one, the more the fewer labels it has (a hierarchical model; Daumé 2007 for the idea). The two
labels of a source weigh the same, and sources by the square root of their rarer label's count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.scoring.features import NAMES
from orchestrator.evidence.scoring.model import Formula, SupportModel, standardise

if TYPE_CHECKING:
    import numpy as np

_TELLING = word_set(
    """
all_window_3 exact_window_1 exact_window_5 numbers_absent names_partly_absent unlike_around
copied_triples quantities_absent returned number_elsewhere pairs_quarter lower_weakest
names_absent absent_number absent_name swapped exchanged antonym negation
"""
)
"""Features that say the same of every kind of text."""
_RIDGE_TELLING, _RIDGE = 0.003, 3.0
"""Of the general formula; the others mean something else from source to source."""
_RIDGE_SOURCE, _RIDGE_LOST, _RIDGE_BIAS = 0.03, 0.1, 0.01
_LABELS = 250
"""Rarer labels of a source at which the three above hold; with half as many they are twice as
strong."""
_STRENGTHS = (1.0, 4.0, 16.0)
"""Times the three above: how far a source departs from the general formula is chosen among these,
by its own rows held out."""
_EXPECTED = {
    "swapped": -0.5, "exchanged": -0.3, "antonym": -0.2, "negation": -0.2,
    "flags_against": -0.2, "flags_unknown": -0.1,
}  # fmt: skip
"""Coefficients that hold where the labels say nothing: claims with exchanged words are rare, and
most sources hold no records."""
_LEAST_SCALE = 0.02
"""Of a feature that is nearly the same everywhere."""
_OWN_LABELS = 50
"""Rarer labels that a source needs for a formula of its own; with fewer it takes the general one,
at its own frequency: what so few claims say beside it is mostly chance."""
_LEAST_LABELS = 5
_LEAST_ROWS = 20
_FOLDS = 5
_STEPS, _HALVINGS, _STILL = 25, 12, 1e-5
_PLATT_RIDGE = 0.1


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is fitted on: `x` with a leading column of ones, then labels, groups and sources."""

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    sources: np.ndarray

    def where(self, chosen: np.ndarray) -> _Rows:
        return _Rows(self.x[chosen], self.y[chosen], self.groups[chosen], self.sources[chosen])


def fit(
    features: np.ndarray,
    labels: Sequence[int],
    groups: Sequence[str],
    sources: Sequence[str],
    *,
    seed: int = 0,
    name: str = "fitted",
) -> SupportModel:
    """Fits formulas, calibrates them and sets their thresholds, all on these rows alone.

    Probabilities and thresholds come from rows held out within them: for a source's own formula
    other groups, for the general one other sources.

    Args:
        features: shape `(rows, len(NAMES))`.
        labels: 1 supported, 0 not.
        groups: rows of one group are never parted by a fold.
        sources: the kind of text of each row.
        seed: of the folds.
        name: of the model.

    Raises:
        UserError: too few rows, one label only, or features that are none.
    """
    import numpy as np

    y = np.asarray(labels, dtype=np.float64)
    _check(features, y, groups, sources)
    own = np.asarray(sources, dtype=str)
    weights = _weights(y, own)
    means = weights @ features
    scales = np.maximum(np.sqrt(weights @ (features - means) ** 2), _LEAST_SCALE)
    rows = _Rows(standardise(features, means, scales), y, np.asarray(groups, dtype=str), own)
    shared = _shared(rows)
    own_beta = [_own(rows, shared, strength) for strength in _STRENGTHS]
    general, held_out = _general(shared, rows), _held_out(rows, seed)
    formulas = {}
    for source in np.unique(own).tolist():
        here = own == source
        if source in own_beta[0]:
            best = _likeliest(held_out[:, here], y[here])
            formulas[source] = _calibrated(own_beta[best][source], held_out[best, here], y[here])
        elif _rarer(y[here]) >= _LEAST_LABELS:
            formulas[source] = _formula(shared, general.slope, general.shift, _odds(y[here]))
    return SupportModel(
        name=name,
        names=NAMES,
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        general=general,
        sources=formulas,
    )


def _check(
    features: np.ndarray, y: np.ndarray, groups: Sequence[str], sources: Sequence[str]
) -> None:
    import numpy as np

    if features.ndim != 2 or features.shape[1] != len(NAMES):
        raise UserError(f"features must have {len(NAMES)} columns, found shape {features.shape}")
    if not len(features) == len(y) == len(groups) == len(sources):
        raise UserError("features, labels, groups and sources must be of one length")
    if not np.isfinite(features).all():
        raise UserError("a feature is no number")
    if not np.isin(y, (0, 1)).all():
        raise UserError("labels must be 0 or 1")
    if len(y) < _LEAST_ROWS:
        raise UserError(f"{len(y)} labelled claims are too few to fit; at least {_LEAST_ROWS}")
    if min(y.sum(), (1 - y).sum()) < _LEAST_LABELS:
        raise UserError(
            f"at least {_LEAST_LABELS} claims of each label are needed, found "
            f"{int(y.sum())} supported and {int((1 - y).sum())} not"
        )


def _rarer(y: np.ndarray) -> float:
    return float(min(y.sum(), (1 - y).sum()))


def _weights(y: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Of each row; they sum to 1. A source with one label only still counts for that."""
    import numpy as np

    weights = np.zeros(len(y))
    for source in np.unique(sources):
        here = sources == source
        for label in (0, 1):
            same = here & (y == label)
            weights[same] = max(1.0, _rarer(y[here])) ** 0.5 / max(1, same.sum())
    result: np.ndarray = weights / weights.sum()
    return result


def _shared(rows: _Rows) -> np.ndarray:
    """The coefficients for all text, intercept first."""
    import numpy as np

    telling = np.array([n in _TELLING for n in NAMES])
    ridge = np.r_[1e-6, np.where(telling, _RIDGE_TELLING, _RIDGE)]
    expected = np.r_[0.0, [_EXPECTED.get(n, 0.0) for n in NAMES]]
    return newton(rows.x, rows.y, _weights(rows.y, rows.sources), ridge, expected)


def _own(rows: _Rows, shared: np.ndarray, strength: float) -> dict[str, np.ndarray]:
    """The coefficients of each source that has labels enough to learn its own from."""
    import numpy as np

    lost = [name.startswith("lost_") for name in NAMES]
    drawn = np.r_[_RIDGE_BIAS, np.where(lost, _RIDGE_LOST, _RIDGE_SOURCE)]
    found = {}
    for source in np.unique(rows.sources):
        own = rows.where(rows.sources == source)
        if (count := _rarer(own.y)) >= _OWN_LABELS:
            weights, ridge = _weights(own.y, own.sources), drawn * (strength * _LABELS / count)
            found[str(source)] = newton(own.x, own.y, weights, ridge, shared)
    return found


def newton(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, ridge: np.ndarray, towards: np.ndarray
) -> np.ndarray:
    """Weighted logistic regression with a ridge that draws the coefficients to `towards`."""
    import numpy as np

    beta = towards.astype(np.float64).copy()
    loss = _loss(x, y, weights, ridge, towards, beta)
    for _ in range(_STEPS):
        p = _logistic(x @ beta)
        gradient = x.T @ (weights * (p - y)) + ridge * (beta - towards)
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x
        hessian[np.diag_indices_from(hessian)] += ridge + 1e-9
        step = np.linalg.solve(hessian, gradient)
        for _ in range(_HALVINGS):  # far from the answer a full step may lead away from it
            after = _loss(x, y, weights, ridge, towards, beta - step)
            if after <= loss:
                break
            step /= 2
        beta, loss = beta - step, after
        if np.abs(step).max() < _STILL:
            break
    return beta


def _loss(
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    ridge: np.ndarray,
    towards: np.ndarray,
    beta: np.ndarray,
) -> float:
    import numpy as np

    value = x @ beta
    return float(
        weights @ (np.logaddexp(0, value) - y * value) + 0.5 * ridge @ (beta - towards) ** 2
    )


def _logistic(values: np.ndarray) -> np.ndarray:
    import numpy as np

    result: np.ndarray = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return result


def _held_out(rows: _Rows, seed: int) -> np.ndarray:
    """The value of each row's own formula, fitted without its fold, under each of `_STRENGTHS`;
    shape (strengths, rows)."""
    import numpy as np

    values = np.zeros((len(_STRENGTHS), len(rows.y)))
    for here in _folds(rows.groups, seed):
        if here.all() or not here.any() or len(set(rows.y[~here].tolist())) < 2:
            continue
        train = rows.where(~here)
        shared = _shared(train)
        for held, strength in zip(values, _STRENGTHS, strict=True):
            own = _own(train, shared, strength)
            for source in np.unique(rows.sources[here]):
                same = here & (rows.sources == source)
                held[same] = rows.x[same] @ own.get(str(source), shared)
    return values


def _likeliest(values: np.ndarray, y: np.ndarray) -> int:
    """Under which of the rows of `values`, as log odds, the labels are the most likely."""
    import numpy as np

    weights = _weights(y, np.zeros(len(y)))
    losses = [float(weights @ (np.logaddexp(0, v) - y * v)) for v in values]
    return int(np.argmin(losses))


def _folds(groups: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    import numpy as np

    distinct, numbers = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(distinct)) % _FOLDS
    for k in range(_FOLDS):
        yield fold[numbers] == k


def _general(beta: np.ndarray, rows: _Rows) -> Formula:
    """The formula for text of a source that was never seen, which each source here plays once."""
    import numpy as np

    values = np.full(len(rows.y), np.nan)
    every = np.unique(rows.sources)
    for source in every if len(every) > 1 else ():
        here = rows.sources == source
        if len(set(rows.y[~here].tolist())) == 2:
            values[here] = rows.x[here] @ _shared(rows.where(~here))
    known = np.isfinite(values)
    slope, shift = _platt(values[known], rows.y[known], _weights(rows.y, rows.sources)[known])
    return _formula(beta, slope, shift, 0.0)


def _calibrated(beta: np.ndarray, values: np.ndarray, y: np.ndarray) -> Formula:
    """A source's formula: probabilities as frequent there as they say."""
    import numpy as np

    slope, shift = _platt(values, y, _weights(y, np.zeros(len(y))))
    return _formula(beta, slope, shift, _odds(y))


def _odds(y: np.ndarray) -> float:
    return log(y.sum() / (1 - y).sum())


def _formula(beta: np.ndarray, slope: float, shift: float, odds: float) -> Formula:
    """`odds` are those of the labels: the fit makes both weigh the same, frequencies do not."""
    return Formula(
        intercept=float(beta[0]),
        coefficients=tuple(beta[1:].tolist()),
        slope=slope,
        shift=shift + odds,
        threshold=float(_logistic_of(odds)),
    )


def _logistic_of(value: float) -> float:
    import numpy as np

    return float(_logistic(np.array([value]))[0])


def _platt(values: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Slope and shift that make held-out values log odds, both labels weighing the same."""
    import numpy as np

    if len(set(y.tolist())) < 2:
        return 1.0, 0.0
    x = np.column_stack([np.ones(len(values)), values])
    total = weights.sum()
    ridge = np.array([_PLATT_RIDGE, _PLATT_RIDGE]) * _LABELS**0.5 / max(1.0, _rarer(y)) ** 0.5
    shift, slope = newton(x, y, weights / total, ridge, np.array([0.0, 1.0]))
    return float(max(slope, 0.05)), float(shift)
