"""Taking deployments out of use and bringing them back while everything runs.

Each process of the project hears of it within a second, without a reload; calls that go on end as
they would have.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.project.vocabulary import tasks
from orchestrator.routing.takeover import Takeover, takeovers
from orchestrator.storage.operations import Drain, operation
from orchestrator.types import FleetSnapshot, Health, TaskProfile

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What was taken out of use."""

    deployments: tuple[str, ...]
    until: float | None
    takeovers: tuple[Takeover, ...]
    """Every kind of request that somebody else gets, or nobody."""


class NobodyLeftError(UserError):
    """Some requests would have nobody to serve them. `takeovers` has all that changes."""

    def __init__(self, message: str, found: Sequence[Takeover]) -> None:
        self.takeovers = tuple(found)
        super().__init__(message)


def drain(
    mesh: Mesh,
    name: str,
    who: str,
    *,
    why: str = "",
    for_s: float | None = None,
    force: bool = False,
) -> Drained:
    """Take a model, or one deployment of it, out of use.

    Args:
        name: `MODEL` or `MODEL/DEPLOYMENT`.
        for_s: after so long it comes back by itself.
        force: also where nobody is left for some requests.

    Raises:
        UnknownNameError: there is no such model or deployment.
        NobodyLeftError: requests that are served now would be served by nobody.
        StorageError: it cannot be kept.
    """
    gone = deployments_of(mesh, name)
    found = takeovers(_requests(mesh), _fleet_now(mesh), mesh.project.policy, gone)
    lost = [one for one in found if one.after is None]
    if lost and not force:
        named = ", ".join(one.request for one in lost[:8])
        more = f" and {len(lost) - 8} more" if len(lost) > 8 else ""
        raise NobodyLeftError(
            f"without {name} nobody would serve: {named}{more}. Add a deployment that may, "
            "or drain it nevertheless with --force (`force` over HTTP)",
            found,
        )
    now = time.time()
    until = None if for_s is None else now + for_s
    drains = [
        Drain(deployment=id, since=now, until=until, who=who, why=why, changed=now) for id in gone
    ]
    before = mesh.operations.drains()
    left = [id for id in gone if id in before and before[id].holds(now)]
    details = {
        "deployments": list(gone),
        "until": until,
        "force": force,
        "takeovers": [dataclasses.asdict(one) for one in found],
    }
    words = f"drained: {', '.join(left)}" if left else "in use"
    mesh.operations.drain(
        drains,
        operation("drain", name, who, why=why, before=words, after="drained", details=details),
    )
    return Drained(deployments=gone, until=until, takeovers=found)


def undrain(mesh: Mesh, name: str, who: str, *, why: str = "") -> tuple[str, ...]:
    """Bring a model, or one deployment of it, back; the deployments that were drained.

    What has left the fleet in the meantime can be named, too.

    Raises:
        UserError: none of them is drained.
    """
    now = time.time()
    drains = {id: one for id, one in mesh.operations.drains().items() if one.holds(now)}
    back = tuple(id for id in sorted(drains) if name in (id, id.partition("/")[0]))
    if not back:
        deployments_of(mesh, name)  # says whether there is such a name at all
        known = ", ".join(sorted(drains)) or "none"
        raise UserError(f"{name} is not drained; drained: {known}")
    before = "; ".join(f"{id}: {drains[id].in_words}" for id in back)
    details = {"deployments": list(back)}
    done = operation("undrain", name, who, why=why, before=before, after="in use", details=details)
    mesh.operations.undrain(back, done)
    return back


def _fleet_now(mesh: Mesh) -> FleetSnapshot:
    """The snapshot, which may be a second old, without those that were drained since."""
    fleet = mesh.fleet()
    drained = {
        id: Health(available=False, reason=drain.in_words) for id, drain in mesh.drains().items()
    }
    return dataclasses.replace(fleet, health={**fleet.health, **drained})


def deployments_of(mesh: Mesh, name: str) -> tuple[str, ...]:
    """The ids that a model's or a deployment's name stands for.

    Raises:
        UnknownNameError: with the near name.
    """
    known = [d.id for d in mesh.fleet().deployments]
    found = tuple(id for id in known if name in (id, id.partition("/")[0]))
    if not found:
        models = sorted({id.partition("/")[0] for id in known})
        kind, names = ("deployment", known) if "/" in name else ("model", models)
        raise UnknownNameError(kind, name, names)
    return found


def _requests(mesh: Mesh) -> dict[str, TaskProfile]:
    """Every kind of request that the project knows: each task in each data class, each agent."""
    found: dict[str, TaskProfile] = {}
    policy = mesh.project.policy
    for task in tasks(mesh.project):
        for data_class in policy.data_classes:
            usual = data_class == policy.default_data_class
            words = task if usual else f"{task} ({data_class})"
            found[words] = mesh.profile("", task=task, data_class=data_class)
    for agent in mesh.project.agents.values():
        if agent.needs:
            profile = mesh.profile("", task=agent.task)
            words = f"agent {agent.name}"
            found[words] = dataclasses.replace(profile, needs=tuple(sorted(agent.needs)))
    return found
