"""What was learned and why, line by line: each model at each task, beside what was declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.learning.predictor import LearnedPredictor
from orchestrator.routing.predict import prior
from orchestrator.types import Deployment, TaskProfile

_SIGMAS = 1.2815515655446004
"""Within so many standard deviations lie 80 % of what is normally distributed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One model at one task."""

    model: str
    task: str
    """Empty: whatever the task, of requests whose task was guessed from their text."""
    n: float
    """How many scores were seen, each with its weight."""
    seen: float
    """Their mean, 0..1."""
    declared: float
    expected: float
    """What is expected now, of a request of this task of which nothing else is known."""
    low: float
    high: float
    """The 80 % interval of the latter."""

    @property
    def moved(self) -> float:
        """By how much the answers moved what was declared."""
        return self.expected - self.declared


def account(predictor: LearnedPredictor, deployments: Sequence[Deployment]) -> list[Line]:
    """The lines of all models of this fleet of which answers were seen, by name and task."""
    first: dict[str, Deployment] = {}
    for deployment in deployments:
        first.setdefault(deployment.model, deployment)
    found = []
    for (model, task), tally in sorted(predictor.tallies.items()):
        own = first.get(model)
        if own is None or not tally.n:
            continue
        estimate = predictor.predict(TaskProfile(task=task), deployments)[own.id]
        found.append(
            Line(
                model=model,
                task=task,
                n=tally.n,
                seen=tally.total / tally.n,
                declared=prior(own, task).mean,
                expected=estimate.mean,
                low=max(estimate.mean - _SIGMAS * estimate.sd, 0.0),
                high=min(estimate.mean + _SIGMAS * estimate.sd, 1.0),
            )
        )
    return found
