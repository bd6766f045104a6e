"""The portfolio as a picture: what each subset of the models costs, and how good it is."""

from __future__ import annotations

from itertools import pairwise

from orchestrator.plotting import COLOURS, Axis, Dot, Line, Mark, Picture, Words, frame
from orchestrator.replay.portfolio import Portfolio, Subset

_WIDTH, _HEIGHT, _LEFT, _TOP, _KEY = 560, 340, 70, 46, 330
_DOTS = 1500
"""More points than that only make the file larger."""
_OF_SIZE, _LINE = COLOURS[:2]
_REST = "#b8c4cc"


def picture(found: Portfolio) -> Picture:
    """All subsets as dots, a line through those that none other beats, and a key with names."""
    shown = {(s.usd, s.quality) for s in found.pareto}
    listed = [*found.pareto, *(s for s in found.best if (s.usd, s.quality) not in shown)]
    points = found.points[:: max(1, len(found.points) // _DOTS)]
    across = Axis.over([s.usd for s in (*points, *listed)], _LEFT, _LEFT + _WIDTH)
    up = Axis.over([s.quality for s in (*points, *listed)], _TOP + _HEIGHT, _TOP)
    title = f"{found.calls:,} calls, served by subsets of the models"
    marks: list[Mark] = [Words(_LEFT, 20, title, size=14)]
    marks += frame(across, up, "US dollars for this traffic", "predicted quality")
    marks += [Dot(across.place(s.usd), up.place(s.quality), _REST, 2.5) for s in points]
    line = [(across.place(s.usd), up.place(s.quality)) for s in found.pareto]
    if len(line) > 1:
        steps = [line[0]]
        for (_, y), (x, after) in pairwise(line):
            steps += [(x, y), (x, after)]
        marks.append(Line(steps, _LINE, 2))
    marks += _key()
    for number, one in enumerate(listed, start=1):
        marks += _named(number, one, _LINE if one in found.pareto else _OF_SIZE, (across, up))
    height = max(_TOP + _HEIGHT + 60, _TOP + 60 + 34 * len(listed))
    return Picture(
        _LEFT + _WIDTH + _KEY,
        height,
        "cost against predicted quality of subsets of the models",
        marks,
    )


def _key() -> list[Mark]:
    right = _LEFT + _WIDTH + 18
    return [
        Dot(right + 4, _TOP - 24, _LINE, 4.5),
        Words(right + 14, _TOP - 20, "no other is both cheaper and better"),
        Dot(right + 4, _TOP - 6, _OF_SIZE, 4.5),
        Words(right + 14, _TOP - 2, "the best of its size"),
    ]


def _named(number: int, one: Subset, colour: str, axes: tuple[Axis, Axis]) -> list[Mark]:
    """A subset by its number, there and in the key."""
    x, y = axes[0].place(one.usd), axes[1].place(one.quality)
    right, row = _LEFT + _WIDTH + 18, _TOP + 24 + 34 * (number - 1)
    return [
        Dot(x, y, colour, 4.5),
        Words(x + 6, y - 7 if number % 2 else y + 16, str(number)),
        Dot(right + 4, row - 4, colour, 4.5),
        Words(right + 14, row, f"{number}  {' + '.join(one.models)}"),
        Words(right + 26, row + 14, f"${one.usd:.4g}, quality {one.quality:.3f}", size=11),
    ]
