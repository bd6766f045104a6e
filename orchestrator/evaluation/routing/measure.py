"""Routers on recorded outcomes: the predictor beside what it must beat, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.evaluation.routing.bootstrap import interval, resampled
from orchestrator.evaluation.routing.coverage import coverage
from orchestrator.evaluation.routing.market import Market, choices, exchange_rates
from orchestrator.evaluation.routing.pair import Pair
from orchestrator.evaluation.routing.plan import Plan, splits
from orchestrator.evaluation.routing.routers import (
    Expected,
    Learn,
    oracle,
    out_of_fold,
    task_mean,
    zero_router,
)
from orchestrator.evaluation.routing.values import Recorded

if TYPE_CHECKING:
    import numpy as np

    Curve = tuple[np.ndarray, np.ndarray]
    """Mean costs, or shares of strong calls, and mean scores."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What was found on one set."""

    report: Report
    coverage: Report | None
    """How often what came out lies within the predictor's intervals."""
    axis: str
    """What the first numbers of curves and singles are."""
    curves: Mapping[str, Curve]
    """By router."""
    singles: Mapping[str, tuple[float, float]]
    """Each model alone."""
    predictions: Sequence[tuple[str, str, float, float]] = field(repr=False)
    """Query, model, predicted score and its standard deviation, each from a model that has not
    seen the query."""


def measure(
    recorded: Recorded, plan: Plan, learn: Learn, on_progress: OnProgress = silent
) -> Measured:
    """The figures of the predictor and of the routers beside it.

    Args:
        recorded: with the models of `plan.with_models`.
        learn: the predictor.

    Raises:
        UserError: there are too few queries.
    """
    import numpy as np

    parts = splits(recorded, plan)
    learned = out_of_fold(recorded, parts, learn, on_progress)
    tested = np.sort(np.concatenate([part.test for part in parts]))
    own = recorded.rows(tested)
    routers = [
        *(r.rows(tested) for r in (learned, out_of_fold(recorded, parts, task_mean))),
        zero_router(own),
        oracle(own),
    ]
    two = len(own.models) == 2
    judges = {r.name: (_pair if two else _market)(r, own) for r in routers}
    on_progress("intervals", 0, len(judges))
    report = Report(
        title=_title(own, plan),
        figures=tuple(_figures(judges, [q.group for q in own.queries], plan.seed, on_progress)),
        notes=tuple(_notes(own, plan)),
    )
    return Measured(
        report=report,
        coverage=coverage(routers[0], own),
        axis="share of queries that the strong model answers" if two else "US dollars a query",
        curves={name: judge.curve() for name, judge in judges.items()},
        singles=_singles(own),
        predictions=_predictions(own, routers[0]),
    )


def _pair(router: Expected, own: Recorded) -> Pair | Market:
    return Pair(router.quality[:, 1] - router.quality[:, 0], own.scores[:, 0], own.scores[:, 1])


def _market(router: Expected, own: Recorded) -> Pair | Market:
    chosen = router.chosen
    if chosen is None:
        chosen = choices(router.quality, router.cost, exchange_rates(own.costs))
    return Market(chosen, own.scores, own.costs)


def _figures(
    judges: Mapping[str, Pair | Market], groups: Sequence[str], seed: int, on_progress: OnProgress
) -> Iterator[Figure]:
    """Those of each router; and how far the first is above each other one in what it is judged by,
    from the same draws."""
    drawn = {}
    for number, (name, judge) in enumerate(judges.items()):
        on_progress("intervals", number, len(judges))
        drawn[name] = resampled(judge.figures, groups, seed=seed)
        for column, figure in enumerate(judge.names):
            value = float(judge.figures()[column])
            if not isnan(value):
                between = interval(drawn[name][:, column])
                yield measured(figure, value, between, n=len(groups), of=name)
    first, *others = judges
    for other in others[:-1]:
        gain = drawn[first][:, 0] - drawn[other][:, 0]
        value = float(judges[first].figures()[0] - judges[other].figures()[0])
        if not isnan(value):
            yield measured(
                f"{judges[first].names[0]} gained", value, interval(gain), n=len(groups), of=other
            )


def _title(own: Recorded, plan: Plan) -> str:
    what = f"{own.name}, {plan.only}" if plan.only else own.name
    if len(own.models) == 2:
        return f"{what}: {own.models[0]} or {own.models[1]}"
    return f"{what}: {len(own.models)} models"


def _notes(own: Recorded, plan: Plan) -> Iterator[str]:
    if plan.train:
        yield f"Learned from {plan.train} alone."
    else:
        yield f"Cross-validated in {plan.k} folds by prompt, seed {plan.seed}."
    if plan.labels is not None:
        yield f"Of {plan.labels:,} queries the outcomes were known."
    means = own.scores.mean(axis=0)
    if len(own.models) == 2:
        yield f"Mean scores: {means[0]:.4f} and {means[1]:.4f}. A router that guesses has APGR 0.5."
    else:
        best, costs = int(means.argmax()), own.costs.mean(axis=0)
        yield f"Best single model: {own.models[best]}, {means[best]:.4f} for ${costs[best]:.6f}."
        yield f"Guessing: {means.mean():.4f} for ${costs.mean():.6f}."
    yield "The task mean is told each query's task, the oracle its outcome; the predictor neither."


def _singles(own: Recorded) -> dict[str, tuple[float, float]]:
    scores = own.scores.mean(axis=0).tolist()
    costs = [0.0, 1.0] if len(own.models) == 2 else own.costs.mean(axis=0).tolist()
    return {
        model: (cost, score) for model, cost, score in zip(own.models, costs, scores, strict=True)
    }


def _predictions(own: Recorded, learned: Expected) -> list[tuple[str, str, float, float]]:
    doubt = learned.uncertainty
    return [
        (
            query.id,
            model,
            float(learned.quality[i, j]),
            float(doubt[i, j]) if doubt is not None else 0.0,
        )
        for i, query in enumerate(own.queries)
        for j, model in enumerate(own.models)
    ]
