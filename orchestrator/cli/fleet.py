"""`mesh fleet`: all models, how to reach them, what they cost, and which are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.types import Deployment, FleetSnapshot

PICO_PER_TOKEN = 1_000_000
"""Pico-dollars a token in one dollar a million tokens."""


def fleet(project: Project = HERE, as_json: AsJson = False) -> None:
    """Show the models, their prices, and which of them are available here."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    snapshot = Mesh.load(project).fleet()
    if as_json:
        print_json(fleet_json(snapshot))
    else:
        show_fleet(Screen(), snapshot)


def fleet_json(snapshot: FleetSnapshot) -> dict[str, Any]:
    """The snapshot with each deployment's health beside its facts."""
    from orchestrator.types import Health, as_json

    return {
        "hash": snapshot.hash,
        "deployments": [
            {**as_json(d), "health": as_json(snapshot.health.get(d.id, Health()))}
            for d in snapshot.deployments
        ],
    }


def show_fleet(screen: Screen, snapshot: FleetSnapshot) -> None:
    """One row a deployment, strongest tier first; prices in US dollars a million tokens."""
    from orchestrator.types import TIERS, Health

    wide, roomy = screen.width >= 120, screen.width >= 90
    right = {"justify": "right", "no_wrap": True}
    extra = ("family", "tier") if wide else ()
    place = ("hosting", "region") if wide else ("where",)
    table = screen.table(
        screen.names("deployment", (d.id for d in snapshot.deployments), 0.3),
        *extra,
        *place,
        ("$/M in", right),
        ("$/M out", right),
        *([("context", right)] if roomy else []),
        "available",
    )
    ordered = sorted(snapshot.deployments, key=lambda d: (-TIERS.index(d.tier), d.id))
    ready = 0
    for d in ordered:
        health = snapshot.health.get(d.id, Health())
        ready += health.available
        about = (d.family or screen.sign("none"), d.tier) if wide else ()
        region = d.region or screen.sign("none")
        where = (d.hosting, region) if wide else (f"{d.hosting} {d.region or ''}".strip(),)
        sign = screen.sign("yes" if health.available else "no")
        if health.available:
            state = screen.text(sign, "good")
        else:
            state = screen.text(health.reason or sign, "quiet")
        name = screen.text(d.id, "" if health.available else "quiet")
        table.add_row(name, *about, *where, *_prices(d), *([_context(d)] if roomy else []), state)
    screen.print("")
    screen.show(table)
    screen.print("")
    models = len({d.model for d in ordered})
    facts = (f"{models} models", f"{len(ordered)} deployments", f"{ready} available here")
    screen.prose(screen.facts((*facts, f"fleet {snapshot.hash}")), 2, "quiet")


def _prices(d: Deployment) -> tuple[str, str]:
    return _price(d.price.input if d.price else None), _price(d.price.output if d.price else None)


def _price(pico: int | None) -> str:
    if pico is None:
        return "unknown"
    value = pico / PICO_PER_TOKEN
    return "free" if value == 0 else f"{value:.2f}" if value >= 0.1 else f"{value:.3g}"


def _context(d: Deployment) -> str:
    if d.context is None:
        return ""
    if d.context >= 1_000_000:
        return f"{d.context / 1_000_000:.3g}M"
    return f"{d.context / 1000:.0f}k" if d.context >= 10_000 else f"{d.context:,}"
