"""The ways of the arrows in a layout: smooth, never through a box, loops back at the side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.graph.draw_layout import BETWEEN, Item, Layout, Link

_TIP = 7.0
"""Pixels between the end of a line and the box, which the arrow's tip fills."""
_APART = 18.0
"""Pixels between two arrows at one side of a box."""
_ROUND = 12.0
_ASIDE = 18.0
"""Pixels between a loop and what it goes around."""


@dataclass(slots=True)
class Ways:
    """`paths`: SVG path data by the link's place; `labels`: the middles of their texts."""

    paths: list[str]
    labels: dict[int, tuple[float, float]]
    left: float
    right: float
    bottom: float


@dataclass(slots=True)
class _Ports:
    """Where the arrows of each box leave below and arrive above, in the order of their ends."""

    below: dict[int, float] = field(default_factory=dict)
    above: dict[int, float] = field(default_factory=dict)


def ways(layout: Layout, links: Sequence[Link]) -> Ways:
    """The way of each of `links` in their layout."""
    loops = _loops(layout, links)
    ports = _ports(layout, loops)
    items = [item for layer in layout.layers for item in layer]
    found = Ways(
        paths=[""] * len(links),
        labels={},
        left=min(i.left for i in items),
        right=max(i.right for i in items),
        bottom=max(i.bottom for i in items),
    )
    for number, chain in layout.chains.items():
        found.paths[number] = _onward(layout, chain, ports.below[number], ports.above[number])
        if links[number].label:
            found.labels[number] = (chain[1].x, chain[1].y)
    taken: list[tuple[_Loop, float]] = []
    for loop in loops:
        label = links[loop.number].label
        lane, outer = _lane(layout, loop, label[0] if label else 0.0, taken)
        taken.append((loop, outer))
        found.left, found.right = min(found.left, outer), max(found.right, outer)
        _add_loop(layout, loop, lane, ports, found)
        if not label:
            del found.labels[loop.number]
    return found


# ── onwards ──────────────────────────────────────────────────────────────────────────────


def _onward(layout: Layout, chain: Sequence[Item], start: float, end: float) -> str:
    """Straight through every layer, an S-curve in the gap between two."""
    parts = [f"M{start:.1f} {chain[0].bottom:.1f}"]
    x, y = start, layout.band(chain[0].layer)[1]
    if y > chain[0].bottom:
        parts.append(f"V{y:.1f}")
    for item in chain[1:]:
        last = item is chain[-1]
        top, bottom = layout.band(item.layer)
        goal = end if last else item.x
        below = min(top, item.top - _TIP) if last else top
        parts.append(_curve(x, y, goal, below))
        if last and item.top - _TIP > below:
            parts.append(f"V{item.top - _TIP:.1f}")
        elif not last and bottom > top:
            parts.append(f"V{bottom:.1f}")
        x, y = goal, bottom
    return "".join(parts)


def _curve(x: float, y: float, goal: float, below: float) -> str:
    if abs(x - goal) < 0.5:
        return f"V{below:.1f}"
    middle = (y + below) / 2
    return f"C{x:.1f} {middle:.1f} {goal:.1f} {middle:.1f} {goal:.1f} {below:.1f}"


# ── back ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Loop:
    number: int
    source: Item
    target: Item
    side: int
    """1: at the right, -1: at the left."""
    leaves_aside: bool
    """Nothing stands between the source and that side; else it leaves below."""
    arrives_aside: bool
    place: int
    """How many loops leave the same box before this one."""


def _loops(layout: Layout, links: Sequence[Link]) -> list[_Loop]:
    """Those that go back, the shortest first, which so come to lie inside of the longer ones."""

    def length(number: int) -> int:
        ends = layout.boxes[links[number].source], layout.boxes[links[number].target]
        return ends[0].layer - ends[1].layer

    found: list[_Loop] = []
    for number in sorted((n for n, link in enumerate(links) if link.back), key=length):
        source, target = (layout.boxes[e] for e in (links[number].source, links[number].target))
        free = {
            side: (_outermost(layout, source, side), _outermost(layout, target, side))
            for side in (1, -1)
        }
        side = max((1, -1), key=lambda s: (sum(free[s]), s))
        place = sum(other.source is source for other in found)
        found.append(_Loop(number, source, target, side, *free[side], place))
    return found


def _outermost(layout: Layout, item: Item, side: int) -> bool:
    layer = layout.layers[item.layer]
    return (layer[-1] if side > 0 else layer[0]) is item


