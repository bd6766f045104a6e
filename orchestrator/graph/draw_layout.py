"""Where everything lies in a drawing: layers from top to bottom, few crossings, loops at the side.

The method of Sugiyama, Tagawa and Toda (1981): a layer is a generation of the graph without its
loops; a long arrow gets a joint in every layer that it passes; the order in a layer follows the
barycentre of the neighbours; then each layer is moved to where its arrows are straightest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

SWEEPS = 12
BESIDE = 26.0
"""Pixels between two boxes of a layer."""
BETWEEN = 40.0
"""Pixels between two layers."""
_JOINT = 14.0
"""Pixels that an arrow passing through a layer keeps free."""


@dataclass(slots=True, eq=False)
class Item:
    """A box, the label of an arrow, or a joint of one; `x` and `y` are its middle."""

    width: float
    height: float
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    up: list[Item] = field(default_factory=list, repr=False)
    down: list[Item] = field(default_factory=list, repr=False)
    kind: Literal["box", "label", "joint"] = "box"

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An arrow to be laid out; `label` is the size of its text, if it has one."""

    source: str
    target: str
    back: bool = False
    label: tuple[float, float] | None = None


@dataclass(slots=True)
class Layout:
    """Boxes by name, and for each link that goes on the items that it passes, ends included."""

    boxes: dict[str, Item]
    layers: list[list[Item]]
    chains: dict[int, list[Item]]
    """By the link's place in the list that was given."""

    def band(self, layer: int) -> tuple[float, float]:
        """Top and bottom of a layer."""
        items = self.layers[layer]
        return min(i.top for i in items), max(i.bottom for i in items)


def lay_out(sizes: Mapping[str, tuple[float, float]], links: Sequence[Link]) -> Layout:
    """Give every box and every label its place.

    Args:
        sizes: width and height of each box, in the order of a run.
        links: between them; those that do not go back form no circle.
    """
    boxes = {name: Item(width, height) for name, (width, height) in sizes.items()}
    for name, layer in _layers(list(sizes), links).items():
        boxes[name].layer = layer
    chains = {n: _chain(boxes, link) for n, link in enumerate(links) if not link.back}
    items = dict.fromkeys(id(i) for i in boxes.values())
    every = [*boxes.values(), *(i for c in chains.values() for i in c if id(i) not in items)]
    layers: list[list[Item]] = [[] for _ in range(1 + max(i.layer for i in every))]
    for item in every:
        layers[item.layer].append(item)
    _order(layers)
    _place_across(layers)
    _place_down(layers)
    return Layout(boxes, layers, chains)


