"""What flows along the edges of a graph: types of results, parts of them, labels, parameters.

A node's result is known from the return annotation of its tool, function or role. An alarm needs
certainty: where one possible source is not known, nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import Problem
from orchestrator.project._check_shape import heads, waits_for
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import unknown
from orchestrator.project._signatures import (
    NOT_KNOWN,
    Kinds,
    Parameter,
    attributes,
    choice,
    declared_attributes,
    gives,
    kinds_of,
    parameters,
)
from orchestrator.project.names import listing, misspelt, nearest
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph, Node

_INPUTS: Mapping[str, Kinds] = {
    "text": Kinds(frozenset({str})),
    "number": Kinds(frozenset({int, float})),
    "paths": Kinds(frozenset({str}), listed=True),
}
_PLAIN = frozenset({str, int, float, bool, bytes})


@dataclass(slots=True)
class Flow:
    """What each node and input of a graph gives."""

    graph: Graph
    agents: Mapping[str, Agent]
    registry: Registry
    _known: dict[str, Kinds] = field(default_factory=dict)

    def of(self, name: str) -> Kinds:
        """What a reference to that node or input brings."""
        if name in self.graph.input:
            kind = self.graph.input[name]
            found = _INPUTS.get(kind.rstrip("?"), NOT_KNOWN)
            return found | Kinds(optional=True) if kind.endswith("?") else found
        if name not in self.graph.nodes:
            return NOT_KNOWN
        if name not in self._known:
            self._known[name] = NOT_KNOWN  # for nodes that wait for each other
            self._known[name] = self._node(self.graph.nodes[name])
        return self._known[name]

    def _node(self, node: Node) -> Kinds:
        found = self._work(node)
        if not node.when:
            return found
        source = node.of or next(iter(node.from_), None)  # what is passed through
        return found | (self.of(source) if source else Kinds(optional=True))

    def _work(self, node: Node) -> Kinds:
        if node.tool:
            return gives(self.registry.get("tool", node.tool))
        if node.function:
            item = self.registry.get("function", node.function)
            return choice(item).value if node.to else gives(item)
        agent = self.agents.get(node.agent or "")
        if agent is None or agent.role not in self.registry.names("role"):
            return NOT_KNOWN  # chosen while it runs, an answer of a person, or a known mistake
        found = gives(self.registry.get("role", agent.role))
        return Kinds(found.classes, found.known, listed=True) if node.each else found


def check_flow(
    graph: Graph, document: Document, agents: Mapping[str, Agent], registry: Registry
) -> list[Problem]:
    """Mistakes along the edges. Every name in the graph is known, and the shape is sound."""
    flow = Flow(graph, agents, registry)
    problems: list[Problem] = []
    for name, node in graph.nodes.items():
        path: KeyPath = ("nodes", name)
        problems += _parts(flow, node, path, document)
        problems += _subtasks(flow, node, path, document)
        problems += _needed(flow, name, node, document)
        if node.tool:
            problems += _parameters(flow, node, path, document)
        if node.function:
            problems += _labels(flow, name, node, document)
        if node.when and not (node.of or node.from_):
            message = "where the condition does not hold, there is nothing to pass on"
            allowed = "read a node with of or from; its result then stands for this one's"
            at = (*path, "when")
            problems.append(
                document.problem(
                    at, message, allowed=allowed, code="nothing-to-pass-on", severity="warning"
                )
            )
    return problems


# ── parts of results ─────────────────────────────────────────────────────────────────────


def _parts(flow: Flow, node: Node, path: KeyPath, document: Document) -> Iterator[Problem]:
    """`plan.subtasks`: the result of `plan` has that attribute."""
    dotted = [("each", node.each), ("agent", node.agent)]
    for key, reference in dotted:
        head, dot, part = (reference or "").partition(".")
        if not dot or head not in flow.graph.nodes or reference in flow.agents:
            continue
        kinds = flow.of(head)
        held = [attributes(kind) for kind in kinds.classes]
        if not kinds.known or not held or any(h is None or part in h for h in held):
            continue
        names = sorted({n for kind in kinds.classes for n in declared_attributes(kind)})
        near = nearest(part, names)
        yield document.problem(
            (*path, key),
            f"the result of '{head}' ({kinds.shown}) has no '{part}'",
            found=reference or "",
            allowed=listing(f"{head}.{n}" for n in names),
            near=f"{head}.{near}" if near else "",
            code="unknown-attribute",
        )


def _subtasks(flow: Flow, node: Node, path: KeyPath, document: Document) -> Iterator[Problem]:
    """`each` needs a sequence: a result that is one, or the part of a result that is one."""
    head, dot, part = (node.each or "").partition(".")
    if not head or head not in flow.graph.nodes:
        return
    kinds = flow.of(head)
    if not kinds.known or kinds.listed or not kinds.classes:
        return
    if dot:
        held = [attributes(kind) for kind in kinds.classes]
        hints = [kinds_of(h[part]) for h in held if h and part in h]
        if len(hints) < len(held) or any(h.listed or not h.known for h in hints):
            return
    near = next((f"{head}.{n}" for k in kinds.classes for n in _sequences(k)), "")
    yield document.problem(
        (*path, "each"),
        f"'{node.each}' is no sequence of subtasks",
        found=kinds.shown if not dot else node.each or "",
        allowed="a result, or a part of one, that is a sequence of subtasks",
        near=near,
        code="each-without-subtasks",
    )


def _sequences(kind: type) -> list[str]:
    held = attributes(kind) or {}
    listed = [name for name in declared_attributes(kind) if kinds_of(held[name]).listed]
    return sorted(listed, key=lambda name: name != "subtasks")


# ── what a node needs ────────────────────────────────────────────────────────────────────


def _needed(flow: Flow, name: str, node: Node, document: Document) -> Iterator[Problem]:
    """A role or function that cannot do without a type gets it from something that it reads."""
    agent = flow.agents.get(node.agent or "")
    if node.each or not (agent or node.function):
        return
    kind, called = ("role", agent.role) if agent else ("function", node.function or "")
    wanted = flow.registry.facts("role" if agent else "function", called).reads or ()
    sources = tuple(dict.fromkeys(heads(node, family=False)))
    given = {source: flow.of(source) for source in sources}
    for needed in map(kinds_of, wanted):
        if needed.optional or not needed.known:
            continue
        classes = needed.classes
        if any(kinds.may_be(wanted) for kinds in given.values() for wanted in classes):
            continue
        told = "; ".join(f"{source} gives {kinds.shown}" for source, kinds in given.items())
        makers = _makers(flow, name, classes)
        yield document.problem(
            ("nodes", name),
            f"the {kind} '{called}' needs a {needed.shown}, and nothing that it reads gives one",
            of_key=True,
            found=told or "it reads nothing",
            allowed=f"read a node that gives one: {listing(makers)}"
            if makers
            else f"a node that gives a {needed.shown}; this graph has none",
            near=next(iter(makers), ""),
            code="type-mismatch",
        )


def _makers(flow: Flow, name: str, classes: Collection[type]) -> list[str]:
    """The nodes that give one of the classes and do not wait for this node."""
    before = waits_for(flow.graph)
    return [
        other
        for other in flow.graph.nodes
        if other != name
        and name not in before[other]
        and any(issubclass(k, kind) for k in flow.of(other).classes for kind in classes)
    ]


# ── labels ───────────────────────────────────────────────────────────────────────────────


def _labels(flow: Flow, place: str, node: Node, document: Document) -> list[Problem]:
    """`to` has exactly the labels that the function returns."""
    name, path = node.function or "", ("nodes", place)
    found = choice(flow.registry.get("function", name))
    labels = flow.registry.facts("function", name).labels or found.labels
    if not node.to:
        if not labels:
            return []
        message = f"the function '{name}' says where the run goes next, and nothing follows it"
        allowed = "to: {" + ", ".join(f"{label}: NODE" for label in labels) + "}"
        at = (*path, "function")
        return [
            document.problem(
                at,
                message,
                found=name,
                allowed=allowed,
                code="missing-label",
                severity="warning",
            )
        ]
    if labels is None:
        if found.possible:
            return []
        message = f"the function '{name}' returns no label, so 'to' cannot follow it"
        allowed = "a function that returns (label, value), or no 'to'"
        at = (*path, "to")
        return [
            document.problem(
                at, message, of_key=True, allowed=allowed, code="function-without-label"
            )
        ]
    at = (*path, "to")
    if set(labels) <= set(node.to):
        return [
            _never_taken(flow, place, label, document) for label in node.to if label not in labels
        ]
    kind = f"label of the function {name}"
    problems = unknown(
        document, kind, tuple(node.to), labels, lambda label: (*at, label), of_key=True
    )
    spoken_for = {problem.near for problem in problems}
    missing = [label for label in labels if label not in node.to and label not in spoken_for]
    if missing:
        # No error: a function may know that without a bound there is nowhere to go back to.
        message = f"the function '{name}' may return '{missing[0]}', which leads nowhere"
        allowed = "a node for each of " + ", ".join(labels)
        found_labels = ", ".join(node.to)
        problems.append(
            document.problem(
                at,
                message,
                of_key=True,
                found=found_labels,
                allowed=allowed,
                code="missing-label",
                severity="warning",
            )
        )
    return problems


def _never_taken(flow: Flow, place: str, label: str, document: Document) -> Problem:
    """A way beside those that the function returns; a node to which only it leads."""
    nodes = flow.graph.nodes
    name, target = nodes[place].function, nodes[place].to[label]
    ways = [(n, each) for n, node in nodes.items() for each, to in node.to.items() if to == target]
    only = len(ways) == 1 and target not in {*waits_for(flow.graph)[place], place}
    message = f"the function '{name}' never returns '{label}'"
    message += f", so '{target}' is never reached" if only else ", so this way is never taken"
    labels = flow.registry.facts("function", name or "").labels
    allowed = listing(labels or choice(flow.registry.get("function", name or "")).labels or ())
    return document.problem(
        ("nodes", place, "to", label),
        message,
        of_key=True,
        found=label,
        allowed=allowed,
        near=nearest(label, labels or ()),
        code="unreachable-node" if only else "unknown-label",
    )


# ── parameters of tools ──────────────────────────────────────────────────────────────────


def _parameters(flow: Flow, node: Node, path: KeyPath, document: Document) -> list[Problem]:
    """`with` sets what the tool takes, all that it must have, and to values of the right type."""
    takes = parameters(flow.registry.get("tool", node.tool or ""))
    at = (*path, "with")
    problems: list[Problem] = []
    if takes is not None:
        kind = f"parameter of the tool {node.tool}"
        problems = unknown(
            document, kind, tuple(node.with_), tuple(takes), lambda n: (*at, n), of_key=True
        )
        # What is missing may be what the unknown ones were meant to be.
        for name, parameter in () if problems else takes.items():
            if parameter.required and name not in node.with_:
                message = f"the tool '{node.tool}' needs the parameter '{name}'"
                allowed = f"with: {{{name}: …}}, a value, or the name of an input or node"
                where = at if node.with_ else (*path, "tool")
                problems.append(
                    document.problem(
                        where, message, of_key=True, allowed=allowed, code="missing-parameter"
                    )
                )
    for name, value in node.with_.items():
        parameter_ = takes.get(name) if takes else None
        problems += _value(flow, value, parameter_, (*at, name), document)
    return problems


def _value(
    flow: Flow, value: Any, parameter: Parameter | None, path: KeyPath, document: Document
) -> Iterator[Problem]:
    graph = flow.graph
    refers = isinstance(value, str) and (value in graph.input or value in graph.nodes)
    if isinstance(value, str) and not refers:
        yield from _nearly_a_name(flow, value, path, document)
    if parameter is None or not parameter.kinds.known:
        return
    given = flow.of(value) if refers else Kinds(frozenset({type(value)}))
    takes = parameter.kinds
    if not _fits(given, takes):
        yield document.problem(
            path,
            f"the parameter takes {_words(takes)}",
            found=f"{value} gives {_words(given)}" if refers else _words(given),
            allowed=_words(takes),
            near=next((n for n in graph.input if _fits(flow.of(n), takes)), ""),
            code="parameter-type",
        )
    elif given.optional and not takes.optional and refers and value in graph.input:
        yield document.problem(
            path,
            f"the input '{value}' may be missing, and the parameter takes no nothing",
            found=f"{value}: {graph.input[value]}",
            allowed=f"{value}: {graph.input[value].rstrip('?')}, or a parameter that may be None",
            code="optional-input",
            severity="warning",
        )


def _nearly_a_name(flow: Flow, value: str, path: KeyPath, document: Document) -> Iterator[Problem]:
    """A text that is not what it seems: a misspelt name, or a part of a result."""
    names = (*flow.graph.input, *flow.graph.nodes)
    head, dot, part = value.partition(".")
    held = [attributes(kind) or {} for kind in flow.of(head).classes] if dot else []
    if any(part in h for h in held) and head in flow.graph.nodes:
        message = f"'with' takes the whole result of a node; this passes the text '{value}'"
        near = head
    else:
        near = misspelt(value, names)
        if near.rstrip("s") == value.rstrip("s"):  # a plural is a word of its own
            return
        message = f"no input or node is called so; this passes the text '{value}'"
    if near:
        yield document.problem(
            path,
            message,
            found=value,
            allowed=listing(names),
            near=near,
            code="text-like-a-name",
            severity="warning",
        )


def _fits(given: Kinds, takes: Kinds) -> bool:
    """Whether a value of the one may stand for the other; true where that cannot be told."""
    if not given.known or not takes.known or not given.classes or not takes.classes:
        return True
    if not takes.classes <= _PLAIN:
        return True  # a protocol of the tool's own, a mapping, …: Python checks no more either
    if given.listed != takes.listed and not (takes.listed and given.classes <= {str}):
        return False
    numbers = {int, float} if takes.classes & {float} else set()
    allowed = takes.classes | numbers
    return any(issubclass(kind, tuple(allowed)) for kind in given.classes)


def _words(kinds: Kinds) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    names = sorted({words.get(kind, kind.__name__) for kind in kinds.classes})
    text = " or ".join(names)
    return f"a list of {text}" if kinds.listed else text
