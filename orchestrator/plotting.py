"""Plots for files: said once, as lines, dots and words on two axes, and written as SVG or PNG.

SVG is written by itself, without script or a reference to anything outside, and PNG by Pillow where
it is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import PrerequisiteError, UserError

FORMATS = (".svg", ".png")
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#999999")
"""Told apart with any kind of colour vision: M. Okabe and K. Ito, Color Universal Design, 2008."""
DARK, PALE = "#333333", "#dddddd"
_SIZE = 12
_FINER = 2
"""Pixels of a PNG for each unit of the drawing."""


@dataclass(frozen=True, slots=True)
class Line:
    points: Sequence[tuple[float, float]]
    colour: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    colour: str
    radius: float = 3.0


@dataclass(frozen=True, slots=True)
class Words:
    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    size: int = _SIZE


Mark = Line | Dot | Words


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn, from back to front."""

    width: float
    height: float
    title: str
    """For who does not see it."""
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Axis:
    """Values to places."""

    low: float
    high: float
    start: float
    end: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float, *, ticks: int = 5) -> Axis:
        """An axis over all values, with about so many round ticks and some room at its end."""
        low, high = float(min(values, default=0.0)), float(max(values, default=1.0))
        span = (high - low) or abs(high) or 1.0
        power = 10.0 ** floor(log10(span / ticks))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= span / ticks)
        return cls(floor(low / step) * step, high + span * 0.03, start, end, step)

    @property
    def ticks(self) -> list[float]:
        count = floor((self.high - self.low) / self.step + 1e-9)
        return [self.low + self.step * n for n in range(count + 1)]

    def place(self, value: float) -> float:
        share = (float(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def text(self, tick: float) -> str:
        return f"{tick:.{max(0, -floor(log10(self.step)))}f}"


def frame(across: Axis, up: Axis, below: str, above: str) -> list[Mark]:
    """Both axes with their ticks, and what each shows."""
    left, right, bottom, top = across.start, across.end, up.start, up.end
    marks: list[Mark] = []
    for tick in up.ticks:
        y = up.place(tick)
        marks += [Line([(left, y), (right, y)], PALE)]
        marks += [Words(left - 8, y + 4, up.text(tick), "end")]
    for tick in across.ticks:
        x = across.place(tick)
        marks += [Line([(x, bottom), (x, bottom + 4)], DARK)]
        marks += [Words(x, bottom + 20, across.text(tick), "middle")]
    marks += [Line([(left, top), (left, bottom), (right, bottom)], DARK)]
    marks += [Words((left + right) / 2, bottom + 42, below, "middle")]
    marks += [Words(left, top - 6, above)]
    return marks


def draw(path: Path, picture: Picture) -> None:
    """Write the picture; the end of the name says in which format.

    Raises:
        UserError: the format is another one, or the file cannot be written.
        PrerequisiteError: a PNG is asked and Pillow is not installed.
    """
    refuse_format(path)
    try:
        if path.suffix == ".svg":
            path.write_text(svg(picture), encoding="utf-8")
        else:
            _png(path, picture)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def refuse_format(path: Path) -> None:
    """Raises UserError where the picture would be neither SVG nor PNG."""
    if path.suffix not in FORMATS:
        raise UserError(f"{path}: a plot ends in {' or '.join(FORMATS)}")


def svg(picture: Picture) -> str:
    """The picture as the text of an SVG file."""
    body = "\n".join(map(_element, picture.marks))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {picture.width:g} {picture.height:g}" font-family="sans-serif" '
        f'font-size="{_SIZE}" fill="{DARK}" role="img" aria-label="{escape(picture.title)}">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _element(mark: Mark) -> str:
    if isinstance(mark, Line):
        points = " ".join(f"{x:g},{y:g}" for x, y in mark.points)
        return (
            f'<polyline fill="none" stroke="{mark.colour}" stroke-width="{mark.width:g}" '
            f'points="{points}"/>'
        )
    if isinstance(mark, Dot):
        return f'<circle cx="{mark.x:g}" cy="{mark.y:g}" r="{mark.radius:g}" fill="{mark.colour}"/>'
    size = "" if mark.size == _SIZE else f' font-size="{mark.size}"'
    place = f'x="{mark.x:g}" y="{mark.y:g}" text-anchor="{mark.anchor}"{size}'
    return f"<text {place}>{escape(mark.text)}</text>"


def _png(path: Path, picture: Picture) -> None:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise PrerequisiteError(
            f"{path.name} needs Pillow: pip install pillow; or ask for an .svg"
        ) from error
    whole = round(picture.width * _FINER), round(picture.height * _FINER)
    image = Image.new("RGB", whole, "#ffffff")
    pen = ImageDraw.Draw(image)
    anchors = {"start": "ls", "middle": "ms", "end": "rs"}
    for mark in picture.marks:
        if isinstance(mark, Line):
            places: Any = [(x * _FINER, y * _FINER) for x, y in mark.points]
            pen.line(places, fill=mark.colour, width=round(mark.width * _FINER), joint="curve")
        elif isinstance(mark, Dot):
            x, y, r = mark.x * _FINER, mark.y * _FINER, mark.radius * _FINER
            pen.ellipse((x - r, y - r, x + r, y + r), fill=mark.colour)
        else:
            place, font = (mark.x * _FINER, mark.y * _FINER), _font(ImageFont, mark.size)
            pen.text(place, mark.text, fill=DARK, font=font, anchor=anchors[mark.anchor])
    image.save(path)


def _font(fonts: Any, size: int) -> Any:
    return fonts.load_default(size * _FINER)
