"""How good models' answers are, learned from the answers that something has judged.

A request is easy or hard for all models, and models differ (G. Rasch, 1960):

    P(good) = 1 / (1 + exp(-(prediction + s(arm, task) + σ(task)·z(request))))

How the ease z is spread is estimated too, on a grid, beside a normal distribution that counts as so
many requests (R. Bock and M. Aitkin, Marginal maximum likelihood, Psychometrika 46, 1981).
`prediction` is the predictor's estimate as a logit, which the shifts `s` calibrate: each is normal
around its arm's shift, and that around 0 with the predictor's own uncertainty. Because z is summed
out, a model that is asked only after another has failed is not taken for a bad one.

How far the tasks of one model differ decides how much its answers to one task say of another, where
few were seen. So it is learned by EM beside what is usual, with what z hides of each answer taken
off (T. Louis, Finding the observed information matrix, JRSS B 44, 1982), and drawn anew for each
draw, since a few dozen shifts tell it roughly.

Drawn are maxima of the posterior with every request weighted at random (D. Rubin, The Bayesian
bootstrap, Annals of Statistics 9, 1981) and the centres of the priors drawn from them (randomise,
then optimise: J. Bardsley et al., SIAM J. Sci. Comput. 36, 2014): an error in a model's strength is
common to all its requests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

_FIRST, _EACH = 200, 50
"""Steps to the maximum without weights, and from there to that of each draw."""
SLICE_SD = 0.35
"""How far a model's tasks vary around the model, in logits, before anything was seen."""
_SLICE_FREEDOM = 6.0
"""As if so many had been seen to vary so."""
_EASE, _EASE_SD, _TASK_SD = 1.0, 0.5, 0.4
"""σ before anything was seen, and how far tasks vary around it."""
_GRID: Array = np.linspace(-3.0, 3.0, 13, dtype=np.float32)
_STEP = _GRID[1] - _GRID[0]
_NORMAL = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()
_NORMAL_AS = 10.0
"""As if so many requests had been seen to be spread so."""
_MOST_STEP = 1.0
_WIDER = 2.0
"""By how much the weights of requests vary more than if these formulas were the truth, which no
formulas are; chosen in 30 worlds of `scripts/bench_whatif.py`, of the seeds 1 to 6 and sizes 1996
to 2000, so that 95 % intervals hold a little over 95 %."""
QUANTUM = 0.25
"""Predictions are told apart by so many logits, and grades by a twentieth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Answers that were judged, a row each."""

    unit: Array
    """Which request, as a number from 0."""
    arm: Array
    task: Array
    prediction: Array
    """The predictor's estimate as a logit."""
    good: Array
    """0..1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passing:
    """What was learned, as draws from the posterior; `learn_passing` makes one."""

    shift: Array
    """s, shape `(draws, arms, tasks)`."""
    ease_sd: Array
    """σ, shape `(draws, tasks)`."""
    kind_of: Array
    """By request: which row of `ease`; -1 where nothing of it was judged."""
    ease: Array
    """Cumulated probability of z on the grid, shape `(draws, kinds, grid)`."""
    usual: Array
    """Likewise of requests of which nothing was judged, shape `(draws, grid)`."""
    scatter: float
    """Of grades around their expectation, as a share of that of a yes or no, 0..1."""

    def units(self, units: Array, random: np.random.Generator) -> Array:
        """z of those requests, shape `(units, draws)`."""
        draws, kinds = len(self.ease_sd), self.kind_of[units]
        at, jitter = random.random((2, len(units), draws))
        place = np.zeros((len(units), draws), dtype=int)
        for kind in np.unique(kinds):
            rows = np.flatnonzero(kinds == kind)
            ends = self.usual if kind < 0 else self.ease[:, kind]
            place[rows] = (at[rows, :, None] > ends[None, :, :-1]).sum(axis=2)
        return np.asarray(_GRID[place] + _STEP * (jitter - 0.5))

    def probability(self, arm: int, tasks: Array, prediction: Array, z: Array) -> Array:
        """Of a good answer of this arm, shape `(requests, draws)`."""
        logit = prediction[:, None] + self.shift[:, arm, tasks].T + self.ease_sd[:, tasks].T * z
        return np.asarray(1 / (1 + np.exp(-logit)))

    def grades(self, probability: Array, random: np.random.Generator) -> Array:
        """What would be found of such answers, with the scatter of those that were judged."""
        good = random.random(probability.shape) < probability
        return np.asarray(probability + (good - probability) * self.scatter)


def logit(probability: float) -> float:
    """As a logit; what is said to be certain is taken for very likely."""
    kept = min(max(probability, 0.005), 0.995)
    return float(np.log(kept / (1 - kept)))


def learn_passing(
    seen: Judged,
    *,
    units: int,
    doubt: Array,
    tasks: int,
    draws: int,
    random: np.random.Generator,
) -> Passing:
    """The posterior, given what was judged; with nothing judged the prior.

    Args:
        doubt: by arm: the standard deviation of its predictions, in logits.
    """
    fit = _Fit(seen, units, doubt, tasks, draws, random)
    if len(seen.good):
        middle = _Fit(seen, units, doubt, tasks, 1, None)
        for _ in range(_FIRST):
            middle.step()
            middle.learn_spread()
        fit.begin_at(middle, random)
        for _ in range(_EACH):
            fit.step()
    return Passing(
        shift=fit.shift.reshape(draws, len(doubt), tasks),
        ease_sd=fit.sigma,
        kind_of=fit.kind_of,
        ease=np.cumsum(fit.posterior(), axis=2),
        usual=np.cumsum(fit.mass, axis=1),
        scatter=_scatter(seen.good),
    )


def _scatter(good: Array) -> float:
    """Square root of the variance of grades, over that of a yes or no with their mean."""
    if not len(good):
        return 0.0
    mean = float(good.mean())
    return float(np.sqrt(min(good.var() / max(mean * (1 - mean), 1e-3), 1.0)))


class _Fit:
    """All draws at once. Requests of which the same was found count as one with a weight.

    Args:
        random: draws weights and the centres of priors; without it they are what is expected.
    """

    def __init__(
        self,
        seen: Judged,
        units: int,
        doubt: Array,
        tasks: int,
        draws: int,
        random: np.random.Generator | None,
    ) -> None:
        self.tasks, arms = tasks, len(doubt)
        kinds, self.kind_of = _kinds(seen, units)
        counts = np.bincount(self.kind_of[self.kind_of >= 0], minlength=len(kinds))
        rows = [row for kind in kinds for row in kind]
        sizes = np.array([len(kind) for kind in kinds], dtype=np.int64)
        self.kind = np.repeat(np.arange(len(kinds)), sizes)
        self.firsts = np.cumsum(sizes) - sizes
        self.cell = np.array([arm * tasks + task for arm, task, _, _ in rows], dtype=np.int64)
        self.task = self.cell % tasks
        self.prediction = np.array([prediction for _, _, prediction, _ in rows])
        self.good = np.array([good for _, _, _, good in rows], dtype=np.float32)[:, None]
        self.met = np.zeros(arms * tasks)
        self.met[self.cell] = 1.0
        self.doubt = doubt
        self.weight = np.repeat(counts[None].astype(float), draws, axis=0)
        self.arm_centre, self.cell_centre = np.zeros((draws, arms)), np.zeros((draws, arms * tasks))
        self.ease_centre, self.task_centre = np.full((draws, 1), _EASE), np.zeros((draws, tasks))
        if random is not None:
            often = np.maximum(counts, 1e-9) / _WIDER
            weight = random.gamma(often, size=self.weight.shape)
            total = weight.sum(axis=1, keepdims=True)
            self.weight = weight * counts.sum() / np.where(total, total, 1.0)
            self.arm_centre += random.standard_normal((draws, arms)) * doubt
            self.cell_centre += random.standard_normal((draws, arms * tasks))
            self.cell_centre *= SLICE_SD
            self.ease_centre += _EASE_SD * random.standard_normal((draws, 1))
            self.task_centre += _TASK_SD * random.standard_normal((draws, tasks))
        self.mass = np.repeat(_NORMAL[None], draws, axis=0)
        self.spread = np.full((draws, 1), SLICE_SD**2)
        """Variance of the shifts around their arm's."""
        self.freedom = _SLICE_FREEDOM
        """Of how many shifts it is known."""
        self.curve = np.zeros((draws, arms * tasks))
        """What the answers say of each shift, as a precision."""
        self.arm = self.arm_centre.copy()
        self.shift = np.repeat(self.arm, tasks, axis=1) + self.cell_centre
        self.sigma = np.abs(self.ease_centre + self.task_centre)

    def begin_at(self, middle: _Fit, random: np.random.Generator) -> None:
        """Start from there; what was not judged starts where its prior is. The variance is drawn
        from its own posterior."""
        free = middle.freedom
        self.spread = middle.spread * free / random.chisquare(free, self.spread.shape)
        self.cell_centre *= np.sqrt(self.spread) / SLICE_SD
        usual = np.repeat(self.arm_centre, self.tasks, axis=1) + self.cell_centre
        self.shift = np.where(self.met > 0, middle.shift, usual)
        told = self.met.reshape(-1, self.tasks).sum(axis=1) > 0
        self.arm = np.where(told, middle.arm, self.arm_centre)
        self.sigma = np.repeat(middle.sigma, len(self.sigma), axis=0)
        self.mass = np.repeat(middle.mass, len(self.mass), axis=0)

    def _logits(self) -> Array:
        """Of a good answer: `(draws, rows, grid)`, a row for each answer of a kind."""
        level = (self.prediction + self.shift[:, self.cell])[..., None].astype(np.float32)
        sigma = self.sigma[:, self.task, None].astype(np.float32)
        return np.asarray(np.clip(level + sigma * _GRID, -15, 15))

    def posterior(self, logits: Array | None = None) -> Array:
        """Probability of z on the grid, shape `(draws, kinds, grid)`."""
        if not len(self.firsts):
            return np.zeros((len(self.sigma), 0, len(_GRID)))
        x = self._logits() if logits is None else logits
        likely = self.good * x - np.log1p(np.exp(x))
        joint = np.add.reduceat(likely, self.firsts, axis=1) + np.log(self.mass)[:, None]
        joint = np.exp(joint - joint.max(axis=2, keepdims=True))
        return np.asarray(joint / joint.sum(axis=2, keepdims=True))

    def step(self) -> None:
        """One step of EM, with a Newton step in place of the maximum."""
        x = self._logits()
        p = 1 / (1 + np.exp(-x))
        eases = self.posterior(x) * self.weight[..., None]
        self.mass = eases.sum(axis=1) + _NORMAL_AS * _NORMAL
        self.mass /= self.mass.sum(axis=1, keepdims=True)
        of = eases[:, self.kind].astype(np.float32)
        up, bend = of * (self.good - p), of * p * (1 - p)
        cells = self.shift.shape[1]
        gradient = _sums(up.sum(axis=2), self.cell, cells)
        curve = _sums(bend.sum(axis=2), self.cell, cells)
        tight = 1 / self.spread
        away = self.shift - np.repeat(self.arm, self.tasks, axis=1) - self.cell_centre
        move = (gradient - away * tight) / (curve + tight)
        self.shift += np.clip(move, -_MOST_STEP, _MOST_STEP)
        own = ((self.shift - self.cell_centre) * self.met).reshape(*self.arm.shape, self.tasks)
        count, hold = self.met.reshape(-1, self.tasks).sum(axis=1), self.doubt**-2
        self.arm = (self.arm_centre * hold + own.sum(axis=2) * tight) / (hold + count * tight)
        usual = np.repeat(self.arm, self.tasks, axis=1) + self.cell_centre
        self.shift = np.where(self.met > 0, self.shift, usual)  # of which nothing was judged
        pull = _sums(up @ _GRID, self.task, self.tasks)
        stiff = _sums(bend @ _GRID**2, self.task, self.tasks)
        slack, close = _EASE_SD**-2, _TASK_SD**-2
        each = (self.sigma - self.task_centre).sum(axis=1, keepdims=True)
        common = (self.ease_centre * slack + each * close) / (slack + self.tasks * close)
        pull -= (self.sigma - common - self.task_centre) * close
        move = np.clip(pull / (stiff + close), -0.5, 0.5)
        self.sigma = np.maximum(self.sigma + move, 0.05)
        # z hides a part of what an answer says: the variance of its score.
        of_one = eases[:, self.kind].sum(axis=2)
        mean = up.sum(axis=2) / np.maximum(of_one, 1e-9)
        hidden = (up * (self.good - p)).sum(axis=2) - of_one * mean**2
        self.curve = np.maximum(curve - _sums(hidden, self.cell, cells), 0.0)

    def learn_spread(self) -> None:
        """One step of EM for the variance of the shifts around their arm's."""
        known = (self.curve * self.spread).reshape(*self.arm.shape, self.tasks)
        known *= self.met.reshape(-1, self.tasks)
        share = known / (1 + known)
        # Of a shift less its arm's: what its own answers leave, and what is not known of the arm.
        of_arm = 1 / (self.doubt**-2 + share.sum(axis=2) / self.spread)
        left = self.spread[..., None] * (1 - share) + share**2 * of_arm[..., None]
        away = self.shift.reshape(share.shape) - self.arm[..., None]
        squares = ((away**2 + left) * self.met.reshape(-1, self.tasks)).sum(axis=(1, 2))
        count = self.met.sum() + _SLICE_FREEDOM
        self.spread = ((squares + _SLICE_FREEDOM * SLICE_SD**2) / count)[:, None]
        self.freedom = _SLICE_FREEDOM + float(share.sum() / len(share))


