"""Cheap models whose answers agree, and a strong one where they do not: on recorded outcomes.

`decide` chooses by expected cost and quality what is asked of whom, `next_action` goes on by what
was answered, and every answer that was asked for is paid. What is expected of each model, how
answers agree, who takes part, and what an error is said to cost so that a share of the money is
kept: all of it is learned from the other folds.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.evaluation.routing.bootstrap import interval, resampled
from orchestrator.evaluation.routing.folds import drawn
from orchestrator.evaluation.routing.plan import Plan, splits, with_models, with_queries
from orchestrator.evaluation.routing.replaying import Replaying, auto_policy
from orchestrator.evaluation.routing.routers import Expected, out_of_fold
from orchestrator.evaluation.routing.values import Recorded

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.evaluation.routing.predicting import Learned
    from orchestrator.learning.agreement import Agreements
    from orchestrator.types import Agreement

RATES = (0.01, 0.03, 0.05, 0.08, 0.11, 0.14, 0.18, 0.25, 0.4)
"""What the strong model's money is worth, in quality: an error costs 1 / rate of its calls."""
AIMS = ((0.30, 0.0), (0.40, 0.0001))
"""Shares of the strong model's money, and by how much its score must be passed."""
KEPT_BACK = 0.98
"""On what is learned from, so much of a share is aimed at: costs vary from fold to fold."""
_TRAINED = 600
"""Queries of the other folds on which it is tried what an error must be said to cost."""
_PANEL = 3


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """What a way to ask makes of every query."""

    name: str
    scores: np.ndarray
    costs: np.ndarray
    """US dollars, all answers that were asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of some queries without their outcomes, from others."""

    recorded: Recorded
    votes: np.ndarray
    tasks: Sequence[str]
    expected: Expected

    def part(self, rows: np.ndarray) -> Known:
        tasks = [self.tasks[i] for i in rows]
        own = self.recorded.rows(rows)
        return Known(own, self.votes[rows], tasks, self.expected.rows(rows))


def with_members(recorded: Recorded, plan: Plan) -> Recorded:
    """The set with the models that may be asked, and the queries that are asked about.

    Raises:
        UserError: the plan is about two models, or it is not known what models cost.
        UnknownNameError: there is no such model or task.
    """
    if plan.weak or plan.train:
        raise UserError("a cascade is learned from the same task: leave out --weak and --train")
    many = dataclasses.replace(plan, strong="")
    return with_queries(with_models(recorded, many), many)


def reference(recorded: Recorded, name: str) -> int:
    """The column of the strong model: the one that is named, else the dearest.

    Raises:
        UnknownNameError: there is no such model.
    """
    if name and name not in recorded.models:
        raise UnknownNameError("model", name, recorded.models, recorded.name)
    return recorded.models.index(name) if name else int(recorded.costs.mean(axis=0).argmax())


def measure_cascade(
    recorded: Recorded,
    votes: np.ndarray,
    plan: Plan,
    learned: Learned,
    on_progress: OnProgress = silent,
) -> list[Report]:
    """What is reached at the shares of money in `AIMS`; and the curve, with other ways beside it.

    Args:
        recorded: with the models that may be asked, all with prices.
        votes: from `read_votes`.
        plan: `strong` is the model that is compared with; the dearest where empty.

    Raises:
        UserError: there are too few queries.
        UnknownNameError: there is no such model.
    """
    import numpy as np

    column = reference(recorded, plan.strong)
    parts = splits(recorded, plan)
    expected = out_of_fold(recorded, parts, learned.expect, on_progress)
    known = Known(recorded, votes, tasks_of(learned, recorded), expected)
    size = len(recorded.queries), len(AIMS) + len(RATES)
    scores, costs = np.full(size, np.nan), np.full(size, np.nan)
    taken: list[Agreements] = []
    for number, part in enumerate(parts):
        on_progress("replaying", number, len(parts))
        told, agreements = taught(recorded, votes, part.train, plan, learned)
        errors = _errors(told, agreements, column, plan.seed)
        taken.append(agreements)
        asked = known.part(part.test)
        for n, error_usd in enumerate(errors):
            scores[part.test, n], costs[part.test, n] = replay(asked, agreements.of, error_usd)
    tested = np.sort(np.concatenate([part.test for part in parts]))
    names = [f"at {share:.0%} of its money" for share, _ in AIMS]
    names += [f"its money worth {rate:g} of quality" for rate in RATES]
    ways = [Way(name, scores[tested, n], costs[tested, n]) for n, name in enumerate(names)]
    return list(_reports(recorded.rows(tested), votes[tested], ways, column, plan, taken))


