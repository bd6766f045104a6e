"""Strategies of routes against the declared fleet: whether they ever come to pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from orchestrator.errors import Problem
from orchestrator.graph._check_routes import only, served
from orchestrator.graph._check_world import Places, World
from orchestrator.project._documents import KeyPath
from orchestrator.routing._providers import provider_of
from orchestrator.routing._strategy import tactics_of
from orchestrator.types import Decision, Strategy, Tactics

_FILE = "policy.yaml"
_REMEDIES: dict[Strategy, tuple[str, str]] = {
    "cascade": ("nobody better is left for this cascade to go to", "a better model that may serve"),
    "race": ("too few deployments may serve for this race", "more deployments that may serve"),
    "panel": ("too few models may serve for this panel", "more models that may serve"),
}


def check_strategies(
    world: World, places: Places, empty_routes: Collection[str]
) -> Iterator[Problem]:
    """Warnings: every request is served all the same, only not as the route would have it.

    Args:
        empty_routes: routes that leave nobody and were told already.
    """
    if not places.own(_FILE) and places.own("fleet.yaml"):
        return
    policy = world.project.policy
    for index, route in enumerate(policy.routes):
        kind, tactics = tactics_of(route)
        if kind == "single" or route.name in empty_routes:
            continue
        at: KeyPath = ("routes", index, "strategy")
        decisions, _ = served(world, only(policy, route), route.match)
        yield from _too_few(places, at, (kind, tactics), decisions)
        if kind == "race":
            yield from _one_provider(world, places, at, decisions)
        if tactics.start == "after_p95" and not world.project.settings.calls.hedge_share:
            yield places.of(_FILE).problem(
                (*at, "start"),
                "nothing is ever asked a second time: calls.hedge_share of mesh.yaml is 0",
                found=tactics.start,
                allowed="start: together, or a hedge_share such as 0.05",
                code="hedge-without-share",
                severity="warning",
            )


def _too_few(
    places: Places, at: KeyPath, asked: tuple[Strategy, Tactics], decisions: Sequence[Decision]
) -> Iterator[Problem]:
    """It comes to pass for no task that the route matches, or never in full."""
    kind, tactics = asked
    if not decisions or any(
        d.strategy == kind and d.tactics.models >= tactics.models for d in decisions
    ):
        return
    nearest = max(decisions, key=lambda d: (d.strategy == kind, d.tactics.models))
    message, remedy = _REMEDIES[kind]
    yield places.of(_FILE).problem(
        at,
        message,
        found="; ".join(nearest.notes),
        allowed=f"{remedy}, or strategy: single"
        if kind == "cascade"
        else f"{remedy}, or models: {max(nearest.tactics.models, 2)}",
        code=f"{kind}-of-too-few",
        severity="warning",
    )


def _one_provider(
    world: World, places: Places, at: KeyPath, decisions: Sequence[Decision]
) -> Iterator[Problem]:
    """Whoever races, they all fail together."""
    races = [d.chain[: d.tactics.models] for d in decisions if d.strategy == "race"]
    providers = [{provider_of(world.deployments[id]) for id in racers} for racers in races]
    if providers and all(len(found) == 1 for found in providers):
        yield places.of(_FILE).problem(
            at,
            "whoever takes part in this race depends on one provider, and fails with it",
            found=", ".join(sorted({name for found in providers for name in found})),
            allowed="a deployment at another provider that may serve",
            code="race-of-one-provider",
            severity="warning",
        )
