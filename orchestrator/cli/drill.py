"""`mesh drill`: what of recorded traffic is still served without a provider."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli._show import Screen, Tone
    from orchestrator.replay.drill import Drill, Standby
    from orchestrator.replay.traffic import Traffic

EACH = "each"
LINES = 6
_DAY = 86_400.0
_STALE = 7 * _DAY
"""A deployment that has not answered for so long is no proven fallback."""


def drill(
    kill: Annotated[
        list[str] | None,
        typer.Option(
            "--kill",
            metavar="NAME",
            help="A provider, deployment, model or region; repeatable. `each`, or nothing: every "
            "provider in turn.",
        ),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="7d, 12h, 2w ago, or a day: 2026-11-01.")
    ] = "7d",
    lasting: Annotated[
        str,
        typer.Option("--for", metavar="HOW LONG", help="12h, 2d; counts only for limits of rates."),
    ] = "48h",
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="A policy.yaml; default: the project's."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what of recorded traffic would still be served if a provider were gone.

    Nothing is called, and nothing is taken out of use.
    """
    from orchestrator.cli._show import Screen, print_json

    names = [name for name in kill or () if name != EACH]
    hours = _hours(lasting)
    drills, traffic = _drills(project, names, since, policy)
    if as_json:
        shown = [drill_json(one, hours, traffic) for one in drills]
        print_json(shown[0] if names else {"providers": shown})
    elif names:
        show(Screen(), drills[0], hours, traffic)
    else:
        show_each(Screen(), drills)


def _hours(text: str) -> float:
    from orchestrator.cli.costs import read_moment
    from orchestrator.errors import UserError

    hours = -read_moment(text, 0.0, "--for") / 3600
    if hours <= 0:
        raise UserError(f"--for: '{text}' is no length of time; write 12h, 2d or 1w")
    return hours


def _drills(
    project: Path, names: Sequence[str], since: str, policy: Path | None
) -> tuple[list[Drill], Traffic]:
    from orchestrator.cli._replaying import Steps, traffic_of
    from orchestrator.errors import UserError
    from orchestrator.mesh import Mesh
    from orchestrator.project.load import load_project
    from orchestrator.replay.drill import barred, drill, providers
    from orchestrator.replay.whatif_world import World

    mesh = Mesh.load(project)
    chosen = mesh.project.policy
    if policy is not None:
        if not policy.is_file():
            raise UserError(f"there is no file '{policy}'")
        chosen = load_project(project, instead={"policy.yaml": policy}).project.policy
    fleet = mesh.fleet()
    if names:
        barred(names, fleet.deployments)  # refused before anything is read
    with Steps() as steps:
        traffic = traffic_of(mesh, since, steps)
        steps.say("learning from what was answered")
        world = World(traffic, [fleet])
        last, states = mesh.store.last_answers(), mesh.health_store.latest().states
        breakers = {name: str(stored.state.phase) for name, stored in states.items()}
        found = []
        for kill in [names] if names else [[name] for name in providers(fleet.deployments)]:
            steps.say(f"without {' and '.join(kill)}")
            found.append(
                drill(world, chosen, kill, fleet.deployments, last=last, breakers=breakers)
            )
    return found, traffic


# ── for people ───────────────────────────────────────────────────────────────────────────


def headline(drill: Drill) -> str:
    """One sentence: what is still served, by how much dearer and worse."""
    from orchestrator.cli._whatif_show import cost_in_words, points_in_words
    from orchestrator.tracing.explain import counted

    names = " and ".join(k.name for k in drill.killed)
    share = f"{drill.share:.1%}" if 0 < drill.share < 1 else f"{drill.share:.0%}"
    parts = [f"Without {names}, {share} of {counted(drill.hops, 'call')} are still served"]
    if not drill.served:
        parts.append("none of them goes there")
        return "; ".join(parts) + "."
    left = drill.comparison.served
    if left.cost is not None and left.quality is not None:
        those = "of those " if drill.lost else ""
        parts.append(
            f"{those}{cost_in_words(left.cost)}, quality {points_in_words(left.quality.by)}"
        )
    if drill.lost:
        parts.append(f"{counted(drill.lost, 'call')} nobody may serve")
    return "; ".join(parts) + "."


def show(screen: Screen, drill: Drill, hours: float, traffic: Traffic) -> None:
    """One screen: the sentence, who takes over, what goes dark."""
    screen.prose(headline(drill), 0, "bad" if drill.lost else "strong")
    for killed in drill.killed:
        named = ", ".join(killed.deployments)
        screen.prose(f"{killed.kind} {killed.name}: {named}", 2, "quiet")
    _standbys(screen, drill, hours, traffic)
    _dark(screen, drill)
    screen.print("")
    for note in notes(hours, drill):
        screen.prose(note, 0, "quiet")


def notes(hours: float, drill: Drill) -> list[str]:
    """What is assumed."""
    from orchestrator.cli._whatif_show import told_in_words

    said = [
        f"Quality is told by {told_in_words(drill.comparison.told_by)}. Intervals hold 95 of 100 "
        "draws."
    ]
    if any(one.crowded is not None for one in drill.standbys):
        said.append(
            f"Room: the traffic of {hours:g} hours as it was recorded, minute by minute, against "
            "the declared limits; whoever takes over has no other callers."
        )
    return said


