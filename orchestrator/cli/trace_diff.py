"""`mesh trace diff`: two recorded requests, hop by hop, and where they parted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.records import Hop
    from orchestrator.tracing.diff import Difference, HopPair, TraceDiff

DIFFERENT = 1
"""The exit code where the two differ, as that of `diff`."""
_SHOWN = 20
"""Lines of a text's changes that are shown."""
_WIDEST = 100
"""Columns beyond which they are hard to read."""
_INDENT = " " * 4
_AROUND = 24
"""Characters of what is equal that are shown beside a change."""


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="An id or its beginning.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The other.")],
    texts: Annotated[
        bool, typer.Option("--texts", help="Show what changed in prompts and outputs.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Compare two requests hop by hop; exits with 1 where they differ.

    Time, money and hashes are shown and do not count: they differ from run to run anyhow.
    """
    from orchestrator.cli._show import Screen, print_json

    found = _compared(project, before, after)
    if as_json:
        from orchestrator.tracing.diff import diff_json

        print_json(diff_json(found))
    else:
        show_diff(Screen(), found, texts=texts)
    if not found.same:
        raise typer.Exit(DIFFERENT)


def _compared(project: Path, before: str, after: str) -> TraceDiff:
    from orchestrator.mesh import Mesh
    from orchestrator.tracing.diff import diff_traces

    store = Mesh.load(project).store
    one, other = store.trace(before), store.trace(after)
    return diff_traces(one, store.hops(one.id), other, store.hops(other.id))


def show_diff(screen: Screen, found: TraceDiff, *, texts: bool) -> None:
    """The sentence, what differs of the requests, then a row for each hop."""
    from orchestrator.tracing.diff import headline, summary

    screen.prose(summary(found), 0, "good" if found.same else "bad")
    screen.print("")
    for difference in found.differences:
        tone: Tone = "" if difference.counts else "quiet"
        screen.prose(f"{difference.aspect}: {headline(difference)}", 2, tone)
        show_words(screen, difference, texts)
    screen.print("")
    first = found.first.pair if found.first else None
    marks = [_mark(pair, pair is first) for pair in found.pairs]
    table = screen.table(
        ("", {"no_wrap": True}),
        screen.names("step", (_label(pair) for pair in found.pairs), 0.25),
        ("A", {"ratio": 1}),
        ("B", {"ratio": 1}),
        "differs in",
    )
    for pair, (mark, tone) in zip(found.pairs, marks, strict=True):
        told = [str(d.aspect) for d in pair.differences if d.counts]
        table.add_row(
            screen.text(mark, tone),
            screen.text(_label(pair), tone),
            screen.text(_model(pair.before), "quiet"),
            screen.text(_model(pair.after), "quiet"),
            screen.text(", ".join(dict.fromkeys(told)), tone),
        )
    screen.show(table)
    for pair in found.pairs:
        _show_pair(screen, pair, texts)


def _label(pair: HopPair) -> str:
    from orchestrator.tracing.diff import label

    return label(pair.hop)


def _mark(pair: HopPair, first: bool) -> tuple[str, Tone]:
    if first:
        return "first", "bad"
    if pair.same:
        return "", "quiet"
    if pair.before is None or pair.after is None:
        return "+" if pair.before is None else "-", "warn"
    return "~", "warn"


def _model(hop: Hop | None) -> str:
    from orchestrator.tracing.explain import answered

    if hop is None:
        return "-"
    used = answered(hop)
    return used.deployment if used else hop.decision.chosen if hop.decision else hop.status


def _show_pair(screen: Screen, pair: HopPair, texts: bool) -> None:
    from orchestrator.tracing.diff import headline

    told = [d for d in pair.differences if d.counts]
    if not told:
        return
    screen.heading(_label(pair))
    for difference in told:
        screen.prose(f"{difference.aspect}: {headline(difference)}", 2)
        show_words(screen, difference, texts)


def show_words(screen: Screen, difference: Difference, texts: bool) -> None:
    """A text's changes with a little around them: `[-old-] {+new+}`, as git does."""
    if not texts or not difference.is_text:
        return
    shown: list[tuple[str, Tone]] = []
    for piece in difference.words:
        line = " ".join(piece.text.split("\n"))
        if piece.kind == "same":
            if len(line) > 2 * _AROUND:
                line = f"{line[:_AROUND]} ... {line[-_AROUND:]}"
            shown.append((line, "quiet"))
        elif piece.kind == "removed":
            shown.append((f"[-{line}-]", "bad"))
        else:
            shown.append((f"{{+{line}+}}", "good"))
    width = min(screen.width, _WIDEST) - len(_INDENT)
    for row in screen.join(*shown).wrap(screen.console, width)[:_SHOWN]:
        screen.print(screen.join(_INDENT).append_text(row))
