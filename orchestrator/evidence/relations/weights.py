"""The learned numbers of the relations, which ship as `weights.json` beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.evidence.relations.fit import PARTS

if TYPE_CHECKING:
    import numpy as np

FILE = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """`fit` has for `number` and `name` a weight for each of `PARTS`; `grade` has for `number`,
    `name`, `roles`, `antonym` and `negation` the intercept and slopes of the logistic function that
    grades a margin."""

    fit: Mapping[str, Sequence[float]]
    grade: Mapping[str, Sequence[float]]
    strong: Mapping[str, float]
    """For each key of `grade` the strength that one supported claim in 200 exceeds, in the corpus
    where most do."""

    def parts(self, kind: str) -> np.ndarray:
        """The weights of `PARTS` for numbers or names."""
        import numpy as np

        return np.array(self.fit[kind], dtype=np.float32)

    def strength(self, relation: str, *measured: float) -> float:
        """The grade in 0..1 of what was measured: the margin, and for some how well the claim's
        own word fits."""
        intercept, *slopes = self.grade[relation]
        total = intercept + sum(s * x for s, x in zip(slopes, measured, strict=True))
        return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


@lru_cache(maxsize=1)
def shipped() -> Weights:
    """The weights that ship."""
    return from_json(json.loads(FILE.read_text(encoding="utf-8")))


def from_json(data: Mapping[str, Any]) -> Weights:
    """Weights as they stand in the file."""
    fit = {kind: [float(parts[name]) for name in PARTS] for kind, parts in data["fit"].items()}
    grade = {kind: [float(v) for v in values] for kind, values in data["grade"].items()}
    return Weights(fit=fit, grade=grade, strong=dict(data["strong"]))
