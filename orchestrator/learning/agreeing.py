"""How answers agree, learned from requests that several models answered.

Two numbers a task, for `routing._beliefs`: how much harder one request is than another for all
models alike, and in how many ways one can be wrong. And which models are worth asking in turn: one
after the other, whoever adds most to what plans are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from orchestrator.learning.agreement import Agreements
from orchestrator.routing._beliefs import MOST, Beliefs

LEAST = 30
"""From fewer requests nothing is learned."""
SPREADS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_LIKE_ALL = 50.0
"""A task is taken to be like all as if so many of its requests were known to be."""
_COMPARABLE = 0.5
"""Of two right answers so many must be equal; else nothing follows from answers that differ."""
_SAMPLE = 60
"""Requests on which models are compared as members."""
_RATES = (0.05, 0.1, 0.2)
"""What the mean cost of the best model is worth, in quality."""
_GAIN = 2e-4
"""A further model must add so much, in quality."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """Requests that the same models answered; a row a request, a column a model."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    """What the profile of each request says."""
    scores: np.ndarray
    """0..1; from 0.5 on an answer counts as right."""
    votes: np.ndarray
    """Equal numbers in a row are equal answers (`calling.agreement.ballot`)."""
    quality: np.ndarray
    """What was expected of each, by a predictor that had not seen the request."""
    costs: np.ndarray
    """What it was expected to cost."""

    def part(self, rows: np.ndarray) -> Answered:
        """Some of the rows."""
        return Answered(
            models=self.models,
            tasks=tuple(self.tasks[i] for i in rows),
            scores=self.scores[rows],
            votes=self.votes[rows],
            quality=self.quality[rows],
            costs=self.costs[rows],
        )


def learn_agreements(answered: Answered) -> Agreements:
    """What these answers teach; nothing where they are fewer than `LEAST`."""
    if len(answered.tasks) < LEAST or len(answered.models) < 2:
        return Agreements()
    seen = _Seen.of(answered)
    usual = seen.usual()
    tasks = np.array(answered.tasks)
    known, incomparable = {}, []
    for task in sorted(set(answered.tasks)):
        own = tasks == task
        if seen.equal_rights(own) < _COMPARABLE:
            incomparable.append(task)
        else:
            known[task] = seen.alike(own, usual)
    found = Agreements(usual=usual, tasks=known, incomparable=tuple(incomparable))
    return Agreements(
        models=_worth_asking(answered, found),
        usual=usual,
        tasks=known,
        incomparable=found.incomparable,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What pairs of answers say, by request."""

    likely: np.ndarray
    """Log-likelihood of who is right, all pairs together, shape `(spreads, rows)`."""
    wrongs: np.ndarray
    """Pairs of wrong answers, and how many of them are equal."""
    equal_wrongs: np.ndarray
    rights: np.ndarray
    equal_rights_: np.ndarray

    @classmethod
    def of(cls, answered: Answered) -> _Seen:
        right = answered.scores >= 0.5
        n, pairs = len(right), list(combinations(range(right.shape[1]), 2))
        counts = np.zeros((4, n))
        for a, b in pairs:
            equal = answered.votes[:, a] == answered.votes[:, b]
            wrong, good = ~right[:, a] & ~right[:, b], right[:, a] & right[:, b]
            counts += np.stack([wrong, wrong & equal, good, good & equal])
        likely = np.stack([_pairwise(answered.quality, right, s, pairs) for s in SPREADS])
        return cls(likely, *counts)

    def equal_rights(self, own: np.ndarray) -> float:
        total = float(self.rights[own].sum())
        return float(self.equal_rights_[own].sum()) / total if total else 0.0

    def usual(self) -> tuple[float, float]:
        spread = SPREADS[int(np.argmax(self.likely.sum(axis=1)))]
        return spread, _variety(float(self.wrongs.sum()), float(self.equal_wrongs.sum()))

    def alike(self, own: np.ndarray, usual: tuple[float, float]) -> tuple[float, float]:
        """Spread and variety of some rows, shrunk towards what is usual."""
        likely = self.likely[:, own].sum(axis=1) + _LIKE_ALL * self.likely.mean(axis=1)
        more = _LIKE_ALL * float(self.wrongs.mean())
        wrong = float(self.wrongs[own].sum()) + more
        equal = float(self.equal_wrongs[own].sum()) + more / (1 + usual[1])
        return SPREADS[int(np.argmax(likely))], _variety(wrong, equal)


def _pairwise(
    quality: np.ndarray, right: np.ndarray, spread: float, pairs: Sequence[tuple[int, int]]
) -> np.ndarray:
    """By request, the composite likelihood of all pairs (B. Lindsay, Composite likelihood methods,
    Contemporary Mathematics 80, 1988): of the whole it would follow how all models hang together,
    which a single hidden amount does not say well."""
    q = np.clip(quality, 0.02, 0.98)
    middle = np.log(q / (1 - q)) * np.sqrt(1 + np.pi * spread**2 / 8)
    chance = 1 / (1 + np.exp(-(middle[:, :, None] + spread * _NODES)))
    seen = np.where(right[:, :, None], chance, 1 - chance)
    total = np.zeros(len(q))
    for a, b in pairs:
        total += np.log((seen[:, a] * seen[:, b]) @ _WEIGHTS)
    return total


def _variety(pairs: float, equal: float) -> float:
    """Of the Chinese restaurant process two are equal with probability 1 / (1 + variety)."""
    return float(np.clip((pairs - equal + 1) / (equal + 1), 0.1, 1000.0))


def _worth_asking(answered: Answered, found: Agreements) -> tuple[str, ...]:
    """The members, each added since it adds most to what plans are worth on a sample."""
    able = [i for i, task in enumerate(answered.tasks) if task not in found.incomparable]
    if not able:
        return ()
    step = max(1, len(able) // _SAMPLE)
    sample = answered.part(np.array(able[::step][:_SAMPLE]))
    best = int(np.argmax(answered.quality.mean(axis=0)))
    unit = float(sample.costs[:, best].mean())
    if not unit > 0:
        return ()
    taken: list[int] = []
    worth = -np.inf
    while len(taken) < min(MOST, len(answered.models)):
        offers = dict(_offers(sample, found, taken, unit))
        gain = max(offers, key=lambda column: offers[column])
        if offers[gain] <= worth + _GAIN:
            break
        worth, taken = offers[gain], [*taken, gain]
    return tuple(answered.models[column] for column in sorted(taken))


def _offers(
    sample: Answered, found: Agreements, taken: Sequence[int], unit: float
) -> Iterator[tuple[int, float]]:
    """What plans are worth on average with each further member."""
    for column in range(len(sample.models)):
        if column not in taken:
            total = 0.0
            for row, task in enumerate(sample.tasks):
                paid = sample.costs[row].tolist()
                order = sorted((*taken, column), key=paid.__getitem__)
                costs = [paid[c] for c in order]
                quality = [float(sample.quality[row, c]) for c in order]
                beliefs = Beliefs(quality, *found.tasks.get(task, found.usual))
                total += sum(beliefs.worth(costs, rate / unit) for rate in _RATES)
            yield column, total / (len(sample.tasks) * len(_RATES))
