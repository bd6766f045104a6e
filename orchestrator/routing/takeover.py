"""Who would serve what, if some deployments were gone: `decide`, with them and without."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.errors import NoCandidateError
from orchestrator.project.policy_schema import Policy
from orchestrator.routing.decide import decide
from orchestrator.routing.predict import PriorPredictor
from orchestrator.types import Context, FleetSnapshot, Health, TaskProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """One kind of request that other deployments get."""

    request: str
    """In words: `extract (pii)`."""
    before: str
    """The deployment that is chosen now."""
    after: str | None
    """The one that takes over; `None`: nobody may."""


def takeovers(
    requests: Mapping[str, TaskProfile], fleet: FleetSnapshot, policy: Policy, gone: Collection[str]
) -> tuple[Takeover, ...]:
    """What changes where the deployments `gone` are not available, in the order of `requests`.

    What nobody serves as it is, and what stays with whom it is, is left out.
    """
    without = dataclasses.replace(
        fleet,
        health={**fleet.health, **{id: Health(available=False, reason="gone") for id in gone}},
        hash=f"{fleet.hash} without {', '.join(sorted(gone))}",
    )
    found = []
    for request, profile in requests.items():
        before = _chosen(profile, fleet, policy)
        if before in gone:
            after = _chosen(profile, without, policy)
            found.append(Takeover(request=request, before=before or "", after=after))
    return tuple(found)


def _chosen(profile: TaskProfile, fleet: FleetSnapshot, policy: Policy) -> str | None:
    predictor = PriorPredictor()
    estimates = predictor.predict(profile, fleet.deployments)
    try:
        context = Context(estimates=estimates, predictor=predictor.version)
        return decide(profile, fleet, policy, context).chosen
    except NoCandidateError:
        return None
