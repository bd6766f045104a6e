"""Checks across files: every name stands for something, and what is declared can work together.

Names are taken from all files, broken ones included, so that one mistake is reported once and
where it was made. A file that could not be parsed at all silences the checks that need its names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from orchestrator.errors import Problem
from orchestrator.project._check_graph import check_graph
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import as_list, registered, unknown
from orchestrator.project._yaml import kind_of
from orchestrator.project.compiled import Entries, Entry
from orchestrator.project.registry import Registry
from orchestrator.project.schema import (
    Agent,
    DeploymentDeclaration,
    Fleet,
    Graph,
    Policy,
    Settings,
    Suite,
)

_NEEDS = {"litellm": "model", "openai": "model", "llamacpp": "weights", "builtin": "function"}
_TARGETS = ("model", "weights", "function")


def check(
    entries: Entries,
    registry: Registry | None,
    known_problems: Sequence[Problem] = (),
) -> list[Problem]:
    """The problems that show only when the files are seen together.

    Args:
        registry: holds the library's names and those of the project's Python. `None` where that
            Python could not be run: then nothing is said about such names.
        known_problems: what was found in the files already; nothing is said twice of one place.
    """
    found: list[Problem] = []
    if entries.settings and entries.settings.declared and entries.settings.document:
        found += _settings(entries.settings.declared, entries.settings.document, entries)
    if entries.fleet and entries.fleet.declared and entries.fleet.document:
        found += _fleet(entries.fleet.declared, entries.fleet.document, registry)
    if entries.policy and entries.policy.declared and entries.policy.document:
        found += _policy(entries.policy.declared, entries.policy.document, known_problems)
        found += _models_in_routes(entries.policy.declared, entries.policy.document, entries)
    for agent in entries.agents.values():
        if agent.declared and agent.document:
            found += _agent(agent.declared, agent.document, registry)
    for graph in entries.graphs.values():
        if graph.declared and graph.document:
            found += check_graph(
                graph.declared,
                graph.document,
                agents=tuple(entries.agents),
                registry=registry,
                broken=None if graph.whole else _keys_with_problems(graph.document, known_problems),
            )
    for suite in entries.suites.values():
        if suite.declared and suite.document:
            found += _suite(suite, suite.declared, suite.document, entries.graphs)
    return [problem for problem in found if not _said(problem, known_problems)]


def _said(problem: Problem, known: Sequence[Problem]) -> bool:
    """Whether a problem of the same place, of a part of it or of what holds it is known."""
    return any(
        other.file == problem.file and (_within(other, problem) or _within(problem, other))
        for other in known
        if other.key
    )


def _keys_with_problems(document: Document, known: Sequence[Problem]) -> frozenset[str]:
    return frozenset(problem.key for problem in known if problem.file == document.file)


def _within(inner: Problem, outer: Problem) -> bool:
    return inner.key == outer.key or inner.key.startswith((f"{outer.key}.", f"{outer.key}["))


def _settings(settings: Settings, document: Document, entries: Entries) -> list[Problem]:
    names = (settings.default_graph,)
    path: KeyPath = ("default_graph",)
    return unknown(document, "graph", names, entries.graphs, lambda _: path)


# ── fleet.yaml ───────────────────────────────────────────────────────────────────────────


def _fleet(fleet: Fleet, document: Document, registry: Registry | None) -> list[Problem]:
    problems: list[Problem] = []
    for name, model in fleet.models.items():
        held = ("models", name, "deployments")
        ids = [deployment.id for deployment in model.deployments]
        problems += _duplicates(document, "deployment", ids, lambda i, at=held: (*at, i, "id"))
        for index, deployment in enumerate(model.deployments):
            problems += _deployment(deployment, (*held, index), document, registry)
    return problems


def _deployment(
    deployment: DeploymentDeclaration, path: KeyPath, document: Document, registry: Registry | None
) -> list[Problem]:
    via = deployment.via
    problems = registered(document, registry, "transport", via, (*path, "via"))
    problems += registered(document, registry, "builtin", deployment.function, (*path, "function"))
    needed = _NEEDS.get(via)
    if needed is None:
        return problems
    wanted = [needed, "endpoint"] if via == "openai" else [needed]
    for key in wanted:
        # The list of a discovered server says which model it holds.
        if getattr(deployment, key) is None and not (key == "model" and deployment.discover):
            message = f"a deployment via {via} needs the key '{key}'"
            problems.append(document.problem((*path, key), message, of_key=True))
    for key in _TARGETS:
        if key not in wanted and getattr(deployment, key) is not None:
            message = f"a deployment via {via} has no use for the key '{key}'"
            allowed = ", ".join(wanted)
            problems.append(
                document.problem((*path, key), message, of_key=True, found=key, allowed=allowed)
            )
    return problems


# ── policy.yaml ──────────────────────────────────────────────────────────────────────────


def _policy(policy: Policy, document: Document, known: Sequence[Problem]) -> list[Problem]:
    problems: list[Problem] = []
    classes = policy.data_classes
    broken = _keys_with_problems(document, known)
    classes_known = not any(key.startswith("data_classes") for key in broken)
    problems += _duplicates(document, "data class", classes, lambda i: ("data_classes", i))
    # A default that the file does not spell out is judged where the classes are declared.
    stated = "default_data_class" in document.root.items
    at = ("default_data_class",) if stated else ("data_classes",)
    default = (policy.default_data_class,)
    if classes_known:
        problems += unknown(document, "default data class", default, classes, lambda _: at)
    objective = policy.objective
    if objective.minimize and objective.maximize:
        message = "choose one: minimize or maximize"
        problems.append(document.problem(("objective",), message, of_key=True))
    names = [route.name for route in policy.routes]
    problems += _duplicates(document, "route", names, lambda i: ("routes", i, "name"))
    for index, route in enumerate(policy.routes if classes_known else ()):
        path = ("routes", index, "match", "data_class")
        problems += _listed(document, "data class", route.match.data_class, classes, path)
    return problems


def _models_in_routes(policy: Policy, document: Document, entries: Entries) -> list[Problem]:
    """Model names in routes. A default policy may prefer models that the project's fleet lacks."""
    fleet, source = entries.fleet, entries.policy
    if fleet is None or fleet.document is None or source is None:
        return []
    if fleet.source.own and not source.source.own:
        return []
    declared = fleet.document.root.items.get("models")
    if declared is None or not declared.keys:
        return []
    models = list(declared.keys)
    families = _families(fleet)
    problems: list[Problem] = []
    for index, route in enumerate(policy.routes):
        at: KeyPath = ("routes", index)
        problems += _listed(document, "model", route.primary, models, (*at, "primary"))
        problems += _listed(document, "model", route.fallbacks, models, (*at, "fallbacks"))
        required = route.require
        at = (*at, "require")
        problems += _listed(document, "model", required.models, models, (*at, "models"))
        problems += _listed(document, "model", required.not_models, models, (*at, "not_models"))
        if fleet.whole:
            families_at = (*at, "not_families")
            names = required.not_families
            problems += _listed(document, "family", names, families, families_at)
    return problems