def tasks_of(learned: Learned, recorded: Recorded) -> tuple[str, ...]:
    """What the profile of each query says that it is."""
    return tuple(profile.task for profile in learned.profiles(recorded))


def taught(
    recorded: Recorded, votes: np.ndarray, rows: np.ndarray, plan: Plan, learned: Learned
) -> tuple[Known, Agreements]:
    """What some rows teach: with predictions of models that have not seen them, and how their
    answers agree."""
    from orchestrator.learning.agreeing import Answered, learn_agreements

    own = recorded.rows(rows)
    again = dataclasses.replace(plan, only="", labels=None, seed=plan.seed + 1)
    unseen = out_of_fold(own, splits(own, again), learned.expect)
    told = Known(own, votes[rows], tasks_of(learned, own), unseen)
    answered = Answered(
        models=own.models,
        tasks=tuple(told.tasks),
        scores=own.scores,
        votes=told.votes,
        quality=unseen.quality,
        costs=unseen.cost,
    )
    return told, learn_agreements(answered)


def agreements_of(recorded: Recorded, votes: np.ndarray, learned: Learned) -> Agreements:
    """How all of these answers agree.

    Raises:
        UserError: there are too few queries.
    """
    import numpy as np

    return taught(recorded, votes, np.arange(len(recorded.queries)), Plan(), learned)[1]


def _errors(told: Known, agreements: Agreements, column: int, seed: int) -> list[float]:
    """What an error is to cost for each aim and each rate, US dollars."""
    import numpy as np

    strong = told.recorded.costs[:, column]
    groups = [query.group for query in told.recorded.queries]
    rows = drawn(groups, _TRAINED, seed)
    some, money = told.part(rows), float(strong.mean())
    tried = [
        replay(some, agreements.of, money / rate)[1].mean() / strong[rows].mean() for rate in RATES
    ]
    aims = (
        float(np.exp(np.interp(-share * KEPT_BACK, -np.array(tried), np.log(RATES))))
        for share, _ in AIMS
    )
    return [money / rate for rate in (*aims, *RATES)]


def replay(
    known: Known, agreement: Callable[[str], Agreement | None], error_usd: float
) -> tuple[np.ndarray, np.ndarray]:
    """The scores, and what was paid for all who were asked."""
    import numpy as np

    own, policy = known.recorded, auto_policy(error_usd)
    replaying = Replaying(own.models)
    scores, costs = np.empty(len(own.queries)), np.empty(len(own.queries))
    for i, task in enumerate(known.tasks):
        decision = replaying.decide(
            task, known.expected.quality[i], known.expected.cost[i], agreement(task), policy
        )
        played = replaying.play(decision, known.votes[i].tolist())
        scores[i] = own.scores[i, played.given]
        costs[i] = own.costs[i, list(played.asked)].sum()
    return scores, costs


# ── figures ──────────────────────────────────────────────────────────────────────────────


