"""Bayesian linear regression for many targets at once, its strength found in the data.

With features φ and a target y the model is y = φ·w + ε, w ~ N(0, τ²), ε ~ N(0, σ²). The ratio
c = σ²/τ² says how much the weights are shrunk towards zero. It is the one with the highest marginal
likelihood (D. J. C. MacKay, Bayesian interpolation, Neural Computation 4, 1992), found for each
target by itself: a target that the features do not explain gets weights next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STRENGTHS = tuple(2.0**power for power in range(-3, 13))
"""The ratios that are tried. Features come scaled so that 1 is usual."""
DIRECTIONS = 64
"""Along so many directions the variance of a prediction is told exactly, and bounded elsewhere."""
_LEAST_LEFT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """What was learned of some targets."""

    weights: np.ndarray
    """Shape `(features, targets)`, float32."""
    strengths: np.ndarray
    """c of each target."""
    noise: np.ndarray
    """σ², the variance of each target that the features leave."""
    directions: np.ndarray
    """In which directions of the features most was seen: orthonormal columns, at most
    `DIRECTIONS`."""
    amounts: np.ndarray
    """The sum of squares that was seen along each, shape `(directions, targets)`."""

    def of(self, targets: np.ndarray) -> Fitted:
        """These targets alone, by their numbers."""
        return Fitted(
            weights=self.weights[:, targets],
            strengths=self.strengths[targets],
            noise=self.noise[targets],
            directions=self.directions,
            amounts=self.amounts[:, targets],
        )

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The posterior means, shape `(rows, targets)`."""
        predicted: np.ndarray = features @ self.weights
        return predicted

    def variance(self, features: np.ndarray) -> np.ndarray:
        """σ²·φ'(Φ'Φ + c)⁻¹φ: how far the means may be off, squared; shape `(rows, targets)`.

        Beside the main directions nothing counts as seen, so that it is rather too large.
        """
        along = (features @ self.directions) ** 2
        beside = np.maximum((features**2).sum(axis=1) - along.sum(axis=1), 0.0)
        known = along @ (1 / (self.amounts + self.strengths))
        variance: np.ndarray = self.noise * (known + beside[:, None] / self.strengths)
        return variance


def fit_and_leave_out(features: np.ndarray, targets: np.ndarray) -> tuple[Fitted, np.ndarray]:
    """The posterior of the weights of `targets`, shape `(rows, targets)`, which should be centred;
    and what would be predicted of each row if it had not been seen.

    The latter needs no second fit: t - (t - predicted) / (1 - h) with the diagonal h of
    Φ(Φ'Φ + c)⁻¹Φ' (G. H. Golub, M. Heath and G. Wahba, Generalized cross-validation as a method
    for choosing a good ridge parameter, Technometrics 21, 1979, equation 1.4).

    Args:
        features: shape `(rows, features)`. Of fewer rows than features the matrix of the rows'
            products is taken apart instead of the features', which gives the same.
    """
    rows, width = features.shape
    wide = rows < width
    amounts, turn = np.linalg.eigh(features @ features.T if wide else features.T @ features)
    amounts = np.maximum(amounts.astype(np.float64), 0.0)
    along = (turn.T @ (targets if wide else features.T @ targets)).astype(np.float64)
    strengths = np.empty(targets.shape[1])
    noise = np.empty(targets.shape[1])
    total = np.einsum("ij,ij->j", targets, targets, dtype=np.float64)
    best = np.full(targets.shape[1], -np.inf)
    for c in STRENGTHS:
        # y'(I + ΦΦ'/c)⁻¹y: what the fit leaves, the penalty included.
        share = c / (amounts + c) if wide else -1 / (amounts + c)
        left = np.maximum((0.0 if wide else total) + share @ along**2, 1e-12)
        evidence = -0.5 * (rows * np.log(left / rows) + np.log1p(amounts / c).sum())
        better = evidence > best
        best[better], strengths[better], noise[better] = evidence[better], c, left[better] / rows
    solved = turn @ (along / (amounts[:, None] + strengths))
    main = turn[:, -DIRECTIONS:]
    if wide:
        shares = (turn**2) @ (amounts[:, None] / (amounts[:, None] + strengths))
    else:
        shares = ((features @ turn) ** 2) @ (1 / (amounts[:, None] + strengths))
    if wide:
        solved = features.T @ solved
        lengths = np.sqrt(np.maximum(amounts[-DIRECTIONS:], 1e-9))
        main = features.T @ main / lengths
    weights = solved.astype(np.float32)
    rest = (targets - features @ weights) / np.maximum(1 - shares, _LEAST_LEFT)
    fitted = Fitted(
        weights=weights,
        strengths=strengths,
        noise=noise,
        directions=main.astype(np.float32),
        amounts=np.tile(amounts[-DIRECTIONS:, None], targets.shape[1]),
    )
    return fitted, targets - rest


def beside(main: Fitted, others: Sequence[tuple[Fitted, float]]) -> Fitted:
    """The targets of `main`, and behind them those of others.

    Args:
        others: with the share of the rows of `main` that each was fitted on; as they are taken for
            rows like all, so much was seen of them along the directions of `main`.
    """
    parts = [main, *(other for other, _ in others)]
    usual = main.amounts[:, :1]
    return Fitted(
        weights=np.hstack([part.weights for part in parts]),
        strengths=np.concatenate([part.strengths for part in parts]),
        noise=np.concatenate([part.noise for part in parts]),
        directions=main.directions,
        amounts=np.hstack([main.amounts, *(usual * share for _, share in others)]),
    )
