"""The quality model: how well each model does on a request, with how sure that is.

Parts that add up: the levels (fleet, model, task), and what the request's text moves.

Of the text a few *factors* are read: what makes a request hard for all models, and in which ways
models then part. Models that were trained alike fail alike, so that a few directions tell nearly
all that a text can tell of many models, and each is learned from the answers of all of them. A
factor is the mean of two expectations that err differently: of the request's regions, and of its
features. What is expected of a model is a weighted sum of the factors (reduced-rank regression:
A. J. Izenman, Journal of Multivariate Analysis 5, 1975), with weights that are fitted to what
would be expected of each request had it not been seen (stacking: D. H. Wolpert, Stacked
generalization, Neural Networks 5, 1992). Where requests were answered by some models alone, as in
live traffic, the factors are what all have in common and each model by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from orchestrator.learning.features import Features, features_for
from orchestrator.learning.levels import NOTHING, Levels, Prior, Tally, levels
from orchestrator.learning.regions import STYLE_WEIGHT, Means, Regions, find, shrunk
from orchestrator.learning.ridge import Fitted, beside, fit_and_leave_out
from orchestrator.types import Estimate

LEAST = 30
"""Of fewer answers nothing is learned about texts."""
FACTORS = 9
"""At most so many, the common one included."""
TOLD = 0.01
"""A factor is kept of which texts tell such a share of the variance."""
_NOTHING = 1e-6
_STEADY = 300.0
"""As if of each weight so many requests had said that it is what the factor is made of."""
UNKNOWN = Estimate(mean=0.6, sd=0.2)
"""What is declared of a model that nobody declares anything of."""


def nothing_declared(model: str, task: str) -> Estimate:  # noqa: ARG001 - a `Prior`
    """The prior where there is no fleet."""
    return UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """Scores of models on requests; a row a request, a column a model."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    """What the profile of each request says, shape `(rows,)`."""
    readings: np.ndarray
    """From `Reader.read`, shape `(rows, numbers)`."""
    scores: np.ndarray
    """0..1, NaN where a model was not asked, shape `(rows, models)`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextPart:
    """What the text of a request moves."""

    features: Features
    regions: Regions
    means: Means
    """Of each region the factors, as of `fitted`."""
    fitted: Fitted
    """The factors from the features."""
    weights: np.ndarray
    """What each model makes of each factor, shape `(1 + models, factors)`; row 0 is that of a model
    that was never seen."""
    models: tuple[str, ...]

    def moved(self, readings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shift of each model and its variance, shape `(rows, 1 + models)`; of models that
        were never seen in column 0."""
        seen = self.features.of(readings)
        usual, doubt = self.means.at(self.regions.of(self.features.places(readings, STYLE_WEIGHT)))
        factors = (usual + self.fitted.predict(seen)) / 2
        # Both learned from the same answers, so that they err together.
        spread = (np.sqrt(doubt) + np.sqrt(self.fitted.variance(seen))) / 2
        return factors @ self.weights.T, spread**2 @ (self.weights**2).T

    def columns(self, models: Sequence[str]) -> np.ndarray:
        """Where these models stand in what `moved` gives."""
        place = {model: i for i, model in enumerate(self.models, start=1)}
        return np.array([place.get(model, 0) for model in models])

    def digest(self) -> bytes:
        """Changes with everything that was learned."""
        sha = sha256("\0".join(self.models).encode())
        for array in (self.fitted.weights, self.means.means, self.regions.centres, self.weights):
            sha.update(array.tobytes())
        return sha.digest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QualityModel:
    """What was learned, frozen; `learn` makes one."""

    levels: Levels = NOTHING
    text: TextPart | None = None

    def predict(
        self,
        models: Sequence[str],
        tasks: Sequence[str],
        readings: np.ndarray | None,
        prior: Prior = nothing_declared,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Expected scores in 0..1 and their standard deviations, shape `(rows, models)`.

        Args:
            tasks: of each row.
            readings: of each row; without them only model and task count.
        """
        known = {
            task: [self.levels.estimate(model, task, prior(model, task)) for model in models]
            for task in set(tasks)
        }
        means = np.array([[e.mean for e in known[task]] for task in tasks])
        variances = np.array([[e.sd**2 for e in known[task]] for task in tasks])
        if self.text is not None and readings is not None:
            columns = self.text.columns(models)
            moved, doubt = self.text.moved(readings)
            means = means + moved[:, columns]
            variances = variances + doubt[:, columns]
        return np.clip(means, 0.0, 1.0), np.sqrt(variances)


def learn(answers: Answers, meaning: int, prior: Prior = nothing_declared) -> QualityModel:
    """What these answers teach.

    Args:
        meaning: how many numbers of a reading are the embedding's, `Reader.meaning`.
    """
    known = tallied(answers)
    above = levels(known, prior)
    usual = QualityModel(levels=above).predict(answers.models, answers.tasks, None, prior)[0]
    left = answers.scores - usual
    # Who has answered next to nothing is taken for a model like all.
    often = np.flatnonzero((~np.isnan(left)).sum(axis=0) >= LEAST)
    models = tuple(answers.models[i] for i in often)
    if not models:
        return QualityModel(levels=above)
    text = _text(models, answers.readings, left[:, often], meaning)
    return QualityModel(levels=above, text=text)


def tallied(answers: Answers) -> dict[tuple[str, str], Tally]:
    """The scores by model and task."""
    found: dict[tuple[str, str], Tally] = {}
    for task, row in zip(answers.tasks, answers.scores.tolist(), strict=True):
        for model, score in zip(answers.models, row, strict=True):
            if score == score:  # not NaN
                found.setdefault((model, task), Tally()).add(score)
    return found


class _Told(NamedTuple):
    """What texts tell of some targets."""

    means: Means
    fitted: Fitted
    unseen: np.ndarray
    """What is expected of each row by all others, shape of the targets."""


def expect(
    known: np.ndarray, targets: np.ndarray, new: np.ndarray, meaning: int
) -> tuple[np.ndarray, np.ndarray]:
    """What texts tell of any numbers: of new ones, and of each known one by all others.

    Args:
        known: readings of texts of which the targets are known, all of them.
        targets: centred, shape `(known, targets)`.
        new: readings of other texts.
    """
    texts = _Texts(known, meaning)
    told = texts.tell(targets)
    where = texts.regions.of(texts.features.places(new, STYLE_WEIGHT))
    of_features = told.fitted.predict(texts.features.of(new))
    return (told.means.at(where)[0] + of_features) / 2, told.unseen


class _Texts:
    """Requests, ready for any targets."""

    def __init__(self, readings: np.ndarray, meaning: int) -> None:
        self.features = features_for(readings, meaning)
        self.seen = self.features.of(readings)
        places = self.features.places(readings, STYLE_WEIGHT)
        self.regions = find(places)
        self.where = self.regions.of(places)

    def tell(self, targets: np.ndarray) -> _Told:
        """Targets are centred; NaN where nothing was seen, then one target alone."""
        asked = ~np.isnan(targets).any(axis=1)
        means, of_regions = shrunk(self.where, self.regions.divisions, targets)
        fitted, of_features = fit_and_leave_out(self.seen[asked], targets[asked])
        unseen = np.full(targets.shape, np.nan)
        unseen[asked] = (of_regions[asked] + of_features) / 2
        return _Told(means, fitted, unseen)


def _text(
    models: tuple[str, ...], readings: np.ndarray, left: np.ndarray, meaning: int
) -> TextPart | None:
    """What remains of the scores when model and task are known, explained by the texts."""
    asked = ~np.isnan(left)
    some = asked.any(axis=1)
    readings, left, asked = readings[some], left[some], asked[some]
    texts = _Texts(readings, meaning)
    found = _factors(texts, left) if asked.all() else _one_by_one(texts, left)
    if found is None:
        return None
    told, weights = found
    return TextPart(
        features=texts.features,
        regions=texts.regions,
        means=told.means,
        fitted=told.fitted,
        weights=weights,
        models=models,
    )


def _factors(texts: _Texts, left: np.ndarray) -> tuple[_Told, np.ndarray] | None:
    """Every model answered every request: what they have in common, and the directions in which
    they part most."""
    left = left - left.mean(axis=0)
    common = left.mean(axis=1, keepdims=True)
    apart = left - common
    amounts, ways = np.linalg.eigh(apart.T @ apart)
    most = [i for i in np.argsort(-amounts) if amounts[i] > _NOTHING * len(left)]
    ways = ways[:, most[: FACTORS - 1]]
    targets = np.hstack([common, apart @ ways])
    told = texts.tell(targets)
    whole = np.maximum((targets**2).sum(axis=0), _NOTHING)
    explained = 1 - ((targets - told.unseen) ** 2).sum(axis=0) / whole
    kept = np.flatnonzero(explained >= TOLD)
    if not len(kept):
        return None
    unseen = told.unseen[:, kept] - told.unseen[:, kept].mean(axis=0)
    size = unseen.std(axis=0)
    scaled = unseen / size
    # What the factors are made of is where the weights begin.
    usual = (np.hstack([np.ones((left.shape[1], 1)), ways])[:, kept] * size).T
    rest = scaled.T @ (left - scaled @ usual)
    own = usual + np.linalg.solve(scaled.T @ scaled + _STEADY * np.eye(len(kept)), rest)
    weights = np.vstack([own.mean(axis=1), own.T]) / size
    means = Means(means=told.means.means[:, kept], variances=told.means.variances[:, kept])
    return _Told(means, told.fitted.of(kept), unseen), weights


def _one_by_one(texts: _Texts, left: np.ndarray) -> tuple[_Told, np.ndarray]:
    """Requests that some models answered: what all have in common, then each model by itself.

    What models have in common on a request is known where several answered; else it is expected.
    """
    count = (~np.isnan(left)).sum(axis=1)[:, None]
    usual = np.nansum(left, axis=1, keepdims=True) / count
    common = texts.tell(usual)
    apart = left - np.where(count > 1, usual, common.unseen)
    own = [texts.tell(apart[:, i : i + 1]) for i in range(left.shape[1])]
    slopes = [_slope(told.unseen, apart[:, i : i + 1]) for i, told in enumerate(own)]
    weights = np.zeros((1 + len(own), 1 + len(own)))
    weights[:, 0] = _slope(common.unseen, usual)
    weights[1:, 1:] = np.diag(slopes)
    told = _Told(
        Means(
            means=np.hstack([t.means.means for t in (common, *own)]),
            variances=np.hstack([t.means.variances for t in (common, *own)]),
        ),
        beside(
            common.fitted,
            [(t.fitted, float((~np.isnan(t.unseen)).mean())) for t in own],
        ),
        common.unseen,
    )
    return told, weights


def _slope(unseen: np.ndarray, targets: np.ndarray) -> float:
    """How much of what is expected comes true, 0..1."""
    seen = ~np.isnan(unseen)
    along = float((unseen[seen] ** 2).sum()) + _NOTHING
    return min(max(float((unseen[seen] * targets[seen]).sum()) / along, 0.0), 1.0)
