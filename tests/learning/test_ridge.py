"""The strength of shrinking is found in the data, and the interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.learning.ridge import Fitted, fit_and_leave_out


def data(rows: int, width: int, *, noise: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, width)) / np.sqrt(width)
    weights = rng.normal(size=(width, 1))
    return features, weights, features @ weights + noise * rng.normal(size=(rows, 1))


def fit(features: np.ndarray, targets: np.ndarray) -> Fitted:
    return fit_and_leave_out(features, targets)[0]


def test_many_rows_find_the_weights() -> None:
    features, weights, target = data(4000, 8, noise=0.1)
    found = fit(features, target)
    assert found.weights == pytest.approx(weights, abs=0.05)
    assert found.noise == pytest.approx([0.01], rel=0.1)


def test_noise_is_not_learned() -> None:
    features, _, target = data(300, 30, noise=0.3)
    chance = np.random.default_rng(5).normal(size=(300, 1))
    found = fit(features, np.hstack([target, chance]))
    assert found.strengths[1] > 20 * found.strengths[0]
    size = np.abs(found.predict(features)).mean(axis=0)
    assert size[1] < 0.15 < 0.5 < size[0]


@pytest.mark.parametrize(("rows", "width"), [(40, 60), (60, 40)])
def test_fewer_rows_than_features_give_the_same(rows: int, width: int) -> None:
    features, _, target = data(rows, width, noise=0.3)
    found = fit(features, target)
    c = found.strengths[0]
    direct = np.linalg.solve(features.T @ features + c * np.eye(width), features.T @ target)
    assert found.weights == pytest.approx(direct, abs=1e-4)
    new = np.random.default_rng(1).normal(size=(5, width)) / np.sqrt(width)
    inverse = np.linalg.inv(features.T @ features + c * np.eye(width))
    exact = found.noise[0] * np.einsum("ij,jk,ik->i", new, inverse, new)
    assert found.variance(new)[:, 0] == pytest.approx(exact, rel=1e-3)


def test_the_truth_lies_within_the_interval() -> None:
    within = []
    for seed in range(20):
        features, weights, target = data(200, 20, noise=0.5, seed=seed)
        found = fit(features, target)
        new = np.random.default_rng(100 + seed).normal(size=(50, 20)) / np.sqrt(20)
        off = np.abs(found.predict(new) - new @ weights)
        within.append((off < 1.96 * np.sqrt(found.variance(new))).mean())
    assert 0.9 < np.mean(within) < 0.99


@pytest.mark.parametrize(("rows", "width"), [(40, 60), (60, 40)])
def test_what_is_left_out_is_predicted_by_the_others(rows: int, width: int) -> None:
    features, _, target = data(rows, width, noise=0.3)
    found, unseen = fit_and_leave_out(features, target)
    kept = np.arange(rows) != 3
    some, known = features[kept], target[kept]
    c = found.strengths[0]
    weights = np.linalg.solve(some.T @ some + c * np.eye(width), some.T @ known)
    assert unseen[3] == pytest.approx(features[3] @ weights, abs=1e-3)
