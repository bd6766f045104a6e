"""What must be cross-validated: whether the graph that is to answer is there, and checks."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.errors import Problem
from orchestrator.graph._check_world import Places
from orchestrator.guard.risk import REFUSE
from orchestrator.project.names import nearest
from orchestrator.project.schema import Graph, Project

_FILE = "policy.yaml"
_VERDICT = "accept_revise_or_abstain"


def check_crossing(project: Project, places: Places) -> Iterator[Problem]:
    """An error for a graph that is not there, a warning for one that judges nothing."""
    if not places.own(_FILE):
        return
    for index, route in enumerate(project.policy.routes):
        name, path = route.cross_validate, ("routes", index, "cross_validate")
        if name is None or name == REFUSE:
            continue
        graph = project.graphs.get(name)
        judging = sorted(g.name for g in project.graphs.values() if _judges(g))
        if graph is None:
            known = sorted((REFUSE, *project.graphs))
            yield places.of(_FILE).problem(
                path,
                "no such graph",
                found=name,
                allowed=", ".join(known),
                near=nearest(name, known) or "",
                code="unknown-graph",
            )
        elif not _judges(graph):
            yield places.of(_FILE).problem(
                path,
                "this graph checks nothing, so that its answers are withheld",
                found=name,
                allowed=", ".join((REFUSE, *judging)),
                code="graph-without-verdict",
                severity="warning",
            )


def _judges(graph: Graph) -> bool:
    return any(node.function == _VERDICT for node in graph.nodes.values())
