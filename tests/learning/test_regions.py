"""Regions are found without names, and their means count as far as they differ."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.learning.regions import EACH, SIZES, STARTS, find, shrunk


def blobs(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around four corners, and which corner each belongs to."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    corners = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    return corners[kind] + rng.normal(size=(n, 2)), kind


def test_what_is_alike_falls_into_one_region() -> None:
    places, kind = blobs(12 * EACH)
    regions = find(places).of(places)
    assert regions.shape == (len(places), STARTS)
    pure = [np.bincount(kind[regions[:, 0] == r]).max() for r in set(regions[:, 0].tolist())]
    assert sum(pure) / len(kind) > 0.95


@pytest.mark.parametrize(
    ("n", "sizes"), [(10, (1,)), (5 * EACH, (5,)), (30 * EACH, SIZES[:2]), (130 * EACH, SIZES)]
)
def test_few_requests_have_few_regions(n: int, sizes: tuple[int, ...]) -> None:
    found = find(blobs(n)[0])
    assert [end - start for start, end in found.divisions] == sorted(STARTS * sizes)
    assert found.divisions[-1][1] == len(found.centres)


def test_means_that_differ_are_kept_and_chance_is_not() -> None:
    rng = np.random.default_rng(3)
    region = rng.integers(0, 10, (2000, 1))
    apart = (region[:, 0] % 2 - 0.5)[:, None] + rng.normal(size=(2000, 1))
    chance = rng.normal(size=(2000, 1))
    found, others = shrunk(region, [(0, 10)], np.hstack([apart, chance]))
    mean, variance = found.at(region)
    assert np.abs(mean[:, 0]).mean() == pytest.approx(0.5, abs=0.08)
    assert np.abs(mean[:, 1]).mean() < 0.04
    assert (variance > 0).all()
    assert variance[:, 1].mean() < variance[:, 0].mean()
    assert (others[:, 0] * apart[:, 0]).mean() == pytest.approx(0.25, abs=0.03)


def test_what_the_others_say_of_a_row_is_said_without_it() -> None:
    rng = np.random.default_rng(3)
    where = np.stack([rng.integers(0, 4, 80), rng.integers(4, 6, 80)], axis=1)
    targets = where[:, :1] % 2 + rng.normal(size=(80, 1)) / 3
    targets -= targets.mean()
    _, before = shrunk(where, [(0, 4), (4, 6)], targets)
    targets[7] += 1e-3
    _, after = shrunk(where, [(0, 4), (4, 6)], targets)
    moved = np.abs(after - before)[:, 0]
    assert moved[7] < 0.05 * moved[(where[:, 0] == where[7, 0]) & (np.arange(80) != 7)].min()


def test_an_empty_region_says_nothing_and_is_least_sure() -> None:
    region = np.zeros((200, 1), int)
    region[100:] = 1
    targets = np.where(region == 0, 1.0, -1.0) + np.random.default_rng(0).normal(size=(200, 1))
    found, _ = shrunk(region, [(0, 3)], targets)
    assert found.means[2, 0] == 0
    assert found.variances[2, 0] > 5 * found.variances[:2, 0].max()


def test_who_was_not_asked_does_not_count() -> None:
    region = np.repeat([0, 1], 100)[:, None]
    targets = np.where(region == 0, 1.0, -1.0) * np.ones((200, 2))
    targets += np.random.default_rng(0).normal(size=(200, 2)) / 3
    targets[::2, 1] = np.nan
    found, _ = shrunk(region, [(0, 2)], targets)
    assert found.means[:, 1] == pytest.approx([1, -1], abs=0.1)
    assert (found.variances[:, 1] > 1.5 * found.variances[:, 0]).all()
