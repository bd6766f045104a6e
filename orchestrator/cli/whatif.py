"""`mesh whatif`: another policy, or another fleet, over recorded traffic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.replay.traffic import Recorded, Traffic
    from orchestrator.replay.whatif_limits import Limit
    from orchestrator.replay.whatif_report import Report
    from orchestrator.types import FleetSnapshot


def whatif(
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="A policy.yaml; default: the project's."),
    ] = None,
    fleet: Annotated[
        Path | None,
        typer.Option("--fleet", metavar="FILE", help="A fleet.yaml; default: as it was then."),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="7d, 12h, 2w ago, or a day: 2026-11-01.")
    ] = "7d",
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="LIMIT",
            help="Exit with 1 where it trips, by the worse end of the interval; repeatable: "
            "'cost>+10%', 'quality<-0.01', 'latency>+20%', 'unserved>0', 'unknown>5%', "
            "'moved>30%'.",
        ),
    ] = None,
    form: Annotated[
        Literal["text", "markdown"],
        typer.Option("--format", help="markdown: for a pull request."),
    ] = "text",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what recorded traffic would have cost, and been worth, under another policy.

    Every call is decided again as it was, and told is how sure that is: exact, seen, estimated,
    or unknown. Nothing is called.
    """
    import sys

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli._whatif_show import markdown, show
    from orchestrator.errors import UserError
    from orchestrator.replay.whatif_limits import read_limit

    if policy is None and fleet is None:
        raise UserError("say what to compare: --policy FILE, --fleet FILE, or both")
    limits = [read_limit(text) for text in fail_if or ()]
    report, tripped = _compared(project, policy, fleet, since, limits)
    if as_json:
        print_json(report_json(report, tripped))
    elif form == "markdown":
        sys.stdout.write(markdown(report, tripped, len(limits)))
    else:
        show(Screen(), report, tripped, len(limits))
    if tripped:
        raise typer.Exit(1)


def _compared(
    project: Path, policy: Path | None, fleet: Path | None, since: str, limits: list[Limit]
) -> tuple[Report, list[tuple[Limit, str]]]:
    import os

    from orchestrator.cli._replaying import Steps, traffic_of
    from orchestrator.errors import UserError
    from orchestrator.fleet.build import build_fleet
    from orchestrator.mesh import Mesh
    from orchestrator.project.load import load_project
    from orchestrator.replay.whatif import as_recorded, chooser, compare, with_fleet
    from orchestrator.replay.whatif_report import report
    from orchestrator.replay.whatif_world import World

    mesh = Mesh.load(project)
    instead = {k: p for k, p in (("policy.yaml", policy), ("fleet.yaml", fleet)) if p is not None}
    for path in instead.values():
        if not path.is_file():
            raise UserError(f"there is no file '{path}'")
    # Checked with the whole project, as it would be if it stood there.
    other = load_project(project, instead=instead).project
    with Steps() as steps:
        traffic = traffic_of(mesh, since, steps)
        now = mesh.fleet()
        fleet_of: Callable[[Recorded], FleetSnapshot] = as_recorded
        fleets = [now]
        if fleet is not None:
            deployments = build_fleet(other.fleet, dict(os.environ), other.refreshed)
            fleet_of = with_fleet(deployments)
            fleets = [fleet_of(traffic.hops[0])]
        steps.say("learning from what was answered")
        efforts = {r.call.reasoning_effort for r in other.policy.routes} - {None}
        world = World(traffic, fleets, sorted(str(effort) for effort in efforts))
        comparison = compare(
            world,
            chooser(other.policy, fleet_of),
            progress=lambda done, every: steps.say(f"deciding again: {done:,} of {every:,}"),
        )
    places = {d.id: d for d in now.deployments} | {d.id: d for f in fleets for d in f.deployments}
    name = " and ".join(path.name for path in instead.values())
    found = report(comparison, name, places, notes_on(traffic))
    tripped = [(lim, said) for lim in limits if (said := lim.tripped(comparison)) is not None]
    return found, tripped


def notes_on(traffic: Traffic) -> list[str]:
    """What is assumed, and what is missing on record."""
    notes = [
        "Intervals hold 95 of 100 draws. Budgets and the time left are as they were at each call."
    ]
    if traffic.remade["context"]:
        notes.append(
            f"Of {traffic.remade['context']:,} calls the context is not on record: it was made "
            "from their decisions, without budget and time left."
        )
    if traffic.remade["fleet"]:
        notes.append(
            f"Of {traffic.remade['fleet']:,} calls the fleet is not on record: today's was taken."
        )
    if traffic.refused:
        notes.append(f"{len(traffic.refused):,} calls that were refused then are left out.")
    notes += [f"Left out: {count:,} {why}." for why, count in traffic.left_out.items()]
    return notes


def report_json(report: Report, tripped: list[tuple[Limit, str]]) -> dict[str, Any]:
    """All of it, with the sentence, and what tripped."""
    from orchestrator.cli._whatif_show import headline
    from orchestrator.types import as_json

    plain: dict[str, Any] = as_json(report)
    plain["told_by"] = {by or "predictor": count for by, count in report.told_by.items()}
    return {
        "headline": headline(report),
        **plain,
        "tripped": [{"limit": limit.text, "found": found} for limit, found in tripped],
    }
