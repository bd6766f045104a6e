"""The composed traffic, in memory."""

from __future__ import annotations

from orchestrator.calling.health.breaker import Breakers
from orchestrator.calling.health.incidents import Incidents
from orchestrator.calling.health.live import Live
from orchestrator.calling.traffic.control import TrafficControl
from orchestrator.calling.traffic.places import Places
from orchestrator.calling.traffic.rates import Rates
from orchestrator.project.calls_schema import Breaker
from orchestrator.project.protocols import Clock
from orchestrator.types import Deployment


def control(
    clock: Clock,
    *deployments: Deployment,
    breaker: Breaker | None = None,
    longest: int = 100,
    hedge_share: float = 0.05,
) -> TrafficControl:
    """As `Mesh` puts it together, without a store."""
    return TrafficControl(
        breakers=Breakers(breaker or Breaker(), clock),
        live=Live(clock),
        incidents=Incidents(clock, {d.id: d for d in deployments}),
        places=Places(clock, Rates(clock), longest=longest),
        hedge_share=hedge_share,
    )
