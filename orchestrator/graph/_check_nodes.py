"""Nodes against policy and fleet: each has a model that may serve it, and the path is affordable.

What hits many nodes for one reason is one problem, told where it first shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from orchestrator.errors import NoCandidateError, Problem
from orchestrator.graph._check_world import Places, World, route_of
from orchestrator.graph.edges import reads
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import as_list
from orchestrator.project.schema import Agent, Graph, Node
from orchestrator.types import Decision


@dataclass(frozen=True, slots=True)
class _Miss:
    """A node (or an agent, where `graph` is `None`) that nobody may serve, and why."""

    graph: Graph | None
    name: str
    agent: Agent
    error: NoCandidateError


def check_nodes(world: World, places: Places, empty_routes: Collection[str]) -> list[Problem]:
    """The graphs of the project; those of the default project are not held against its fleet.

    Args:
        empty_routes: routes that leave nobody and were told already.
    """
    graphs = [g for g in world.project.graphs.values() if _judged(places, f"graphs/{g.name}.yaml")]
    problems: list[Problem] = []
    misses = [m for graph in graphs for m in _misses(world, graph)]
    missed = {(m.graph.name if m.graph else "", m.name) for m in misses}
    misses += _specialists(world, places, graphs)
    problems += _told(world, places, misses, empty_routes)
    problems += _other_classes(world, places, graphs, missed, empty_routes)
    for graph in graphs:
        if not any(name == graph.name for name, _ in missed):
            problems += _path_cost(world, places, graph)
            problems += _families(world, places, graph)
    problems += _lengths(world, places, graphs)
    return problems


def _judged(places: Places, key: str) -> bool:
    changed = any(places.own(file) for file in ("fleet.yaml", "policy.yaml"))
    return places.own(key) or not changed


# ── nobody may serve it ──────────────────────────────────────────────────────────────────


def _misses(world: World, graph: Graph, data_class: str | None = None) -> Iterator[_Miss]:
    for name, node in graph.nodes.items():
        agent = world.agent(node)
        if agent is None or agent.task in world.slips or world.needs_a_model(agent) == "no":
            continue
        try:
            world.decide(world.profile(agent, node, data_class))
        except NoCandidateError as error:
            yield _Miss(graph, name, agent, error)


def _specialists(world: World, places: Places, graphs: list[Graph]) -> Iterator[_Miss]:
    """Where an agent is chosen while the graph runs, each specialist may be the one."""
    if not any("." in (node.agent or "") for graph in graphs for node in graph.nodes.values()):
        return
    for agent in world.project.agents.values():
        own = _judged(places, f"agents/{agent.name}.md")
        if agent.role == "specialist" and own and agent.task not in world.slips:
            try:
                world.decide(world.profile(agent))
            except NoCandidateError as error:
                yield _Miss(None, agent.name, agent, error)


def _told(
    world: World, places: Places, misses: list[_Miss], empty_routes: Collection[str]
) -> Iterator[Problem]:
    groups: dict[tuple[str, ...], list[_Miss]] = {}
    for miss in misses:
        routes = _routes(world, miss.error)
        if not (routes and routes <= set(empty_routes)):
            groups.setdefault(_reason(miss), []).append(miss)
    policy = world.project.policy
    for group in groups.values():
        first = group[0]
        code, message = _kind(first)
        others = [_name(miss) for miss in group[1:]]
        document, path = _place(places, first)
        yield document.problem(
            path,
            message,
            found=f"task '{first.agent.task}', data class '{policy.default_data_class}'"
            + (f"; the same for {', '.join(others)}" if others else ""),
            allowed=places.advice(first.error, policy),
            code=code,
            severity="error" if any(_certain(world, miss) for miss in group) else "warning",
        )


def _certain(world: World, miss: _Miss) -> bool:
    return miss.graph is not None and world.needs_a_model(miss.agent) == "yes"


def _reason(miss: _Miss) -> tuple[str, ...]:
    """Nodes of one agent, and nodes that the same rules of the policy bar, share their reason."""
    own = [rule for rule in miss.error.relax if rule.startswith(("fleet.", "request."))]
    return (*miss.error.relax, miss.agent.name) if own else miss.error.relax


def _kind(miss: _Miss) -> tuple[str, str]:
    rules = miss.error.relax
    if rules == ("fleet.capability.context",):
        return "context-too-small", f"the prompt and answer of '{miss.agent.name}' fit no model"
    if all(rule.startswith("budget:") for rule in rules) and rules:
        return "budget-below-path", "every model that may serve this costs more than the budget"
    if all(rule.endswith(".require.providers") for rule in rules) and rules:
        return "too-few-providers", "too few providers may serve this"
    if miss.graph is None:
        return "no-model-for-agent", f"no model may serve the agent '{miss.agent.name}'"
    return "no-model-for-node", f"no model may serve the node '{miss.name}'"


def _place(places: Places, miss: _Miss) -> tuple[Document, KeyPath]:
    if miss.graph is None:
        return places.of(f"agents/{miss.agent.name}.md"), ("task",)
    return places.graph(miss.graph), ("nodes", miss.name, "agent")


def _name(miss: _Miss) -> str:
    return f"{miss.graph.name}.{miss.name}" if miss.graph else f"agent {miss.name}"


def _routes(world: World, error: NoCandidateError) -> set[str]:
    routes = world.project.policy.routes
    found = [route_of(rule, world.project.policy) for rule in error.relax]
    return {routes[i].name for i in found if i is not None}


def _other_classes(
    world: World,
    places: Places,
    graphs: list[Graph],
    missed: Collection[tuple[str, str]],
    empty_routes: Collection[str],
) -> Iterator[Problem]:
    """Data classes that routes name and some node of a graph cannot take."""
    policy = world.project.policy
    named = {c for route in policy.routes for c in as_list(route.match.data_class)}
    for data_class in policy.data_classes:
        if data_class not in named or data_class == policy.default_data_class:
            continue
        misses = [
            miss
            for graph in graphs
            for miss in _misses(world, graph, data_class)
            if miss.graph and (miss.graph.name, miss.name) not in missed
        ]
        # Only what a route does to the class; what stands in the way of all was told already.
        misses = [m for m in misses if _routes(world, m.error) - set(empty_routes)]
        if not misses:
            continue
        error = misses[0].error
        index = route_of(error.relax[0], policy)
        path: KeyPath = ("routes", index or 0, "name")
        yield places.of("policy.yaml").problem(
            path,
            f"for the data class '{data_class}' no model may serve {_name(misses[0])}",
            found=f"{len(misses)} such node{'s' * (len(misses) != 1)}: "
            + ", ".join(_name(miss) for miss in misses),
            allowed=error.advice,
            code="no-model-for-data-class",
            severity="warning",
        )


# ── money and length ─────────────────────────────────────────────────────────────────────


def _path_cost(world: World, places: Places, graph: Graph) -> Iterator[Problem]:
    """The sum over the nodes that every run takes, each by the cheapest model that may serve it."""
    costs = {name: _cheapest(world, graph.nodes[name]) for name in _always(graph)}
    total = sum(cost or 0.0 for cost in costs.values())
    for index, budget in enumerate(world.project.policy.budgets):
        if total <= budget.usd or budget.soft is True or budget.of_models:
            continue
        dearest = max(costs, key=lambda name: costs[name] or 0.0)
        yield places.of("policy.yaml").problem(
            ("budgets", index, "usd"),
            f"the cheapest run of the graph '{graph.name}' costs more than this budget",
            found=f"{budget.usd:g} USD; the cheapest path costs {total:.6f} USD "
            f"(most of it at '{dearest}')",
            allowed=f"at least {_rounded_up(total)}, or a cheaper model for '{dearest}'",
            code="budget-below-path",
            # A model may write less than its agent allows for.
            severity="warning",
        )


def _rounded_up(usd: float) -> str:
    """To two digits that count."""
    text = f"{usd * 1.05:.1e}"
    return f"{float(text):.6f}".rstrip("0").rstrip(".")


def _always(graph: Graph) -> set[str]:
    """The output and all that it reads, one through another; what `to` leads to may not run."""
    seen, waiting = {graph.output}, [graph.output]
    while waiting:
        fresh = {r for r in reads(graph.nodes[waiting.pop()]) if r in graph.nodes} - seen
        seen |= fresh
        waiting += fresh
    return seen


def _cheapest(world: World, node: Node) -> float | None:
    agent = world.agent(node)
    if agent is None or node.when or node.each or world.needs_a_model(agent) != "yes":
        return 0.0
    decision = _decided(world, agent, node)
    if decision and decision.strategy == "panel":
        return decision.least_usd or 0.0  # whoever is cheapest does not answer alone
    costs = (
        [c.scores["cost_usd"] for c in decision.candidates if c.stage is None] if decision else []
    )
    known = [cost for cost in costs if cost is not None]
    return min(known) if known and len(known) == len(costs) else 0.0


def _decided(world: World, agent: Agent, node: Node | None) -> Decision | None:
    try:
        return world.decide(world.profile(agent, node))
    except NoCandidateError:
        return None


def _lengths(world: World, places: Places, graphs: list[Graph]) -> Iterator[Problem]:
    """An agent that asks for more than any model that may serve it can write."""
    used = {node.agent for graph in graphs for node in graph.nodes.values()}
    chosen = any("." in (name or "") for name in used)
    for agent in world.project.agents.values():
        key = f"agents/{agent.name}.md"
        in_use = agent.name in used or (chosen and agent.role == "specialist")
        if not (agent.output_tokens and in_use and _judged(places, key)):
            continue
        decision = _decided(world, agent, None)
        serving = [world.deployments[d] for d in decision.chain] if decision else []
        most = [None if d.deterministic else d.max_output for d in serving]
        longest = max((tokens or 0 for tokens in most), default=0)
        if most and all(most) and longest < agent.output_tokens:
            yield places.of(key).problem(
                ("output_tokens",),
                "no model that may serve this agent can write so much",
                found=str(agent.output_tokens),
                allowed=f"at most {longest} ({serving[most.index(longest)].model})",
                code="output-too-long",
                severity="warning",
            )


# ── families ─────────────────────────────────────────────────────────────────────────────


def _families(world: World, places: Places, graph: Graph) -> Iterator[Problem]:
    """A checker that can only come from its author's family, or that may well do so."""
    for name, node in graph.nodes.items():
        agent = world.agent(node)
        if agent is None or world.needs_a_model(agent) == "no":
            continue
        if node.family:
            yield from _other_than(world, places, graph, name, agent)
        elif agent.role == "checker":
            yield from _unbound(world, places, graph, name, agent)


