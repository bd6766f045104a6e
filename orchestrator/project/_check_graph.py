"""Checks of one declared graph, before anything is compiled or run."""

from __future__ import annotations

from collections.abc import Collection

from orchestrator.errors import Problem
from orchestrator.project._check_shape import check_shape, other_than
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._frozen import FrozenDict
from orchestrator.project._names import registered, unknown
from orchestrator.project.names import listing
from orchestrator.project.registry import Kind, Registry
from orchestrator.project.schema import Graph, Node

SUBTASK = "subtask"
"""Inside a node with `each`: the subtask at hand."""

TAKEN_NODES = frozenset({"admission", "finish"})
TAKEN_INPUTS = frozenset(
    {
        "self",
        "graph",
        "options",
        "on_event",
        "on_question",
        "thread",
        "resume",
        "answer",
        "accept_changes",
    }
)
"""The parameters of `Mesh.run`, which takes inputs beside them."""
WITHOUT_SHAPE = frozenset(
    {"unknown-agent", "unknown-tool", "unknown-function", "unknown-condition"}
)
"""Mistakes that leave it clear how the nodes hang together, so the rest can still be judged."""

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
    if broken is None and all(problem.code in WITHOUT_SHAPE for problem in problems):
        problems += check_shape(without_unknown(graph, registry), document, registry)
    return problems


def without_unknown(graph: Graph, registry: Registry | None) -> Graph:
    """The graph with a blank step in the place of each whose tool or function is not known."""
    blank = {"tool": None, "function": None, "ask": "?"}

    def known(node: Node) -> bool:
        if registry is None:
            return True
        tool = node.tool is None or node.tool in registry.names("tool")
        return tool and (node.function is None or node.function in registry.names("function"))

    nodes = {
        name: node if known(node) else node.model_copy(update=blank)
        for name, node in graph.nodes.items()
    }
    return graph.model_copy(update={"nodes": FrozenDict(nodes)})


def _keys(document: Document, table: str) -> tuple[str, ...]:
    node = document.root.items.get(table)
    return tuple(node.keys) if node else ()


def _is_in(key: str, node: str) -> bool:
    return key == f"nodes.{node}" or key.startswith((f"nodes.{node}.", f"nodes.{node}["))


def _names_apart(
    nodes: Collection[str], inputs: Collection[str], document: Document
) -> list[Problem]:
    problems = [
        document.problem(
            ("input", name),
            "this name is taken: Mesh.run has a parameter of that name",
            of_key=True,
            found=name,
            allowed="another name for the input",
            code="reserved-name",
        )
        for name in inputs
        if name in TAKEN_INPUTS
    ]
    for name in nodes:
        message = code = ""
        if name in inputs:
            message = "an input has the same name; references could not tell them apart"
            code = "node-named-like-input"
        elif "." in name:
            message = "a node's name has no dot; a dot means a part of a node's result"
            code = "bad-name"
        elif name in TAKEN_NODES:
            message = "this name is taken: every graph has a step of that name of its own"
            code = "reserved-name"
        elif name == SUBTASK:
            message = "this name is taken: inside `each` it means the subtask at hand"
            code = "bad-name"
        if message:
            path, allowed = ("nodes", name), "another name for the node"
            problems.append(
                document.problem(path, message, of_key=True, found=name, allowed=allowed, code=code)
            )
    return problems


