"""Checks of a loaded project before anything runs: graphs, policy and fleet seen together.

    for problem in check_project(loaded, os.environ):
        print(problem)

Nothing is called and nobody is asked. Every deployment counts as available, so a key that is not
set is no problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.errors import NoCandidateError, Problem, ProjectError, UserError
from orchestrator.evidence.project_model import project_model
from orchestrator.graph._check_crossing import check_crossing
from orchestrator.graph._check_nodes import check_nodes
from orchestrator.graph._check_people import check_people
from orchestrator.graph._check_routes import check_routes
from orchestrator.graph._check_strategies import check_strategies
from orchestrator.graph._check_world import Places, World, everybody, least_profile
from orchestrator.graph.answer import RunOptions
from orchestrator.graph.edges import find_edges
from orchestrator.project.load import LoadedProject
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Graph, Project
from orchestrator.types import Deployment


def check_project(loaded: LoadedProject, env: Mapping[str, str]) -> tuple[Problem, ...]:
    """Errors that would stop a run, and warnings, sorted by file and line.

    Those of the single files were raised by `load_project`; its warnings are among these.
    """
    places = Places(loaded)
    problems: list[Problem] = _support(loaded.project)
    problems += check_people(loaded.project, places)
    problems += check_crossing(loaded.project, places)
    for graph in loaded.project.graphs.values():
        if places.own(f"graphs/{graph.name}.yaml"):
            problems += _edges(graph, places)
    try:
        world = World.of(loaded, env)
    except UserError as error:
        problems.append(places.of("fleet.yaml").problem((), str(error), code="bad-deployment"))
    else:
        found, empty = check_routes(world, places)
        problems += found
        problems += check_nodes(world, places, empty)
        problems += check_strategies(world, places, empty)
    located = [*loaded.warnings, *loaded.located(problems)]
    return tuple(sorted(located, key=lambda p: (p.file, p.line, p.column, p.key)))


def _support(project: Project) -> list[Problem]:
    """The model of support that mesh.yaml names is one."""
    try:
        project_model(project)
    except ProjectError as error:
        return list(error.problems)
    return []


def _edges(graph: Graph, places: Places) -> list[Problem]:
    """What can be compiled: the edges of the graph can be found."""
    try:
        find_edges(graph)
    except UserError as error:
        message = str(error).removeprefix(f"graph '{graph.name}': ")
        allowed = "let a node read only what stands before the function that chooses it"
        document, code = places.graph(graph), "tangled-choice"
        return [document.problem(("nodes",), message, of_key=True, allowed=allowed, code=code)]
    return []


def refuse_unservable(
    project: Project,
    registry: Registry,
    deployments: Sequence[Deployment],
    graph: Graph,
    options: RunOptions,
) -> None:
    """Refuse a run of which some node could not be served, whoever is available.

    Raises:
        NoCandidateError: names the node and the smallest set of rules to relax.
    """
    world = World(project, registry, everybody(deployments))
    data_class = options.data_class or project.policy.default_data_class
    for name, node in graph.nodes.items():
        agent = world.agent(node)
        if agent is None or node.when or world.needs_a_model(agent) != "yes":
            continue
        profile = least_profile(agent, data_class, node, options.constraints)
        profile = replace(profile, risk=options.risk or profile.risk, tags=options.tags)
        try:
            world.decide(profile)
        except NoCandidateError as error:
            message = f"graph '{graph.name}', node '{name}': {error}"
            raise NoCandidateError(message, error.relax, error.candidates, error.advice) from None
