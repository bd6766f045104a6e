"""How good each model is, by task, where nothing is known of the request's text.

Three levels, each shrunk towards the one above: what the fleet declares, moved by how far off it
was for all models (fleet), for this model (model), and for this model at this task (slice). All are
Gaussian, so each level's posterior is (B. Efron and C. Morris, Stein's estimation rule and its
competitors, JASA 68, 1973)

    parent + k·(mean of what was seen - parent),    k = n / (n + σ²/τ²)

with n scores of variance σ² around a value that itself varies by τ² around its parent. How far
slices vary is estimated from the slices (R. DerSimonian and N. Laird, Meta-analysis in clinical
trials, Controlled Clinical Trials 7, 1986), starting from what is usual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import sqrt

from orchestrator.types import Estimate

Prior = Callable[[str, str], Estimate]
"""What the fleet declares of a model and a task."""

NOISE = 0.2
"""σ²: the variance of one score in 0..1 around its expectation; a yes or no has 0.25 at most."""
FLEET, SLICE = 0.05**2, 0.06**2
"""τ² of the fleet's shift, and what is usual of slices around their model."""
_USUAL = 8.0
"""As if so many slices had been seen to vary as is usual."""


@dataclass(slots=True)
class Tally:
    """Scores of one model at one task: their weight, sum, and sum of squares."""

    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, score: float, weight: float = 1.0) -> None:
        """One score in 0..1, which counts as much as `weight` others."""
        self.n += weight
        self.total += weight * score
        self.squares += weight * score * score


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far a value is from what was declared, and the variance of that."""

    mean: float
    variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What the tallies say, ready to be asked."""

    fleet: Shift
    models: Mapping[str, Shift]
    slices: Mapping[tuple[str, str], Shift]
    slice_spread: float
    """τ² of slices, as estimated."""
    known: Mapping[str, float] = field(default_factory=dict)
    """By model how many scores were seen."""

    def estimate(self, model: str, task: str, declared: Estimate) -> Estimate:
        """The expected score, 0..1, with its standard deviation.

        Args:
            declared: what the fleet says, from which everything is a shift.
        """
        shift = self.slices.get((model, task))
        if shift is None:
            above = self.models.get(model)
            if above is None:
                spread = declared.sd**2 + self.fleet.variance
                above = Shift(mean=self.fleet.mean, variance=spread)
            shift = Shift(mean=above.mean, variance=above.variance + self.slice_spread)
        mean = min(max(declared.mean + shift.mean, 0.0), 1.0)
        return Estimate(mean=mean, sd=sqrt(shift.variance))


NOTHING = Levels(fleet=Shift(mean=0.0, variance=0.0), models={}, slices={}, slice_spread=0.0)
"""Before anything was seen: exactly what the fleet declares."""


def levels(tallies: Mapping[tuple[str, str], Tally], prior: Prior) -> Levels:
    """The posteriors of all three levels from tallies by `(model, task)`."""
    by_model: dict[str, list[tuple[str, Tally]]] = {}
    for (model, task), tally in tallies.items():
        if tally.n > 0:
            by_model.setdefault(model, []).append((task, tally))
    if not by_model:
        return NOTHING
    noise = _noise(t for own in by_model.values() for _, t in own)
    off = {
        (model, task): tally.total / tally.n - prior(model, task).mean
        for model, own in by_model.items()
        for task, tally in own
    }
    spread = _spread(by_model, off, noise)
    means = {m: _weighted(m, own, off, noise, spread) for m, own in by_model.items()}
    doubt = {m: min(prior(m, t).sd for t, _ in own) ** 2 for m, own in by_model.items()}
    # What is declared may be off by this in all, of which fleet and slice are parts.
    declared = {m: max(variance - FLEET - SLICE, variance / 3) for m, variance in doubt.items()}
    fleet = _fleet([(mean, variance + declared[m]) for m, (mean, variance) in means.items()])
    models = {m: _shrunk(fleet, declared[m], *means[m]) for m in by_model}
    slices = {
        (m, task): _shrunk(models[m], spread, off[m, task], noise / tally.n)
        for m, own in by_model.items()
        for task, tally in own
    }
    known = {m: sum(t.n for _, t in own) for m, own in by_model.items()}
    return Levels(fleet=fleet, models=models, slices=slices, slice_spread=spread, known=known)


def _fleet(seen: Iterable[tuple[float, float]]) -> Shift:
    """The shift that all models have in common, from a value and variance of each."""
    weighted, precision = 0.0, 1 / FLEET
    for value, variance in seen:
        weighted += value / max(variance, 1e-9)
        precision += 1 / max(variance, 1e-9)
    return Shift(mean=weighted / precision, variance=1 / precision)


def _shrunk(parent: Shift, spread: float, value: float, variance: float) -> Shift:
    """What varies by `spread` around its parent, and was measured as `value` with a variance.

    The parent has seen the same measurement, so that only its own doubt is passed on, as far as
    the parent still counts.
    """
    k = spread / max(spread + variance, 1e-12)
    mean = parent.mean + k * (value - parent.mean)
    return Shift(mean=mean, variance=k * variance + (1 - k) ** 2 * parent.variance)


def _weighted(
    model: str,
    own: list[tuple[str, Tally]],
    off: Mapping[tuple[str, str], float],
    noise: float,
    spread: float,
) -> tuple[float, float]:
    """A model's mean over its slices, each as sure as it is, and the variance of that."""
    weights = [1 / (spread + noise / tally.n) for _, tally in own]
    total = sum(weights)
    mean = sum(w * off[model, task] for w, (task, _) in zip(weights, own, strict=True)) / total
    return mean, 1 / total


def _noise(tallies: Iterable[Tally]) -> float:
    """σ² within slices, where 20 degrees of freedom stand for what is usual."""
    left, freedom = 20 * NOISE, 20.0
    for tally in tallies:
        if tally.n > 1:
            left += max(tally.squares - tally.total**2 / tally.n, 0.0)
            freedom += tally.n - 1
    return max(left / freedom, 0.01)


def _spread(
    by_model: Mapping[str, list[tuple[str, Tally]]],
    off: Mapping[tuple[str, str], float],
    noise: float,
) -> float:
    """τ² of slices around their models, by moments, with `_USUAL` slices of the usual beside."""
    excess, freedom = _USUAL * SLICE, _USUAL
    for model, own in by_model.items():
        if len(own) < 2:
            continue
        n = [tally.n for _, tally in own]
        mean = sum(t.n * off[model, task] for task, t in own) / sum(n)
        q = sum(t.n * (off[model, task] - mean) ** 2 for task, t in own)
        scale = sum(n) - sum(x * x for x in n) / sum(n)
        if scale > 0:
            slices = len(own) - 1
            excess += slices * max((q - slices * noise) / scale, 0.0)
            freedom += slices
    return excess / freedom
