"""The fleet as it is at this moment: an immutable, hashed value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from orchestrator.fleet.discovery import Probe, chat_model, is_loopback, probe_all, probe_models
from orchestrator.fleet.health import missing, quantised
from orchestrator.types import Deployment, FleetSnapshot, Health, digest

_NOTHING_LIVE: Mapping[str, Health] = MappingProxyType({})
_NOBODY_BARRED: Mapping[str, str] = MappingProxyType({})


def snapshot(
    deployments: Sequence[Deployment],
    env: Mapping[str, str],
    *,
    probe: Probe | None = None,
    live: Mapping[str, Health] = _NOTHING_LIVE,
    barred: Mapping[str, str] = _NOBODY_BARRED,
) -> FleetSnapshot:
    """The deployments with their health, and one hash over both.

    A deployment with `discover: true` and no model of its own takes the first chat model that
    its server lists.

    Args:
        probe: asks a loopback endpoint for its models; by default over HTTP, once a process.
        live: what calling measured, by deployment id; counts where the deployment is available.
        barred: why some are not to be used, in words, likewise.
    """
    open_ones = {d.id: missing(d, env) for d in deployments}
    wanted = [d.endpoint for d in deployments if _is_probed(d) and not open_ones[d.id]]
    served = probe_all((e for e in wanted if e), probe or probe_models)
    found: list[Deployment] = []
    health: dict[str, Health] = {}
    for deployment in sorted(deployments, key=lambda d: d.id):
        reason = open_ones[deployment.id]
        if deployment.discover and not reason:
            models = served.get(deployment.endpoint or "")
            deployment, reason = _discovered(deployment, models)
        reason = reason or barred.get(deployment.id, "")
        found.append(deployment)
        if reason:
            health[deployment.id] = Health(available=False, reason=reason)
        else:
            health[deployment.id] = quantised(live.get(deployment.id, Health()))
    return FleetSnapshot(
        deployments=tuple(found),
        health=health,
        hash=digest({"deployments": found, "health": health}),
    )


def _is_probed(deployment: Deployment) -> bool:
    return deployment.discover and is_loopback(deployment.endpoint or "")


def _discovered(deployment: Deployment, models: tuple[str, ...] | None) -> tuple[Deployment, str]:
    """The deployment with the model that it serves, and the reason where it cannot."""
    endpoint = deployment.endpoint or "its endpoint, which is not stated"
    if not _is_probed(deployment):
        return deployment, f"looked for on this machine only, which {endpoint} is not"
    if models is None:
        return deployment, f"no server answers at {endpoint}"
    if not deployment.target:
        target = chat_model(models)
        reason = "" if target else f"the server at {endpoint} has no chat model"
        return dataclasses.replace(deployment, target=target), reason
    if not {deployment.target, f"{deployment.target}:latest"} & set(models):
        return deployment, f"the server at {endpoint} has no model '{deployment.target}'"
    return deployment, ""
