"""How a comparison of policies is told: on a terminal, and in Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.tracing.explain import counted, dollars, duration

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.replay.whatif import Change, Group, Interval, Standing
    from orchestrator.replay.whatif_limits import Limit
    from orchestrator.replay.whatif_report import Exposure, Report
    from orchestrator.replay.whatif_seen import Scale

MOVES = 8
"""Rows of the table of moves."""
REASONS = 3
_LITTLE = 0.0005
"""A share of what it was that is no change."""
_MARKS: dict[Standing, tuple[str, str, Tone]] = {
    "exact": ("#", "what was recorded is what would happen", "good"),
    "seen": ("=", "that model answered the very same request, on record", "good"),
    "estimated": ("~", "from prices, and from what this traffic says of each model", ""),
    "unserved": ("x", "nobody may serve it", "bad"),
    "unknown": ("?", "a price is not known", "warn"),
}
_SYMBOLS = {"#": "■", "=": "●", "~": "≈", "x": "✗", "?": "?"}
_TOLD_BY = {
    "check": "checks of answers",
    "claims": "claims that the sources carry",
    "evaluation": "judged cases",
    "feedback": "feedback",
    None: "the predictor",
}


# ── sentences ────────────────────────────────────────────────────────────────────────────


def headline(report: Report) -> str:
    """One sentence: cost, quality, what moves, what cannot be said."""
    total = report.total
    parts = []
    if total.cost is not None:
        parts.append(cost_in_words(total.cost))
    if total.quality is not None:
        parts.append(f"{_quality_word(report)} {points_in_words(total.quality.by)}")
    said = ", ".join(parts) or "nothing can be said of cost and quality"
    moved = f"{percent(report.moved / max(report.hops, 1))} of {counted(report.hops, 'call')} move"
    more = [moved]
    if report.groups["unserved"].hops:
        more.append(f"{counted(report.groups['unserved'].hops, 'call')} nobody may serve")
    if report.groups["unknown"].hops:
        more.append(f"{percent(report.share('unknown'))} cannot be said")
    return f"Under {report.policy}, {said}; {'; '.join(more)}."


def cost_in_words(change: Change) -> str:
    """`cost would fall by 31 % (27 to 35 %)`."""
    if change.relative is None:
        if change.by.low == change.by.high == 0:
            return "cost stays at $0"
        return f"cost would rise by {_money(change.by)}"
    share = change.relative
    if abs(share.low) < _LITTLE and abs(share.high) < _LITTLE:
        return "cost stays as it is"
    verb = "fall" if share.mean < 0 else "rise"
    low, high = sorted((abs(share.low), abs(share.high)))
    if share.low < 0 < share.high:
        span = f"{_signed(share.low)} to {_signed(share.high)}"
    else:
        span = f"{percent(low)[:-1].rstrip()} to {percent(high)}"
    return f"cost would {verb} by {percent(abs(share.mean))} ({span})"


def _quality_word(report: Report) -> str:
    if all(by is None for by in report.told_by):
        return "predicted quality"
    return "quality"


def points_in_words(interval: Interval) -> str:
    """A change of something in 0..1, in hundredths: `−0.4 points (−1.1 to +0.2)`."""
    mean, low, high = (100 * v for v in (interval.mean, interval.low, interval.high))
    if max(abs(low), abs(high)) < 0.05:
        return "stays as it is"
    return f"{mean:+.1f} points ({low:+.1f} to {high:+.1f})".replace("-", "−")


def percent(share: float) -> str:
    """`31 %`, `2.4 %`."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 or value == 0 else f"{value:.1f} %"


def _signed(share: float) -> str:
    return f"{'+' if share >= 0 else '−'}{percent(abs(share))}"


def _money(interval: Interval) -> str:
    return f"{dollars(interval.mean)} ({dollars(interval.low)} to {dollars(interval.high)})"


def _usd(value: float | None) -> str:
    if value is None:
        return "unknown"
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return sign + dollars(abs(value))


