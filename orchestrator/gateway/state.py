"""What the endpoints share. A reload replaces `serving`; all else lives as long as the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.roles.single import SingleCalls

if TYPE_CHECKING:
    from orchestrator.gateway.keys.values import KeyRing
    from orchestrator.gateway.serve.reload import Control
    from orchestrator.gateway.telemetry.telemetry import Telemetry
    from orchestrator.mesh import Mesh


@dataclass(slots=True)
class Serving:
    """One loaded project. A request keeps to the one that it began with."""

    mesh: Mesh
    calls: SingleCalls
    requests: int = 0
    """That began with it and have not ended; the mesh is closed after the last of them."""


@dataclass(slots=True)
class State:
    """The gateway of one process."""

    serving: Serving
    keys: KeyRing | None
    """`None`: open to all, on loopback only."""
    control: Control | None = None
    """What reloads the service; set where it runs."""
    telemetry: Telemetry | None = None
    """What counts and logs; `None`: nobody does."""
    draining: bool = False
    """No new request is taken; those that were accepted are answered."""
