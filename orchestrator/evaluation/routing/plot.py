"""The cost-quality plot, as SVG or PNG.

What is drawn is said once, as lines, dots and words; SVG is written by itself, and PNG by Pillow
where it is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.errors import PrerequisiteError, UserError

if TYPE_CHECKING:
    from orchestrator.evaluation.routing.measure import Measured

FORMATS = (".svg", ".png")
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#999999")
"""Told apart with any kind of colour vision: M. Okabe and K. Ito, Color Universal Design, 2008."""
_WIDTH, _HEIGHT, _LEFT, _TOP, _KEY = 520, 340, 64, 40, 300
_WHOLE = _LEFT + _WIDTH + _KEY, _TOP + _HEIGHT + 56
_TICKS = 6
_DARK, _PALE = "#333333", "#dddddd"
_FINER = 2
"""Pixels of a PNG for each unit of the drawing."""


@dataclass(frozen=True, slots=True)
class _Line:
    points: Sequence[tuple[float, float]]
    colour: str
    width: float


@dataclass(frozen=True, slots=True)
class _Dot:
    x: float
    y: float
    colour: str


@dataclass(frozen=True, slots=True)
class _Words:
    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"


def draw(path: Path, measured: Measured) -> None:
    """Write the plot; the end of the name says in which format.

    Raises:
        UserError: the format is another one, or the file cannot be written.
        PrerequisiteError: a PNG is asked and Pillow is not installed.
    """
    refuse_format(path)
    try:
        if path.suffix == ".svg":
            path.write_text(svg(measured), encoding="utf-8")
        else:
            _png(path, _marks(measured))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def refuse_format(path: Path) -> None:
    """Raises UserError where the plot would be neither SVG nor PNG."""
    if path.suffix not in FORMATS:
        raise UserError(f"{path}: a plot ends in {' or '.join(FORMATS)}")


def svg(measured: Measured) -> str:
    """The plot as an SVG file: no script, no reference to anything outside."""
    style = 'font-family="sans-serif" font-size="12" fill="#333333"'
    body = "\n".join(map(_element, _marks(measured)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WHOLE[0]} {_WHOLE[1]}" {style}>\n'
        f'<rect width="{_WHOLE[0]}" height="{_WHOLE[1]}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _marks(measured: Measured) -> list[_Line | _Dot | _Words]:
    """Everything that is drawn, from back to front."""
    points = [(x, y) for xs, ys in measured.curves.values() for x, y in zip(xs, ys, strict=True)]
    points += measured.singles.values()
    across = _Axis.over([x for x, _ in points], _LEFT, _LEFT + _WIDTH)
    up = _Axis.over([y for _, y in points], _TOP + _HEIGHT, _TOP)
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    marks: list[_Line | _Dot | _Words] = [_Words(_LEFT, 18, measured.report.title)]
    for tick in up.ticks:
        y = up.place(tick)
        marks += [_Line([(_LEFT, y), (right, y)], _PALE, 1)]
        marks += [_Words(_LEFT - 8, y + 4, up.text(tick), "end")]
    for tick in across.ticks:
        x = across.place(tick)
        marks += [_Line([(x, bottom), (x, bottom + 4)], _DARK, 1)]
        marks += [_Words(x, bottom + 20, across.text(tick), "middle")]
    marks += [_Line([(_LEFT, _TOP), (_LEFT, bottom), (right, bottom)], _DARK, 1)]
    marks += [_Words(_LEFT + _WIDTH / 2, bottom + 42, measured.axis, "middle")]
    marks += [_Words(_LEFT, _TOP - 6, "mean score")]
    for number, (name, (xs, ys)) in reversed(list(enumerate(measured.curves.items()))):
        colour, y = _COLOURS[number % len(_COLOURS)], _TOP + 12 + 20 * number
        line = [(across.place(a), up.place(b)) for a, b in zip(xs, ys, strict=True)]
        if line[-1][0] < right and measured.axis.startswith("US"):
            line.append((right, line[-1][1]))  # who may spend more may also keep it
        marks += [_Line(line, colour, 2)]
        marks += [_Line([(right + 16, y - 4), (right + 34, y - 4)], colour, 2)]
        marks += [_Words(right + 40, y, name)]
    below = _TOP + 12 + 20 * len(measured.curves)
    for number, (name, (x, y)) in enumerate(measured.singles.items(), start=1):
        place = across.place(x), up.place(y)
        marks += [_Dot(*place, _DARK), _Words(place[0] + 5, place[1] - 5, str(number))]
        marks += [_Words(right + 16, below + 12 + 16 * number, f"{number}  {name}")]
    return marks


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
        """An axis over all values, with round ticks."""
        low, high = float(min(values)), float(max(values))
        span = (high - low) or 1.0
        raw = span / _TICKS
        power = 10.0 ** floor(log10(raw))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= raw)
        return cls(floor(low / step) * step, high + span * 0.02, start, end, step)

    @property
    def ticks(self) -> list[float]:
        count = floor((self.high - self.low) / self.step + 1e-9)
        return [self.low + self.step * n for n in range(count + 1)]

    def place(self, value: float) -> float:
        share = (float(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def text(self, tick: float) -> str:
        digits = max(0, -floor(log10(self.step)))
        return f"{tick:.{digits}f}"


def _element(mark: _Line | _Dot | _Words) -> str:
    if isinstance(mark, _Line):
        points = " ".join(f"{x:g},{y:g}" for x, y in mark.points)
        return (
            f'<polyline fill="none" stroke="{mark.colour}" stroke-width="{mark.width:g}" '
            f'points="{points}"/>'
        )
    if isinstance(mark, _Dot):
        return f'<circle cx="{mark.x:g}" cy="{mark.y:g}" r="3" fill="{mark.colour}"/>'
    place = f'x="{mark.x:g}" y="{mark.y:g}" text-anchor="{mark.anchor}"'
    return f"<text {place}>{escape(mark.text)}</text>"


def _png(path: Path, marks: Sequence[_Line | _Dot | _Words]) -> None:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise PrerequisiteError(
            f"{path.name} needs Pillow: pip install pillow; or ask for an .svg"
        ) from error
    image = Image.new("RGB", (_WHOLE[0] * _FINER, _WHOLE[1] * _FINER), "#ffffff")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(12 * _FINER)
    anchors = {"start": "ls", "middle": "ms", "end": "rs"}
    for mark in marks:
        if isinstance(mark, _Line):
            places: Any = [(x * _FINER, y * _FINER) for x, y in mark.points]
            pen.line(places, fill=mark.colour, width=round(mark.width * _FINER), joint="curve")
        elif isinstance(mark, _Dot):
            x, y, r = mark.x * _FINER, mark.y * _FINER, 3 * _FINER
            pen.ellipse((x - r, y - r, x + r, y + r), fill=mark.colour)
        else:
            place = mark.x * _FINER, mark.y * _FINER
            pen.text(place, mark.text, fill=_DARK, font=font, anchor=anchors[mark.anchor])
    image.save(path)
