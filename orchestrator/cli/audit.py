"""`mesh audit`: look through what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.replay.audit import Audit, Kind, Standing

app = typer.Typer(no_args_is_help=True, help="Look through what was asked.", rich_markup_mode=None)

_WORDS: Mapping[Standing, tuple[str, Tone]] = {
    "small": ("a smaller model does", "good"),
    "unsure": ("a smaller model may do", "warn"),
    "frontier": ("need a frontier model", ""),
    "nobody": ("nobody reaches the floor", "bad"),
}


@app.callback()
def _group() -> None:
    """Look through what was asked."""


@app.command()
def traffic(
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="7d, 12h, 2w ago, or a day: 2026-11-01.")
    ] = "30d",
    log: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="An OpenAI-shaped log in the place of our traces: a JSON object a line.",
        ),
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option(
            "--floor", metavar="Q", min=0, max=1, help="Good enough; default: the policy's floor."
        ),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what kinds of requests there are, and which of them need a frontier model.

    Each is profiled and decided again with the smaller models alone. Nothing is called.
    """
    from orchestrator.cli._replaying import Steps, traffic_of
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    mesh = Mesh.load(project)
    with Steps() as steps:
        source = traffic_of(mesh, since, steps) if log is None else log
        found = mesh.audit_traffic(
            source,
            floor=floor,
            progress=lambda what, done, of: steps.say(
                f"{what}: {done:,}" + (f" of {of:,}" if of else "")
            ),
        )
    if as_json:
        print_json(plain(found))
    else:
        show(Screen(), found)


def show(screen: Screen, found: Audit) -> None:
    """The sentence, the tasks, and the costliest patterns with examples."""
    from orchestrator.tracing.explain import counted

    if not found.calls:
        screen.print("No call of a model is there; what code answers is not counted.")
        for problem in found.problems:
            screen.prose(f"! {problem}", tone="warn")
        return
    known = f"{_usd(found.usd)}" + (
        f" and {counted(found.unknown, 'call')} of unknown cost" if found.unknown else ""
    )
    screen.print(f"{counted(found.calls, 'call')}, {known}.")
    for standing, (words, tone) in _WORDS.items():
        count = found.standings.get(standing, 0)
        if count:
            share = f"{count / found.calls:>4.0%}"
            screen.print(screen.join((f"  {share}  ", "strong"), (words, tone)))
    saving = found.saving
    if saving.high > 0:
        screen.print(
            screen.join(
                "Smaller models would save about ",
                (_usd(saving.likely), "strong"),
                f" ({_usd(saving.low)} to {_usd(saving.high)}) at a floor of {found.floor:.2f}.",
            )
        )
    screen.heading("by task")
    _tasks(screen, found.tasks)
    screen.heading("the costliest patterns")
    _patterns(screen, found.patterns)
    screen.print("")
    if not found.smaller:
        screen.prose("! the fleet has no model that is smaller than frontier", tone="warn")
    if any(not kind.learned and kind.proposed for kind in found.tasks):
        screen.prose(
            "how sure: ~ rests on declared quality alone, * on answers that were seen", tone="quiet"
        )
    for problem in found.problems:
        screen.prose(f"! {problem}", tone="warn")


_RIGHT = {"justify": "right", "no_wrap": True}


def _tasks(screen: Screen, kinds: tuple[Kind, ...]) -> None:
    table = screen.table(
        screen.names("task", [k.name for k in kinds]),
        ("calls", _RIGHT),
        ("share", _RIGHT),
        ("in", _RIGHT),
        ("out", _RIGHT),
        ("cost", _RIGHT),
        ("frontier", _RIGHT),
        ("saves", _RIGHT),
        screen.names("instead", [_instead(k) for k in kinds], 0.33),
    )
    for kind in kinds:
        table.add_row(
            screen.text(kind.name),
            f"{kind.calls:,}",
            f"{kind.share:.0%}",
            _tokens(kind.input_tokens / kind.calls),
            _tokens(kind.output_tokens / kind.calls),
            _cost(kind),
            _frontier(kind),
            _saves(kind),
            screen.text(_instead(kind), "quiet"),
        )
    screen.show(table)


def _patterns(screen: Screen, kinds: tuple[Kind, ...]) -> None:
    table = screen.table(
        ("", _RIGHT),
        screen.names("what", [k.name for k in kinds], 0.4),
        ("calls", _RIGHT),
        ("cost", _RIGHT),
        ("frontier", _RIGHT),
        ("saves", _RIGHT),
        screen.names("served by", [_served(k) for k in kinds], 0.2),
    )
    for number, kind in enumerate(kinds, start=1):
        table.add_row(
            str(number),
            screen.text(kind.name),
            f"{kind.calls:,}",
            _cost(kind),
            _frontier(kind),
            _saves(kind),
            screen.text(_served(kind), "quiet"),
        )
    screen.show(table)
    if any(kind.examples for kind in kinds):
        screen.print("")
    for number, kind in enumerate(kinds, start=1):
        if kind.examples:
            example = screen.short(kind.examples[0], screen.width - 8)
            screen.print(screen.text(f"  {number:>2}  {example}", "quiet"))


def _served(kind: Kind) -> str:
    """Who has served most of it."""
    model, count = max(kind.served_by.items(), key=lambda pair: pair[1])
    return model if count == kind.calls else f"{model} {count / kind.calls:.0%}"


def _cost(kind: Kind) -> str:
    if kind.unknown == kind.calls:
        return "unknown"
    return _usd(kind.usd) + ("+" if kind.unknown else "")


def _frontier(kind: Kind) -> str:
    """The share that needs a frontier model, or more than the fleet has."""
    count = kind.standings.get("frontier", 0) + kind.standings.get("nobody", 0)
    return f"{count / kind.calls:.0%}"


def _saves(kind: Kind) -> str:
    return _usd(kind.saving.likely) if kind.saving.high > 0 else ""


def _instead(kind: Kind) -> str:
    if not kind.proposed:
        return ""
    return f"{kind.proposed} {'*' if kind.learned else '~'}{kind.quality:.2f}"


def _tokens(value: float) -> str:
    return f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.0f}"


def _usd(value: float) -> str:
    from orchestrator.tracing.explain import dollars

    return dollars(float(f"{value:.3g}"))
