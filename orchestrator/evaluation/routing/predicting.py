"""The predictor that serves live traffic, as a router of recorded outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.routing.routers import LEARNED, Expected
from orchestrator.evaluation.routing.values import Recorded
from orchestrator.types import Deployment, Estimate, TaskProfile

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.project.protocols import Embedder

_OFTEN = 500
_UNREAD = frozenset(("domain", "language", "complexity", "risk"))


class Learned:
    """Learns from some rows, and has `decide` choose for others. All it reads is the prompt.

    Args:
        embedder: what live traffic is read with.
        recorded: every query that is going to be asked about.
        everybody: the same queries with more models; from what these answered to queries that are
            learned from is learned too.
    """

    def __init__(
        self,
        embedder: Embedder,
        recorded: Recorded,
        on_progress: OnProgress = silent,
        everybody: Recorded | None = None,
    ) -> None:
        from orchestrator.learning.reading import Reader
        from orchestrator.routing.profile import Profiler

        self._reader = Reader(embedder)
        profiler = Profiler(embedder, unread=_UNREAD, reads=self._reader.read_one)
        self._profiles: dict[str, TaskProfile] = {}
        for number, query in enumerate(recorded.queries):
            if number % _OFTEN == 0:
                on_progress("reading prompts", number, len(recorded.queries))
            self._profiles[query.id] = profiler.profile(query.prompt)
        self._all = everybody or recorded
        self._row = {query.id: row for row, query in enumerate(self._all.queries)}

    def profiles(self, recorded: Recorded) -> tuple[TaskProfile, ...]:
        """What is read of each query."""
        return tuple(self._profiles[query.id] for query in recorded.queries)

    def learn(self, recorded: Recorded, train: np.ndarray, test: np.ndarray) -> Expected:
        """What is expected of `test` after `train` was seen, and what `decide` makes of it: a
        `routers.Learn`."""
        return self._learned(recorded, train, test, choosing=True)

    def expect(self, recorded: Recorded, train: np.ndarray, test: np.ndarray) -> Expected:
        """What is expected alone: a `routers.Learn`."""
        return self._learned(recorded, train, test, choosing=False)

    def _learned(
        self, recorded: Recorded, train: np.ndarray, test: np.ndarray, *, choosing: bool
    ) -> Expected:
        import numpy as np

        from orchestrator.evaluation.routing.deciding import deployments_of
        from orchestrator.learning.predictor import LearnedPredictor, slice_of
        from orchestrator.learning.quality import Answers, learn, tallied

        seen, asked = (
            [self._profiles[recorded.queries[i].id] for i in own] for own in (train, test)
        )
        readings = np.stack([np.asarray(profile.reading) for profile in seen])
        models, scores = self._answered(recorded, train)
        answers = Answers(
            models=models,
            tasks=tuple(map(slice_of, seen)),
            readings=readings,
            scores=scores,
        )
        text = learn(answers, self._reader.meaning, _declared).text
        predictor = LearnedPredictor(tallied(answers), text)
        deployments = deployments_of(recorded.models)
        found = [predictor.predict(profile, deployments) for profile in asked]
        quality = np.array([[own[model].mean for model in recorded.models] for own in found])
        doubt = np.array([[own[model].sd for model in recorded.models] for own in found])
        new = np.stack([np.asarray(profile.reading) for profile in asked])
        cost = expected_cost(readings, recorded.costs[train], new, self._reader.meaning)
        return Expected(
            name=LEARNED,
            quality=quality,
            cost=cost,
            uncertainty=doubt,
            chosen=_chosen(recorded, deployments, asked, found, cost) if choosing else None,
        )

    def _answered(
        self, recorded: Recorded, train: np.ndarray
    ) -> tuple[tuple[str, ...], np.ndarray]:
        """The models that are asked about and all others that answered all of these queries, and
        their scores."""
        import numpy as np

        scores = self._all.scores[[self._row[recorded.queries[i].id] for i in train]]
        whole = ~np.isnan(scores).any(axis=0)
        columns = {model: i for i, model in enumerate(self._all.models)}
        beside = [m for m in self._all.models if whole[columns[m]] and m not in recorded.models]
        models = (*recorded.models, *beside)
        return models, scores[:, [columns[model] for model in models]]


def _declared(model: str, task: str) -> Estimate:
    from orchestrator.evaluation.routing.deciding import deployments_of
    from orchestrator.routing.predict import prior

    return prior(deployments_of([model])[0], task)


def _chosen(
    recorded: Recorded,
    deployments: Sequence[Deployment],
    profiles: Sequence[TaskProfile],
    estimates: Sequence[Mapping[str, Estimate]],
    cost: np.ndarray,
) -> np.ndarray | None:
    """What `decide` chooses among many models that have prices; of two the order says all."""
    import numpy as np

    from orchestrator.evaluation.routing.deciding import chosen, policies_at
    from orchestrator.evaluation.routing.market import exchange_rates

    if len(recorded.models) == 2 or np.isnan(cost).any():
        return None
    columns = np.array([recorded.models.index(d.model) for d in deployments])
    policies = policies_at(exchange_rates(recorded.costs).tolist())
    found: np.ndarray = columns[
        chosen(deployments, profiles, estimates, cost[:, columns], policies)
    ]
    return found


def expected_cost(
    readings: np.ndarray, known: np.ndarray, new: np.ndarray, meaning: int
) -> np.ndarray:
    """US dollars for each of the new readings, from the known costs of others.

    Logarithms are learned, since costs differ by factors, and brought to the mean of the known
    costs (smearing: N. Duan, JASA 78, 1983).
    """
    import numpy as np

    from orchestrator.learning.quality import expect

    if np.isnan(known).any():
        return np.full((len(new), known.shape[1]), np.nan)
    if (known == known[0]).all():
        return np.tile(known[0], (len(new), 1))
    logs = np.log(np.maximum(known, 1e-9))
    usual = logs.mean(axis=0)
    found, others = expect(readings, logs - usual, new, meaning)
    expected: np.ndarray = np.exp(found) * known.mean(axis=0) / np.exp(others).mean(axis=0)
    return expected
