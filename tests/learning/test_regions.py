"""Regions are found without names, and their means count as far as they differ."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.learning.regions import EACH, LARGEST, find, shrunk


def blobs(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around four corners, and which corner each belongs to."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    corners = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    return corners[kind] + rng.normal(size=(n, 2)), kind


def test_what_is_alike_falls_into_one_region() -> None:
    places, kind = blobs(4 * EACH)
    regions = find(places).of(places)
    assert regions.shape == (len(places), 3)
    pure = [np.bincount(kind[regions[:, 0] == r]).max() for r in set(regions[:, 0].tolist())]
    assert sum(pure) / len(kind) > 0.7


@pytest.mark.parametrize(("n", "count"), [(30, 1), (5 * EACH, 5), (50 * EACH, LARGEST)])
def test_few_requests_have_few_regions(n: int, count: int) -> None:
    assert find(blobs(n)[0]).centres.shape[1] == count


def test_means_that_differ_are_kept_and_chance_is_not() -> None:
    rng = np.random.default_rng(3)
    region = rng.integers(0, 10, (2000, 1))
    apart = (region[:, 0] % 2 - 0.5)[:, None] + rng.normal(size=(2000, 1))
    chance = rng.normal(size=(2000, 1))
    found = shrunk(region, 10, np.hstack([apart, chance]))
    mean, variance = found.at(region)
    assert np.abs(mean[:, 0]).mean() == pytest.approx(0.5, abs=0.08)
    assert np.abs(mean[:, 1]).mean() < 0.04
    assert (variance > 0).all()
    assert variance[:, 1].mean() < variance[:, 0].mean()


def test_an_empty_region_says_nothing_and_is_least_sure() -> None:
    region = np.zeros((200, 1), int)
    region[100:] = 1
    targets = np.where(region == 0, 1.0, -1.0) + np.random.default_rng(0).normal(size=(200, 1))
    found = shrunk(region, 3, targets)
    assert found.means[0, 2, 0] == 0
    assert found.variances[0, 2, 0] > 5 * found.variances[0, :2, 0].max()


def test_who_was_not_asked_does_not_count() -> None:
    region = np.repeat([0, 1], 100)[:, None]
    targets = np.where(region == 0, 1.0, -1.0) * np.ones((200, 2))
    targets += np.random.default_rng(0).normal(size=(200, 2)) / 3
    targets[::2, 1] = np.nan
    found = shrunk(region, 2, targets)
    assert found.means[0, :, 1] == pytest.approx([1, -1], abs=0.1)
    assert (found.variances[0, :, 1] > 1.5 * found.variances[0, :, 0]).all()
