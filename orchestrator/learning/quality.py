"""The quality model: how well each model does on a request, with how sure that is.

Parts that add up: the levels (fleet, model, task), the region that a request falls into, and what
else its text says. Of the
text, what all models find hard is learned once, from all of them together; beside it each model's
deviation from the others, by itself. Where two models are compared the common part cancels out, so
what is learned there is the gain of the one over the other, not two large numbers that err apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from types import MappingProxyType

import numpy as np

from orchestrator.learning.features import Features, features_for
from orchestrator.learning.levels import NOTHING, Levels, Prior, Tally, levels
from orchestrator.learning.regions import STYLE_WEIGHT, Means, Regions, find, shrunk
from orchestrator.learning.ridge import Fitted, beside, fit
from orchestrator.types import Estimate

LEAST = 30
"""Of fewer answers nothing is learned about texts."""
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
    """Of each region the same targets as of `fitted`."""
    fitted: Fitted
    """Target 0: how much better than usual all models do. Then, in the order of `models`: how much
    better each does beside that."""
    models: tuple[str, ...]

    def moved(self, readings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shift of each model and its variance, shape `(rows, 1 + models)`; of models that
        were never seen in column 0."""
        seen = self.features.of(readings)
        usual, doubt = self.means.at(self.regions.of(self.features.places(readings, STYLE_WEIGHT)))
        means = usual + self.fitted.predict(seen)
        variances = doubt + self.fitted.variance(seen)
        means[:, 1:] += means[:, :1]
        variances[:, 1:] += variances[:, :1]
        return means, variances

    def move(
        self, usual: Mapping[str, Estimate], model_of: Mapping[str, str], reading: np.ndarray
    ) -> Mapping[str, Estimate]:
        """What is usual of each deployment, moved by what the text says of its model.

        Args:
            reading: one row, shape `(numbers,)`.
        """
        means, variances = (row[0].tolist() for row in self.moved(reading[None]))
        place = {model: i for i, model in enumerate(self.models, start=1)}
        found = {}
        for deployment, estimate in usual.items():
            i = place.get(model_of[deployment], 0)
            mean = min(max(estimate.mean + means[i], 0.0), 1.0)
            found[deployment] = Estimate(mean=mean, sd=sqrt(estimate.sd**2 + variances[i]))
        return MappingProxyType(found)

    def digest(self) -> bytes:
        """Changes with everything that was learned."""
        sha = sha256("\0".join(self.models).encode())
        sha.update(self.fitted.weights.tobytes())
        sha.update(self.means.means.tobytes())
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
            place = {model: i for i, model in enumerate(self.text.models, start=1)}
            columns = [place.get(model, 0) for model in models]
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


def _text(
    models: tuple[str, ...], readings: np.ndarray, left: np.ndarray, meaning: int
) -> TextPart:
    """What remains of the scores when model and task are known, explained by the texts."""
    asked = ~np.isnan(left)
    some = asked.any(axis=1)
    readings, left, asked = readings[some], left[some], asked[some]
    features = features_for(readings, meaning)
    seen = features.of(readings)
    places = features.places(readings, STYLE_WEIGHT)
    regions = find(places)
    where, count = regions.of(places), regions.centres.shape[1]
    asked_of = asked.sum(axis=1)[:, None]
    usual = np.nansum(left, axis=1, keepdims=True) / asked_of
    if asked.all():
        targets = np.hstack([usual, left - usual])
        means = shrunk(where, count, targets)
        fitted = fit(seen, targets - means.at(where)[0])
        return TextPart(
            features=features, regions=regions, means=means, fitted=fitted, models=models
        )
    kinds = shrunk(where, count, usual)
    shared = fit(seen, usual - kinds.at(where)[0])
    # What models have in common on a request is known where several answered; else it is expected.
    common = np.where(asked_of > 1, usual, kinds.at(where)[0] + shared.predict(seen))
    apart = left - common
    means = shrunk(where, count, np.hstack([usual, apart]))
    rest = apart - means.at(where)[0][:, 1:]
    own = [
        (fit(seen[mask], rest[mask, i : i + 1]), float(mask.mean()))
        for i, mask in enumerate(asked.T)
    ]
    return TextPart(
        features=features,
        regions=regions,
        means=means,
        fitted=beside(shared, own),
        models=models,
    )
