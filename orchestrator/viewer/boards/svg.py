"""Plots as SVG: axes, bars, lines, ranges. Colours are classes, which the style sheet fills in for
light and dark; nothing in them is taken for markup but what this module writes.

A plot is a picture for those who see it; the table beside it says the same to everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 600.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 8.0, 10.0, 26.0
_TICKS = 4
_LETTER = 6.3
"""Pixels of an average letter at 11 pixels."""
COLOURS = 8
"""Classes `c1` to `c8`; what comes after them is `rest`."""
Show = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a time axis."""

    labels: Sequence[str]
    axis: Sequence[str]
    """What stands below each; empty where nothing does."""


@dataclass(frozen=True, slots=True)
class Series:
    """A named row of values, one for each step of time; `None`: nothing is known there."""

    name: str
    values: Sequence[float | None]
    colour: str
    """A class: `c1` …, `rest`, `good`, `info`, `warn`, `bad`, `quiet`."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch on a row of its own, from 0 to 1 of the whole width."""

    row: str
    begin: float
    end: float
    colour: str
    title: str


def colour(number: int) -> str:
    """The class of the n-th series, from 0."""
    return f"c{number + 1}" if number < COLOURS else "rest"


def ticks(most: float, number: int = _TICKS) -> list[float]:
    """Round values from 0 up to `most` or a little beyond."""
    if most <= 0:
        return [0.0, 1.0]
    step = _step(most / number)
    return [step * n for n in range(ceil(most / step - 1e-9) + 1)]


def _step(raw: float) -> float:
    power = 10.0 ** floor(log10(raw))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= raw * (1 - 1e-9))


def bars(title: str, steps: Steps, series: Sequence[Series], show: Show) -> str:
    """Stacked bars over time."""
    labels = steps.labels
    sums = [sum(s.values[n] or 0 for s in series) for n in range(len(labels))]
    scale = ticks(max(sums, default=0.0))
    across = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    wide = max(1.0, min(across * 0.78, 46.0))

    def drawn() -> Iterator[str]:
        yield from _frame(scale, steps, show)
        for n, label in enumerate(labels):
            left, below = _LEFT + across * (n + 0.5) - wide / 2, 0.0
            for one in series:
                value = one.values[n] or 0
                if value > 0:
                    top, bottom = _y(below + value, scale), _y(below, scale)
                    yield _rect(
                        (left, top, wide, max(bottom - top, 0.6)),
                        one.colour,
                        f"{label}, {one.name}: {show(value)}",
                    )
                    below += value

    return _plot(title, HEIGHT, drawn())


def lines(
    title: str,
    steps: Steps,
    series: Sequence[Series],
    show: Show,
    most: float | None = None,
) -> str:
    """Lines over time; where nothing is known they are interrupted.

    Args:
        most: where the axis ends; found out where absent.
    """
    labels = steps.labels
    known = [v for s in series for v in s.values if v is not None]
    scale = ticks(max(known, default=0.0) if most is None else most)
    across = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))

    def drawn() -> Iterator[str]:
        yield from _frame(scale, steps, show)
        for one in series:
            points = [
                None if v is None else (_LEFT + across * (n + 0.5), _y(v, scale))
                for n, v in enumerate(one.values)
            ]
            for run in _runs(points):
                joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
                if len(run) > 1:
                    yield f'<polyline class="line {one.colour}" points="{joined}"/>'
            for point, value, label in zip(points, one.values, labels, strict=True):
                if point is not None and value is not None:
                    said = f"{label}, {one.name}: {show(value)}"
                    yield _dot(point[0], point[1], one.colour, said)

    return _plot(title, HEIGHT, drawn())


def ranked(title: str, rows: Sequence[tuple[str, float, str]], show: Show) -> str:
    """One bar a row: a name, a value, and a class."""
    scale = ticks(max((value for _, value, _ in rows), default=0.0))
    left, height = _names(name for name, _, _ in rows), 26.0 * len(rows) + 8
    room = WIDTH - left - 84

    def drawn() -> Iterator[str]:
        for n, (name, value, kind) in enumerate(rows):
            y = 4 + 26.0 * n
            yield _text(left - 8, y + 15, _cut(name, left), "end")
            yield _rect(
                (left, y + 3, max(room * value / scale[-1], 1.0 if value else 0.0), 17.0),
                kind,
                f"{name}: {show(value)}",
            )
            yield _text(left + room * value / scale[-1] + 7, y + 15, show(value), "start", "value")

    return _plot(title, height, drawn())


def shares(title: str, rows: Sequence[tuple[str, Sequence[tuple[str, float, str]]]]) -> str:
    """One bar a row, as long as all others, cut by the share of each of its parts."""
    left, height = _names(name for name, _ in rows), 26.0 * len(rows) + 26
    room = WIDTH - left - 12

    def drawn() -> Iterator[str]:
        for n, (name, parts) in enumerate(rows):
            y, at = 4 + 26.0 * n, left
            yield _text(left - 8, y + 15, _cut(name, left), "end")
            whole = sum(value for _, value, _ in parts) or 1.0
            for part, value, kind in parts:
                wide = room * value / whole
                said = f"{name}, {part}: {value / whole:.0%} ({value:,.0f})"
                yield _rect((at, y + 3, max(wide - 1, 0.5), 17.0), kind, said)
                at += wide
        for share in (0, 0.25, 0.5, 0.75, 1):
            middle = "start" if share == 0 else "end" if share == 1 else "middle"
            yield _text(left + room * share, height - 6, f"{share:.0%}", middle, "tick")

    return _plot(title, height, drawn())


