"""A day of mixed traffic: what it costs to do without the strong model where others do as well.

Of each set as many requests, drawn by a hash. What an answer costs is counted in answers of the
set's strong model, its best single one, so that no set counts more since its answers are longer.
One exchange rate of money and quality holds for all; it is chosen on the other folds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.evaluation.routing.bootstrap import interval, resampled
from orchestrator.evaluation.routing.cascade import KEPT_BACK, Known, replay, tasks_of, taught
from orchestrator.evaluation.routing.folds import drawn, folds
from orchestrator.evaluation.routing.plan import Plan, splits
from orchestrator.evaluation.routing.routers import out_of_fold
from orchestrator.evaluation.routing.values import Recorded
from orchestrator.learning.agreement import Agreements

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.evaluation.routing.predicting import Learned

EACH = 1000
"""Requests of each set."""
RATES = (0.02, 0.05, 0.08, 0.11, 0.15, 0.2, 0.27, 0.35, 0.5)
"""What an answer of the strong model is worth, in quality."""
AIMS = ((0.30, 0.97), (0.20, None))
"""Shares of the money of always asking the strong model; and of its quality, where one is asked."""
PUBLISHED = {"gpt-4-1106-preview": 24.7, "mixtral-8x7b-instruct": 0.24}
"""US dollars a million tokens of models of which no lengths are recorded, all answers being taken
for equally long (RouteLLM, arXiv 2406.18665, cost analysis)."""


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """The requests of a set, in their fold, and what became of them at each rate."""

    name: str
    strong: str
    groups: Sequence[str]
    fold: np.ndarray
    scores: np.ndarray
    """Shape `(requests, rates)`."""
    costs: np.ndarray
    """In answers of the strong model, all that were asked for."""
    always: np.ndarray
    """The scores of the strong model."""
    always_costs: np.ndarray


def priced(recorded: Recorded) -> Recorded | None:
    """The set with the models of which it is known what they cost; `None` where of fewer than two.

    What is recorded counts before what is published.
    """
    import numpy as np

    if len(recorded.priced) > 1:
        return recorded.of_models(recorded.priced)
    known = [model for model in recorded.models if model in PUBLISHED]
    if len(known) < 2:
        return None
    own = recorded.of_models(known)
    costs = np.tile([PUBLISHED[model] for model in known], (len(own.queries), 1))
    return dataclasses.replace(own, costs=costs)


def traffic(
    recorded: Recorded,
    votes: np.ndarray | None,
    plan: Plan,
    learned: Learned,
    on_progress: OnProgress = silent,
) -> Traffic:
    """What becomes of some requests of a set.

    Args:
        recorded: from `priced`.
        votes: from `read_votes`; `None` where it is not recorded what models said.
    """
    import numpy as np

    strong = int(recorded.scores.mean(axis=0).argmax())
    unit = float(recorded.costs[:, strong].mean())
    own = dataclasses.replace(recorded, costs=recorded.costs / unit)
    groups = [query.group for query in own.queries]
    rows = drawn(groups, EACH, plan.seed)
    parts = splits(own, plan)
    expected = out_of_fold(own, parts, learned.expect, on_progress)
    alone = np.tile(-1 - np.arange(len(own.models)), (len(groups), 1))
    known = Known(own, alone if votes is None else votes, tasks_of(learned, own), expected)
    shape = len(groups), len(RATES)
    scores, costs = np.full(shape, np.nan), np.full(shape, np.nan)
    for number, part in enumerate(parts):
        on_progress(own.name, number, len(parts))
        agreements = Agreements()
        if votes is not None:
            agreements = taught(own, votes, part.train, plan, learned)[1]
        at = np.intersect1d(part.test, rows)
        for n, rate in enumerate(RATES):
            scores[at, n], costs[at, n] = replay(known.part(at), agreements.of, 1 / rate)
    return Traffic(
        name=own.name,
        strong=own.models[strong],
        groups=[groups[i] for i in rows],
        fold=folds([groups[i] for i in rows], plan.k, plan.seed),
        scores=scores[rows],
        costs=costs[rows],
        always=own.scores[rows, strong],
        always_costs=own.costs[rows, strong],
    )


def measure_day(sets: Sequence[Traffic], plan: Plan) -> list[Report]:
    """What is saved at each aim and what is left of the quality; and the curve."""
    import numpy as np

    fold = np.concatenate([one.fold for one in sets])
    scores, costs = (np.vstack([getattr(one, n) for one in sets]) for n in ("scores", "costs"))
    always = np.concatenate([one.always for one in sets])
    paid = np.concatenate([one.always_costs for one in sets])
    groups = [f"{one.name}:{group}" for one in sets for group in one.groups]
    names = np.repeat([one.name for one in sets], [len(one.groups) for one in sets])
    aimed: list[Figure] = []
    told: list[Figure] = []
    for share, quality in AIMS:
        score, cost = _aimed(scores, costs, paid, fold, share)
        way = f"money less {1 - share:.0%}"
        figures = _Shares(score, cost, always, paid)
        aimed += _told(way, figures, groups, plan.seed, (share, quality))
        for one in sets:
            at = names == one.name
            figures = _Shares(score[at], cost[at], always[at], paid[at])
            told += _told(f"{way}, {one.name}", figures, one.groups, plan.seed)
    for n, rate in enumerate(RATES):
        figures = _Shares(scores[:, n], costs[:, n], always, paid)
        told += _told(f"a strong answer worth {rate:g} of quality", figures, groups, plan.seed)
    mixture = ", ".join(f"{len(one.groups):,} of {one.name} ({one.strong})" for one in sets)
    notes = (
        f"Requests, and the strong model of each: {mixture}. Seed {plan.seed}, {plan.k} folds by "
        "prompt; money and quality are parts of what always asking the strong model costs and "
        f"scores. The rate is chosen on the other folds, where {KEPT_BACK:.0%} of a share is aimed "
        "at.",
    )
    title = "A day of mixed traffic"
    return [
        Report(title=title, figures=tuple(aimed), notes=notes),
        Report(title=f"{title}: by set, and the curve", figures=tuple(told)),
    ]


def _aimed(
    scores: np.ndarray, costs: np.ndarray, paid: np.ndarray, fold: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and costs where each fold takes, between two rates, what the others say: neighbours
    are mixed, so that this is what is expected."""
    import numpy as np

    score, cost = np.empty(len(fold)), np.empty(len(fold))
    for own in np.unique(fold):
        others, here = fold != own, fold == own
        tried = costs[others].mean(axis=0) / paid[others].mean()
        place = float(np.interp(-share * KEPT_BACK, -tried, np.arange(len(RATES))))
        low, part = int(place), place - int(place)
        high = min(low + 1, len(RATES) - 1)
        score[here] = (1 - part) * scores[here, low] + part * scores[here, high]
        cost[here] = (1 - part) * costs[here, low] + part * costs[here, high]
    return score, cost


class _Shares:
    """Money and quality, in parts of those of the strong model."""

    def __init__(
        self, score: np.ndarray, cost: np.ndarray, always: np.ndarray, paid: np.ndarray
    ) -> None:
        self._score, self._cost, self._always, self._paid = score, cost, always, paid

    def __call__(self, w: np.ndarray) -> np.ndarray:
        import numpy as np

        money = (w @ self._cost) / (w @ self._paid)
        return np.array([money, (w @ self._score) / (w @ self._always)])


def _told(
    way: str,
    figures: _Shares,
    groups: Sequence[str],
    seed: int,
    asked: tuple[float | None, float | None] = (None, None),
) -> Iterator[Figure]:
    """`asked`: how much money at most, and how much quality at least."""
    import numpy as np

    draws = resampled(figures, groups, seed=seed)
    money, quality = figures(np.ones(len(groups))).tolist()
    n, between = len(groups), [interval(draws[:, i]) for i in range(2)]
    yield measured("money", money, between[0], n=n, of=way, at_most=asked[0])
    yield measured("quality", quality, between[1], n=n, of=way, at_least=asked[1])
