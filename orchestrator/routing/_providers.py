"""`require: {providers: 2}`: nobody depends on one provider alone."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from orchestrator.errors import NoCandidateError
from orchestrator.money import usd
from orchestrator.routing._policy import CompiledRoute
from orchestrator.routing._rules import Facts
from orchestrator.types import Candidate, Deployment, Stage, TaskProfile


def require_providers(
    profile: TaskProfile,
    reach: Sequence[Facts],
    below: Sequence[Facts],
    routes: Sequence[CompiledRoute],
    removed: Sequence[Candidate],
) -> None:
    """Of several such limits the largest counts.

    Args:
        reach: those that stayed and reach the quality floor: these could take over.
        below: those that stayed as last resorts, which do not count.

    Raises:
        NoCandidateError: those that reach the floor come from too few providers.
    """
    stated = [r.route for r in routes if r.route.require.providers is not None]
    if not stated:
        return
    strictest = max(stated, key=lambda route: route.require.providers or 0)
    needed = strictest.require.providers or 0
    providers = sorted({provider_of(f.deployment) for f in reach})
    if len(providers) >= needed:
        return
    name = f"route:{strictest.name}.require.providers"
    found = f"{len(providers)} of {needed} providers ({', '.join(providers) or 'none'})"
    funnel = (
        *(_candidate(f, name, found, needed) for f in (*reach, *below)),
        *removed,
    )
    advice = f"relax {name} (found {found}), or add a model of another provider"
    message = (
        f"no deployment may serve this request (task '{profile.task}', data class "
        f"'{profile.data_class}'): those that may come from {found}. The smallest change that "
        f"leaves one is to {advice}"
    )
    raise NoCandidateError(message, (name,), funnel, advice)


def provider_of(deployment: Deployment) -> str:
    """Who must be up: the hosting provider, a server of one's own, or this process."""
    endpoint = deployment.endpoint or ""
    place = urlsplit(endpoint).netloc or endpoint  # a variable that is not set stands for a place
    if deployment.hosting != "hosted":
        return place or "this process"
    # Many speak the protocol that OpenAI's transport is named after; only one of them is OpenAI.
    named = deployment.provider != deployment.via or place.endswith("openai.com")
    return deployment.provider if named or not place else place


def _candidate(f: Facts, rule: str, found: str, needed: int) -> Candidate:
    return Candidate(
        deployment=f.deployment.id,
        model=f.deployment.model,
        stage=Stage.AVAILABILITY,
        rule=rule,
        found=found,
        required=needed,
        scores={"quality": f.quality, "cost_usd": usd(f.cost), "latency_ms": f.latency},
    )
