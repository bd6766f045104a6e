"""`mesh costs`: what was spent, by whom and on what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.calling.spending.report import CostReport, Costs
    from orchestrator.cli._show import Screen, Tone

_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_DAY = 86_400.0
_BAR, _SHORT_BAR = 10, 5
"""Characters of a whole bar, on a wide screen and on a narrow one."""
_WIDE = 110
_NAME = 15
"""So many characters of a name are shown in one piece."""
_SPARE = ("share", "cached", "answers")
"""The columns that give way to names, first to last."""
_MARGIN, _GAP = 2, 2
"""Blanks before a table, and between its columns."""


def costs(
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="NAMES",
            help="One or more, with commas: feature, user, user_tier, workspace, key, model, "
            "deployment, tag, outcome, kind, day, hour.",
        ),
    ] = "model",
    since: Annotated[
        str,
        typer.Option("--since", metavar="WHEN", help="7d, 12h, 2w ago, or a day: 2026-11-01."),
    ] = "30d",
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="WHEN", help="The same; a day is included. Default: now."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what was spent: every attempt counts, also one that failed.

    Costs come from the ledger, exact to the micro-dollar. One that is unknown is shown as unknown,
    and never as 0.
    """
    import time

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import UserError
    from orchestrator.mesh import Mesh

    if csv and as_json:
        raise UserError("choose one: --csv or --json")
    now = time.time()
    names = list(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
    if not names:
        raise UserError("--by: nothing is named; for example --by feature,user")
    report = Mesh.load(project).costs(
        by=names,
        since=read_moment(since, now, "--since"),
        until=None if until is None else read_moment(until, now, "--until", end=True),
    )
    if as_json:
        print_json(report_json(report))
    elif csv:
        print_csv(report)
    else:
        show(Screen(), report)


def read_moment(text: str, now: float, option: str, *, end: bool = False) -> float:
    """`7d` ago, or a day of UTC, in seconds since the epoch.

    Args:
        end: of a day its end is meant.

    Raises:
        UserError: it is neither.
    """
    from datetime import UTC, datetime

    from orchestrator.errors import UserError

    ago = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", text.strip().lower())
    if ago is not None:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise UserError(
            f"{option}: '{text}' is no moment; write how long ago (12h, 7d, 2w) or a day "
            "(2026-11-01)"
        ) from None
    return day + _DAY if end else day


# ── for programs ─────────────────────────────────────────────────────────────────────────


def report_json(report: CostReport) -> dict[str, Any]:
    """The report. `cost_usd` is null where the cost of a single attempt is unknown."""
    return {
        "by": list(report.by),
        "since": _iso(report.since),
        "until": _iso(report.until),
        "rows": [_row(report, names, costs) for names, costs in report.rows],
        "total": _sums(report.total),
        "under_way": {
            "attempts": report.under_way,
            "reserved_usd": report.reserved_micro_usd / 1e6,
        },
    }


def print_csv(report: CostReport) -> None:
    """One line a group, without the total; an empty field is unknown, or was not said."""
    import csv
    import sys

    from orchestrator.calling.spending.report import Costs

    writer = csv.DictWriter(sys.stdout, [*report.by, *_sums(Costs())], lineterminator="\n")
    writer.writeheader()
    for names, costs in report.rows:
        writer.writerow({k: _plain(v) for k, v in _row(report, names, costs).items()})


def _plain(value: Any) -> Any:
    """Dollars without an exponent, which some spreadsheets take for a text."""
    return f"{value:.6f}" if isinstance(value, float) else value


def _row(report: CostReport, names: tuple[str, ...], costs: Costs) -> dict[str, Any]:
    return {**dict(zip(report.by, names, strict=True)), **_sums(costs)}


def _sums(costs: Costs) -> dict[str, Any]:
    return {
        "attempts": costs.attempts,
        "answers": costs.answers,
        "failed": costs.failed,
        "input_tokens": costs.input_tokens,
        "output_tokens": costs.output_tokens,
        "cached_tokens": costs.cached_tokens,
        "reasoning_tokens": costs.reasoning_tokens,
        "cost_usd": costs.cost_usd,
        "known_cost_usd": costs.known_micro_usd / 1e6,
        "attempts_of_unknown_cost": costs.unknown,
        "reserved_for_unknown_usd": costs.unknown_micro_usd / 1e6,
        "attempts_with_estimated_tokens": costs.estimated,
    }


def _iso(moment: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


# ── for people ───────────────────────────────────────────────────────────────────────────


def show(screen: Screen, report: CostReport) -> None:
    """One row a group, the dearest first; then the sum."""
    if not report.rows:
        screen.prose(f"Nothing was called from {_shown(report.since)} to {_shown(report.until)}.")
        _under_way(screen, report)
        return
    total, cells = report.total, _cells(screen, report)
    right = {"justify": "right", "no_wrap": True}
    # Names give way where it is narrow: a number that was cut off would be another number.
    names = [(name, {"min_width": 10 if name == "day" else 5}) for name in report.by]
    numbers = [(name, {"no_wrap": True} if name == "share" else right) for name in cells]
    table = screen.table(*names, *numbers)
    for group, costs in report.rows:
        said = [screen.text(name or screen.sign("dash"), "" if name else "quiet") for name in group]
        table.add_row(*said, *(cell(costs, "") for cell in cells.values()))
    if len(report.rows) > 1:
        table.add_row()
        blanks = [""] * (len(report.by) - 1)
        sums = [cell(total, "strong") for cell in cells.values()]
        table.add_row(screen.text("total", "strong"), *blanks, *sums)
    screen.show(table)
    screen.print("")
    for line in _notes(total):
        screen.prose(line, 2, "quiet")
    screen.prose(f"From {_shown(report.since)} to {_shown(report.until)}.", 2, "quiet")
    _under_way(screen, report)


def _cells(screen: Screen, report: CostReport) -> dict[str, Callable[[Costs, Tone], Any]]:
    """The columns of numbers; fewer where the names need the space."""
    cells: dict[str, Callable[[Costs, Tone], Any]] = {
        "attempts": lambda c, tone: screen.text(f"{c.attempts:,}", tone),
        "answers": lambda c, tone: screen.text(f"{c.answers:,}", tone),
        "failed": lambda c, _: screen.text(f"{c.failed:,}", "bad" if c.failed else "quiet"),
        "in": lambda c, tone: screen.text(_about(c) + _short(c.input_tokens), tone),
        "out": lambda c, tone: screen.text(_about(c) + _short(c.output_tokens), tone),
        "cached": lambda c, tone: screen.text(
            _short(c.cached_tokens), tone if c.cached_tokens else "quiet"
        ),
        "USD": lambda c, tone: _money(screen, c, tone),
        "share": lambda c, tone: _share(screen, c, report.total, tone),
    }
    if not report.total.known_micro_usd:
        del cells["share"]
    sums = [report.total, *(costs for _, costs in report.rows)]
    widths = {
        name: max(len(name), *(len(str(cell(c, ""))) for c in sums)) for name, cell in cells.items()
    }
    # The total stands under the names; a margin and a gap behind each column are not theirs.
    longest = [
        max(len("total"), len(title), *(len(group[place]) for group, _ in report.rows))
        for place, title in enumerate(report.by)
    ]
    room = screen.width - _MARGIN - sum(min(length, _NAME) + _GAP for length in longest)
    for name in _SPARE:
        if sum(widths[kept] + _GAP for kept in cells) - _GAP > room:
            cells.pop(name, None)
    return cells


def _share(screen: Screen, costs: Costs, total: Costs, tone: Tone) -> Any:
    if costs.unknown and not costs.known_micro_usd:
        return ""
    part = costs.known_micro_usd / total.known_micro_usd
    whole = _BAR if screen.width >= _WIDE else _SHORT_BAR
    bar = ("█" if screen.symbols else "#") * max(round(part * whole), 1 if part else 0)
    return screen.join((f"{part:4.0%} ", tone), (bar, "good"))


def _money(screen: Screen, costs: Costs, tone: Tone) -> Any:
    if costs.unknown and not costs.known_micro_usd:
        return screen.text("unknown", "warn")
    least = ("≥ " if screen.symbols else ">= ") if costs.unknown else ""
    # To the micro-dollar: rounded ones would not add up to the total.
    text = f"{least}{_about(costs)}{costs.known_micro_usd / 1e6:,.6f}"
    return screen.text(text, "warn" if costs.unknown else tone)


def _about(costs: Costs) -> str:
    return "~" if costs.estimated else ""


def _short(tokens: int) -> str:
    """To three digits: `950`, `12.3k`, `4.06M`."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if tokens >= size * 0.9995:
            number = tokens / size
            return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}{unit}"
    return str(tokens)


def _notes(total: Costs) -> list[str]:
    notes = []
    if total.unknown:
        most = f"; {total.unknown_micro_usd / 1e6:,.6f} USD were reserved for them"
        notes.append(
            f"What {_counted(total.unknown, 'attempt')} cost is unknown"
            + (most if total.unknown_micro_usd else "")
            + "."
        )
    if total.estimated:
        notes.append(
            f"~ {_counted(total.estimated, 'attempt')} came without the provider's count of "
            "tokens; they were counted here."
        )
    return notes


def _under_way(screen: Screen, report: CostReport) -> None:
    if report.under_way:
        reserved = f"{report.reserved_micro_usd / 1e6:,.6f} USD"
        under_way = _counted(report.under_way, "attempt")
        screen.prose(f"{under_way} under way, with {reserved} reserved.", 2, "quiet")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _shown(moment: float) -> str:
    return _iso(moment)[:16].replace("T", " ") + " UTC"
