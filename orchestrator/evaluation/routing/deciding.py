"""Recorded requests decided by the very `decide`, at every exchange rate of money and quality."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING

from orchestrator.money import MICRO_USD, PICO_PER_MICRO, Price
from orchestrator.project.policy_schema import Objective, Policy, Route, StrategyDeclaration
from orchestrator.routing.decide import decide
from orchestrator.types import Context, Deployment, Estimate, FleetSnapshot, TaskProfile

if TYPE_CHECKING:
    import numpy as np

AT_ONCE = 1000
"""So many requests like one are decided about together: costs are whole micro-dollars, and those
of one cheap answer are few."""
_PICO = MICRO_USD * PICO_PER_MICRO


def deployments_of(models: Sequence[str]) -> tuple[Deployment, ...]:
    """One deployment of each model, of which nothing is known but its name."""
    made = [
        Deployment(
            id=model,
            model=model,
            family=model,
            tier="mid",
            via="recorded",
            target=model,
            provider=model,
            hosting="hosted",
            context=10**9,
            tasks={"*": 0.6},
        )
        for model in models
    ]
    return tuple(sorted(made, key=lambda d: d.id))


def policies_at(rates: Sequence[float]) -> list[Policy]:
    """A policy for each exchange rate, in quality a dollar: 0 is quality alone.

    An exchange rate is what a wrong answer costs: quality less rate times cost is greatest where
    cost plus the chance of an error times 1 / rate is least.
    """
    return [_policy(float(rate)) for rate in rates]


def _policy(rate: float) -> Policy:
    if rate == 0:
        return Policy(objective=Objective(maximize="quality"))
    if rate == inf:
        return Policy(objective=Objective(minimize="cost"))
    said = StrategyDeclaration(kind="auto", error_usd=AT_ONCE / rate)
    return Policy(objective=Objective(minimize="cost"), routes=(Route(name="rate", strategy=said),))


def chosen(
    deployments: Sequence[Deployment],
    profiles: Sequence[TaskProfile],
    estimates: Sequence[Mapping[str, Estimate]],
    costs: np.ndarray,
    policies: Sequence[Policy],
) -> np.ndarray:
    """For each request and policy the place of the deployment that `decide` chooses.

    Args:
        profiles: of each request; of their lengths and needs nothing is asked here.
        estimates: by deployment, of each request.
        costs: what an answer of each deployment is expected to cost, US dollars, shape
            `(requests, deployments)`.
    """
    import numpy as np

    place = {d.id: i for i, d in enumerate(deployments)}
    found = np.empty((len(profiles), len(policies)), dtype=np.intp)
    for i, (profile, own) in enumerate(zip(profiles, estimates, strict=True)):
        asked = dataclasses.replace(
            profile, input_tokens=AT_ONCE, output_tokens=0, needs=(), reading=None
        )
        priced = tuple(
            dataclasses.replace(d, price=Price(input=round(cost * _PICO), output=0))
            for d, cost in zip(deployments, costs[i].tolist(), strict=True)
        )
        fleet = FleetSnapshot(deployments=priced, health={}, hash="recorded")
        context = Context(estimates=own)
        for j, policy in enumerate(policies):
            found[i, j] = place[decide(asked, fleet, policy, context).chosen]
    return found
