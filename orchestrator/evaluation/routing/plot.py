"""The cost-quality plot of what routing is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plotting import COLOURS, DARK, Axis, Dot, Line, Mark, Picture, Words, frame

if TYPE_CHECKING:
    from orchestrator.evaluation.routing.measure import Measured

_WIDTH, _HEIGHT, _LEFT, _TOP, _KEY = 520, 340, 64, 40, 300


def picture(measured: Measured) -> Picture:
    """A line for each that chooses, a numbered dot for each model alone, and a key."""
    points = [(x, y) for xs, ys in measured.curves.values() for x, y in zip(xs, ys, strict=True)]
    points += measured.singles.values()
    across = Axis.over([x for x, _ in points], _LEFT, _LEFT + _WIDTH)
    up = Axis.over([y for _, y in points], _TOP + _HEIGHT, _TOP)
    right = _LEFT + _WIDTH
    marks: list[Mark] = [Words(_LEFT, 18, measured.report.title)]
    marks += frame(across, up, measured.axis, "mean score")
    for number, (name, (xs, ys)) in reversed(list(enumerate(measured.curves.items()))):
        colour, row = COLOURS[number % len(COLOURS)], _TOP + 12 + 20 * number
        line = [(across.place(a), up.place(b)) for a, b in zip(xs, ys, strict=True)]
        if line[-1][0] < right and measured.axis.startswith("US"):
            line.append((right, line[-1][1]))  # who may spend more may also keep it
        marks += [Line(line, colour, 2)]
        marks += [Line([(right + 16, row - 4), (right + 34, row - 4)], colour, 2)]
        marks += [Words(right + 40, row, name)]
    below = _TOP + 12 + 20 * len(measured.curves)
    for number, (name, (x, y)) in enumerate(measured.singles.items(), start=1):
        place = across.place(x), up.place(y)
        marks += [Dot(*place, DARK), Words(place[0] + 5, place[1] - 5, str(number))]
        marks += [Words(right + 16, below + 12 + 16 * number, f"{number}  {name}")]
    return Picture(_LEFT + _WIDTH + _KEY, _TOP + _HEIGHT + 56, measured.report.title, marks)
