"""Recorded calls out of thin air: a fleet, and hops as `read_traffic` would give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.money import Price, Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.replay.traffic import Recorded, Traffic
from orchestrator.routing.predict import PriorPredictor
from orchestrator.types import (
    Context,
    Decision,
    Deployment,
    Estimate,
    FleetSnapshot,
    Health,
    Outcome,
    TaskProfile,
)

PER_MILLION = 1_000_000
"""Pico-dollars a token for one dollar a million tokens."""


def model(
    name: str, quality: float, usd: tuple[float, float] | None, *, task: str = "*", **more: Any
) -> Deployment:
    """A deployment of a model of that name: quality, and US dollars a million tokens in and out."""
    price = None
    if usd is not None:
        price = Price(input=round(usd[0] * PER_MILLION), output=round(usd[1] * PER_MILLION))
    given = {"family": name, "tier": "mid", "provider": name, **more}
    return Deployment(
        id=f"{name}/api",
        model=name,
        via="openai",
        target=name,
        hosting="hosted",
        context=100_000,
        tasks={task: quality},
        price=price,
        **given,
    )


def code(name: str, quality: float, task: str) -> Deployment:
    """A deterministic model."""
    return model(name, quality, (0.0, 0.0), task=task, family=None, tier="nano")


def fleet(*deployments: Deployment, health: Mapping[str, Health] | None = None) -> FleetSnapshot:
    """The fleet, healthy unless told otherwise."""
    found = tuple(sorted(deployments, key=lambda d: d.id))
    return FleetSnapshot(deployments=found, health=health or {}, hash="f")


def predict(profile: TaskProfile, deployments: Sequence[Deployment]) -> Mapping[str, Estimate]:
    """What the fleet declares."""
    return PriorPredictor().predict(profile, deployments)


def call(
    task: str, by: str, *, into: int = 1000, out: int = 200, usd: float | None = 0.0, **more: Any
) -> Recorded:
    """A recorded call that model `by` answered."""
    profile = TaskProfile(task=task, input_tokens=into, output_tokens=out, **more)
    cost = None if usd is None else round(usd * 1e6)
    attempt = Attempt(
        deployment=f"{by}/api",
        model=by,
        family=by,
        outcome=Outcome.OK,
        started_at=0.0,
        ms=10.0,
        usage=Usage(input=into, output=out),
        cost_micro_usd=cost,
    )
    decision = Decision(chosen=attempt.deployment, policy_hash="p", fleet_hash="f")
    hop = Hop(id="t.1", trace_id="t", node="n", role="r", profile=profile, attempts=(attempt,))
    trace = Trace(id="t", graph="g", status="ok", started_at=0.0, question=f"Do some {task}.")
    return Recorded(
        trace=trace,
        hop=hop,
        profile=profile,
        decision=decision,
        context=Context(),
        fleet=fleet(),
    )


def traffic(*calls: Recorded) -> Traffic:
    """All of them."""
    return Traffic(since=0.0, until=1.0, hops=calls)