def _layers(names: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """The longest way from the beginning; then what has more arrows out than in moves down."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names)
    for link in links:
        if not link.back:
            graph.add_edge(link.source, link.target, least=2 if link.label else 1)
    layer: dict[str, int] = {}
    order = list(nx.topological_sort(graph))
    for name in order:
        before = (layer[s] + graph.edges[s, name]["least"] for s in graph.predecessors(name))
        layer[name] = max(before, default=0)
    for name in reversed(order):
        if 0 < graph.in_degree(name) < graph.out_degree(name):
            after = (layer[t] - graph.edges[name, t]["least"] for t in graph.successors(name))
            layer[name] = max(layer[name], min(after))
    return layer


def _chain(boxes: Mapping[str, Item], link: Link) -> list[Item]:
    start, end = boxes[link.source], boxes[link.target]
    chain = [start]
    for layer in range(start.layer + 1, end.layer):
        if link.label and layer == start.layer + 1:
            chain.append(Item(*link.label, layer, kind="label"))
        else:
            chain.append(Item(_JOINT, 0.0, layer, kind="joint"))
    chain.append(end)
    for one, other in pairwise(chain):
        one.down.append(other)
        other.up.append(one)
    return chain


# ── the order in a layer ─────────────────────────────────────────────────────────────────


def _order(layers: list[list[Item]]) -> None:
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        places = {id(item): n for layer in layers for n, item in enumerate(layer)}
        for layer in layers if downwards else reversed(layers):
            _by_barycentre(layer, places, downwards=downwards)
        _swap_neighbours(layers)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _by_barycentre(layer: list[Item], places: dict[int, int], *, downwards: bool) -> None:
    def middle(item: Item) -> float:
        near = item.up if downwards else item.down
        if not near:
            return float(places[id(item)])
        return sum(places[id(other)] for other in near) / len(near)

    layer.sort(key=middle)
    places.update({id(item): n for n, item in enumerate(layer)})


def _swap_neighbours(layers: list[list[Item]]) -> None:
    for number, layer in enumerate(layers):
        around = layers[max(0, number - 1) : number + 2]
        for at in range(len(layer) - 1):
            before = _crossings(around)
            layer[at], layer[at + 1] = layer[at + 1], layer[at]
            if _crossings(around) >= before:
                layer[at], layer[at + 1] = layer[at + 1], layer[at]


def _crossings(layers: Sequence[Sequence[Item]]) -> int:
    """How many pairs of arrows cross between each two layers."""
    count = 0
    for upper, lower in pairwise(layers):
        places = {id(item): n for n, item in enumerate(lower)}
        ends = [
            (n, places[id(below)])
            for n, item in enumerate(upper)
            for below in item.down
            if id(below) in places
        ]
        count += sum(
            1
            for n, (one, other) in enumerate(ends)
            for left, right in ends[:n]
            if (left - one) * (right - other) < 0
        )
    return count


# ── coordinates ──────────────────────────────────────────────────────────────────────────


def _place_across(layers: list[list[Item]]) -> None:
    for layer in layers:
        at = 0.0
        for item in layer:
            item.x = at + item.width / 2
            at += item.width + BESIDE
    for sweep in range(8 * SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            _straighten(layer, both=sweep >= SWEEPS, downwards=downwards)
    left = min(item.left for layer in layers for item in layer)
    for layer in layers:
        for item in layer:
            item.x -= left


def _straighten(layer: Sequence[Item], *, both: bool, downwards: bool) -> None:
    """Move a layer's items as near as they may be to the middle of their neighbours.

    Least squares under a least distance between neighbours: the pool-adjacent-violators method.
    """
    wished, weights, offsets, offset = [], [], [], 0.0
    for n, item in enumerate(layer):
        if n:
            offset += (layer[n - 1].width + item.width) / 2 + BESIDE
        offsets.append(offset)
        near = [*item.up, *item.down] if both else item.up if downwards else item.down
        pull = [1.0 if "box" in (item.kind, other.kind) else 8.0 for other in near]
        total = sum(pull)
        weights.append(total or 0.1)
        middle = sum(p * o.x for p, o in zip(pull, near, strict=True)) / total if near else item.x
        wished.append(middle - offset)
    pools: list[tuple[float, float, int]] = []
    for wish, weight in zip(wished, weights, strict=True):
        mean, mass, size = wish, weight, 1
        while pools and pools[-1][0] > mean:
            before, heavy, count = pools.pop()
            mean = (mean * mass + before * heavy) / (mass + heavy)
            mass, size = mass + heavy, size + count
        pools.append((mean, mass, size))
    places = [mean for mean, _, size in pools for _ in range(size)]
    for item, place, offset in zip(layer, places, offsets, strict=True):
        item.x = place + offset


def _place_down(layers: Sequence[Sequence[Item]]) -> None:
    top, boxed = 0.0, False
    for number, layer in enumerate(layers):
        above, boxed = boxed, any(item.kind == "box" for item in layer)
        if number:
            top += BETWEEN if above and boxed else BETWEEN * 0.65
            # Far across is easier to follow where there is room.
            across = (abs(item.x - other.x) for item in layer for other in item.up)
            top += min(BETWEEN, max(across, default=0.0) * 0.05)
        height = max(item.height for item in layer)
        for item in layer:
            item.y = top + height / 2
        top += height
