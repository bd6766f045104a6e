"""A person's last word: whether the graphs ask for the one that the policy demands."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.errors import Problem
from orchestrator.graph._check_world import Places
from orchestrator.project._documents import KeyPath
from orchestrator.project.schema import Graph, Project

_FILE = "policy.yaml"
_VERDICT = "accept_revise_or_abstain"


def check_people(project: Project, places: Places) -> Iterator[Problem]:
    """Warnings: where nobody is asked, every answer that a person must approve is withheld."""
    if not places.own(_FILE):
        return
    silent = sorted(graph.name for graph in project.graphs.values() if _asks_nobody(graph))
    if not silent:
        return
    for path in _demands(project):
        yield places.of(_FILE).problem(
            path,
            "a person must approve, and nobody is asked: such answers are all withheld",
            found=f"human, while no node of graph {_listed(silent)} has 'ask'",
            allowed="a node with 'ask' and 'when: a_person_decides' that the answer reads, or "
            "checking: two",
            code="nobody-to-approve",
            severity="warning",
        )


def _asks_nobody(graph: Graph) -> bool:
    """Whether it judges answers, and has no node that waits for a person."""
    nodes = graph.nodes.values()
    return any(n.function == _VERDICT for n in nodes) and not any(n.ask for n in nodes)


def _demands(project: Project) -> Iterator[KeyPath]:
    policy = project.policy
    if policy.objective.checking == "human":
        yield ("objective", "checking")
    for index, route in enumerate(policy.routes):
        if route.checking == "human":
            yield ("routes", index, "checking")


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
