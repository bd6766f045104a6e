"""Checks of one declared graph, before anything is compiled or run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import registered, unknown
from orchestrator.project.registry import Kind, Registry
from orchestrator.project.schema import Graph, Node

SUBTASK = "subtask"
"""Inside a node with `each`: the subtask at hand."""

_REGISTERED: tuple[tuple[str, Kind], ...] = (
    ("tool", "tool"),
    ("function", "function"),
    ("when", "condition"),
)


def check_graph(
    graph: Graph,
    document: Document,
    *,
    agents: Collection[str],
    registry: Registry | None,
    broken: Collection[str] | None = None,
) -> list[Problem]:
    """Names, the keys that go together, and the shape of the workflow.

    Args:
        broken: the keys at which the file is wrong, `None` where it is not. What was wrong is left
            out of `graph`, so nothing is concluded from what a node lacks, nor from the shape.
    """
    nodes, inputs = _keys(document, "nodes"), _keys(document, "input")
    torn = {name for name in nodes if any(_is_in(key, name) for key in broken or ())}
    problems = _names_apart(nodes, inputs, document)
    for name, node in graph.nodes.items():
        path: KeyPath = ("nodes", name)
        if name not in torn:
            problems += _keys_together(node, path, document)
        for key, kind in _REGISTERED:
            problems += registered(document, registry, kind, getattr(node, key), (*path, key))
        problems += _agent(node, path, document, nodes, agents, torn=name in torn)
        problems += _references(node, path, document, nodes, inputs)
        problems += _independence(graph, node, path, document, torn)
    problems += unknown(document, "node", (graph.output,), nodes, lambda _: ("output",))
    if broken is None and not problems:
        problems = _cycles(graph, document)
    if broken is None and not problems:
        problems = _loops_without_bound(graph, document) + _dead_ends(graph, document)
    return problems


def _keys(document: Document, table: str) -> tuple[str, ...]:
    node = document.root.items.get(table)
    return tuple(node.keys) if node else ()


def _is_in(key: str, node: str) -> bool:
    return key == f"nodes.{node}" or key.startswith((f"nodes.{node}.", f"nodes.{node}["))


def _names_apart(
    nodes: Collection[str], inputs: Collection[str], document: Document
) -> list[Problem]:
    problems = []
    for name in nodes:
        message = ""
        if name in inputs:
            message = "an input has the same name; references could not tell them apart"
        elif "." in name:
            message = "a node's name has no dot; a dot means a part of a node's result"
        elif name == SUBTASK:
            message = "this name is taken: inside `each` it means the subtask at hand"
        if message:
            problems.append(document.problem(("nodes", name), message, of_key=True, found=name))
    return problems


def _keys_together(node: Node, path: KeyPath, document: Document) -> list[Problem]:
    kinds = [kind for kind in ("agent", "tool", "function") if getattr(node, kind) is not None]
    allowed = "exactly one of agent, tool, function"
    if len(kinds) != 1:
        message = "a node does one thing" if kinds else "this node does nothing"
        at = (*path, kinds[1]) if kinds else path
        found = " and ".join(kinds) or "none of them"
        return [document.problem(at, message, of_key=True, found=found, allowed=allowed)]
    pairs = (
        ("each", node.each is not None, "agent"),
        ("family", node.family is not None, "agent"),
        ("to", bool(node.to), "function"),
        ("with", bool(node.with_), "tool"),
    )
    problems = [
        document.problem(
            (*path, key),
            f"'{key}' goes only with '{needed}'",
            of_key=True,
            found=f"{key} with {kinds[0]}",
        )
        for key, stands, needed in pairs
        if stands and kinds[0] != needed
    ]
    if node.at_most is not None and not node.to:
        message = "'at_most' goes only with 'to': it bounds how often a node sends the run back"
        problems.append(document.problem((*path, "at_most"), message, of_key=True))
    return problems


def _references(
    node: Node,
    path: KeyPath,
    document: Document,
    nodes: Collection[str],
    inputs: Collection[str],
) -> list[Problem]:
    """What a node reads and where it sends the run."""
    readable = (*nodes, *inputs)
    problems: list[Problem] = []
    if node.of is not None:
        problems += _unknown_head(document, "node or input", node.of, readable, (*path, "of"))
    for index, reference in enumerate(node.from_):
        at = (*path, "from", index)
        problems += _unknown_head(document, "node or input", reference, readable, at)
    if node.each is not None:
        problems += _unknown_head(document, "node", node.each, nodes, (*path, "each"))
    for label, target in node.to.items():
        problems += _unknown_head(document, "node", target, nodes, (*path, "to", label))
    return problems


def _independence(
    graph: Graph, node: Node, path: KeyPath, document: Document, torn: Collection[str]
) -> list[Problem]:
    """`family: other-than NODE` needs a node at which a model answers."""
    family = _family(node)
    if family is None or family in torn:
        return []
    at = (*path, "family")
    if family not in graph.nodes:
        return unknown(document, "node", (family,), tuple(graph.nodes), lambda _: at)
    if graph.nodes[family].agent is None:
        message = f"the node '{family}' is no agent, so no model answers there"
        return [document.problem(at, message, found=node.family or "")]
    return []


def _agent(
    node: Node,
    path: KeyPath,
    document: Document,
    nodes: Collection[str],
    agents: Collection[str],
    *,
    torn: bool,
) -> list[Problem]:
    if node.agent is None:
        return []
    at = (*path, "agent")
    head, dot, part = node.agent.partition(".")
    if not dot or node.agent in agents:
        return unknown(document, "agent", (node.agent,), agents, lambda _: at)
    if not part:
        return [document.problem(at, "a name is missing after the dot", found=node.agent)]
    if head != SUBTASK:
        return _unknown_head(document, "node", node.agent, nodes, at)
    if node.each is None and not torn:
        message = f"'{SUBTASK}.' means the subtask at hand; it goes only with 'each'"
        return [document.problem(at, message, found=node.agent)]
    return []


def _unknown_head(
    document: Document, kind: str, reference: str, known: Collection[str], path: KeyPath
) -> list[Problem]:
    """`plan.subtasks` refers to `plan`."""
    return unknown(document, kind, (reference.split(".")[0],), known, lambda _: path)


def _family(node: Node) -> str | None:
    return node.family.removeprefix("other-than ") if node.family else None


# ── the shape ────────────────────────────────────────────────────────────────────────────


def _reads(graph: Graph, node: Node) -> Iterator[str]:
    """The nodes that must have run before this one, whichever key says so."""
    references = [node.of, *node.from_, node.each, _family(node)]
    references += [value for value in node.with_.values() if isinstance(value, str)]
    if node.agent and "." in node.agent:
        references.append(node.agent)
    for reference in references:
        head = (reference or "").split(".")[0]
        if head in graph.nodes:
            yield head


def _before(graph: Graph) -> dict[str, set[str]]:
    """For each node all that run before it, by what is read; `to` does not count."""
    direct = {name: set(_reads(graph, node)) for name, node in graph.nodes.items()}
    return {name: _closure(name, direct) for name in direct}


def _closure(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = edges[waiting.pop()] - seen
        seen |= fresh
        waiting.extend(fresh)
    return seen


def _cycles(graph: Graph, document: Document) -> list[Problem]:
    """Nodes that wait for each other; one problem for each such group."""
    before = _before(graph)
    problems: list[Problem] = []
    told: set[str] = set()
    for name in graph.nodes:
        if name not in before[name] or name in told:
            continue
        group = sorted(n for n in before[name] if name in before[n])
        told |= set(group)
        message = (
            "these nodes wait for each other and none can start"
            if len(group) > 1
            else "this node waits for itself"
        )
        allowed = "a loop goes back through 'to', bounded by 'at_most'"
        problems.append(
            document.problem(
                ("nodes", name), message, of_key=True, found=", ".join(group), allowed=allowed
            )
        )
    return problems


def _loops_without_bound(graph: Graph, document: Document) -> list[Problem]:
    before = _before(graph)
    problems: list[Problem] = []
    for name, node in graph.nodes.items():
        back = [label for label, target in node.to.items() if target in before[name] | {name}]
        if back and node.at_most is None:
            label = back[0]
            message = f"'{label}' sends the run back to '{node.to[label]}' without a bound"
            allowed = "add at_most: how often, from 1 to 20"
            path = ("nodes", name, "to", label)
            problems.append(document.problem(path, message, of_key=True, allowed=allowed))
    return problems


def _dead_ends(graph: Graph, document: Document) -> list[Problem]:
    """Nodes whose result never reaches the output, by reading or by `to`."""
    feeds = {name: set(_reads(graph, node)) for name, node in graph.nodes.items()}
    for name, node in graph.nodes.items():
        for target in node.to.values():
            feeds[target].add(name)
    useful = _closure(graph.output, feeds) | {graph.output}
    allowed = f"a node that '{graph.output}' reads, directly or through others"
    return [
        document.problem(
            ("nodes", name),
            f"nothing of this node reaches the output '{graph.output}'",
            of_key=True,
            found=name,
            allowed=allowed,
        )
        for name in graph.nodes
        if name not in useful
    ]
