"""Requests of a kind: regions in which models differ alike, found in the requests themselves.

Requests that mean and are written alike fall into one region, and each model's mean there counts as
far as regions differ at all: the means are shrunk as in `levels`. Nobody names a region; on public
benchmarks they come close to the tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SIZES = (12, 30, 60, 120)
"""Into so many regions requests are divided, from coarse to fine; all of them are averaged, so that
less hangs on where a border lies."""
STARTS = 3
"""From so many starts each."""
EACH = 15
"""A region for each so many requests, at most."""
STYLE_WEIGHT = 0.1
_ROUNDS = 12
_SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regions:
    """Where the regions are: those of each division one after the other."""

    centres: np.ndarray
    """Shape `(regions, numbers)`, float32."""
    squares: np.ndarray
    """The squared length of each centre."""
    starts: np.ndarray
    """Where each division begins."""

    @property
    def divisions(self) -> list[tuple[int, int]]:
        """Where each begins and ends."""
        starts = self.starts.tolist()
        return list(zip(starts, [*starts[1:], len(self.centres)], strict=True))

    def of(self, places: np.ndarray) -> np.ndarray:
        """For each row its region in each division, shape `(rows, divisions)`."""
        far = self.squares - 2 * places @ self.centres.T
        near = [start + far[:, start:end].argmin(axis=1) for start, end in self.divisions]
        return np.stack(near, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """What was seen in each region, of some targets."""

    means: np.ndarray
    """Shrunk towards 0, shape `(regions, targets)`."""
    variances: np.ndarray
    """Of the means, same shape."""

    def at(self, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance for rows of `Regions.of`, each of shape `(rows, targets)`."""
        return self.means[regions].mean(axis=1), self.variances[regions].mean(axis=1)


def find(places: np.ndarray) -> Regions:
    """Regions of these rows, by k-means (S. Lloyd, Least squares quantization in PCM, IEEE
    Transactions on Information Theory 28, 1982)."""
    centres = [
        _k_means(places, count, _SEED + start)
        for count in _sizes(len(places))
        for start in range(STARTS)
    ]
    starts = np.cumsum([0, *map(len, centres[:-1])])
    whole = np.vstack(centres).astype(np.float32)
    return Regions(centres=whole, squares=(whole**2).sum(axis=1), starts=starts)


def _sizes(rows: int) -> Iterator[int]:
    for size in SIZES:
        if size == SIZES[0] or size * EACH <= rows:
            yield max(min(size, rows // EACH), 1)


def _k_means(places: np.ndarray, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = places[rng.choice(len(places), count, replace=False)]
    for _ in range(_ROUNDS):
        near = ((centres**2).sum(axis=1) - 2 * places @ centres.T).argmin(axis=1)
        order = np.argsort(near, kind="stable")
        kinds, starts = np.unique(near[order], return_index=True)
        sums = np.add.reduceat(places[order], starts, axis=0)
        centres[kinds] = sums / np.diff([*starts, len(near)])[:, None]
    return centres


def shrunk(
    where: np.ndarray, divisions: Sequence[tuple[int, int]], targets: np.ndarray
) -> tuple[Means, np.ndarray]:
    """The means of targets in regions, as far as they differ by more than chance; and what is
    expected of each row by the others of its regions.

    Args:
        where: of each row, from `Regions.of`.
        targets: shape `(rows, targets)`, centred; NaN where nothing was seen.
    """
    asked = ~np.isnan(targets)
    values = np.where(asked, targets, 0.0)
    means, variances = [], []
    others = np.zeros(targets.shape)
    for region, (start, end) in zip((where - [d[0] for d in divisions]).T, divisions, strict=True):
        n, total, squares = (np.zeros((end - start, targets.shape[1])) for _ in range(3))
        np.add.at(n, region, asked)
        np.add.at(total, region, values)
        np.add.at(squares, region, values**2)
        doubt, spread = _moments(n, total, squares)
        means.append(total / (n + doubt))
        variances.append(spread * doubt / (n + doubt))
        others += (total[region] - values) / (n[region] - asked + doubt)
    found = Means(means=np.vstack(means), variances=np.vstack(variances))
    return found, others / len(divisions)


def _moments(
    n: np.ndarray, total: np.ndarray, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of each target: so many rows say as much as that regions vary little; and the variance of
    regions. By moments, as in `levels`."""
    means = total / np.maximum(n, 1)
    seen, used = n.sum(axis=0), (n > 0).sum(axis=0)
    left = (squares - n * means**2).sum(axis=0)
    noise = np.maximum(left / np.maximum(seen - used, 1), 1e-6)
    middle = total.sum(axis=0) / np.maximum(seen, 1)
    excess = (n * (means - middle) ** 2).sum(axis=0) - (used - 1) * noise
    scale = seen - (n**2).sum(axis=0) / np.maximum(seen, 1)
    spread = np.maximum(excess / np.maximum(scale, 1e-9), 1e-9)
    return noise / spread, spread