def _sums(values: Array, cell: Array, cells: int) -> Array:
    """By cell, for each draw."""
    return np.stack([np.bincount(cell, row, minlength=cells) for row in values])


_Kind = tuple[tuple[int, int, float, float], ...]


def _kinds(seen: Judged, units: int) -> tuple[list[_Kind], Array]:
    """What was found of requests, each kind once, and which kind each request is of."""
    found: dict[int, dict[tuple[int, int], tuple[float, list[float]]]] = {}
    rows = zip(
        seen.unit.tolist(),
        seen.arm.tolist(),
        seen.task.tolist(),
        (np.round(seen.prediction / QUANTUM) * QUANTUM).tolist(),
        seen.good.tolist(),
        strict=True,
    )
    for unit, arm, task, prediction, good in rows:
        of_unit = found.setdefault(unit, {})
        of_unit.setdefault((arm, task), (prediction, []))[1].append(good)
    number: dict[_Kind, int] = {}
    kind_of = np.full(units, -1)
    for unit, members in found.items():
        kind = tuple(
            (arm, task, prediction, round(20 * sum(goods) / len(goods)) / 20)
            for (arm, task), (prediction, goods) in sorted(members.items())
        )
        kind_of[unit] = number.setdefault(kind, len(number))
    return list(number), kind_of
