"""Recorded outcomes gone through again by the very `decide` and the very policy of attempts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from orchestrator.calling.in_turn import given
from orchestrator.calling.next_action import History, Next, Tried, next_action
from orchestrator.evaluation.routing.deciding import AT_ONCE, deployments_of
from orchestrator.money import MICRO_USD, PICO_PER_MICRO, Price
from orchestrator.project.policy_schema import Objective, Policy, Route, StrategyDeclaration
from orchestrator.routing.decide import decide
from orchestrator.types import (
    Agreement,
    Context,
    Decision,
    Estimate,
    FleetSnapshot,
    Outcome,
    TaskProfile,
)

_PICO = MICRO_USD * PICO_PER_MICRO


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one request: who was asked, and whose answer was given; columns."""

    asked: tuple[int, ...]
    given: int


class Replaying:
    """Requests decided and carried out on a fleet of these models, all answers being known.

    Args:
        models: the columns.
    """

    def __init__(self, models: Sequence[str]) -> None:
        self._deployments = deployments_of(models)
        self._by_id = {d.id: d for d in self._deployments}
        self._column = {model: column for column, model in enumerate(models)}

    def decide(
        self,
        task: str,
        quality: Sequence[float],
        costs: Sequence[float],
        agreement: Agreement | None,
        policy: Policy,
    ) -> Decision:
        """What `decide` makes of a request.

        Args:
            quality: what is expected of each model, 0..1.
            costs: what each is expected to cost, US dollars.
        """
        priced = tuple(
            dataclasses.replace(d, price=Price(input=round(cost * _PICO), output=0))
            for d in self._deployments
            for cost in (max(float(costs[self._column[d.id]]), 0.0),)
        )
        estimates = {
            id: Estimate(mean=float(quality[column]), sd=0.0) for id, column in self._column.items()
        }
        profile = TaskProfile(task=task, input_tokens=AT_ONCE, output_tokens=0)
        fleet = FleetSnapshot(deployments=priced, health={}, hash="recorded")
        context = Context(estimates=estimates, predictor="recorded", agreement=agreement)
        return decide(profile, fleet, policy, context)

    def play(self, decision: Decision, votes: Sequence[int]) -> Played:
        """Carry it out: whom `next_action` asks has answered with its vote."""
        tactics, asked = decision.tactics, []
        chain = tuple(self._by_id[id] for id in decision.chain)
        history = History(chain=chain, deadline=inf, strategy=decision.strategy, tactics=tactics)
        while isinstance(now := next_action(history, 0.0), Next):
            id = now.deployment.id
            asked.append(self._column[id])
            vote = str(votes[self._column[id]])
            history.tried += (Tried(deployment=id, outcome=Outcome.OK, at=0.0, vote=vote),)
        if not tactics.moves:
            return Played(tuple(asked), asked[0])
        members = [self._column[id] for id in decision.chain[: tactics.models]]
        place = given(tactics.moves, [str(votes[c]) if c in asked else None for c in members])
        return Played(tuple(asked), asked[-1] if place is None else members[place])


def auto_policy(error_usd: float) -> Policy:
    """A policy that leaves the strategy to what is worth most.

    Args:
        error_usd: what a wrong answer costs, US dollars.
    """
    said = StrategyDeclaration(kind="auto", error_usd=AT_ONCE * error_usd)
    return Policy(objective=Objective(minimize="cost"), routes=(Route(name="auto", strategy=said),))
