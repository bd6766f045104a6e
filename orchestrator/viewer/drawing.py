"""Boxes and arrows as an SVG that a page holds: laid out here, coloured by the page's own style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.graph.draw_layout import Link, lay_out
from orchestrator.graph.draw_paths import ways
from orchestrator.graph.draw_text import broken, width_of
from orchestrator.viewer.words import mark

_PAD = 14.0
_WIDEST = 210.0
_NARROWEST = 130.0
_MARGIN = 16.0
_SIZES = {"name": 14.0, "does": 12.0, "model": 12.0, "state": 12.0}
_BOLD = ("name", "model", "state")
_LABEL = 11.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box before it is laid out."""

    name: str
    title: str = ""
    does: str = ""
    model: str = ""
    state: str = ""
    """A word of `words.TONES`: what became of it."""
    told: str = ""
    """What stands beside the state's sign."""
    href: str = ""
    fault: bool = False
    round: bool = False
    """Drawn as a beginning or an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An arrow before it is laid out."""

    source: str
    target: str
    kind: str = "flow"
    label: str = ""
    taken: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text in its place."""

    x: float
    y: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """A node in its place."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge in its place."""

    edge: Edge
    path: str
    label: tuple[float, float, float] | None
    """The middle of its text, and half of its width."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, in pixels."""

    width: float
    height: float
    left: float
    """Where the arrows' own measure begins; boxes stand in that of the drawing."""
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def draw(nodes: Sequence[Node], edges: Sequence[Edge]) -> Drawing:
    """The boxes from top to bottom as the arrows say, which form no circle but by `back`."""
    lines = {node.name: _lines(node) for node in nodes}
    sizes = {node.name: _size(node, lines[node.name]) for node in nodes}
    links = [_link(edge) for edge in edges]
    layout = lay_out(sizes, links)
    found = ways(layout, links)
    across = _MARGIN - found.left
    boxes = []
    for node in nodes:
        at = layout.boxes[node.name]
        left, top = at.left + across, at.top + _MARGIN
        texts = _texts(node, lines[node.name], left, top, at.width)
        boxes.append(Box(node, left, top, at.width, at.height, texts))
    arrows = [
        Arrow(edge, path, _label(edge, found.labels.get(number)))
        for number, (edge, path) in enumerate(zip(edges, found.paths, strict=True))
    ]
    return Drawing(
        width=found.right - found.left + 2 * _MARGIN,
        height=found.bottom + 2 * _MARGIN,
        left=found.left,
        boxes=tuple(boxes),
        arrows=tuple(arrows),
    )


def _label(edge: Edge, at: tuple[float, float] | None) -> tuple[float, float, float] | None:
    if at is None or not edge.label:
        return None
    return at[0], at[1], width_of(edge.label, _LABEL) / 2 + 5


def _link(edge: Edge) -> Link:
    size = (width_of(edge.label, _LABEL) + 12, 18.0) if edge.label else None
    return Link(source=edge.source, target=edge.target, back=edge.kind == "back", label=size)


def _lines(node: Node) -> list[tuple[str, str]]:
    state = f"{mark(node.state)} {node.told or node.state}" if node.state else ""
    parts = (
        ("name", node.title or node.name, 2),
        ("does", node.does, 3),
        ("model", node.model, 2),
        ("state", state, 2),
    )
    return [
        (kind, line)
        for kind, text, most in parts
        if text
        for line in broken(text, _SIZES[kind], _WIDEST, lines=most, bold=kind in _BOLD)
    ]


def _size(node: Node, lines: Sequence[tuple[str, str]]) -> tuple[float, float]:
    widest = max((width_of(t, _SIZES[k], bold=k in _BOLD) for k, t in lines), default=0.0)
    height = sum(_SIZES[kind] * 1.4 for kind, _ in lines) + 18.0
    least = 0.0 if node.round else _NARROWEST
    return max(widest + 2 * _PAD, least), height


def _texts(
    node: Node, lines: Sequence[tuple[str, str]], left: float, top: float, width: float
) -> tuple[Text, ...]:
    found, y = [], top + 9.0
    for kind, line in lines:
        x = left + width / 2 if node.round else left + _PAD
        found.append(Text(round(x, 1), round(y + _SIZES[kind], 1), kind, line))
        y += _SIZES[kind] * 1.4
    return tuple(found)