def ranges(title: str, rows: Sequence[tuple[str, Sequence[float]]], show: Show) -> str:
    """One row a name: rising values as dots on a line, on a logarithmic axis."""
    values = [v for _, found in rows for v in found if v > 0] or [1.0]
    low, high = (
        floor(log10(min(values))),
        max(ceil(log10(max(values))), floor(log10(min(values))) + 1),
    )
    left, height = _names(name for name, _ in rows), 26.0 * len(rows) + 26
    room = WIDTH - left - 24

    def place(value: float) -> float:
        share = (log10(max(value, 10.0**low)) - low) / (high - low)
        return left + 8 + room * share

    def drawn() -> Iterator[str]:
        for power in range(low, high + 1):
            x = place(10.0**power)
            yield f'<path class="grid" d="M{x:.1f} 2V{height - 20:.1f}"/>'
            end = "end" if power == high else "middle"
            yield _text(x + 8 * (power == high), height - 6, show(10.0**power), end, "tick")
        for n, (name, found) in enumerate(rows):
            y = 4 + 26.0 * n + 11
            yield _text(left - 8, y + 4, _cut(name, left), "end")
            yield f'<path class="range" d="M{place(found[0]):.1f} {y:.1f}H{place(found[-1]):.1f}"/>'
            for number, value in enumerate(found):
                yield _dot(place(value), y, f"p{number + 1}", f"{name}: {show(value)}", 4.5)

    return _plot(title, height, drawn())


def spans(title: str, rows: Sequence[str], found: Sequence[Span], steps: Steps) -> str:
    """Stretches of time, a row for each name."""
    left, height = _names(rows), 26.0 * len(rows) + 26
    room = WIDTH - left - 12

    def drawn() -> Iterator[str]:
        for n, name in enumerate(rows):
            y = 4 + 26.0 * n
            yield _text(left - 8, y + 15, _cut(name, left), "end")
            yield f'<path class="grid" d="M{left:.1f} {y + 11.5:.1f}H{left + room:.1f}"/>'
            for one in found:
                if one.row == name:
                    wide = max(room * (one.end - one.begin), 3.0)
                    x = min(left + room * one.begin, left + room - wide)
                    yield _rect((x, y + 3, wide, 17.0), one.colour, one.title)
        yield from _below(steps, left, room, height - 6)

    return _plot(title, height, drawn())


# ── parts ────────────────────────────────────────────────────────────────────────────────


def _plot(title: str, height: float, drawn: Iterable[str]) -> str:
    body = "".join(drawn)
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">{body}</svg>'
    )


def _frame(scale: Sequence[float], steps: Steps, show: Show) -> Iterator[str]:
    for value in scale:
        y = _y(value, scale)
        yield f'<path class="grid" d="M{_LEFT:.1f} {y:.1f}H{WIDTH - _RIGHT:.1f}"/>'
        yield _text(_LEFT - 8, y + 4, show(value), "end", "tick")
    yield from _below(steps, _LEFT, WIDTH - _LEFT - _RIGHT, HEIGHT - 8)


def _below(steps: Steps, left: float, room: float, y: float) -> Iterator[str]:
    """As many labels as have room beside each other."""
    told = [(n, label) for n, label in enumerate(steps.axis) if label]
    longest = max((len(label) for _, label in told), default=1) * _LETTER + 14
    every = max(1, ceil(len(told) * longest / room))
    for n, label in told[(len(told) - 1) % every // 2 :: every]:
        x = left + room * (n + 0.5) / len(steps.axis)
        half = len(label) * _LETTER / 2
        yield _text(min(max(x, left + half), left + room - half), y, label, "middle", "tick")


def _y(value: float, scale: Sequence[float]) -> float:
    room = HEIGHT - _TOP - _BOTTOM
    return HEIGHT - _BOTTOM - room * min(value / scale[-1], 1.0)


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []


def _names(names: Iterable[str]) -> float:
    """Room for the names of rows."""
    return min(max((len(name) for name in names), default=4) * _LETTER + 16, 190.0)


def _cut(name: str, left: float) -> str:
    most = int((left - 12) / _LETTER)
    return name if len(name) <= most else name[: most - 1] + "…"


def _rect(at: tuple[float, float, float, float], kind: str, title: str) -> str:
    x, y, wide, high = at
    return (
        f'<rect class="bar {kind}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _dot(x: float, y: float, kind: str, title: str, r: float = 3.0) -> str:
    return (
        f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="{r:g}">'
        f"<title>{escape(title)}</title></circle>"
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "name") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
