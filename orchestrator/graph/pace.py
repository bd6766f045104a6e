"""The course of a declared graph: which steps can come, and how long each usually takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.graph.deadlines import Course
from orchestrator.graph.edges import Edges
from orchestrator.graph.schedule import topological
from orchestrator.project.schema import Graph, Node

TOOL_MS = 1000.0
FUNCTION_MS = 50.0
AGENT_MS = 1000.0
"""The least that is expected of an agent: it may have to fall back to a slower model."""


def course_of(graph: Graph, edges: Edges, expected_ms: Callable[[str], float | None]) -> Course:
    """The course of `graph`.

    Args:
        expected_ms: agent → how long its model is expected to take; `None` where nobody knows.
    """
    rank = {name: index for index, name in enumerate(edges.order)}
    return Course(
        order=edges.order,
        follows={
            name: tuple(to for start, to in edges.all if start == name and rank[to] > rank[name])
            for name in edges.order
        },
        expected={name: _expected(node, expected_ms) for name, node in graph.nodes.items()},
        limits={n: float(node.latency_ms) for n, node in graph.nodes.items() if node.latency_ms},
        loops=edges.bodies,
    )


def subtask_course(needs: Mapping[str, Sequence[str]]) -> Course:
    """The course of a plan's subtasks, which all count alike.

    Raises:
        RunError: as `topological`.
    """
    return Course(
        order=topological(needs),
        follows={name: tuple(n for n in needs if name in needs[n]) for name in needs},
        expected=dict.fromkeys(needs, 1.0),
    )


def rounds_left(graph: Graph, rounds: Mapping[str, int]) -> dict[str, int]:
    """Node that may send the run back → how often it still may."""
    return {
        name: node.at_most - rounds.get(name, 0)
        for name, node in graph.nodes.items()
        if node.at_most
    }


def _expected(node: Node, expected_ms: Callable[[str], float | None]) -> float:
    if node.tool:
        return TOOL_MS
    if node.function:
        return FUNCTION_MS
    if node.agent is None:
        return 0.0  # a person, for whom the clock stands still
    known = None if "." in node.agent else expected_ms(node.agent)
    return max(known or 0.0, AGENT_MS)
