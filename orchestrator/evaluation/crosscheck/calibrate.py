"""Fits the scorer to a corpus of one's own, and says what that brings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.claims import Verdicts, cross_validated, fitted, judged
from orchestrator.evaluation.crosscheck.measure import Value, gain
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.table import Table

if TYPE_CHECKING:
    from orchestrator.evidence.scoring.model import SupportModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A model of all claims, and what it is worth on claims that it was not fitted on."""

    model: SupportModel
    before: Verdicts
    """By the model that was in use."""
    after: Verdicts
    """Cross-validated: each claim by a model of the other folds."""
    gain: Value
    """The paired difference in balanced accuracy, after less before."""


def calibrate(
    table: Table,
    model: SupportModel,
    name: str,
    *,
    k: int,
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> Calibration:
    """Fit weights and threshold to the table; `model` is what was in use before.

    All claims count as one kind of text, for a run does not know of which kind its claims are.
    """
    import numpy as np

    one = replace(table, sources=np.full(len(table.rows), name))
    before = judged(one, model)
    after = cross_validated(one, k=k, seed=seed, on_progress=on_progress)
    whole = fitted(one, seed=seed, name=name)
    return Calibration(
        model=whole.model_copy(update={"general": whole.sources[name], "sources": {}}),
        before=before,
        after=after,
        gain=gain(before, after, seed=seed),
    )
