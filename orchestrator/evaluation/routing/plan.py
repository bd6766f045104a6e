"""How a set is measured: which models, which queries, what is learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.evaluation.routing.folds import drawn, folds
from orchestrator.evaluation.routing.routers import Split
from orchestrator.evaluation.routing.values import Recorded

if TYPE_CHECKING:
    import numpy as np

LEAST = 20
"""Queries to measure, and to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of a set."""

    weak: str = ""
    strong: str = ""
    """Both for two models; neither for many."""
    models: tuple[str, ...] = ()
    """Of many; all that have a price where empty."""
    only: str = ""
    """The task that is measured, or the part of its name before a `/`; all where empty."""
    train: str = ""
    """The task that is learned from, instead of the other folds."""
    labels: int | None = None
    """Of how many queries the outcomes are known; of all that are learned from where absent."""
    k: int = 5
    seed: int = 0


def with_models(recorded: Recorded, plan: Plan) -> Recorded:
    """The set with the models that are asked about; of two the weak one first.

    Raises:
        UserError: it does not have them, or does not know what they cost.
    """
    if bool(plan.weak) != bool(plan.strong):
        raise UserError("--weak and --strong go together; give both or neither")
    if plan.weak and plan.models:
        raise UserError("--models is for many models; --weak and --strong name two")
    models = (plan.weak, plan.strong) if plan.weak else plan.models or _usual(recorded)
    if len(set(models)) < max(2, len(models)):
        raise UserError(f"{recorded.name}: different models are asked, two at least")
    own = recorded.of_models(models)
    if len(models) == 2 and not plan.weak:
        means = own.scores.mean(axis=0)
        return own if means[0] <= means[1] else own.of_models(models[::-1])
    lost = [model for model in models if model not in own.priced]
    if len(models) > 2 and lost:
        raise UserError(f"{recorded.name}: there is no price of {', '.join(lost)}")
    return own


def _usual(recorded: Recorded) -> tuple[str, ...]:
    if len(recorded.models) == 2 or recorded.priced:
        return recorded.models if len(recorded.models) == 2 else recorded.priced
    raise UserError(
        f"{recorded.name}: of {len(recorded.models)} models no prices are known; give --weak and "
        "--strong, or put prices.json beside the data"
    )


def with_queries(recorded: Recorded, plan: Plan) -> Recorded:
    """The queries that are learned from or measured.

    Raises:
        UnknownNameError: there is no such task.
    """
    import numpy as np

    if not plan.only:
        return recorded
    asked = recorded.rows_of(plan.only)
    told = recorded.rows_of(plan.train) if plan.train else asked
    return recorded.rows(np.union1d(asked, told))


def splits(recorded: Recorded, plan: Plan) -> list[Split]:
    """What is learned from, and what is then predicted.

    Raises:
        UserError: that are too few queries.
    """
    import numpy as np

    groups = np.array([query.group for query in recorded.queries])
    asked = recorded.rows_of(plan.only) if plan.only else np.arange(len(groups))
    if plan.train:
        told = recorded.rows_of(plan.train)
        test = asked[~np.isin(groups[asked], groups[told])]
        found = [Split(train=told, test=test)]
    else:
        fold = folds(groups[asked].tolist(), plan.k, plan.seed)
        found = [Split(train=asked[fold != k], test=asked[fold == k]) for k in range(plan.k)]
    if plan.labels is not None:
        found = [
            Split(train=_some(part.train, groups, plan.labels, plan.seed), test=part.test)
            for part in found
        ]
    for part in found:
        if len(part.train) < LEAST or not len(part.test) or sum(map(_size, found)) < LEAST:
            raise UserError(
                f"{recorded.name}: {len(part.train)} queries to learn from and {len(part.test)} to "
                f"measure are too few; {LEAST} are asked"
            )
    return found


def _some(rows: np.ndarray, groups: np.ndarray, n: int, seed: int) -> np.ndarray:
    taken: np.ndarray = rows[drawn(groups[rows].tolist(), n, seed)]
    return taken


def _size(part: Split) -> int:
    return len(part.test)
