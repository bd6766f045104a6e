"""What is known of a run's subtasks before it: what code plans is planned at once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from orchestrator.call_types import CallRequest
from orchestrator.errors import NoCandidateError
from orchestrator.graph.edges import reads
from orchestrator.graph.schedule import topological
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph
from orchestrator.replay.planning.outline import Known
from orchestrator.roles.builtins.plan import rule_decomposer
from orchestrator.roles.decomposer import checked_plan, specialist_tasks
from orchestrator.roles.router import specialist_for
from orchestrator.roles.services import Services
from orchestrator.roles.values import Plan
from orchestrator.roles.work import InvalidOutputError
from orchestrator.types import Context, Deployment


async def known_plans(
    graph: Graph, services: Services, registry: Registry, question: str
) -> dict[str, Known]:
    """Node with subtasks → what is known of them.

    Where the decomposer that would be asked is code it is asked now: that costs nothing and calls
    nobody. Where it is a model, the grammar of the request is a guess. Nothing is known of the
    subtasks that a project's own role makes.
    """
    found: dict[str, Known] = {}
    for name, node in graph.nodes.items():
        planner = _decomposer(graph, services.project.agents, (node.each or "").split(".")[0])
        if not node.each or planner is None or not question.strip():
            continue
        code = _code_of(services, planner, question)
        plan = await _planned(services, registry, code, question)
        if plan is not None:
            found[name] = _known(services, plan, certain=code is not None)
    return found


def specialist_of(services: Services, question: str) -> str | None:
    """The agent that a router would choose for the whole request; `None` without specialists."""
    agents = services.project.agents
    if not any(a.role == "specialist" for a in agents.values()):
        return None
    task = services.profiler.profile(question).task
    return specialist_for(agents, task, question, services.embedder).name


def _decomposer(graph: Graph, agents: Mapping[str, Agent], head: str) -> Agent | None:
    """The decomposer that the subtasks of `head` come from, perhaps by way of a router."""
    node = graph.nodes.get(head)
    agent = agents.get(node.agent or "") if node else None
    if node is None or agent is None:
        return None
    if agent.role == "decomposer":
        return agent
    if agent.role != "router":
        return None
    further = (_decomposer(graph, agents, other) for other in reads(node))
    return next((found for found in further if found is not None), None)


def _code_of(services: Services, planner: Agent, question: str) -> Deployment | None:
    """The deployment that would plan, where it is code."""
    text, fleet = f"{planner.prompt}\n{question}", services.fleet()
    profile = services.profiler.profile(text, task=planner.task, agent=planner)
    context = Context(
        estimates=services.predictor.predict(profile, fleet.deployments),
        predictor=services.predictor.version,
    )
    try:
        chosen = services.decider(profile, fleet, context).chosen
    except NoCandidateError:
        return None
    deployment = services.deployments()[chosen]
    return deployment if deployment.deterministic and deployment.via == "builtin" else None


async def _planned(
    services: Services, registry: Registry, code: Deployment | None, question: str
) -> Plan | None:
    tasks = tuple(specialist_tasks(services.project.agents))
    model = registry.get("builtin", code.target, code.id) if code else rule_decomposer
    try:
        text = model(CallRequest(messages=(), inputs={"question": question}))
        return checked_plan(await text if inspect.isawaitable(text) else text, tasks)
    except (InvalidOutputError, ValueError):
        return None  # in a run, too, another one is asked then


def _known(services: Services, plan: Plan, *, certain: bool) -> Known:
    agents, embedder = services.project.agents, services.embedder
    needs = {s.id: s.needs for s in plan.subtasks}
    depth: dict[str, int] = {}
    for name in topological(needs):
        depth[name] = 1 + max((depth[n] for n in needs[name]), default=0)
    names = (specialist_for(agents, s.task, s.description, embedder).name for s in plan.subtasks)
    return Known(agents=tuple(names), depth=max(depth.values()), certain=certain)
