"""What a router expects: of the predictor, out of fold, and of what is compared with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.routing.values import Recorded

if TYPE_CHECKING:
    import numpy as np

LEARNED, ZERO, TASK_MEAN, ORACLE = "predictor", "zero router", "task mean", "oracle"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """What a router expects of each query and model, arrays of shape `(queries, models)`."""

    name: str
    quality: np.ndarray
    """The score, 0..1."""
    cost: np.ndarray
    """US dollars; NaN where there are no prices."""
    uncertainty: np.ndarray | None = None
    """Standard deviations of `quality`."""
    chosen: np.ndarray | None = None
    """What `decide` makes of it: for each query and exchange rate a column; where that is absent,
    what is worth most is chosen."""

    def rows(self, rows: np.ndarray) -> Expected:
        """What is expected of the queries of these row numbers."""
        doubt, chosen = self.uncertainty, self.chosen
        return Expected(
            name=self.name,
            quality=self.quality[rows],
            cost=self.cost[rows],
            uncertainty=None if doubt is None else doubt[rows],
            chosen=None if chosen is None else chosen[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Which rows are learned from and which are then predicted."""

    train: np.ndarray
    test: np.ndarray


Learn = Callable[["Recorded", "np.ndarray", "np.ndarray"], Expected]
"""From a set, the rows to learn from and the rows to predict, to what is expected of the latter."""


def out_of_fold(
    recorded: Recorded,
    parts: Sequence[Split],
    learn: Learn,
    on_progress: OnProgress = silent,
) -> Expected:
    """What `learn` expects of every query that some part predicts; NaN elsewhere."""
    import numpy as np

    shape = recorded.scores.shape
    quality, cost, doubt = (np.full(shape, np.nan) for _ in range(3))
    name, chosen = "", None
    for number, part in enumerate(parts):
        on_progress("learning", number, len(parts))
        found = learn(recorded, part.train, part.test)
        name = found.name
        quality[part.test], cost[part.test] = found.quality, found.cost
        if found.uncertainty is not None:
            doubt[part.test] = found.uncertainty
        if found.chosen is not None:
            if chosen is None:
                chosen = np.full((shape[0], found.chosen.shape[1]), -1)
            chosen[part.test] = found.chosen
    return Expected(name=name, quality=quality, cost=cost, uncertainty=doubt, chosen=chosen)


def task_mean(recorded: Recorded, train: np.ndarray, test: np.ndarray) -> Expected:
    """Each task's mean score and cost: the only router that is told the task."""
    import numpy as np

    tasks = np.array([query.task for query in recorded.queries])
    shape = (len(test), len(recorded.models))
    quality, cost = np.empty(shape), np.empty(shape)
    for task in set(tasks[test].tolist()):
        own = train[tasks[train] == task]
        rows = own if len(own) else train
        at = tasks[test] == task
        quality[at] = recorded.scores[rows].mean(axis=0)
        cost[at] = recorded.costs[rows].mean(axis=0)
    return Expected(name=TASK_MEAN, quality=quality, cost=cost)


def zero_router(recorded: Recorded) -> Expected:
    """Each model's mean for every query: all it can do is to mix single models."""
    import numpy as np

    ones = np.ones(recorded.scores.shape)
    return Expected(
        name=ZERO,
        quality=ones * recorded.scores.mean(axis=0),
        cost=ones * recorded.costs.mean(axis=0),
    )


def oracle(recorded: Recorded) -> Expected:
    """What came out, known beforehand: nobody reaches it, since much of it is chance."""
    return Expected(name=ORACLE, quality=recorded.scores, cost=recorded.costs)
