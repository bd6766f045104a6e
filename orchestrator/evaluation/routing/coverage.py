"""Whether a predictor is as sure as it says: how often what came out lies within its intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.report import Figure, Report, rate
from orchestrator.evaluation.routing.routers import Expected
from orchestrator.evaluation.routing.values import Recorded

if TYPE_CHECKING:
    import numpy as np

GROUPS = 10
LEAST = 30
"""Queries in a group: of fewer a mean says little."""
SHARE = 0.8
_SIGMAS = 1.2815515655446004
"""Within so many standard deviations lie 80 % of what is normally distributed."""


def coverage(expected: Expected, own: Recorded) -> Report | None:
    """How many means of groups of queries lie within the predictor's 80 % intervals.

    A single answer is right or wrong and lies in no interval; so queries are taken together, for
    each model: those of which about the same was expected (tenths), and those of a task, of which
    the predictor knows nothing. The interval of a group is as wide as those of its queries, which
    err together, and by chance in what came out. `None` where there are too few queries, or no
    intervals.
    """
    doubt = expected.uncertainty
    if doubt is None or len(own.queries) < LEAST:
        return None
    import numpy as np

    tasks = np.array([query.task.split("/")[0] for query in own.queries])
    held: dict[str, list[tuple[str, bool]]] = {"by expectation": [], "by task": []}
    for column, model in enumerate(own.models):
        mean, sd, came = (a[:, column] for a in (expected.quality, doubt, own.scores))
        tenths = np.array_split(np.argsort(mean, kind="stable"), GROUPS)
        by_task = [np.flatnonzero(tasks == task) for task in sorted(set(tasks.tolist()))]
        for name, groups in (("by expectation", tenths), ("by task", by_task)):
            held[name] += [(model, ok) for ok in _held(groups, mean, sd, came)]
    middle = _SIGMAS * float(np.median(doubt))
    return Report(
        title="Is it as sure as it says",
        figures=tuple(_figures(held)),
        notes=(
            f"Means of groups of queries within the predictor's {SHARE:.0%} interval. More than "
            f"{SHARE:.0%}: it is surer than it says.",
            f"The middle one of the intervals of single expectations is ±{middle:.3f}.",
        ),
    )


def _held(
    groups: Sequence[np.ndarray], mean: np.ndarray, sd: np.ndarray, came: np.ndarray
) -> Iterator[bool]:
    for rows in groups:
        if len(rows) >= LEAST:
            chance = float(came[rows].var()) / len(rows)
            off = abs(float(came[rows].mean() - mean[rows].mean()))
            yield off <= _SIGMAS * sqrt(float(sd[rows].mean()) ** 2 + chance)


def _figures(held: dict[str, list[tuple[str, bool]]]) -> Iterator[Figure]:
    """Over all models, and of each."""
    for model in ("", *dict.fromkeys(model for own in held.values() for model, _ in own)):
        for name, own in held.items():
            some = [ok for of, ok in own if model in ("", of)]
            if some:
                yield rate(name, sum(some), len(some), of=model or "all models")