def _standbys(screen: Screen, drill: Drill, hours: float, traffic: Traffic) -> None:
    if not drill.standbys:
        return
    screen.heading("Who takes over")
    right = {"justify": "right", "no_wrap": True}
    table = screen.table("deployment", ("calls", right), "last answered", "breaker", "room")
    for one in drill.standbys:
        when, tone = _when(one.last_answer)
        state = screen.text(one.breaker or "not known", _of_breaker(one))
        room = _room(one, hours, traffic)
        shown = screen.text(room[0], room[1])
        table.add_row(one.deployment, f"{one.hops:,}", screen.text(when, tone), state, shown)
    screen.show(table)


def _of_breaker(one: Standby) -> Tone:
    return "quiet" if not one.breaker else "good" if one.breaker == "closed" else "bad"


def _when(at: float | None) -> tuple[str, Tone]:
    if at is None:
        return "never, on record", "bad"
    day = time.strftime("%Y-%m-%d", time.gmtime(at))
    ago = (time.time() - at) / _DAY
    return f"{day} ({ago:.0f} days ago)" if ago >= 1 else day, "warn" if ago * _DAY > _STALE else ""


def _room(one: Standby, hours: float, traffic: Traffic) -> tuple[str, Tone]:
    if one.crowded is None:
        return "no limit declared", "quiet"
    beyond = round(one.crowded * one.hops * hours / _span_hours(traffic))
    if not beyond:
        return "enough", "good"
    return f"none for about {beyond:,} calls in {hours:g} h ({one.crowded:.0%})", "warn"


def _span_hours(traffic: Traffic) -> float:
    first = traffic.hops[0].hop.started_at
    return max((traffic.until - max(traffic.since, first)) / 3600, 1e-3)


def _dark(screen: Screen, drill: Drill) -> None:
    if not drill.dark:
        return
    screen.heading("What goes dark")
    right = {"justify": "right", "no_wrap": True}
    table = screen.table("", "", ("calls", right), ("of", right), "for example")
    for one in drill.dark[:LINES]:
        whole = one.hops == one.of
        traces = ", ".join(trace[:12] for trace in one.traces)
        name = screen.text(one.name, "bad" if whole else "warn")
        table.add_row(one.by, name, f"{one.hops:,}", f"{one.of:,}", screen.text(traces, "quiet"))
    screen.show(table)
    if drill.comparison.hops:
        why = next((c.why_not for c in drill.comparison.hops if c.why_not), "")
        if why:
            screen.prose(f"The first of them: {why}", 2, "quiet")


def show_each(screen: Screen, drills: Sequence[Drill]) -> None:
    """One line a provider; what nobody stands in for comes first."""
    from orchestrator.cli._whatif_show import percent, points_in_words

    right = {"justify": "right", "no_wrap": True}
    table = screen.table(
        "without",
        ("serves", right),
        ("still served", right),
        ("cost", right),
        "quality",
        "what goes dark",
    )
    for one in sorted(drills, key=lambda d: (d.share, -d.served)):
        left, tone = one.comparison.served, _tone(one)
        relative = left.cost.relative if left.cost else None
        cost = "" if relative is None or not one.served else f"{100 * relative.mean:+.0f} %"
        quality = points_in_words(left.quality.by) if left.quality and one.served else ""
        dark = ", ".join(f"{d.by} {d.name}" for d in one.dark[:2] if d.hops == d.of)
        name = " and ".join(k.name for k in one.killed)
        share = "all" if not one.lost else f"{100 * one.share:.1f} %"
        table.add_row(
            name,
            percent(one.served / max(one.hops, 1)),
            screen.text(share, tone),
            cost,
            quality,
            screen.text(dark or ("some calls" if one.lost else ""), tone),
        )
    screen.show(table, indent=0)
    alone = [" and ".join(k.name for k in d.killed) for d in drills if d.lost]
    screen.print("")
    if alone:
        screen.prose(f"Nobody stands in fully for {', '.join(alone)}.", 0, "bad")
    else:
        screen.prose("No provider is a single point of failure for this traffic.", 0, "good")


def _tone(one: Drill) -> Tone:
    return "bad" if one.lost else "good"


# ── for programs ─────────────────────────────────────────────────────────────────────────


def drill_json(drill: Drill, hours: float, traffic: Traffic) -> dict[str, Any]:
    """All but the single hops."""
    from orchestrator.types import as_json

    comparison = drill.comparison
    return {
        "headline": headline(drill),
        "killed": as_json(drill.killed),
        "calls": drill.hops,
        "served_by_killed": drill.served,
        "still_served": drill.still,
        "share": drill.share,
        "still_served_change": as_json(comparison.served),
        "groups": as_json(comparison.groups),
        "dark": as_json(drill.dark),
        "standbys": as_json(drill.standbys),
        "hours": hours,
        "recorded_hours": _span_hours(traffic),
    }