def _families(fleet: Entry[Fleet]) -> list[str]:
    models = fleet.declared.models.values() if fleet.declared else ()
    return sorted({model.family for model in models if model.family})


# ── agents and suites ────────────────────────────────────────────────────────────────────


def _agent(agent: Agent, document: Document, registry: Registry | None) -> list[Problem]:
    problems = registered(document, registry, "role", agent.role, ("role",))
    return problems + registered(document, registry, "output model", agent.output, ("output",))


def _suite(
    entry: Entry[Suite], suite: Suite, document: Document, graphs: dict[str, Entry[Graph]]
) -> list[Problem]:
    problems = _listed(document, "graph", suite.graph, graphs, ("graph",))
    graph = graphs.get(suite.graph)
    if graph is None or graph.declared is None or not graph.whole:
        return problems
    if graph.source.own and not entry.source.own:
        return problems  # a default suite is for the default graph, which the project replaced
    for index, case in enumerate(suite.cases):
        path = ("cases", index, "input")
        problems += _case(case.input, path, document, graph.declared)
    return problems


def _case(values: dict[str, Any], path: KeyPath, document: Document, graph: Graph) -> list[Problem]:
    """The inputs of a case against those of its graph."""
    problems = unknown(
        document,
        f"input of the graph {graph.name}",
        tuple(values),
        graph.input,
        lambda name: (*path, name),
        of_key=True,
    )
    for name, kind in graph.input.items():
        if name not in values:
            if not kind.endswith("?"):
                message = f"the input '{name}' of the graph {graph.name} is missing"
                problems.append(document.problem((*path, name), message, of_key=True, allowed=kind))
        elif not _fits(values[name], kind.rstrip("?")):
            problems.append(
                document.problem(
                    (*path, name),
                    f"the value does not fit the input of the graph {graph.name}",
                    found=kind_of(values[name]),
                    allowed=kind,
                )
            )
    return problems


def _fits(value: Any, kind: str) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if kind == "paths":
        paths = value if isinstance(value, list | tuple) else (value,)
        return all(isinstance(path, str) for path in paths)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True


# ── helpers ──────────────────────────────────────────────────────────────────────────────


def _listed(
    document: Document,
    kind: str,
    names: str | Sequence[str] | None,
    known: Collection[str],
    path: KeyPath,
) -> list[Problem]:
    """Unknown names in a value that is one name or a list of them."""
    single = isinstance(names, str)
    listed = as_list(names)
    places = {name: path if single else (*path, i) for i, name in enumerate(listed)}
    return unknown(document, kind, listed, known, places.__getitem__)


def _duplicates(document: Document, kind: str, names: Iterable[str], path: Any) -> list[Problem]:
    seen: dict[str, int] = {}
    problems: list[Problem] = []
    for index, name in enumerate(names):
        if name in seen:
            line = document.place(path(seen[name]))[0]
            message = f"the {kind} '{name}' stands twice; first in line {line}"
            problems.append(document.problem(path(index), message, found=name))
        seen.setdefault(name, index)
    return problems