def _lane(
    layout: Layout, loop: _Loop, label: float, taken: Sequence[tuple[_Loop, float]]
) -> tuple[float, float]:
    """Where a loop runs up, and how far it and its label reach: outside of all that it passes."""
    first, last = loop.target.layer, loop.source.layer
    passed = [i for layer in layout.layers[first : last + 1] for i in layer]
    edges = [i.right if loop.side > 0 else i.left for i in passed]
    edges += [
        outer
        for other, outer in taken
        if other.side == loop.side and other.target.layer <= last and first <= other.source.layer
    ]
    edge = max(edges) if loop.side > 0 else min(edges)
    lane = edge + loop.side * max(_ASIDE, label / 2 + 6)
    return lane, lane + loop.side * max(4.0, label / 2)


def _add_loop(layout: Layout, loop: _Loop, lane: float, ports: _Ports, found: Ways) -> None:
    side, source, target = loop.side, loop.source, loop.target
    # A function that sends the run back to itself leaves and arrives at one side.
    apart = 12.0 if source is target else 0.0
    if loop.leaves_aside:
        low = source.y + apart + loop.place * 9.0
        corners = [(source.right if side > 0 else source.left, low), (lane, low)]
    else:
        low = layout.band(source.layer)[1] + BETWEEN * 0.3
        x = ports.below[loop.number]
        corners = [(x, source.bottom), (x, low), (lane, low)]
        found.bottom = max(found.bottom, low)
    if loop.arrives_aside:
        high = target.y - apart
        corners += [(lane, high), (target.right + _TIP if side > 0 else target.left - _TIP, high)]
    else:
        high = layout.band(target.layer)[0] - BETWEEN * 0.3
        x = ports.above[loop.number]
        corners += [(lane, high), (x, high), (x, target.top - _TIP)]
    found.paths[loop.number] = _rounded(corners)
    found.labels[loop.number] = (lane, (low + high) / 2)


def _rounded(corners: Sequence[tuple[float, float]]) -> str:
    """Straight lines with round corners."""
    parts = [f"M{corners[0][0]:.1f} {corners[0][1]:.1f}"]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        one, other = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{one[0]:.1f} {one[1]:.1f}")
        parts.append(f"Q{corner[0]:.1f} {corner[1]:.1f} {other[0]:.1f} {other[1]:.1f}")
    parts.append(f"L{corners[-1][0]:.1f} {corners[-1][1]:.1f}")
    return "".join(parts)


def _towards(corner: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    across, down = end[0] - corner[0], end[1] - corner[1]
    length = max(abs(across), abs(down))
    share = min(_ROUND, length / 2) / length if length else 0.0
    return corner[0] + across * share, corner[1] + down * share


# ── where arrows leave and arrive ────────────────────────────────────────────────────────


def _ports(layout: Layout, loops: Sequence[_Loop]) -> _Ports:
    ports = _Ports()
    leaving: dict[int, list[tuple[float, int]]] = {}
    arriving: dict[int, list[tuple[float, int]]] = {}
    for number, chain in layout.chains.items():
        leaving.setdefault(id(chain[0]), []).append((chain[1].x, number))
        arriving.setdefault(id(chain[-1]), []).append((chain[-2].x, number))
    for loop in loops:
        outside = loop.side * float("inf")
        if not loop.leaves_aside:
            leaving.setdefault(id(loop.source), []).append((outside, loop.number))
        if not loop.arrives_aside:
            arriving.setdefault(id(loop.target), []).append((outside, loop.number))
    for box in layout.boxes.values():
        _spread(box, leaving.get(id(box), []), ports.below)
        _spread(box, arriving.get(id(box), []), ports.above)
    for number, chain in layout.chains.items():
        # A short jog is ugly: where an arrow arrives alone it may arrive off the middle.
        straight = ports.below[number] if len(chain) == 2 else chain[-2].x
        alone = len(arriving[id(chain[-1])]) == 1
        if alone and abs(straight - chain[-1].x) < min(_APART, chain[-1].width / 2 - 16):
            ports.above[number] = straight
    return ports


def _spread(box: Item, ends: list[tuple[float, int]], places: dict[int, float]) -> None:
    if not ends:
        return
    step = min(_APART, (box.width - 24) / len(ends))
    for place, (_, number) in enumerate(sorted(ends)):
        places[number] = box.x + (place - (len(ends) - 1) / 2) * step
