"""A measurement's report on the screen, and how the command ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.cli._show import Screen, print_json

if TYPE_CHECKING:
    from rich.text import Text

    from orchestrator.evaluation.crosscheck.report import Figure, Report


def tell(reports: Sequence[Report], *, as_json: bool = False) -> None:
    """Print the reports: tables for a person, or one object `{"reports": […], "met": …}`."""
    if as_json:
        met = all(report.met for report in reports)
        print_json({"reports": [report.as_json() for report in reports], "met": met})
        return
    screen = Screen()
    for number, report in enumerate(reports):
        if number:
            screen.print("")
        show_report(screen, report)


def show_report(screen: Screen, report: Report) -> None:
    """The title; a row for each part, or else for each figure; the notes."""
    from orchestrator.evaluation.crosscheck.report import as_rows

    screen.print(screen.text(report.title, "strong"))
    rows = as_rows(report)
    if rows is None:
        _by_figure(screen, report)
    else:
        _by_part(screen, rows)
    for note in report.notes:
        screen.prose(note, 2, "quiet")


def _by_part(screen: Screen, rows: Mapping[str, Mapping[str, Figure]]) -> None:
    """The values side by side, each over its interval."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = screen.table(
        screen.names("", rows, 0.35), ("n", {"justify": "right"}), *((name, {}) for name in names)
    )
    for part, row in rows.items():
        n = next((figure.n for figure in row.values() if figure.n is not None), None)
        cells = [
            screen.text(row[name].text.replace(" [", "\n[")) if name in row else ""
            for name in names
        ]
        table.add_row(screen.text(part), f"{n:,}" if n is not None else "", *cells)
    screen.show(table)


def _by_figure(screen: Screen, report: Report) -> None:
    parts = any(figure.of for figure in report.figures)
    bars = any(figure.bar for figure in report.figures)
    table = screen.table(
        *(["of"] if parts else []),
        "figure",
        ("value", {"no_wrap": True}),
        ("n", {"justify": "right"}),
        *(["bar", ""] if bars else []),
    )
    last = None
    for figure in report.figures:
        part = "" if figure.of == last else figure.of
        last = figure.of
        table.add_row(
            *([screen.text(part)] if parts else []),
            screen.text(figure.name),
            screen.text(figure.text),
            f"{figure.n:,}" if figure.n is not None else "",
            *([screen.text(figure.bar, "quiet"), _mark(screen, figure.met)] if bars else []),
        )
    screen.show(table)


def _mark(screen: Screen, met: bool | None) -> Text | str:
    if met is None:
        return ""
    return screen.text(screen.sign("yes"), "good") if met else screen.text(screen.sign("no"), "bad")
