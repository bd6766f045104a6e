"""A drawing that is true: its edges are those that the compiled graph runs along."""

from __future__ import annotations

from orchestrator.graph.edges import find_edges
from orchestrator.project.schema import Graph, Node

_SHAPES = {"agent": ("(", ")"), "tool": ("[/", "/]"), "function": ("{{", "}}")}


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart: round for agents, slanted for tools, hexagon for
    functions; a dotted arrow is taken only where its function says so."""
    edges = find_edges(graph)
    lines = ["flowchart TD", "    admission([admission])"]
    for name, node in graph.nodes.items():
        opening, closing = _SHAPES[_kind(node)]
        lines.append(f"    {_id(name)}{opening}{_quoted(_label(name, node))}{closing}")
    lines.append("    finish([end])")
    lines += [f"    admission --> {_id(name)}" for name in edges.entries]
    for name in graph.nodes:
        lines += [f"    {_id(source)} --> {_id(name)}" for source in edges.waits[name]]
    for name, choices in edges.choices.items():
        at_most = graph.nodes[name].at_most
        for label, target in choices.items():
            back = edges.order.index(target) < edges.order.index(name)
            text = f"{label}, at most {at_most}" if back and at_most else label
            lines.append(f"    {_id(name)} -.->|{text}| {_id(target)}")
    lines.append(f"    {_id(graph.output)} --> finish")
    return "\n".join(lines) + "\n"


def _kind(node: Node) -> str:
    return "tool" if node.tool else "function" if node.function else "agent"


def _label(name: str, node: Node) -> str:
    what = node.agent or node.tool or node.function or ""
    if node.each:
        what = f"{what} for each of {node.each}"
    text = name if what == name else f"{name}<br/>{what}"
    if node.when:
        text += f"<br/>when {node.when}"
    if node.family:
        text += f"<br/>family {node.family}"
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'


def _id(name: str) -> str:
    # "end" and the like are words of Mermaid; a prefix keeps every node name usable.
    return "n_" + "".join(c if c.isalnum() else "_" for c in name)
