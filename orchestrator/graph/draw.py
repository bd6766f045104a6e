"""A drawing that is true: its arrows are those that the compiled graph runs along.

`picture` says what there is to see; `mermaid` and `draw_svg.svg` draw it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.graph.edges import find_edges
from orchestrator.project.schema import Graph, Node
from orchestrator.types import as_json

BoxKind = Literal["start", "agent", "each", "tool", "function", "person", "end"]
DrawingFormat = Literal["mermaid", "svg", "json"]
ArrowKind = Literal["flow", "each", "choice", "back"]

START, END = "admission", "finish"
MOST_MODELS = 3
"""How many models of a node are named; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Who may serve a node at this moment, and by which rules."""

    models: tuple[str, ...] = ()
    """The chosen one first, then its fallbacks; of `several` agents what is chosen for each."""
    several: bool = False
    routes: tuple[str, ...] = ()
    """Routes of the policy that match."""
    problem: str = ""
    """Why nobody may serve it."""
    below_floor: bool = False
    """True where the chosen one is below the policy's quality floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One node as it is drawn. `admission` and `finish` are in every compiled graph."""

    name: str
    kind: BoxKind
    does: str = ""
    """What it calls: the agent, tool or function."""
    models: tuple[str, ...] = ()
    several: bool = False
    """The models are alternatives, not a chain of fallbacks."""
    rules: tuple[str, ...] = ()
    problem: str = ""

    @property
    def shown_models(self) -> tuple[str, ...]:
        """The first models, and how many there are besides."""
        more = len(self.models) - MOST_MODELS
        return self.models if more <= 0 else (*self.models[:MOST_MODELS], f"+{more}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One step that a run can take.

    `flow`: taken when the node before is done; `each`: the same, once for every item;
    `choice`: taken where the function or the person says so; `back`: a choice that repeats.
    """

    source: str
    target: str
    kind: ArrowKind
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that is drawn of a graph; boxes stand in the order of a run."""

    name: str
    description: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def drawn(self, format: DrawingFormat) -> str:
        """The picture in one of its formats."""
        if format == "svg":
            from orchestrator.graph.draw_svg import svg

            return svg(self)
        return mermaid(self) if format == "mermaid" else json.dumps(as_json(self))


def picture(graph: Graph, services: Mapping[str, Service] | None = None) -> Picture:
    """What there is to see of `graph`.

    Args:
        services: by node, who may serve it; a plain drawing where absent.
    """
    edges = find_edges(graph)
    known = services or {}
    boxes = [Box(name=START, kind="start")]
    boxes += [_box(name, graph.nodes[name], known.get(name, Service())) for name in edges.order]
    boxes.append(Box(name=END, kind="end"))
    arrows = [Arrow(source=START, target=name, kind="flow") for name in edges.entries]
    for name in edges.order:
        head = (graph.nodes[name].each or "").partition(".")[0]
        arrows += [
            Arrow(source=source, target=name, kind="each" if source == head else "flow")
            for source in edges.waits[name]
        ]
        arrows += _choices(name, edges.choices.get(name, {}), edges.order, graph.nodes[name])
    arrows.append(Arrow(source=graph.output, target=END, kind="flow"))
    return Picture(
        name=graph.name, description=graph.description, boxes=tuple(boxes), arrows=tuple(arrows)
    )


def _choices(
    name: str, choices: Mapping[str, str], order: Sequence[str], node: Node
) -> list[Arrow]:
    """Labels that lead to one node share an arrow."""
    labels: dict[str, list[str]] = {}
    for label, target in choices.items():
        labels.setdefault(target, []).append(label)
    found = []
    for target, named in labels.items():
        back = order.index(target) <= order.index(name)
        text = " or ".join(named)
        if back and node.at_most:
            text += f", at most {node.at_most}"
        kind: ArrowKind = "back" if back else "choice"
        found.append(Arrow(source=name, target=target, kind=kind, label=text))
    return found


def _box(name: str, node: Node, service: Service) -> Box:
    return Box(
        name=name,
        kind=_kind(node),
        does=_does(node),
        models=service.models,
        several=service.several,
        rules=(*_rules(node), *_policy(service)),
        problem=service.problem,
    )


def _kind(node: Node) -> BoxKind:
    if node.each:
        return "each"
    if node.tool:
        return "tool"
    if node.function:
        return "function"
    return "person" if node.ask else "agent"


def _does(node: Node) -> str:
    if node.each:
        return f"{node.agent} for each of {node.each}"
    return node.agent or node.tool or node.function or node.ask or ""


def _rules(node: Node) -> tuple[str, ...]:
    """What the graph itself asks of the node."""
    source = node.of or (node.from_[0] if node.from_ else "")
    passed = f", else {source} passes through" if source else ""
    found = (
        f"when {node.when}{passed}" if node.when else "",
        f"family {node.family}" if node.family else "",
        f"at most {node.at_most} times back" if node.at_most else "",
        f"at most {node.latency_ms:,} ms" if node.latency_ms else "",
        f"at most ${node.usd:g}" if node.usd is not None else "",
    )
    return tuple(rule for rule in found if rule)


def _policy(service: Service) -> tuple[str, ...]:
    """What the policy asks of it."""
    routes = f"policy {', '.join(service.routes)}" if service.routes else ""
    floor = "below the quality floor" if service.below_floor else ""
    return tuple(rule for rule in (routes, floor) if rule)


# ── Mermaid ──────────────────────────────────────────────────────────────────────────────

_SHAPES: Mapping[BoxKind, tuple[str, str]] = {
    "start": ("([", "])"),
    "agent": ("(", ")"),
    "each": ("[[", "]]"),
    "tool": ("[/", "/]"),
    "function": ("{{", "}}"),
    "person": (">", "]"),
    "end": ("([", "])"),
}
_ARROWS: Mapping[ArrowKind, str] = {"flow": "-->", "each": "==>", "choice": "-.->", "back": "-.->"}


def mermaid(drawn: Picture) -> str:
    """The picture as a Mermaid flowchart.

    Round: agents; double: agents for each of several; slanted: tools; hexagon: functions; flag:
    people. A thick arrow is taken once for each item, a dotted one where its label is chosen.
    """
    ids = _ids(drawn)
    lines = ["flowchart TD"]
    for box in drawn.boxes:
        opening, closing = _SHAPES[box.kind]
        lines.append(f'    {ids[box.name]}{opening}"{_mermaid_label(box)}"{closing}')
    for arrow in drawn.arrows:
        label = f"|{_mermaid_text(arrow.label)}|" if arrow.label else ""
        lines.append(f"    {ids[arrow.source]} {_ARROWS[arrow.kind]}{label} {ids[arrow.target]}")
    return "\n".join(lines) + "\n"


def _mermaid_label(box: Box) -> str:
    lines = [_mermaid_text(box.name)]
    if box.does and box.does != box.name:
        lines.append(_mermaid_text(box.does))
    if box.problem:
        lines.append(_mermaid_text(box.problem))
    if box.models:
        lines.append("<b>" + _mermaid_text(", ".join(box.shown_models)) + "</b>")
    lines += [f"<i>{_mermaid_text(rule)}</i>" for rule in box.rules]
    return "<br/>".join(lines)


def _mermaid_text(text: str) -> str:
    """Text that Mermaid shows as it is: everything that could mean something is an entity."""
    return "".join(c if c.isalnum() or c in " ,.-_/:+?$" else f"#{ord(c)};" for c in text)


def _ids(drawn: Picture) -> dict[str, str]:
    # "end" and the like are words of Mermaid; a prefix keeps every node name usable.
    ids: dict[str, str] = {START: START, END: END}
    for box in drawn.boxes:
        base = "n_" + "".join(c if c.isalnum() else "_" for c in box.name)
        taken = set(ids.values())
        wanted = [base, *(f"{base}_{number}" for number in range(2, len(drawn.boxes) + 2))]
        ids.setdefault(box.name, next(name for name in wanted if name not in taken))
    return ids
