"""The shape of a workflow: what waits for what, and whether a run can come to its end."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping

from orchestrator.errors import Problem
from orchestrator.project._documents import Document
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Graph, Node


def check_shape(graph: Graph, document: Document, registry: Registry | None) -> list[Problem]:
    """Cycles first: where nodes wait for each other nothing else can be said of the shape."""
    problems = _cycles(graph, document)
    if problems:
        return problems
    return [
        *_loops(graph, document),
        *_output(graph, document),
        *_dead_ends(graph, document),
        *_unused_inputs(graph, document, registry),
    ]


def heads(node: Node, *, family: bool = True) -> Iterator[str]:
    """The nodes and inputs that a node refers to; `family`: also one that it only waits for."""
    references = [node.of, *node.from_, node.each, other_than(node) if family else None]
    references += [value for value in node.with_.values() if isinstance(value, str)]
    if node.agent and "." in node.agent:
        references.append(node.agent)
    for reference in references:
        if reference:
            yield reference.split(".")[0]


def other_than(node: Node) -> str | None:
    """The node that `family: other-than NODE` names."""
    return node.family.removeprefix("other-than ") if node.family else None


def waits_for(graph: Graph) -> dict[str, set[str]]:
    """For each node all that run before it, by what is read; `to` does not count."""
    direct = {name: set(_reads(graph, node)) for name, node in graph.nodes.items()}
    return {name: _closure(name, direct) for name in direct}


def _reads(graph: Graph, node: Node) -> Iterator[str]:
    return (head for head in heads(node) if head in graph.nodes)


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
    before = waits_for(graph)
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
                ("nodes", name),
                message,
                of_key=True,
                found=", ".join(group),
                allowed=allowed,
                code="circular-wait" if len(group) > 1 else "waits-for-itself",
            )
        )
    return problems


def _loops(graph: Graph, document: Document) -> list[Problem]:
    """Ways back: each has a bound, each bound has a way back, and there is a way on."""
    before = waits_for(graph)
    problems: list[Problem] = []
    for name, node in graph.nodes.items():
        back = [label for label, target in node.to.items() if target in before[name] | {name}]
        path = ("nodes", name)
        if back and node.at_most is None:
            label = back[0]
            message = f"'{label}' sends the run back to '{node.to[label]}' without a bound"
            allowed = "add at_most: how often, from 1 to 20"
            code = "loop-without-bound"
            at = (*path, "to", label)
            problems.append(document.problem(at, message, of_key=True, allowed=allowed, code=code))
        elif back and len(back) == len(node.to) and name != graph.output:
            message = "every label sends the run back, so it never goes on"
            allowed = f"a label that leads on, for example done: {graph.output}"
            code = "loop-without-end"
            problems.append(
                document.problem((*path, "to"), message, of_key=True, allowed=allowed, code=code)
            )
        elif node.at_most is not None and node.to and not back:
            message = "no label of this node sends the run back, so there is nothing to bound"
            allowed = "remove at_most, or let a label lead to a node before this one"
            problems.append(
                document.problem(
                    (*path, "at_most"),
                    message,
                    of_key=True,
                    allowed=allowed,
                    code="bound-without-loop",
                    severity="warning",
                )
            )
    return problems


def _output(graph: Graph, document: Document) -> list[Problem]:
    """The run ends where the output is there; it cannot be sent on from it as well."""
    if not graph.nodes[graph.output].to:
        return []
    message = f"'{graph.output}' is the output, which ends the run; it cannot send it on"
    allowed = "remove 'to', or name the node that it leads to as the output"
    path = ("nodes", graph.output, "to")
    return [document.problem(path, message, of_key=True, allowed=allowed, code="output-leads-on")]


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
            code="dead-end",
        )
        for name in graph.nodes
        if name not in useful
    ]


# ── inputs ───────────────────────────────────────────────────────────────────────────────


def _unused_inputs(graph: Graph, document: Document, registry: Registry | None) -> list[Problem]:
    """Inputs that no node reads. Agents see the first text as the question, functions see all."""
    nodes = graph.nodes.values()
    read = {head for node in nodes for head in heads(node)}
    question = next((name for name, kind in graph.input.items() if kind.startswith("text")), None)
    if question and any(node.agent for node in nodes):
        read.add(question)
    functions = {node.function for node in nodes if node.function}
    unread = [name for name in graph.input if name not in read]
    if functions and (registry is None or not unread):
        return []
    texts = list(_sources(functions, registry)) if registry else []
    return [
        document.problem(
            ("input", name),
            "no node reads this input",
            of_key=True,
            found=name,
            allowed="name it in a node's of, from or with, or remove it",
            code="unused-input",
            severity="warning",
        )
        for name in unread
        if not any(text is None or re.search(rf"\b{re.escape(name)}\b", text) for text in texts)
    ]


def _sources(functions: Iterable[str], registry: Registry) -> Iterator[str | None]:
    """The text of the module of each function: what it does not name it cannot look up."""
    for name in functions:
        item = inspect.unwrap(registry.get("function", name))
        module = inspect.getmodule(item)
        file = getattr(item, "__code__", None)
        try:
            yield inspect.getsource(module) if module and file else None
        except (OSError, TypeError):  # made at run time: it may read anything
            yield None
