"""What many hops share: decisions, and the fleets that those saw. Each is written once, and
referred to by a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.tracing._packing import json_text
from orchestrator.tracing.redact import Shared
from orchestrator.types import Decision, Deployment, FleetSnapshot, Health, from_json

_UNSEEN = Health()
_MOST = 1024
"""Decisions that are known again; with more, all are looked at anew."""


@dataclass(frozen=True, slots=True)
class Known:
    """A decision that was seen before."""

    decision: Decision
    key: str
    content: str
    """As JSON."""
    shared: Shared


class Decisions:
    """Knows a decision again by its identity, and one that says the same by its key."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}

    def of(self, decision: Decision) -> Known:
        """What is known of it."""
        known = self._known.get(id(decision))
        if known is None:  # an identity is not given to another while the first is held here
            if len(self._known) >= _MOST:
                self._known = {}
            content = decision_json(decision)
            key = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
            known = self._known[id(decision)] = Known(decision, key, content, Shared(decision))
        return known


def decision_json(decision: Decision) -> str:
    """As it is stored: its fleet stands elsewhere."""
    return json_text(replace(decision, fleet=None))


def fleet_rows(fleet: FleetSnapshot) -> dict[str, str]:
    """A fleet as it is stored, JSON by key: its health under its hash, and under a key of their own
    the deployments, which stay the same while their health changes.

    What only a call needs is left out: endpoints and parameters may hold what the environment does.
    """
    deployments = json_text([_decided_on(deployment) for deployment in fleet.deployments])
    key = hashlib.blake2b(deployments.encode(), digest_size=16).hexdigest()
    told = {name: health for name, health in fleet.health.items() if health != _UNSEEN}
    return {key: deployments, fleet.hash: json_text({"deployments": key, "health": told})}


def fleet_of(hash: str, deployments: Sequence[Any], health: Mapping[str, Any]) -> FleetSnapshot:
    """The inverse of `fleet_rows`."""
    found = tuple(from_json(Deployment, content) for content in deployments)
    told = {name: from_json(Health, content) for name, content in health.items()}
    return FleetSnapshot(
        deployments=found, health={d.id: told.get(d.id, _UNSEEN) for d in found}, hash=hash
    )


def _decided_on(deployment: Deployment) -> Deployment:
    return replace(deployment, endpoint=None, params={}, key=None)
