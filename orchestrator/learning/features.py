"""From what was read of a request to features that a linear model can use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WAVES = 1024
WIDTH = 0.01
"""γ of the kernel exp(-γ·|x - y|²) over standardised style."""
MEANING_SCALE, STYLE_SCALE, LINEAR_SCALE = 60.0, 8.0, 600.0
"""By how much the weights of each part are shrunk before the data says more."""
_FAR = 4.0
_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """The embedding as it is, and the style seen through a Gaussian kernel.

    Style enters by random waves whose products approximate the kernel: A. Rahimi and B. Recht,
    Random features for large-scale kernel machines, NIPS 2007; orthogonal ones, which need fewer:
    F. X. Yu et al., Orthogonal random features, NIPS 2016.
    """

    meaning: int
    centre: np.ndarray
    """Of each number of a reading, what is usual."""
    scale: np.ndarray
    waves: np.ndarray
    """Shape `(numbers of style, WAVES / 2)`; drawn from a fixed seed."""
    mean: np.ndarray
    """Of the features where they were made, so that they are centred."""

    def places(self, readings: np.ndarray, style_weight: float) -> np.ndarray:
        """The embedding beside the standardised style, for what goes by distances."""
        z = self._standardised(readings)[:, self.meaning :]
        return np.hstack([readings[:, : self.meaning], z * np.float32(style_weight)])

    def of(self, readings: np.ndarray) -> np.ndarray:
        """Float32, shape `(rows, meaning + WAVES)`."""
        features: np.ndarray = self._raw(readings) - self.mean
        return features

    def _standardised(self, readings: np.ndarray) -> np.ndarray:
        z: np.ndarray = np.clip((readings - self.centre) / self.scale, -_FAR, _FAR)
        return z

    def _raw(self, readings: np.ndarray) -> np.ndarray:
        z = self._standardised(readings)
        phase = z[:, self.meaning :] @ self.waves
        size = np.float32(1 / np.sqrt(phase.shape[1] * STYLE_SCALE))
        return np.hstack(
            [
                z[:, self.meaning :] / np.float32(np.sqrt(LINEAR_SCALE)),
                readings[:, : self.meaning] / np.float32(np.sqrt(MEANING_SCALE)),
                np.cos(phase) * size,
                np.sin(phase) * size,
            ]
        )


def features_for(readings: np.ndarray, meaning: int) -> Features:
    """Features that are standardised on these readings."""
    centre = readings.mean(axis=0)
    scale = readings.std(axis=0) + np.float32(1e-6)
    waves = _waves(readings.shape[1] - meaning).astype(np.float32)
    none = np.zeros(1, np.float32)
    plain = Features(meaning=meaning, centre=centre, scale=scale, waves=waves, mean=none)
    return Features(
        meaning=meaning, centre=centre, scale=scale, waves=waves, mean=plain.of(readings).mean(0)
    )


def _waves(numbers: int) -> np.ndarray:
    """Directions orthogonal in blocks, their lengths as those of Gaussian ones."""
    rng = np.random.default_rng(_SEED)
    blocks, count = [], 0
    while count < WAVES // 2:
        turn = np.linalg.qr(rng.normal(size=(numbers, numbers)))[0]
        blocks.append(turn * np.sqrt(rng.chisquare(numbers, size=numbers)))
        count += numbers
    drawn: np.ndarray = np.hstack(blocks)[:, : WAVES // 2] * np.sqrt(2 * WIDTH)
    return drawn
