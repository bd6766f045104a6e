"""How calls are made: the part `calls` of `mesh.yaml`; see `schema`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.project.declared import Declared, Milliseconds, Quality, WebAddress


class Breaker(Declared):
    """When a deployment that fails is left alone, and when it is tried again."""

    failures: Annotated[int, Field(gt=0)] = Field(
        default=3,
        description="So many failures in a row open it; half as many, but two, where it has "
        "answered nothing in window_ms.",
    )
    error_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5, description="So large a share of failed calls opens it, too."
    )
    window_ms: Milliseconds = Field(
        default=60_000, description="The time over which the share is counted."
    )
    min_calls: Annotated[int, Field(gt=0)] = Field(
        default=10, description="With fewer calls in that time the share says nothing."
    )
    open_ms: Milliseconds = Field(
        default=5_000,
        description="How long it stays open before one call probes the deployment; doubled after "
        "each probe that fails.",
    )
    open_at_most_ms: Milliseconds = Field(
        default=15_000, description="The longest time between two probes."
    )
    ramp_ms: Milliseconds = Field(
        default=10_000,
        description="After a probe that succeeds: one half of this time every fourth call goes "
        "there, the other half every second, then all.",
    )
    refused_key_ms: Milliseconds = Field(
        default=300_000, description="How long a deployment rests whose key was refused."
    )


class IncidentReport(Declared):
    """Who hears of it when a deployment fails, recovers, or becomes another model."""

    webhook: WebAddress | None = Field(
        default=None,
        description="Gets each event as a JSON POST. ${VARIABLE} where the address is a secret.",
    )


class Calls(Declared):
    """How calls are made, whoever asks."""

    hedge_share: Quality = Field(
        default=0.05,
        description="The share of all calls that may be made a second time because the first is "
        "slow; 0: none.",
    )
    queue: Annotated[int, Field(ge=0)] = Field(
        default=100,
        description="How many calls may wait for their turn at one deployment; more are sent "
        "away at once, those of the lowest priority first. 0: none waits.",
    )
    breaker: Breaker = Field(
        default=Breaker(), description="When a deployment that fails is left alone."
    )
    incidents: IncidentReport = Field(
        default=IncidentReport(), description="Who hears of a deployment's failure."
    )
