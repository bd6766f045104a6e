"""`decide` with a memory: since it is pure, what it decided once holds for all that are alike.

Requests that come by the thousand differ in words and not in what a decision looks at. What does
differ from one to the next, the money and the time that are left, matters to a decision only where
there is too little of it; so a decision is kept with the most that any of its candidates may
cost and take, and given again to whoever has as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.money import MICRO_USD
from orchestrator.project.policy_schema import Policy
from orchestrator.routing.decide import decide
from orchestrator.types import (
    Constraints,
    Context,
    Decision,
    Estimate,
    FleetSnapshot,
    Stage,
    TaskProfile,
)

MOST = 4096
"""Decisions that are kept; with more, all are forgotten."""
_UNCONSTRAINED = Constraints()
_BEFORE_LIMITS = frozenset({Stage.CAPABILITY, Stage.DATA_POLICY, Stage.AVAILABILITY})


@dataclass(frozen=True, slots=True)
class _Known:
    decision: Decision
    estimates: Mapping[str, Estimate]
    """Kept, so that no other mapping gets its identity."""
    micro_usd: float
    """With less than this a limit of money would leave somebody out."""
    ms: float
    """Likewise of time."""

    def holds_for(self, context: Context) -> bool:
        budget, deadline = context.budget_micro_usd, context.deadline_ms
        return (budget is None or budget >= self.micro_usd) and (
            deadline is None or deadline >= self.ms
        )


class Decider:
    """Decides under one policy. Gives for the same arguments what `decide` gives.

    Estimates are told apart by identity, so that a predictor which gives the same mapping again
    is known to say the same.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._fleet = ""
        self._known: dict[tuple[Any, ...], _Known] = {}

    def __call__(self, profile: TaskProfile, fleet: FleetSnapshot, context: Context) -> Decision:
        """See `decide`."""
        if profile.reading is not None:  # estimates of its own, which no other request will have
            return decide(profile, fleet, self._policy, context)
        if fleet.hash != self._fleet or len(self._known) >= MOST:
            self._fleet, self._known = fleet.hash, {}
        kept, key = self._known, _key(profile, context)
        known = kept.get(key)
        if known is not None and known.holds_for(context):
            return known.decision
        decision = decide(profile, fleet, self._policy, context)
        micro_usd, ms = _most(decision)
        known = _Known(decision, context.estimates, micro_usd, ms)
        if known.holds_for(context):
            kept[key] = known  # of this fleet, whatever another thread has done meanwhile
        return decision


def traits(profile: TaskProfile) -> tuple[Any, ...]:
    """What a decision looks at in a request, but for how sure that is."""
    constraints = profile.constraints
    return (
        profile.task,
        profile.domain,
        profile.input_tokens,
        profile.output_tokens,
        profile.images,
        profile.data_class,
        profile.risk,
        profile.interactive,
        profile.needs,
        profile.tools,
        profile.values,
        profile.tags,
        None if constraints is _UNCONSTRAINED else constraints,
    )


def _key(profile: TaskProfile, context: Context) -> tuple[Any, ...]:
    """Everything that a decision looks at besides fleet, policy, and what is left."""
    return (
        *traits(profile),
        profile.confidence,
        id(context.estimates),
        context.predictor,
        context.agreement,
        tuple((k, s.value, s.origin) for k, s in context.settings.items()),
        context.rate_limited,
        tuple(context.cached_tokens.items()),
        context.soft_limits,
        context.seed,
    )


def _most(decision: Decision) -> tuple[float, float]:
    """The most that those may cost and take whom a limit could still leave out."""
    reached = [c.scores for c in decision.candidates if c.stage not in _BEFORE_LIMITS]
    costs = [scores["cost_usd"] for scores in reached]
    times = [scores["latency_ms"] for scores in reached]
    # Of strategies that ask several, the limit is held against the sum.
    usd = math.inf if None in costs else math.fsum(c or 0.0 for c in costs)
    # Whose time is unknown is not left out by a deadline.
    ms = max((t or 0.0 for t in times), default=0.0)
    return math.ceil(usd * MICRO_USD) if usd < math.inf else usd, ms