def _served_by(world: World, agent: Agent | None, node: Node) -> list[str | None]:
    decision = _decided(world, agent, node) if agent else None
    return [world.deployments[d].family for d in decision.chain] if decision else []


def _other_than(
    world: World, places: Places, graph: Graph, name: str, agent: Agent
) -> Iterator[Problem]:
    node = graph.nodes[name]
    author = (node.family or "").removeprefix("other-than ")
    authors = _served_by(world, world.agent(graph.nodes[author]), graph.nodes[author])
    path: KeyPath = ("nodes", name, "family")
    own = _served_by(world, agent, node)
    barred = [f for f in dict.fromkeys(authors) if f is None or all(o == f for o in own)]
    if not authors or None in barred or None in own or len(barred) < len(set(authors)):
        return
    only = ", ".join(sorted({str(family) for family in own}))
    yield places.graph(graph).problem(
        path,
        f"'{name}' must come from another family than '{author}', and both can only be {only}",
        found=node.family or "",
        allowed=f"a model of another family with the task '{agent.task}', or a deterministic one",
        code="same-family",
    )


def _unbound(
    world: World, places: Places, graph: Graph, name: str, agent: Agent
) -> Iterator[Problem]:
    """A checker without `family:` that reads what an agent of a shared family wrote."""
    own = {f for f in _served_by(world, agent, graph.nodes[name]) if f}
    for source in reads(graph.nodes[name]):
        writer = world.agent(graph.nodes[source]) if source in graph.nodes else None
        if writer is None or world.needs_a_model(writer) == "no":
            continue
        shared = own & {f for f in _served_by(world, writer, graph.nodes[source]) if f}
        if shared:
            yield places.graph(graph).problem(
                ("nodes", name),
                f"'{name}' may be checked by the family that wrote '{source}'",
                of_key=True,
                found=", ".join(sorted(shared)),
                allowed=f"family: other-than {source}",
                near=f"family: other-than {source}",
                code="checker-of-own-family",
                severity="warning",
            )
            return
