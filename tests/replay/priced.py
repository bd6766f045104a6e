"""Traffic with a known truth, served once for all tests of a process."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.mesh import Mesh
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.traffic import Traffic, read_traffic
from orchestrator.replay.whatif import Comparison, as_recorded, chooser, compare
from orchestrator.replay.whatif_world import World as Learned
from orchestrator.types import FleetSnapshot
from tests.replay.truth import World

REQUESTS = 200


@dataclass(frozen=True)
class Priced:
    """Recorded traffic, and what is true of it."""

    world: World
    folder: Path
    traffic: Traffic
    fleet: FleetSnapshot
    learned: Learned

    def under(self, policy: Mapping[str, object]) -> Comparison:
        """The traffic under another policy."""
        return compare(self.learned, chooser(Policy.model_validate(policy), as_recorded))


_FOLDER = tempfile.TemporaryDirectory(prefix="priced-")


@functools.cache
def served(requests: int) -> tuple[World, Path]:
    """So many requests, recorded in a folder that nobody may write to."""
    folder = Path(_FOLDER.name) / str(requests)
    world = World(5, 240, explored=0.4, panels=0.1)
    asyncio.run(world.serve(folder, most=requests))
    return world, folder


@functools.cache
def priced() -> Priced:
    """The same for all who ask."""
    world, folder = served(REQUESTS)
    mesh = Mesh.load(folder, env={})
    fleet = mesh.fleet()
    traffic = read_traffic(mesh.store, since=0.0, fleet=fleet)
    mesh.store.close()
    return Priced(world, folder, traffic, fleet, Learned(traffic, [fleet], draws=200))
