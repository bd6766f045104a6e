"""Reports as Markdown, for a page that is kept beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.evaluation.crosscheck.report import Figure, Report, as_rows

_MET = {None: "", True: "yes", False: "**no**"}


def markdown(report: Report, level: int = 3) -> str:
    """The report as a section: its heading, its figures in a table, its notes.

    Args:
        level: of the heading, 1 to 6.
    """
    rows = as_rows(report)
    table = _by_figure(report.figures) if rows is None else _by_part(rows)
    notes = [f"- {_plain(note)}" for note in report.notes]
    blocks = [f"{'#' * level} {_plain(report.title)}", "\n".join(table), "\n".join(notes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _by_part(rows: Mapping[str, Mapping[str, Figure]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = _head(["", "n", *names])
    for part, row in rows.items():
        n = next((figure.n for figure in row.values() if figure.n is not None), None)
        cells = (row[name].text if name in row else "" for name in names)
        lines.append(_line([part, _count(n), *cells]))
    return lines


def _by_figure(figures: Sequence[Figure]) -> list[str]:
    if not figures:
        return []
    bars = any(figure.bar for figure in figures)
    parts = any(figure.of for figure in figures)
    ends = ["bar", "met"] if bars else []
    lines = _head([*(["of"] if parts else []), "figure", "value", "n", *ends])
    for figure in figures:
        cells = [*([figure.of] if parts else []), figure.name, figure.text, _count(figure.n)]
        lines.append(_line([*cells, *([figure.bar, _MET[figure.met]] if bars else [])]))
    return lines


def _head(titles: Sequence[str]) -> list[str]:
    numbers = {"n"}
    return [
        _line(titles),
        _line(["---:" if title in numbers else "---" for title in titles]),
    ]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """On one line; an angle bracket of a text must not become a tag."""
    return " ".join(text.replace("<", "&lt;").split())


def _count(n: int | None) -> str:
    return "" if n is None else f"{n:,}"
