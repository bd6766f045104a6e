"""`mesh incidents`: when deployments went out of use, what that did, and when it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.calling.health.incident_store import Incident
    from orchestrator.cli._show import Screen, Tone

app = typer.Typer(
    invoke_without_command=True,
    help="List when deployments went out of use or became others, and tell of one.",
    rich_markup_mode=None,
)

_STRONG: Literal["strong"] = "strong"
_WIDE = 100
"""Columns from which the year has room."""
SHORT = 72
"""Characters of an error in the list."""


@app.callback()
def list_incidents(
    context: typer.Context,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that last.")] = False,
    since: Annotated[
        str,
        typer.Option("--since", metavar="WHEN", help="7d, 12h, 2w ago, or a day: 2026-11-01."),
    ] = "7d",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List when deployments went out of use or became others; `show ID` tells of one."""
    import time

    from orchestrator.calling.health.incident_store import incidents
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli.costs import read_moment
    from orchestrator.mesh import Mesh

    if context.invoked_subcommand is not None:
        return
    after = read_moment(since, time.time(), "--since")
    found = incidents(Mesh.load(project).health_store, since=after, open_only=open_only)
    if as_json:
        print_json({"incidents": [incident_json(incident) for incident in found]})
    elif not found:
        Screen().print(
            "There is no open incident."
            if open_only
            else f"There is no incident (--since {since})."
        )
    else:
        show_list(Screen(), found)


@app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="An id or its beginning.")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Tell of one: what happened, since when, which calls others answered, what that cost."""
    import time

    from orchestrator.calling.health.incident_store import incident
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    found = incident(Mesh.load(project).health_store, id)
    if as_json:
        print_json(incident_json(found))
    else:
        show_incident(Screen(), found, now=time.time())


def incident_json(incident: Incident) -> dict[str, Any]:
    """The record, with the number of all calls that others answered."""
    from orchestrator.types import as_json

    plain: dict[str, Any] = as_json(incident)
    return {**plain, "rerouted": incident.rerouted}


def show_list(screen: Screen, found: tuple[Incident, ...]) -> None:
    """One row an incident, the newest first."""
    fixed = {"no_wrap": True}
    table = screen.table(
        ("id", fixed),
        ("began", fixed),
        ("lasted", {**fixed, "justify": "right"}),
        screen.names("deployment", (i.deployment for i in found), 0.3),
        "what",
        ("rerouted", {**fixed, "justify": "right"}),
        ("unanswered", {**fixed, "justify": "right"}),
    )
    year = 0 if screen.width >= _WIDE else len("2026-")
    for incident in found:
        changed = incident.kind == "changed"
        table.add_row(
            incident.id,
            screen.text(_when(incident.started)[year:-3], "quiet"),
            screen.text("" if changed else _lasted(incident), _tone(incident)),
            incident.deployment,
            screen.text(screen.short(incident.what, SHORT)),
            "" if changed else f"{incident.rerouted:,}",
            "" if changed else f"{incident.unanswered:,}",
        )
    screen.show(table, indent=0)


def show_incident(screen: Screen, incident: Incident, *, now: float) -> None:
    """The report of one."""
    state = "open" if incident.ended is None else "over"
    state = "" if incident.kind == "changed" else f"  {state}"
    name, what = f"  {incident.deployment}  ", (incident.what, _STRONG)
    screen.print(screen.join((incident.id, _STRONG), name, what, (state, _tone(incident))))
    if incident.kind == "changed":
        screen.prose(f"first seen {_when(incident.started)}", 2, "quiet")
        return
    until = "and lasts" if incident.ended is None else f"until {_when(incident.ended)}"
    length = _duration((incident.ended or now) - incident.started)
    screen.prose(f"since {_when(incident.started)}, {until}: {length}", 2)
    if incident.times > 1:
        screen.prose(f"went out of use {incident.times} times in that", 2)
    screen.heading("What it said")
    for error in incident.errors:
        screen.prose(screen.short(error, 300), 2)
    _show_calls(screen, incident)


def _show_calls(screen: Screen, incident: Incident) -> None:
    from orchestrator.money import usd
    from orchestrator.tracing.explain import dollars

    screen.heading("Calls")
    screen.prose(
        f"Attempts there: {incident.failed:,} failed, {incident.skipped:,} were not made. Of the "
        f"calls that it could have served, others answered {incident.rerouted:,} and nobody "
        f"{incident.unanswered:,}.",
        2,
    )
    if not incident.reroutes:
        return
    right = {"justify": "right", "no_wrap": True}
    screen.print("")
    table = screen.table(
        screen.names("answered by", (r.deployment for r in incident.reroutes), 0.4),
        ("calls", right),
        ("cost", right),
        ("there", right),
    )

    def amount(micro: int, unknown: int, calls: int) -> str:
        known = dollars(usd(micro) if unknown < calls else None)
        return f"{known} + {unknown:,} unknown" if 0 < unknown < calls else known

    for reroute in incident.reroutes:
        table.add_row(
            reroute.deployment,
            f"{reroute.calls:,}",
            amount(reroute.paid_micro_usd, reroute.paid_unknown, reroute.calls),
            amount(reroute.usual_micro_usd, reroute.usual_unknown, reroute.calls),
        )
    screen.show(table)
    screen.prose(f"there: what the same tokens cost at {incident.deployment}", 2, "quiet")


def _tone(incident: Incident) -> Tone:
    return "bad" if incident.ended is None else "good"


def _lasted(incident: Incident) -> str:
    return "open" if incident.ended is None else _duration(incident.ended - incident.started)


def _duration(seconds: float) -> str:
    from orchestrator.tracing.explain import duration

    if seconds < 120:
        return duration(1000 * seconds)
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _when(at: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")