def _reports(
    own: Recorded,
    votes: np.ndarray,
    ways: Sequence[Way],
    column: int,
    plan: Plan,
    taken: Sequence[Agreements],
) -> Iterator[Report]:
    strong = Way(own.models[column], own.scores[:, column], own.costs[:, column])
    groups = [query.group for query in own.queries]
    title = f"{own.name}: answers that agree, or {strong.name}"
    notes = (
        f"Cross-validated in {plan.k} folds by prompt, seed {plan.seed}. Predictions, how answers "
        "agree, who takes part and what an error costs are learned from the other folds, where "
        f"{KEPT_BACK:.0%} of a share is aimed at. Every answer that was asked for is paid, its "
        "input too.",
        "Taking part, by fold: " + "; ".join(_members(taken)) + ".",
    )
    aimed, curve = ways[: len(AIMS)], ways[len(AIMS) :]
    figures = [
        figure
        for way, (share, more) in zip(aimed, AIMS, strict=True)
        for figure in _aimed(way, strong, share, more, groups, plan.seed)
    ]
    yield Report(title=title, figures=tuple(figures), notes=notes)
    beside = [*aimed, *curve, *_others(own, votes, strong, taken)]
    table = [figure for way in beside for figure in _told(way, strong, groups, plan.seed)]
    yield Report(title=f"{title}, other ways beside it", figures=tuple(table))


def _members(taken: Sequence[Agreements]) -> list[str]:
    said = [", ".join(agreements.models) or "nobody" for agreements in taken]
    return [f"{models} ({said.count(models)} of {len(said)})" for models in dict.fromkeys(said)]


def _others(
    own: Recorded, votes: np.ndarray, strong: Way, taken: Sequence[Agreements]
) -> Iterator[Way]:
    """Single models, and a panel that nobody decides: the three cheapest that most folds take, all
    at once, and where they are not of one mind the strong one."""
    import numpy as np

    means, paid = own.scores.mean(axis=0), own.costs.mean(axis=0)
    yield Way(f"always {strong.name}", strong.scores, strong.costs)
    best, cheapest = int(means.argmax()), int(paid.argmin())
    for what, column in (("the best", best), ("the cheapest", cheapest)):
        name = f"always {own.models[column]}, {what}"
        yield Way(name, own.scores[:, column], own.costs[:, column])
    members = Counter(agreements.models for agreements in taken).most_common(1)[0][0]
    able = [own.models.index(model) for model in members if model != strong.name]
    panel = sorted(able, key=lambda column: float(paid[column]))[:_PANEL]
    if len(panel) < _PANEL:
        return
    agree = (votes[:, panel] == votes[:, panel[:1]]).all(axis=1)
    scores = np.where(agree, own.scores[:, panel[0]], strong.scores)
    costs = own.costs[:, panel].sum(axis=1) + np.where(agree, 0.0, strong.costs)
    names = ", ".join(own.models[column] for column in panel)
    yield Way(f"{names} at once", scores, costs)


def _aimed(
    way: Way, strong: Way, share: float, more: float, groups: Sequence[str], seed: int
) -> Iterator[Figure]:
    """Money, score, and how far the score is above the strong model's, from the same draws."""
    n = len(groups)
    values, between = _figures(way, strong, groups, seed)
    yield measured("money", values[0], between[0], n=n, of=way.name, at_most=share)
    yield measured("score", values[1], between[1], n=n, of=way.name)
    yield measured("score gained", values[2], between[2], n=n, of=way.name, at_least=more)


def _told(way: Way, strong: Way, groups: Sequence[str], seed: int) -> Iterator[Figure]:
    values, between = _figures(way, strong, groups, seed)
    for n, name in enumerate(("money", "score", "score gained")):
        yield measured(name, values[n], between[n], n=len(groups), of=way.name)


def _figures(
    way: Way, strong: Way, groups: Sequence[str], seed: int
) -> tuple[list[float], list[tuple[float, float] | None]]:
    """The share of the strong model's money, the score, and how much more it is than its."""
    import numpy as np

    def figures(w: np.ndarray) -> np.ndarray:
        w = w / w.sum()
        score = float(w @ way.scores)
        share = float(w @ way.costs) / float(w @ strong.costs)
        return np.array([share, score, score - float(w @ strong.scores)])

    draws = resampled(figures, groups, seed=seed)
    values = figures(np.ones(len(groups))).tolist()
    return values, [interval(draws[:, n]) for n in range(len(values))]
