"""The formulas against values worked out by hand, closed forms, and a slower way."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evaluation.crosscheck import metrics

LABELS = np.array([1, 1, 1, 1, 0, 0])
SAID = np.array([1, 1, 1, 0, 0, 1])
"""Three of four supported ones accepted, one of two others refused."""


def test_accuracies_by_hand() -> None:
    assert metrics.rates(LABELS, SAID) == (0.75, 0.5)
    assert metrics.accuracy(LABELS, SAID) == pytest.approx(4 / 6)
    assert metrics.balanced_accuracy(LABELS, SAID) == 0.625


def test_one_label_has_no_balanced_accuracy() -> None:
    assert isnan(metrics.balanced_accuracy(np.ones(3), np.ones(3)))
    assert isnan(metrics.auc(np.zeros(3), np.ones(3)))


def test_auc_by_hand() -> None:
    # Pairs: 0.9 beats both, 0.4 beats 0.1 and ties with 0.4: (2 + 1 + 0.5) / 4.
    labels, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.4, 0.1])
    assert metrics.auc(labels, scores) == pytest.approx(3.5 / 4)
    assert metrics.auc(labels, np.full(4, 0.3)) == 0.5


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_order(held: list[tuple[int, int]]) -> None:
    labels, scores = np.array([x[0] for x in held]), np.array([float(x[1]) for x in held])
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a in scores[labels == 1]
        for b in scores[labels == 0]
    ]
    if pairs:
        assert metrics.auc(labels, scores) == pytest.approx(np.mean(pairs))


def test_precision_at_a_prevalence_by_hand() -> None:
    # Half of the unsupported are refused, and a quarter of the supported: by Bayes.
    expected = 0.02 * 0.5 / (0.02 * 0.5 + 0.98 * 0.25)
    assert metrics.precision_at(LABELS, SAID) == pytest.approx(expected)
    assert metrics.precision_at(LABELS, LABELS) == 1
    assert isnan(metrics.precision_at(LABELS, np.ones(6)))


def test_precision_at_the_own_prevalence_is_the_precision() -> None:
    assert metrics.precision_at(LABELS, SAID, prevalence=2 / 6) == pytest.approx(1 / 2)


def test_certainty_moves_the_threshold_to_one_half() -> None:
    sure = metrics.certainty(np.array([0.9, 0.9, 0.5, 0.2, 1.0, 0.0]), np.array([0.5, 0.9] * 3))
    # With odds of 9 at a threshold of 0.9, which has odds of 9 itself, nothing is left.
    assert sure[:2] == pytest.approx([0.9, 0.5])
    # Odds 1 against a threshold of 0.5; odds 1/4 against one of 0.9: 1/4 / 9 = 1/36.
    assert sure[2:4] == pytest.approx([0.5, 36 / 37])
    assert sure[4:] == pytest.approx([1, 1])


def test_the_least_certain_are_left_out() -> None:
    sure = np.array([0.9, 0.5, 0.8, 0.5, 0.7])
    assert metrics.kept(sure, 0.0).all()
    assert metrics.kept(sure, 0.2).tolist() == [True, True, True, False, True]
    assert metrics.kept(sure, 0.4).tolist() == [True, False, True, False, True]


def test_calibration_by_hand() -> None:
    labels, probability = np.array([1, 0, 1, 1]), np.array([0.72, 0.78, 0.95, 1.0])
    # Bin 0.7 to 0.8: mean 0.75, share 0.5. Bin 0.9 to 1: mean 0.975, share 1.
    assert metrics.calibration_error(labels, probability) == pytest.approx(0.5 * 0.25 + 0.5 * 0.025)
    squares = [0.28**2, 0.78**2, 0.05**2, 0.0]
    assert metrics.brier(labels, probability) == pytest.approx(np.mean(squares))


def test_what_is_calibrated_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probability = rng.uniform(size=200_000)
    labels = (rng.uniform(size=200_000) < probability).astype(int)
    assert metrics.calibration_error(labels, probability) < 0.005
    # The closed form of a calibrated uniform forecast: the mean of p (1 - p) is 1/6.
    assert metrics.brier(labels, probability) == pytest.approx(1 / 6, abs=0.002)


def test_the_best_threshold_by_hand() -> None:
    labels, scores = np.array([0, 0, 1, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    # Between 0.2 and 0.3 and between 0.4 and 0.5 are equally good: 5 of 6 weighed by label.
    assert metrics.best_threshold(labels, scores) == pytest.approx(0.45)
    weights = np.array([1, 1, 1, 9, 1, 1])
    assert metrics.best_threshold(labels, scores, weights) == pytest.approx(0.45)
    assert metrics.best_threshold(labels, scores, np.array([9, 9, 1, 1, 1, 1.0])) == 0.25


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=30))
def test_no_threshold_is_better_than_the_best(held: list[tuple[int, int]]) -> None:
    labels, scores = np.array([x[0] for x in held]), np.array([float(x[1]) for x in held])
    if len(set(labels)) < 2:
        return
    best = metrics.balanced_accuracy(labels, scores >= metrics.best_threshold(labels, scores))
    every = (metrics.balanced_accuracy(labels, scores >= t) for t in np.arange(-0.5, 7))
    assert best == pytest.approx(max(every))


# ── intervals ────────────────────────────────────────────────────────────────────────────


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(120):
        values = rng.binomial(1, 0.7, 150)
        [[low, high]] = metrics.intervals(
            lambda rows, v=values: np.array([v[rows].mean()]),  # type: ignore[misc]
            [str(i) for i in range(150)],
            seed=3,
            resamples=200,
        )
        held += low <= 0.7 <= high
    assert 0.89 <= held / 120 <= 0.99


def test_an_interval_is_as_wide_as_its_groups_are_few() -> None:
    values = np.repeat(np.arange(100) % 2, 10)
    apart = [str(i) for i in range(1000)]
    together = [str(i // 10) for i in range(1000)]

    def mean(rows: np.ndarray) -> np.ndarray:
        return np.array([values[rows].mean()])

    [[low, high]] = metrics.intervals(mean, apart)
    [[lower, higher]] = metrics.intervals(mean, together)
    # The standard errors are sqrt(0.25 / 1000) and sqrt(0.25 / 100).
    assert high - low == pytest.approx(2 * 1.96 * (0.25 / 1000) ** 0.5, rel=0.1)
    assert higher - lower == pytest.approx(2 * 1.96 * (0.25 / 100) ** 0.5, rel=0.1)


def test_draws_without_a_value_do_not_count() -> None:
    labels = np.array([1, 0])

    def both(rows: np.ndarray) -> np.ndarray:
        return np.array([metrics.balanced_accuracy(labels[rows], labels[rows]), float("nan")])

    [first, second] = metrics.intervals(both, ["a", "b"])
    assert first.tolist() == [1, 1]
    assert np.isnan(second).all()


def test_the_seed_decides_an_interval() -> None:
    def mean(rows: np.ndarray) -> np.ndarray:
        return np.array([rows.mean()])

    names = [str(i) for i in range(30)]
    one = metrics.intervals(mean, names, seed=1)
    assert (one == metrics.intervals(mean, names, seed=1)).all()
    assert (one != metrics.intervals(mean, names, seed=2)).any()
