"""`mesh fleet`: all models, how to reach them, what they cost, and which are there.

`drain` and `undrain` take some out of use and bring them back; `refresh` asks their providers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.fleet.warn import FleetWarning
    from orchestrator.mesh import Mesh
    from orchestrator.types import Deployment, FleetSnapshot

PICO_PER_TOKEN = 1_000_000
"""Pico-dollars a token in one dollar a million tokens."""


app = typer.Typer(
    invoke_without_command=True,
    help="Show the models and how to reach them; take some out of use, or ask their providers.",
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="MODEL[/DEPLOYMENT]", help="As `mesh fleet` lists.")]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Stands on record, and where it is missed.")
]


@app.callback()
def fleet(
    context: typer.Context,
    health: Annotated[
        bool,
        typer.Option("--health", help="Show how they do now: breakers, errors, times."),
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show the models, their prices, which are available here, and what is doubtful about them."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    if context.invoked_subcommand is not None:
        return
    mesh = Mesh.load(project)
    if health:
        _health(mesh, as_json)
        return
    snapshot, warnings = mesh.fleet(), mesh.fleet_warnings()
    if as_json:
        print_json(fleet_json(snapshot, warnings))
        return
    screen = Screen()
    show_fleet(screen, snapshot)
    show_warnings(screen, warnings)


@app.command()
def drain(
    name: Name,
    reason: Reason = "",
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Come back by itself: 30m, 2h, 1d."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also where nobody is left for some requests.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Take a model, or one deployment, out of use; running services hear of it within a second."""
    from orchestrator.cli._operations import seconds, show_drained
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway import drain as draining
    from orchestrator.mesh import Mesh
    from orchestrator.storage.operations import os_user
    from orchestrator.types import as_json as plain

    for_s = None if for_ is None else seconds(for_, "--for")
    mesh = Mesh.load(project)
    done = draining.drain(mesh, name, os_user(), why=reason, for_s=for_s, force=force)
    if as_json:
        print_json(plain(done))
    else:
        show_drained(Screen(), done)


@app.command()
def undrain(
    name: Name, reason: Reason = "", project: Project = HERE, as_json: AsJson = False
) -> None:
    """Bring a model, or one deployment, back into use."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway import drain as draining
    from orchestrator.mesh import Mesh
    from orchestrator.storage.operations import os_user

    back = draining.undrain(Mesh.load(project), name, os_user(), why=reason)
    if as_json:
        print_json({"deployments": list(back)})
    else:
        screen = Screen()
        screen.print(screen.join((screen.sign("yes"), "good"), f" in use again: {', '.join(back)}"))


@app.command()
def refresh(
    write: Annotated[
        bool, typer.Option("--write", help="Keep it in fleet.refreshed.yaml, and on record.")
    ] = False,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="NAME", help="Ask only this one.")
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask the providers what they list: which models left, what changed, what is new.

    fleet.yaml is not touched. A model that its provider does not list is not used after --write.
    """
    import os

    from orchestrator.cli._operations import show_refresh, with_status
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway.refreshing import ask_providers, keep
    from orchestrator.mesh import Mesh
    from orchestrator.storage.operations import os_user
    from orchestrator.types import as_json as plain

    mesh = Mesh.load(project)
    found = with_status("asking", lambda: ask_providers(mesh, provider, dict(os.environ)))
    if write:
        keep(mesh, found, os_user())
    if as_json:
        print_json({"written": write, **plain(found)})
    else:
        show_refresh(Screen(), found, written=write)


def _health(mesh: Mesh, as_json: bool) -> None:
    """What every process of this project has seen of the deployments."""
    import time

    from orchestrator.cli._health import health_json, show_health
    from orchestrator.cli._show import Screen, print_json

    snapshot, conditions = mesh.fleet(), mesh.conditions()
    if as_json:
        print_json(health_json(snapshot, conditions))
    else:
        show_health(Screen(), snapshot, conditions, now=time.time())


def fleet_json(snapshot: FleetSnapshot, warnings: Sequence[FleetWarning] = ()) -> dict[str, Any]:
    """The snapshot with each deployment's health beside its facts, and the warnings."""
    from orchestrator.types import Health, as_json

    return {
        "hash": snapshot.hash,
        "deployments": [
            {**as_json(d), "health": as_json(snapshot.health.get(d.id, Health()))}
            for d in snapshot.deployments
        ],
        "warnings": [as_json(warning) for warning in warnings],
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
        ready += health.available and health.breaker != "open"
        about = (d.family or screen.sign("none"), d.tier) if wide else ()
        region = d.region or screen.sign("none")
        where = (d.hosting, region) if wide else (f"{d.hosting} {d.region or ''}".strip(),)
        sign = screen.sign("yes" if health.available else "no")
        if health.available and health.breaker == "open":
            state = screen.text(health.reason or "out of use", "bad")
        elif health.available:
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


def show_warnings(screen: Screen, warnings: Sequence[FleetWarning]) -> None:
    """What to look at, and what to do about it; nothing where there is nothing."""
    if not warnings:
        return
    screen.heading("Warnings")
    table = screen.table(
        screen.names("deployment", (w.deployment or "" for w in warnings)), "what", "what to do"
    )
    for warning in warnings:
        tone: Tone = "bad" if warning.code in ("retired", "price_unknown") else "warn"
        name = screen.text(warning.deployment or screen.sign("none"))
        suggestion = screen.text(warning.suggestion, "quiet")
        table.add_row(name, screen.text(warning.message, tone), suggestion)
    screen.show(table)


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
