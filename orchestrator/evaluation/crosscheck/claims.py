"""A scorer judges labelled claims: as it is, cross-validated, or fitted on other files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.evaluation.crosscheck import metrics
from orchestrator.evaluation.crosscheck.baselines import BASELINES
from orchestrator.evaluation.crosscheck.files import folds, sharing
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.table import Table

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.evidence.scoring.model import SupportModel

FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What was said of each claim of a table; every array has a place for each.

    `beside` holds what each of `BASELINES` alone would have said, shape (claims, 2), with a
    threshold from the same training rows; absent where nothing was trained.
    """

    table: Table
    probability: np.ndarray
    threshold: np.ndarray
    beside: np.ndarray | None = None

    @property
    def said(self) -> np.ndarray:
        """1 where the claim counts as supported."""
        found: np.ndarray = (self.probability >= self.threshold).astype(int)
        return found

    def where(self, chosen: np.ndarray) -> Verdicts:
        """On the claims that `chosen` (row numbers, or True and False) names."""
        return Verdicts(
            table=self.table.where(chosen),
            probability=self.probability[chosen],
            threshold=self.threshold[chosen],
            beside=None if self.beside is None else self.beside[chosen],
        )


# ── who judges ───────────────────────────────────────────────────────────────────────────


def judged(table: Table, model: SupportModel) -> Verdicts:
    """By one model; its threshold for the source of a claim, or else its general one."""
    import numpy as np

    probability, threshold = np.zeros(len(table.rows)), np.zeros(len(table.rows))
    for source in np.unique(table.sources):
        here = table.sources == source
        probability[here] = model.probability(table.features[here], str(source))
        threshold[here] = model.threshold(str(source))
    return Verdicts(table=table, probability=probability, threshold=threshold)


def trained(train: Table, table: Table, *, seed: int = 0) -> Verdicts:
    """By a model, and by single signals, fitted on `train` alone.

    Claims of `train` on passages that `table` has too are left out of the fit.
    """
    import numpy as np

    train = train.where(~shared(train, table))
    said = judged(table, fitted(train, seed=seed))
    beside = np.stack([_alone(train, table, i) for i in range(len(BASELINES))], axis=1)
    return Verdicts(
        table=table, probability=said.probability, threshold=said.threshold, beside=beside
    )


def shared(train: Table, table: Table) -> np.ndarray:
    """Which claims of `train` stand on passages of `table`, True or False."""
    import numpy as np

    return np.array(sharing(train.rows, table.rows), bool)


def cross_validated(
    table: Table,
    *,
    k: int = FOLDS,
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> Verdicts:
    """Each claim by a model that was fitted, threshold included, on the other folds."""
    import numpy as np

    fold = np.array(folds(table.groups.tolist(), table.sources.tolist(), k, seed))
    return _in_parts(table, [fold == n for n in range(k)], seed, on_progress)


def left_out(
    table: Table,
    *,
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> Verdicts:
    """Each file by a model that was fitted on the other files, under its general threshold."""
    import numpy as np

    corpora = [table.corpora == name for name in np.unique(table.corpora)]
    return _in_parts(table, corpora, seed, on_progress)


def fitted(table: Table, *, seed: int = 0, name: str = "fitted") -> SupportModel:
    """A model of the whole table."""
    from orchestrator.evidence.scoring.fitting import fit

    return fit(
        table.features,
        table.labels.tolist(),
        table.groups.tolist(),
        table.sources.tolist(),
        seed=seed,
        name=name,
    )


def _in_parts(
    table: Table, parts: Sequence[np.ndarray], seed: int, on_progress: OnProgress
) -> Verdicts:
    import numpy as np

    n = len(table.rows)
    probability, threshold = np.zeros(n), np.zeros(n)
    beside = np.zeros((n, len(BASELINES)), int)
    for done, here in enumerate(parts):
        on_progress("fits", done, len(parts))
        if not here.any():
            continue
        said = trained(table.where(~here), table.where(here), seed=seed)
        probability[here], threshold[here] = said.probability, said.threshold
        beside[here] = said.beside
    return Verdicts(table=table, probability=probability, threshold=threshold, beside=beside)


def _alone(train: Table, table: Table, signal: int) -> np.ndarray:
    """What one signal says of `table`: a threshold for each source of `train`, and one for all.

    In the one for all every source weighs the same.
    """
    import numpy as np

    scores, weights = train.baselines[:, signal], np.zeros(len(train.rows))
    found = {}
    for source in np.unique(train.sources):
        here = train.sources == source
        for label in (0, 1):
            same = here & (train.labels == label)
            weights[same] = 1 / max(1, same.sum())
        found[source] = metrics.best_threshold(train.labels[here], scores[here])
    general = metrics.best_threshold(train.labels, scores, weights)
    asked = np.array([found.get(source, general) for source in table.sources])
    said: np.ndarray = (table.baselines[:, signal] >= asked).astype(int)
    return said


# ── what was said ────────────────────────────────────────────────────────────────────────


def predictions(
    verdicts: Verdicts, reasons: Sequence[tuple[bool, str]]
) -> Iterator[dict[str, Any]]:
    """One object a claim, in the order of the files: `id, supported, probability, reason`.

    Where a claim counts as supported depends on its file and fold, so `threshold` is told too:
    every figure can be worked out anew from these objects and the labels. `reasons` are those of
    `table.explain`; one that speaks against a claim which is accepted all the same is not told.
    """
    for row, said, probability, threshold, (against, reason) in zip(
        verdicts.table.rows,
        verdicts.said.tolist(),
        verdicts.probability.tolist(),
        verdicts.threshold.tolist(),
        reasons,
        strict=True,
    ):
        yield {
            "id": row.id,
            "supported": bool(said),
            "probability": probability,
            "reason": "" if said and against else reason,
            "threshold": threshold,
        }
