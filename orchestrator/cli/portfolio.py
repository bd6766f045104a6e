"""`mesh portfolio`: which models are worth having for the traffic on record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.replay.portfolio import Portfolio, Subset


def portfolio(
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="7d, 12h, 2w ago, or a day: 2026-11-01.")
    ] = "30d",
    max_models: Annotated[
        int, typer.Option("--max-models", metavar="N", min=1, help="At most; code is not counted.")
    ] = 4,
    floor: Annotated[
        float | None,
        typer.Option(
            "--floor", metavar="Q", min=0, max=1, help="Quality floor; default: the policy's."
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also models that cannot be called now: no key.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A picture: FILE.svg or FILE.png."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Find the best few models for what was asked, and say what each further one buys.

    Every recorded call is decided again with only some of the models there. Nothing is called.
    """
    from orchestrator.cli._replaying import Steps, traffic_of
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    mesh = Mesh.load(project)
    with Steps() as steps:
        traffic = traffic_of(mesh, since, steps)
        found = mesh.portfolio(
            traffic,
            max_models=max_models,
            floor=floor,
            all_models=every,
            progress=lambda what, done, of: steps.say(f"{what}: {done:,} of {of:,}"),
        )
    if output is not None:
        from orchestrator.plotting import draw
        from orchestrator.replay.portfolio_plot import picture

        draw(output, picture(found))
    if as_json:
        value = plain(found)
        del value["points"]
        print_json(value)
        return
    show(Screen(), found)
    if output is not None:
        print(f"wrote {output}")


def show(screen: Screen, found: Portfolio) -> None:
    """The sentence, what each further model buys, and what lies on the edge."""
    from orchestrator.tracing.explain import counted

    best = min(found.best, key=lambda s: s.order, default=found.whole)
    was = "" if found.was_usd is None else f" It has cost {_usd(found.was_usd)}."
    screen.print(
        screen.join(
            f"For these {counted(found.calls, 'call')} ",
            (" + ".join(best.models) or "code alone", "strong"),
            f" would do: {_usd(best.usd)} at a predicted quality of {best.quality:.3f}.{was}",
        )
    )
    screen.heading("what each further model buys")
    _sizes(screen, found)
    if len(found.pareto) > 1:
        screen.heading("nobody is both cheaper and better than these")
        below = ("below floor", _RIGHT)
        table = screen.table(("cost", _RIGHT), ("quality", _RIGHT), below, ("models", {}))
        for one in found.pareto:
            shares = _usd(one.usd), f"{one.quality:.3f}", _share(one.below_floor)
            table.add_row(*shares, screen.text(" + ".join(one.models)))
        screen.show(table)
    screen.print("")
    for line in _notes(found):
        screen.prose(line, tone="quiet")


_RIGHT = {"justify": "right", "no_wrap": True}


def _sizes(screen: Screen, found: Portfolio) -> None:
    rows = [*found.best]
    if found.whole.models not in [s.models for s in rows]:
        rows.append(found.whole)
    table = screen.table(
        ("models", _RIGHT),
        ("cost", _RIGHT),
        ("saves", _RIGHT),
        ("quality", _RIGHT),
        ("gains", _RIGHT),
        ("served", _RIGHT),
        ("below floor", _RIGHT),
        ("which", {}),
    )
    before: Subset | None = None
    for one in rows:
        alike = before is not None and abs(one.served - before.served) < 1e-9
        table.add_row(
            str(len(one.models)),
            _usd(one.usd) + ("" if one.unknown == 0 else " + ?"),
            _usd_by(before.usd - one.usd) if before and alike else "",
            f"{one.quality:.3f}",
            f"{one.quality - before.quality:+.3f}" if before and alike else "",
            _share(one.served),
            _share(one.below_floor),
            screen.text(_named(one, before, found)),
        )
        before = one
    screen.show(table)


def _named(one: Subset, before: Subset | None, found: Portfolio) -> str:
    if one.models == found.whole.models and one not in found.best:
        return "all models"
    if before is None or not set(before.models) <= set(one.models):
        return " + ".join(one.models)
    return "".join(f"+ {m}" for m in one.models if m not in before.models)


def _notes(found: Portfolio) -> list[str]:
    from orchestrator.tracing.explain import counted

    how = (
        "every subset was looked at"
        if found.exact
        else ("too many subsets to look at each: they were built up one by one, with exchanges")
    )
    lines = [
        f"{how} ({found.tried:,}); floor {found.floor:.2f}; {counted(found.groups, 'kind')} of "
        "request; costs are those of recorded lengths at today's prices"
    ]
    if found.needless:
        names = ", ".join(found.needless)
        lines.append(f"without any one of these nothing changes: {names}")
    if found.free:
        lines.append(f"code, always there: {', '.join(found.free)}")
    if found.left_out:
        names = ", ".join(f"{name} ({why})" for name, why in found.left_out.items())
        lines.append(f"left out, --all includes them: {names}")
    return lines


def _share(value: float) -> str:
    return f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def _usd(value: float) -> str:
    from orchestrator.tracing.explain import dollars

    return dollars(float(f"{value:.3g}"))


def _usd_by(value: float) -> str:
    if abs(value) < 5e-7:
        return "$0"
    return _usd(value) if value > 0 else f"-{_usd(-value)}"