def told_in_words(told_by: Mapping[Scale, int]) -> str:
    """By what quality is told, of how many calls."""
    order = sorted(told_by.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{_TOLD_BY[by]} ({count:,})" for by, count in order)


def spot(exposure: Exposure) -> str:
    """`pii would newly reach acme in us: 12 calls`."""
    where = exposure.region or "a region that is not stated"
    verb = "may newly reach" if exposure.fallback else "would newly reach"
    last = ", where others fail" if exposure.fallback else ""
    return (
        f"{exposure.data_class} data {verb} {exposure.provider} in {where}: "
        f"{counted(exposure.hops, 'call')}{last}"
    )


def verdicts(tripped: Sequence[tuple[Limit, str]], limits: int) -> list[str]:
    """What `--fail-if` has found."""
    if not limits:
        return []
    lines = [f"--fail-if {limit.text}: {found}" for limit, found in tripped]
    held = limits - len(tripped)
    if held:
        lines.append(f"{counted(held, 'limit')} of --fail-if held")
    return lines


# ── on a terminal ────────────────────────────────────────────────────────────────────────


def show(screen: Screen, report: Report, tripped: Sequence[tuple[Limit, str]], limits: int) -> None:
    """One screen, the sentence first."""
    screen.prose(headline(report), 0, "strong")
    for exposure in report.exposures:
        screen.prose(f"! {spot(exposure)}", 0, "warn" if exposure.fallback else "bad")
    _standings(screen, report)
    _moves(screen, report)
    _unserved(screen, report)
    _movers(screen, report)
    screen.print("")
    screen.prose(f"Quality is told by {told_in_words(report.told_by)}.", 0, "quiet")
    for note in report.notes:
        screen.prose(note, 0, "quiet")
    if limits:
        screen.print("")
    for line in verdicts(tripped, limits):
        failed = line.startswith("--fail-if")
        screen.print(
            screen.join(
                (f"{screen.sign('no' if failed else 'yes')} ", "bad" if failed else "good"), line
            )
        )


def _mark(screen: Screen, standing: Standing) -> tuple[str, Tone]:
    sign, _, tone = _MARKS[standing]
    return f"{_SYMBOLS[sign] if screen.symbols else sign} {standing}", tone


def _standings(screen: Screen, report: Report) -> None:
    right = {"justify": "right", "no_wrap": True}
    table = screen.table(
        ("", {"no_wrap": True}),
        ("calls", right),
        ("share", right),
        ("before", right),
        ("after", right),
        ("quality", right),
        ("a call takes", right),
    )
    for standing, group in report.groups.items():
        if group.hops:
            mark = screen.text(*_mark(screen, standing))
            share = percent(report.share(standing))
            table.add_row(mark, f"{group.hops:,}", share, *_cells(group))
    if sum(group.hops > 0 for group in report.groups.values()) > 1:
        total = screen.text("all that can be said", "strong")
        share = percent(report.total.hops / max(report.hops, 1))
        table.add_row(total, f"{report.total.hops:,}", share, *_cells(report.total))
    screen.print("")
    screen.show(table, indent=0)
    for standing, group in report.groups.items():
        if group.hops:
            screen.prose(f"{_mark(screen, standing)[0]}: {_MARKS[standing][1]}", 2, "quiet")


def _cells(group: Group) -> tuple[str, str, str, str]:
    if group.cost is None or group.quality is None or group.latency is None:
        return "", "", "", ""
    after = group.cost.after
    spread = dollars(after.mean)
    if after.width > 0.001 * max(after.mean, 1e-9):
        spread = f"{dollars(after.low)} to {dollars(after.high)}"
    return (
        dollars(group.cost.before.mean),
        spread,
        f"{group.quality.before.mean:.3f} → {group.quality.after.mean:.3f}",
        f"{duration(group.latency.before.mean)} → {duration(group.latency.after.mean)}",
    )


def _moves(screen: Screen, report: Report) -> None:
    if not report.moves:
        return
    screen.heading("What goes elsewhere")
    right = {"justify": "right", "no_wrap": True}
    table = screen.table("from", "", "to", ("calls", right), ("cost", right), ("quality", right))
    for move in report.moves[:MOVES]:
        table.add_row(
            move.before,
            screen.text(screen.sign("to"), "quiet"),
            move.after,
            f"{move.hops:,}",
            _usd(move.usd),
            f"{100 * move.quality:+.1f}",
        )
    screen.show(table)
    rest = report.moves[MOVES:]
    if rest:
        said = f"and {counted(sum(m.hops for m in rest), 'call')} on {len(rest)} other ways"
        screen.prose(said, 2, "quiet")


def _unserved(screen: Screen, report: Report) -> None:
    if not report.unserved:
        return
    screen.heading("What nobody may serve")
    for one in report.unserved[:REASONS]:
        screen.prose(f"{one.task}: {counted(one.hops, 'call')}; {one.why}", 2, "bad")
        screen.prose(f"for example {', '.join(one.traces)}", 4, "quiet")
    rest = sum(one.hops for one in report.unserved[REASONS:])
    if rest:
        screen.prose(f"and {counted(rest, 'call')} for other reasons", 2, "quiet")


def _movers(screen: Screen, report: Report) -> None:
    if not report.movers:
        return
    screen.heading("Whose cost changes most")
    right = {"justify": "right", "no_wrap": True}
    table = screen.table(
        ("trace", {"no_wrap": True}), "step", "from", "", "to", ("cost", right), ""
    )
    for one in report.movers:
        table.add_row(
            one.trace[:12],
            one.node,
            one.before,
            screen.text(screen.sign("to"), "quiet"),
            one.after,
            _usd(one.usd),
            screen.text(*_mark(screen, one.standing)),
        )
    screen.show(table)


# ── for a pull request ───────────────────────────────────────────────────────────────────


def markdown(report: Report, tripped: Sequence[tuple[Limit, str]], limits: int) -> str:
    """The same as Markdown."""
    lines = [f"**{headline(report)}**", ""]
    lines += [f"- :warning: {spot(exposure)}" for exposure in report.exposures]
    for line in verdicts(tripped, limits):
        mark = ":x:" if line.startswith("--fail-if") else ":white_check_mark:"
        lines.append(f"- {mark} {_code(line)}")
    lines += ["", "| | calls | share | before | after | quality | a call takes |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for standing, group in report.groups.items():
        if group.hops:
            cells = " | ".join((f"{group.hops:,}", percent(report.share(standing)), *_cells(group)))
            lines.append(f"| {standing} | {cells} |")
    share = percent(report.total.hops / max(report.hops, 1))
    cells = " | ".join((f"{report.total.hops:,}", share, *_cells(report.total)))
    lines += [f"| **all that can be said** | {cells} |", ""]
    if report.moves:
        lines += ["| from | to | calls | cost | quality |", "| --- | --- | ---: | ---: | ---: |"]
        for move in report.moves[:MOVES]:
            lines.append(
                f"| {move.before} | {move.after} | {move.hops:,} | {_usd(move.usd)} "
                f"| {100 * move.quality:+.1f} |"
            )
        lines.append("")
    for one in report.unserved[:REASONS]:
        said = f"{counted(one.hops, 'call')} of {one.task} that nobody may serve: {one.why}"
        lines.append(f"- {said} ({', '.join(f'`{trace[:12]}`' for trace in one.traces)})")
    lines += [
        "",
        f"<sub>Quality is told by {told_in_words(report.told_by)}. {' '.join(report.notes)}</sub>",
    ]
    return "\n".join(lines) + "\n"


def _code(line: str) -> str:
    head, colon, rest = line.partition(": ")
    return f"`{head}`{colon}{rest}" if head.startswith("--") else line
