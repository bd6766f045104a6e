"""How long models' answers are, and how long they take, learned from the calls on record.

One linear mixed model for each quantity (tokens read, tokens written, milliseconds), on its
logarithm (N. Laird and J. Ware, Random-effects models for longitudinal data, Biometrics 38, 1982):

    log y = log guess + α(task) + β(task)·x + γ·w + m(arm) + e(arm, task) + u(request) + ε(arm)

`x` is the centred logarithm of the prompt's tokens, and `w` is 1 for an answer that did not pass
its check: who is wrong says more, or less. What a request makes long, `u`, is shared by
all who answer it: a model that was seen on long requests alone is not taken for a wordy one. All
but ε are normal, with variances that are estimated by EM, each beside a few degrees of freedom of
what is usual. What is drawn are values of all parameters at once, from their joint posterior: an
error in a model's mean is common to all its requests. ε is drawn from the residuals themselves
(N. Duan, Smearing estimate, JASA 78, 1983), so that nothing must be log-normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

_ITERATIONS = 25
_TASK_SD, _SLOPE_SD, _WRONG_SD = 1.5, 0.5, 0.3
_USUAL = {"arm": 0.40**2, "slice": 0.20**2, "unit": 0.40**2, "noise": 0.35**2}
"""Variances of logarithms before anything was seen."""
_FREEDOM = {"arm": 3.0, "slice": 6.0, "unit": 4.0, "noise": 6.0}
"""As if so many had been seen to vary as is usual."""
_LEAST = 20
"""Differences within requests, from which variances are guessed."""
_OWN_RESIDUALS = 40
"""An arm with fewer draws from the residuals of all."""
_WIDER = 1.5
"""By how much the parameters vary more than if these formulas were the truth; see
`whatif_passing`."""
_CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Measurements of one quantity, a row each."""

    unit: Array
    """Which request, as a number from 0."""
    arm: Array
    """Who answered."""
    task: Array
    x: Array
    """Logarithm of the prompt's tokens."""
    wrong: Array
    """1 where the answer did not pass its check, else 0."""
    y: Array
    """Logarithm of the quantity, less that of what was guessed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lengths:
    """What was learned, as draws from the posterior; `learn_lengths` makes one."""

    level: Array
    """α + m + e, shape `(draws, arms, tasks)`."""
    slope: Array
    """β, shape `(draws, tasks)`."""
    wrong: Array
    """γ, shape `(draws,)`."""
    centre: Array
    """Of `x`, by task."""
    unit_mean: Array
    """Of u, shape `(draws, units)`."""
    unit_sd: Array
    """Of u, shape `(units,)`."""
    noise_sd: Array
    """Of ε, by arm."""
    residuals: tuple[Array, ...]
    """By arm: standardised."""

    def units(self, units: Array, random: np.random.Generator) -> Array:
        """u of those requests, shape `(units, draws)`."""
        mean = self.unit_mean[:, units].T
        spread = self.unit_sd[units][:, None] * random.standard_normal(mean.shape)
        return np.asarray(mean + spread)

    def draw(
        self,
        arm: int,
        tasks: Array,
        x: Array,
        wrong: Array,
        u: Array,
        random: np.random.Generator,
    ) -> Array:
        """Logarithms of what this arm would have taken, shape `(requests, draws)`.

        Args:
            tasks: of each request.
            wrong: whether its answer does not pass, of the same shape.
            u: from `units`.
        """
        known = self.level[:, arm, tasks] + self.slope[:, tasks] * (x - self.centre[tasks])
        pool = self.residuals[arm]
        noise = pool[random.integers(0, len(pool), u.shape)] * self.noise_sd[arm]
        return np.asarray(known.T + self.wrong * wrong + u + noise)


def learn_lengths(
    seen: Measured, *, units: int, arms: int, tasks: int, draws: int, random: np.random.Generator
) -> Lengths:
    """The posterior, given what was measured; with nothing measured the prior."""
    design = _Design(seen, units, arms, tasks)
    variance = design.first_guess()
    noise = np.full(arms, variance["noise"])
    mean, covariance = design.posterior(noise, variance)
    for _ in range(_ITERATIONS if len(seen.y) else 0):
        noise, variance = design.variances(mean, covariance, noise, variance)
        mean, covariance = design.posterior(noise, variance)
    drawn = random.multivariate_normal(mean, covariance * _WIDER, size=draws, method="eigh")
    unit_mean, unit_sd = design.unit_effects(drawn, noise, variance["unit"])
    return Lengths(
        level=design.levels(drawn),
        slope=drawn[:, tasks : 2 * tasks],
        wrong=drawn[:, 2 * tasks],
        centre=design.centre,
        unit_mean=unit_mean.astype(np.float32),
        unit_sd=unit_sd,
        noise_sd=np.sqrt(noise),
        residuals=design.residuals(mean, noise, variance["unit"]),
    )


class _Design:
    """The rows as a linear model: columns are α, β, γ, m and e, in this order."""

    def __init__(self, seen: Measured, units: int, arms: int, tasks: int) -> None:
        order = np.argsort(seen.unit, kind="stable")
        self.unit, self.arm = seen.unit[order], seen.arm[order]
        self.task, self.y = seen.task[order], seen.y[order]
        self.n_units, self.n_arms, self.n_tasks = units, arms, tasks
        counts = np.bincount(self.task, minlength=tasks)
        sums = np.bincount(self.task, seen.x[order], minlength=tasks)
        self.centre = sums / np.maximum(counts, 1)
        self.x = seen.x[order] - self.centre[self.task]
        self.wrong = seen.wrong[order]
        self.arms_from = 2 * tasks + 1
        self.cells_from = self.arms_from + arms
        self.columns = self.cells_from + arms * tasks

    def _rows(self, part: slice) -> Array:
        task, arm, at = self.task[part], self.arm[part], np.arange(len(self.task[part]))
        found = np.zeros((len(at), self.columns))
        found[at, task] = 1.0
        found[at, self.n_tasks + task] = self.x[part]
        found[:, 2 * self.n_tasks] = self.wrong[part]
        found[at, self.arms_from + arm] = 1.0
        found[at, self.cells_from + arm * self.n_tasks + task] = 1.0
        return found

    def _fitted(self, mean: Array) -> Array:
        """Of every row, for one set of parameters or many, shape `(..., rows)`."""
        t = self.n_tasks
        cell = self.cells_from + self.arm * t + self.task
        level = mean[..., self.task] + mean[..., self.arms_from + self.arm] + mean[..., cell]
        wrong = mean[..., 2 * t, None] * self.wrong
        return np.asarray(level + mean[..., t + self.task] * self.x + wrong)

    def posterior(self, noise: Array, variance: dict[str, float]) -> tuple[Array, Array]:
        """Mean and covariance of all parameters, u summed out (Woodbury by request)."""
        t, a = self.n_tasks, self.n_arms
        prior = np.concatenate(
            [
                np.full(t, _TASK_SD**-2),
                np.full(t, _SLOPE_SD**-2),
                [_WRONG_SD**-2],
                np.full(a, 1 / variance["arm"]),
                np.full(a * t, 1 / variance["slice"]),
            ]
        )
        precision, right = np.diag(prior), np.zeros(self.columns)
        weight = 1 / noise[self.arm]
        for part in self._parts():
            rows, w, y = self._rows(part), weight[part], self.y[part]
            firsts = np.flatnonzero(np.diff(self.unit[part], prepend=-1))
            weighted = rows * w[:, None]
            of_unit = np.add.reduceat(weighted, firsts)
            inner = 1 / variance["unit"] + np.add.reduceat(w, firsts)
            precision += rows.T @ weighted - of_unit.T @ (of_unit / inner[:, None])
            right += weighted.T @ y - of_unit.T @ (np.add.reduceat(w * y, firsts) / inner)
        covariance = np.linalg.inv(precision)
        return covariance @ right, (covariance + covariance.T) / 2

    def first_guess(self) -> dict[str, float]:
        """Variances to begin with, since EM is slow to tell u from ε: ε from differences within
        requests, u from what is left (P. Swamy and S. Arora, Econometrica 40, 1972)."""
        variance = dict(_USUAL)
        several = np.bincount(self.unit, minlength=self.n_units)[self.unit] > 1
        rows, y = self._rows(slice(None))[several], self.y[several]
        firsts = np.flatnonzero(np.diff(self.unit[several], prepend=-1))
        free = len(y) - len(firsts) - np.unique(self.arm).size
        if free < _LEAST:
            return variance
        sizes = np.diff(firsts, append=len(y))
        rows = rows - np.repeat(np.add.reduceat(rows, firsts) / sizes[:, None], sizes, axis=0)
        y = y - np.repeat(np.add.reduceat(y, firsts) / sizes, sizes)
        square = rows.T @ rows + 1e-3 * np.eye(self.columns)
        fitted = np.linalg.solve(square, rows.T @ y)
        variance["noise"] = max(float(((y - rows @ fitted) ** 2).sum() / free), 1e-3)
        left = self.y - self._fitted(fitted)
        counts = np.bincount(self.task, minlength=self.n_tasks)
        means = np.bincount(self.task, left, minlength=self.n_tasks) / np.maximum(counts, 1)
        variance["unit"] = max(float((left - means[self.task]).var()) - variance["noise"], 1e-3)
        return variance

    def _parts(self) -> Sequence[slice]:
        """The rows in pieces that cut no request in two."""
        found, begin = [], 0
        while begin < len(self.y):
            end = min(begin + _CHUNK, len(self.y))
            while end < len(self.y) and self.unit[end] == self.unit[end - 1]:
                end += 1
            found.append(slice(begin, end))
            begin = end
        return found

    def unit_effects(self, mean: Array, noise: Array, spread: float) -> tuple[Array, Array]:
        """Mean of u, shape `(..., units)`, and its standard deviation, shape `(units,)`."""
        weight = 1 / noise[self.arm]
        inner = 1 / spread + np.bincount(self.unit, weight, minlength=self.n_units)
        left = (self.y - self._fitted(mean)) * weight
        flat = left.reshape(int(np.prod(left.shape[:-1])), len(self.y))
        sums = np.stack([np.bincount(self.unit, row, minlength=self.n_units) for row in flat])
        return sums.reshape(*left.shape[:-1], self.n_units) / inner, np.sqrt(1 / inner)

    def variances(
        self, mean: Array, covariance: Array, noise: Array, variance: dict[str, float]
    ) -> tuple[Array, dict[str, float]]:
        """One step of EM: expected squares of what varies, beside what is usual."""
        t, a = self.n_tasks, self.n_arms
        squares = mean**2 + np.diag(covariance)
        asked = np.bincount(self.arm, minlength=a) > 0
        cells = np.bincount(self.arm * t + self.task, minlength=a * t) > 0
        u, sd = self.unit_effects(mean, noise, variance["unit"])
        met = np.bincount(self.unit, minlength=self.n_units) > 0
        left = (self.y - self._fitted(mean) - u[self.unit]) ** 2 + sd[self.unit] ** 2
        pooled = _beside("noise", left)
        sums, count = np.bincount(self.arm, left, minlength=a), np.bincount(self.arm, minlength=a)
        own = (sums + _FREEDOM["noise"] * pooled) / (count + _FREEDOM["noise"])
        return np.maximum(own, 1e-4), {
            "arm": _beside("arm", squares[self.arms_from : self.cells_from][asked]),
            "slice": _beside("slice", squares[self.cells_from :][cells]),
            "unit": max(_beside("unit", (u**2 + sd**2)[met]), 1e-4),
            "noise": pooled,
        }

    def levels(self, drawn: Array) -> Array:
        t, a = self.n_tasks, self.n_arms
        cells = drawn[:, self.cells_from :].reshape(-1, a, t)
        arms = drawn[:, self.arms_from : self.cells_from, None]
        return np.asarray(drawn[:, None, :t] + arms + cells)

    def residuals(self, mean: Array, noise: Array, spread: float) -> tuple[Array, ...]:
        """By arm, with mean 0 and variance 1; those of all where there are few."""
        u, _ = self.unit_effects(mean, noise, spread)
        left = (self.y - self._fitted(mean) - u[self.unit]) / np.sqrt(noise[self.arm])
        usual = _standard(left)
        own = [left[self.arm == arm] for arm in range(self.n_arms)]
        return tuple(_standard(one) if len(one) >= _OWN_RESIDUALS else usual for one in own)


def _beside(name: str, squares: Array) -> float:
    usual, freedom = _USUAL[name], _FREEDOM[name]
    return float((squares.sum() + freedom * usual) / (len(squares) + freedom))


_NORMAL = np.array([-1.64, -1.04, -0.67, -0.39, -0.13, 0.13, 0.39, 0.67, 1.04, 1.64])
"""Ten tenths of a normal distribution, for where nothing was seen."""


def _standard(left: Array) -> Array:
    if len(left) < _OWN_RESIDUALS or left.std() < 1e-9:
        return np.asarray(_NORMAL / _NORMAL.std())
    return np.asarray((left - left.mean()) / left.std())
