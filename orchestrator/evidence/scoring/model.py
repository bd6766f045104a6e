"""A fitted scorer: features in, the probability that a claim is supported out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestrator.errors import UserError
from orchestrator.evidence.scoring.features import NAMES

if TYPE_CHECKING:
    import numpy as np

FILE = Path(__file__).with_name("shipped.json")
_AGAIN = "fit it again with: mesh calibrate"
_FAR = 4.0
"""Standard deviations beyond which a feature says no more."""
_STEEP = 30.0


class Formula(BaseModel):
    """A logistic formula over standardised features: `intercept + coefficients · z`.

    Its value is made a probability by `slope * value + shift`, fitted on rows that the formula
    was not (Platt 1999).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    intercept: float
    coefficients: tuple[float, ...]
    slope: float = 1.0
    shift: float = 0.0
    threshold: float = Field(default=0.5, ge=0, le=1)
    """The probability from which on both kinds of error are equally rare."""

    def probability(self, standardised: np.ndarray) -> np.ndarray:
        """Of each row, in 0..1."""
        import numpy as np

        value = self.intercept + standardised @ np.array(self.coefficients)
        value = np.clip(self.slope * value + self.shift, -_STEEP, _STEEP)
        result: np.ndarray = 1 / (1 + np.exp(-value))
        return result


class SupportModel(BaseModel):
    """One formula for all text, and one for each source that was seen in fitting."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1)
    names: tuple[str, ...]
    """The features, in order."""
    means: tuple[float, ...]
    scales: tuple[float, ...]
    general: Formula
    sources: Mapping[str, Formula] = {}
    about: str = ""
    """Where the labels come from, their licence, and the command that fitted the model."""

    @model_validator(mode="after")
    def _fits(self) -> SupportModel:
        if self.names != NAMES:
            raise ValueError("it was fitted on other features")
        lengths = {len(self.means), len(self.scales)}
        lengths |= {len(f.coefficients) for f in (self.general, *self.sources.values())}
        if lengths != {len(self.names)}:
            raise ValueError(f"it needs {len(self.names)} numbers of each kind")
        if min(self.scales) <= 0:
            raise ValueError("every scale must be above 0")
        return self

    @property
    def hash(self) -> str:
        """Of everything that decides, 12 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def probability(self, features: np.ndarray, source: str | None = None) -> np.ndarray:
        """That each claim is supported, 0..1, shape `(rows,)`.

        Args:
            features: shape `(rows, len(names))`.
            source: the kind of text; one that was not seen counts as none.
        """
        import numpy as np

        z = (features.astype(np.float64) - np.array(self.means)) / np.array(self.scales)
        return self._formula(source).probability(np.clip(z, -_FAR, _FAR))

    def threshold(self, source: str | None = None) -> float:
        """The probability from which on a claim counts as supported."""
        return self._formula(source).threshold

    def _formula(self, source: str | None) -> Formula:
        return self.sources.get(source or "", self.general)

    def to_json(self) -> str:
        """As it is kept in a file."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SupportModel:
        """A model that `to_json` wrote.

        Raises:
            UserError: it is none, or of other features.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            said = first["msg"].removeprefix("Value error, ")
            problem = f"{where}: {said}" if where else said
            raise UserError(f"this is no usable support model ({problem}); {_AGAIN}") from error


def standardise(features: np.ndarray, means: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Features with mean 0 and standard deviation 1, bounded, with a leading column of ones."""
    import numpy as np

    z = np.clip((features - means) / scales, -_FAR, _FAR)
    return np.column_stack([np.ones(len(z)), z])


@lru_cache(maxsize=1)
def shipped() -> SupportModel:
    """The model that comes with the package."""
    return SupportModel.from_json(FILE.read_text(encoding="utf-8"))