def _keys_together(node: Node, path: KeyPath, document: Document) -> list[Problem]:
    kinds = [
        kind for kind in ("agent", "tool", "function", "ask") if getattr(node, kind) is not None
    ]
    allowed = "exactly one of agent, tool, function, ask"
    if len(kinds) != 1:
        message = "a node does one thing" if kinds else "this node does nothing"
        at = (*path, kinds[1]) if kinds else path
        found = " and ".join(kinds) or "none of them"
        code = "two-kinds" if kinds else "no-kind"
        return [document.problem(at, message, of_key=True, found=found, allowed=allowed, code=code)]
    pairs = (
        ("each", node.each is not None, "agent"),
        ("family", node.family is not None, "agent"),
        ("to", bool(node.to), "ask" if node.ask else "function"),
        ("with", bool(node.with_), "tool"),
        ("latency_ms", node.latency_ms is not None, "agent"),
        ("usd", node.usd is not None, "agent"),
    )
    problems = [
        document.problem(
            (*path, key),
            f"'{key}' goes only with '{needed}'",
            of_key=True,
            found=f"{key} with {kinds[0]}",
            allowed=f"remove '{key}', or use '{needed}'",
            code="misplaced-key",
        )
        for key, stands, needed in pairs
        if stands and kinds[0] != needed
    ]
    if node.when is not None and node.to:
        problems.append(
            document.problem(
                (*path, "when"),
                "'when' does not go with 'to': a node that is passed over chooses nothing",
                of_key=True,
                found="when with to",
                allowed="remove 'when', and let the function choose",
                code="misplaced-key",
            )
        )
    if node.at_most is not None and not node.to:
        message = "'at_most' goes only with 'to': it bounds how often a node sends the run back"
        problems.append(
            document.problem(
                (*path, "at_most"),
                message,
                of_key=True,
                allowed="remove at_most, or add 'to'",
                code="misplaced-key",
            )
        )
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
        problems += _read(document, node.of, readable, (*path, "of"))
    for index, reference in enumerate(node.from_):
        at = (*path, "from", index)
        problems += _read(document, reference, readable, at)
    if node.each is not None:
        problems += _unknown_head(document, "node", node.each, nodes, (*path, "each"))
    for label, target in node.to.items():
        problems += _unknown_head(document, "node", target, nodes, (*path, "to", label))
    return problems


def _read(
    document: Document, reference: str, readable: Collection[str], path: KeyPath
) -> list[Problem]:
    """`of` and `from` take a result as a whole."""
    problems = _unknown_head(document, "node or input", reference, readable, path)
    head, dot, _ = reference.partition(".")
    if problems or not dot:
        return problems
    message = "'of' and 'from' take the whole result of a node; only each and agent take a part"
    return [
        document.problem(
            path, message, found=reference, allowed=head, near=head, code="part-not-taken"
        )
    ]


def _independence(
    graph: Graph, node: Node, path: KeyPath, document: Document, torn: Collection[str]
) -> list[Problem]:
    """`family: other-than NODE` needs a node at which a model answers."""
    family = other_than(node)
    if family is None or family in torn:
        return []
    at = (*path, "family")
    if family not in graph.nodes:
        return unknown(document, "node", (family,), tuple(graph.nodes), lambda _: at)
    if graph.nodes[family].agent is None:
        message = f"the node '{family}' is no agent, so no model answers there"
        agents = [name for name, other in graph.nodes.items() if other.agent and other is not node]
        return [
            document.problem(
                at,
                message,
                found=node.family or "",
                allowed="other-than a node with an agent: " + listing(agents),
                code="family-of-no-agent",
            )
        ]
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
        message, allowed = "a name is missing after the dot", f"{head}.PART, or an agent's name"
        found = node.agent
        return [
            document.problem(at, message, found=found, allowed=allowed, code="unknown-attribute")
        ]
    if head != SUBTASK:
        return _unknown_head(document, "node", node.agent, nodes, at)
    if node.each is None and not torn:
        message = f"'{SUBTASK}.' means the subtask at hand; it goes only with 'each'"
        allowed = "add each: NODE.subtasks, or name an agent"
        return [
            document.problem(
                at, message, found=node.agent, allowed=allowed, code="subtask-without-each"
            )
        ]
    return []


def _unknown_head(
    document: Document, kind: str, reference: str, known: Collection[str], path: KeyPath
) -> list[Problem]:
    """`plan.subtasks` refers to `plan`."""
    return unknown(document, kind, (reference.split(".")[0],), known, lambda _: path)
