"""Who may serve each node of a graph at this moment, for the drawing: `decide`, node by node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from orchestrator.errors import NoCandidateError
from orchestrator.graph.draw import Service
from orchestrator.graph.edges import find_edges
from orchestrator.project.schema import Agent, Graph, Node
from orchestrator.types import Constraints, Decision, FleetSnapshot

Ask = Callable[[Agent, Constraints], Decision]
"""Decides for an agent as for a request about which nothing else is known."""


def services(
    graph: Graph, agents: Mapping[str, Agent], fleet: FleetSnapshot, ask: Ask
) -> dict[str, Service]:
    """For each node with an agent the models that may serve it, and the routes that match.

    A node whose agent is chosen by a run (`route.specialist`) shows the choice of every
    specialist. A family that another node must not share is that of the model chosen there.
    """
    families = {deployment.id: deployment.family for deployment in fleet.deployments}
    chosen: dict[str, str | None] = {}
    found: dict[str, Service] = {}
    for name in find_edges(graph).order:
        node = graph.nodes[name]
        candidates = _agents(node, agents)
        if not candidates:
            continue
        other = (node.family or "").removeprefix("other-than ")
        limits = _limits(node, chosen.get(other))
        service, first = _service(candidates, limits, ask)
        found[name] = service
        chosen[name] = families.get(first)
    return found


def _agents(node: Node, agents: Mapping[str, Agent]) -> list[Agent]:
    if node.agent is None:
        return []
    if "." in node.agent:
        return [agent for _, agent in sorted(agents.items()) if agent.role == "specialist"]
    return [agents[node.agent]] if node.agent in agents else []


def _limits(node: Node, family: str | None) -> Constraints:
    return Constraints(
        not_families=(family,) if family else (),
        latency_ms=node.latency_ms,
        max_cost_usd=node.usd,
    )


def _service(agents: list[Agent], limits: Constraints, ask: Ask) -> tuple[Service, str]:
    """What is known of a node, and the deployment that would serve it."""
    decisions: list[Decision] = []
    refused: list[str] = []
    for agent in agents:
        try:
            decisions.append(ask(agent, limits))
        except NoCandidateError as error:
            relax = f" without relaxing {', '.join(error.relax)}" if error.relax else ""
            who = f"{agent.name}: " if len(agents) > 1 else ""
            refused.append(f"{who}nobody may serve it{relax}")
    # Of several agents the first choice of each; of one the whole chain.
    chains = [d.chain[:1] for d in decisions] if len(agents) > 1 else [d.chain for d in decisions]
    models = _once(_model(decision, id) for decision, chain in zip(decisions, chains, strict=True)
                   for id in chain)  # fmt: skip
    service = Service(
        models=models,
        several=len(agents) > 1,
        routes=_once(route for decision in decisions for route in decision.routes),
        problem="; ".join(refused),
        below_floor=any(decision.degraded for decision in decisions),
    )
    return service, decisions[0].chosen if len(agents) == 1 and decisions else ""


def _model(decision: Decision, deployment: str) -> str:
    return next(c.model for c in decision.candidates if c.deployment == deployment)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
