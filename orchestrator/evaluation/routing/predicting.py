"""The predictor that serves live traffic, as a router of recorded outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.routing.routers import LEARNED, Expected
from orchestrator.evaluation.routing.values import Recorded

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.project.protocols import Embedder

_BATCH = 500


class Learned:
    """Learns from some rows and predicts others. Everything it reads is the prompt.

    Args:
        embedder: what live traffic is read with.
        recorded: every query that is going to be asked about.
    """

    def __init__(
        self, embedder: Embedder, recorded: Recorded, on_progress: OnProgress = silent
    ) -> None:
        import numpy as np

        from orchestrator.learning.reading import Reader
        from orchestrator.routing.profile import Profiler

        self._reader = Reader(embedder)
        profiler = Profiler(
            embedder, unread=frozenset(("domain", "language", "complexity", "risk"))
        )
        prompts = [query.prompt for query in recorded.queries]
        rows, tasks = [], []
        for start in range(0, len(prompts), _BATCH):
            on_progress("reading prompts", start, len(prompts))
            some = prompts[start : start + _BATCH]
            rows.append(self._reader.read(some))
            tasks += [profiler.profile(text).task for text in some]
        self._readings, self._tasks = np.vstack(rows), tasks
        self._place = {query.id: i for i, query in enumerate(recorded.queries)}

    def learn(self, recorded: Recorded, train: np.ndarray, test: np.ndarray) -> Expected:
        """What is expected of `test` after `train` was seen: a `routers.Learn`."""
        from orchestrator.learning.quality import Answers, learn

        at = [self._place[query.id] for query in recorded.queries]
        readings = self._readings[at]
        tasks = [self._tasks[i] for i in at]
        answers = Answers(
            models=recorded.models,
            tasks=tuple(tasks[i] for i in train),
            readings=readings[train],
            scores=recorded.scores[train],
        )
        model = learn(answers, self._reader.meaning)
        mean, sd = model.predict(recorded.models, [tasks[i] for i in test], readings[test])
        cost = expected_cost(readings, recorded.costs, train, test, self._reader.meaning)
        return Expected(name=LEARNED, quality=mean, cost=cost, uncertainty=sd)


def expected_cost(
    readings: np.ndarray, costs: np.ndarray, train: np.ndarray, test: np.ndarray, meaning: int
) -> np.ndarray:
    """US dollars for each row of `test`, from what the texts of `train` say of their costs.

    Logarithms are learned, since costs differ by factors; the mean of a log-normal value is
    exp(μ + σ²/2).
    """
    import numpy as np

    from orchestrator.learning.features import features_for
    from orchestrator.learning.ridge import fit

    known = costs[train]
    if np.isnan(known).any():
        return np.full((len(test), costs.shape[1]), np.nan)
    if (known == known[0]).all():
        return np.tile(known[0], (len(test), 1))
    logs = np.log(np.maximum(known, 1e-9))
    usual = logs.mean(axis=0)
    features = features_for(readings[train], meaning)
    fitted = fit(features.of(readings[train]), logs - usual)
    expected: np.ndarray = np.exp(
        usual + fitted.predict(features.of(readings[test])) + fitted.noise / 2
    )
    return expected
