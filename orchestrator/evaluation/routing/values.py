"""Recorded outcomes as values: which model answered which query how well, at what price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A prompt. `task` is a label: figures may be told by it, and no router sees it."""

    id: str
    task: str
    prompt: str

    @property
    def group(self) -> str:
        """Queries of one group are the same text, and never fall into different folds."""
        return self.prompt.lower()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recorded:
    """One set: a row a query, a column a model; NaN where the source says nothing."""

    name: str
    queries: tuple[Query, ...]
    models: tuple[str, ...]
    scores: np.ndarray
    """0..1, shape `(queries, models)`."""
    costs: np.ndarray
    """US dollars of each answer, shape `(queries, models)`."""

    @property
    def priced(self) -> tuple[str, ...]:
        """The models of which every recorded answer has a price."""
        import numpy as np

        lost = np.isnan(self.costs) & ~np.isnan(self.scores)
        said = ~np.isnan(self.costs).all(axis=0)
        return tuple(m for m, ok in zip(self.models, said & ~lost.any(axis=0), strict=True) if ok)

    def of_models(self, models: Sequence[str]) -> Recorded:
        """These models alone, and the queries that all of them answered.

        Raises:
            UnknownNameError: there is no such model.
            UserError: no query was answered by all of them.
        """
        import numpy as np

        for model in models:
            if model not in self.models:
                raise UnknownNameError("model", model, self.models, self.name)
        columns = [self.models.index(model) for model in models]
        rows = np.flatnonzero(~np.isnan(self.scores[:, columns]).any(axis=1))
        if not len(rows):
            raise UserError(f"{self.name}: no query was answered by all of {', '.join(models)}")
        return self._part(rows, columns)

    def rows_of(self, task: str) -> np.ndarray:
        """The row numbers of a task, or of all tasks whose names begin with `task/`.

        Raises:
            UnknownNameError: there is no such task.
        """
        import numpy as np

        own = [q.task == task or q.task.startswith(f"{task}/") for q in self.queries]
        if not any(own):
            known = sorted({q.task.split("/")[0] for q in self.queries})
            raise UnknownNameError("task", task, known, self.name)
        return np.flatnonzero(own)

    def rows(self, rows: np.ndarray) -> Recorded:
        """The queries of these row numbers."""
        return self._part(rows, list(range(len(self.models))))

    def _part(self, rows: np.ndarray, columns: list[int]) -> Recorded:
        return Recorded(
            name=self.name,
            queries=tuple(self.queries[i] for i in rows),
            models=tuple(self.models[c] for c in columns),
            scores=self.scores[rows][:, columns],
            costs=self.costs[rows][:, columns],
        )
