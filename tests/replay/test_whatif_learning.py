"""What is learned of lengths and of right answers, where it is known what was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.replay.whatif_lengths import Measured, learn_lengths
from orchestrator.replay.whatif_passing import Judged, learn_passing

UNITS = 1500


def lengths(*, own: bool) -> tuple[float, float, float]:
    """The mean of arm 1 over all requests as it is told, with its standard deviation, beside the
    truth. Arm 0 answers all; arm 1 only those that arm 0 wrote most for, a fifth."""
    random = np.random.default_rng(3)
    u = random.normal(0, 0.6, UNITS)
    y = np.stack([5 + u + random.normal(0, 0.2, UNITS), 4 + u + random.normal(0, 0.2, UNITS)])
    long = np.flatnonzero(y[0] > np.quantile(y[0], 0.8))
    unit = np.concatenate([np.arange(UNITS), long]) if own else long
    arm = np.concatenate([np.zeros(UNITS, int), np.ones(len(long), int)]) if own else long * 0 + 1
    seen = Measured(
        unit=unit,
        arm=arm,
        task=np.zeros(len(unit), int),
        x=np.zeros(len(unit)),
        wrong=np.zeros(len(unit)),
        y=y[arm, unit],
    )
    found = learn_lengths(seen, units=UNITS, arms=2, tasks=1, draws=200, random=random)
    every, nothing = np.arange(UNITS), np.zeros(UNITS)
    drawn = found.draw(
        1, every * 0, nothing, nothing[:, None], found.units(every, random), random
    ).mean(axis=0)
    return float(drawn.mean()), float(drawn.std()), float(y[1].mean())


def test_who_was_asked_for_the_long_ones_is_not_wordy() -> None:
    told, sd, true = lengths(own=True)
    assert abs(told - true) < 3 * sd
    assert sd < 0.1


def test_without_others_nobody_can_tell() -> None:
    told, _, true = lengths(own=False)
    assert told - true > 0.5  # what its requests have in common is taken for its own


def test_nothing_measured_is_the_prior() -> None:
    nothing = np.zeros(0)
    ints = np.zeros(0, int)
    seen = Measured(unit=ints, arm=ints, task=ints, x=nothing, wrong=nothing, y=nothing)
    found = learn_lengths(
        seen, units=1, arms=2, tasks=1, draws=400, random=np.random.default_rng(1)
    )
    assert found.level.shape == (400, 2, 1)
    assert found.level.std() > 1.0


def judged(*, chained: bool) -> tuple[float, float, float]:
    """The share of right answers of arm 1 over all requests as it is told, with its standard
    deviation, beside the truth. It is asked where arm 0 was wrong, and for one request in ten."""
    random = np.random.default_rng(4)
    ease = random.normal(0, 1.6, UNITS)
    right = random.random((2, UNITS)) < 1 / (1 + np.exp(-(np.array([[0.3], [1.0]]) + ease)))
    chosen = ~right[0] | (random.random(UNITS) < 0.1) if chained else np.zeros(UNITS, bool)
    later = np.flatnonzero(chosen)
    unit = np.concatenate([np.arange(UNITS), later])
    arm = np.concatenate([np.zeros(UNITS, int), np.ones(len(later), int)])
    seen = Judged(
        unit=unit,
        arm=arm,
        task=np.zeros(len(unit), int),
        prediction=np.full(len(unit), 0.5),
        good=right[arm, unit].astype(float),
    )
    found = learn_passing(
        seen, units=UNITS, doubt=np.array([0.6, 0.6]), tasks=1, draws=200, random=random
    )
    every = np.arange(UNITS)
    z = found.units(every, random)
    told = found.probability(1, every * 0, np.full(UNITS, 0.5), z).mean(axis=0)
    return float(told.mean()), float(told.std()), float(right[1].mean())


def test_who_is_asked_after_failures_is_not_bad() -> None:
    told, sd, true = judged(chained=True)
    assert true - 0.25 > 0.3  # on what it is asked it is right far less often
    assert abs(told - true) < 3 * sd
    assert sd < 0.06


def test_who_was_never_judged_is_what_is_predicted() -> None:
    told, sd, _ = judged(chained=False)
    assert told == pytest.approx(1 / (1 + np.exp(-0.4)), abs=0.1)
    assert sd > 0.08


def test_grades_between_right_and_wrong() -> None:
    random = np.random.default_rng(6)
    unit = np.arange(400)
    zeros = np.zeros(400, int)
    good = np.clip(0.7 + random.normal(0, 0.1, 400), 0, 1)
    seen = Judged(unit=unit, arm=zeros, task=zeros, prediction=np.zeros(400), good=good)
    found = learn_passing(seen, units=400, doubt=np.array([0.6]), tasks=1, draws=100, random=random)
    chance = found.probability(0, zeros, np.zeros(400), found.units(unit, random))
    drawn = found.grades(chance, random)
    assert chance.mean() == pytest.approx(0.7, abs=0.03)
    assert drawn.std() < 0.25  # a yes or no would have 0.46
