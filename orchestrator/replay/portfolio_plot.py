"""The portfolio as a picture: what each subset of the models costs, and how good it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import floor, log10
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.replay.portfolio import Portfolio, Subset

_WIDTH, _HEIGHT, _LEFT, _TOP, _KEY = 560, 340, 70, 46, 330
_TICKS = 5
_DOTS = 1500
"""More points than that only make the file larger."""
_LINE, _DOT, _PALE, _INK, _GRID = "#0072b2", "#d55e00", "#b8c4cc", "#333333", "#e4e4e4"
"""Told apart with any kind of colour vision: M. Okabe and K. Ito, Color Universal Design, 2008."""


def draw(path: Path, found: Portfolio) -> None:
    """Write the picture as an SVG file.

    Raises:
        UserError: the name ends otherwise, or the file cannot be written.
    """
    if path.suffix != ".svg":
        raise UserError(f"{path}: the picture is an SVG; end the name in .svg")
    try:
        path.write_text(svg(found), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def svg(found: Portfolio) -> str:
    """The picture: no script, no reference to anything outside."""
    shown = {(s.usd, s.quality) for s in found.pareto}
    listed = [*found.pareto, *(s for s in found.best if (s.usd, s.quality) not in shown)]
    height = max(_TOP + _HEIGHT + 60, _TOP + 60 + 34 * len(listed))
    body = "\n".join(_body(found, listed))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + _KEY} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}" role="img" '
        f'aria-label="cost against predicted quality of subsets of the models">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _body(found: Portfolio, listed: Sequence[Subset]) -> Iterator[str]:
    points = found.points[:: max(1, len(found.points) // _DOTS)]
    across = _Axis.over([s.usd for s in (*points, *listed)], _LEFT, _LEFT + _WIDTH)
    up = _Axis.over([s.quality for s in (*points, *listed)], _TOP + _HEIGHT, _TOP)
    yield _words(_LEFT, 20, f"{found.calls:,} calls, served by subsets of the models", size=14)
    yield from _axes(across, up)
    for one in points:
        yield _dot(across.place(one.usd), up.place(one.quality), _PALE, 2.5)
    line = [(across.place(s.usd), up.place(s.quality)) for s in found.pareto]
    if len(line) > 1:
        steps = [line[0]]
        for (_, y), (x, after) in pairwise(line):
            steps += [(x, y), (x, after)]
        shown = " ".join(f"{x:g},{y:g}" for x, y in steps)
        yield f'<polyline fill="none" stroke="{_LINE}" stroke-width="2" points="{shown}"/>'
    right = _LEFT + _WIDTH + 18
    yield _dot(right + 4, _TOP - 24, _LINE, 4.5)
    yield _words(right + 14, _TOP - 20, "no other is both cheaper and better")
    yield _dot(right + 4, _TOP - 6, _DOT, 4.5)
    yield _words(right + 14, _TOP - 2, "the best of its size")
    for number, one in enumerate(listed, start=1):
        x, y = across.place(one.usd), up.place(one.quality)
        colour = _LINE if one in found.pareto else _DOT
        row = _TOP + 24 + 34 * (number - 1)
        yield _dot(x, y, colour, 4.5)
        yield _words(x + 6, y - 7 if number % 2 else y + 16, str(number))
        yield _dot(right + 4, row - 4, colour, 4.5)
        yield _words(right + 14, row, f"{number}  {' + '.join(one.models)}")
        yield _words(right + 26, row + 14, f"${one.usd:.4g}, quality {one.quality:.3f}", size=11)


def _axes(across: _Axis, up: _Axis) -> Iterator[str]:
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    for tick in up.ticks:
        y = up.place(tick)
        yield _stroke(_LEFT, y, right, y, _GRID)
        yield _words(_LEFT - 8, y + 4, up.text(tick), anchor="end")
    for tick in across.ticks:
        x = across.place(tick)
        yield _stroke(x, bottom, x, bottom + 4, _INK)
        yield _words(x, bottom + 20, across.text(tick), anchor="middle")
    yield _stroke(_LEFT, _TOP, _LEFT, bottom, _INK)
    yield _stroke(_LEFT, bottom, right, bottom, _INK)
    yield _words(_LEFT + _WIDTH / 2, bottom + 42, "US dollars for this traffic", anchor="middle")
    yield _words(_LEFT, _TOP - 6, "predicted quality")


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values to places."""

    low: float
    high: float
    start: float
    end: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        """An axis over all values, with round ticks and some room at its ends."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        span = (high - low) or abs(high) or 1.0
        power = 10.0 ** floor(log10(span / _TICKS))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= span / _TICKS)
        return cls(floor(low / step) * step, high + span * 0.04, start, end, step)

    @property
    def ticks(self) -> list[float]:
        count = floor((self.high - self.low) / self.step + 1e-9)
        return [self.low + self.step * n for n in range(count + 1)]

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def text(self, tick: float) -> str:
        return f"{tick:.{max(0, -floor(log10(self.step)))}f}"


def _words(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    grown = "" if size == 12 else f' font-size="{size}"'
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{grown}>{escape(text)}</text>'


def _dot(x: float, y: float, colour: str, radius: float) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{colour}"/>'


def _stroke(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" stroke="{colour}"/>'
