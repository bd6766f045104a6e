"""Requests of a kind: regions in which models differ alike, found in the requests themselves.

Requests that mean and are written alike fall into one region, and each model's mean there counts as
far as regions differ at all: the means are shrunk as in `levels`. Nobody names a region; on public
benchmarks they come close to the tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PARTITIONS = 3
"""Regions are drawn so often, from different starts, and what they say is averaged, so that less
hangs on where a border lies."""
LARGEST, EACH = 24, 120
"""At most so many regions, and a region for each so many requests."""
STYLE_WEIGHT = 0.1
_ROUNDS = 12
_SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regions:
    """Where the regions are."""

    centres: np.ndarray
    """Shape `(partitions, regions, numbers)`, float32."""

    def of(self, places: np.ndarray) -> np.ndarray:
        """For each row its region in each partition, shape `(rows, partitions)`."""
        lengths = (self.centres**2).sum(axis=2)
        near = [
            (own - 2 * places @ centres.T).argmin(axis=1)
            for centres, own in zip(self.centres, lengths, strict=True)
        ]
        return np.stack(near, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """What was seen in each region, of some targets."""

    means: np.ndarray
    """Shrunk towards 0, shape `(partitions, regions, targets)`."""
    variances: np.ndarray
    """Of the means, same shape."""

    def at(self, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance for rows of `Regions.of`, each of shape `(rows, targets)`."""
        at = np.arange(regions.shape[1]), regions
        return self.means[at].mean(axis=1), self.variances[at].mean(axis=1)


def find(places: np.ndarray) -> Regions:
    """Regions of these rows, by k-means (S. Lloyd, Least squares quantization in PCM, IEEE
    Transactions on Information Theory 28, 1982)."""
    count = int(np.clip(len(places) // EACH, 1, LARGEST))
    centres = [_k_means(places, count, _SEED + n) for n in range(PARTITIONS)]
    return Regions(centres=np.stack(centres).astype(np.float32))


def _k_means(places: np.ndarray, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = places[rng.choice(len(places), count, replace=False)]
    for _ in range(_ROUNDS):
        near = ((centres**2).sum(axis=1) - 2 * places @ centres.T).argmin(axis=1)
        for k in range(count):
            if (near == k).any():
                centres[k] = places[near == k].mean(axis=0)
    return centres


def shrunk(regions: np.ndarray, count: int, targets: np.ndarray) -> Means:
    """The means of targets in `count` regions, as far as they differ by more than chance.

    Args:
        regions: of each row, from `Regions.of`.
        targets: shape `(rows, targets)`, centred; NaN where nothing was seen.
    """
    found = [_shrunk(own, count, targets) for own in regions.T]
    means, variances = (np.stack(part) for part in zip(*found, strict=True))
    return Means(means=means, variances=variances)


def _shrunk(region: np.ndarray, count: int, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far regions vary is estimated by moments, as in `levels`."""
    asked = ~np.isnan(targets)
    values = np.where(asked, targets, 0.0)
    n, total, squares = (np.zeros((count, targets.shape[1])) for _ in range(3))
    np.add.at(n, region, asked)
    np.add.at(total, region, values)
    np.add.at(squares, region, values**2)
    means = total / np.maximum(n, 1)
    seen, used = n.sum(axis=0), (n > 0).sum(axis=0)
    left = (squares - n * means**2).sum(axis=0)
    noise = np.maximum(left / np.maximum(seen - used, 1), 1e-6)
    middle = total.sum(axis=0) / np.maximum(seen, 1)
    excess = (n * (means - middle) ** 2).sum(axis=0) - (used - 1) * noise
    scale = seen - (n**2).sum(axis=0) / np.maximum(seen, 1)
    spread = np.maximum(excess / np.maximum(scale, 1e-9), 1e-9)
    counts = n / (n + noise / spread)
    return counts * means, spread * (1 - counts)
