"""Checks across files: every name stands for something, and what is declared can work together.

Names are taken from all files, broken ones included, so that one mistake is reported once and
where it was made. A file that could not be parsed at all silences the checks that need its names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.errors import Problem
from orchestrator.project import _words
from orchestrator.project._check_agents import Vocabulary, check_agent
from orchestrator.project._check_fleet import check_fleet
from orchestrator.project._check_flow import check_flow
from orchestrator.project._check_graph import WITHOUT_SHAPE, check_graph, without_unknown
from orchestrator.project._check_policy import check_policy, check_routes
from orchestrator.project._check_suite import check_suite
from orchestrator.project._check_tools import (
    check_agent_tools,
    check_models,
    check_tool_nodes,
    check_tools,
)
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import unknown
from orchestrator.project.compiled import Entries, Entry
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph, Settings

SHORTEST_DEADLINE_MS = 1000
"""A whole request's time below which seconds were most likely meant."""


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
    found += _agents_policy_fleet(entries, registry, known_problems)
    agents = {name: e.declared for name, e in entries.agents.items() if e.declared}
    for graph in entries.graphs.values():
        found += _graph(graph, entries, agents, registry, known_problems)
    for suite in entries.suites.values():
        policy = entries.policy.declared if entries.policy and entries.policy.whole else None
        found += check_suite(suite, graphs=entries.graphs, policy=policy, registry=registry)
    return [problem for problem in found if not _said(problem, known_problems)]


def _settings(settings: Settings, document: Document, entries: Entries) -> list[Problem]:
    names = (settings.default_graph,)
    path: KeyPath = ("default_graph",)
    problems = unknown(document, "graph", names, entries.graphs, lambda _: path)
    if settings.deadline_ms < SHORTEST_DEADLINE_MS:
        problems.append(
            document.problem(
                ("deadline_ms",),
                "hardly any request ends in so short a time; it is in milliseconds",
                found=str(settings.deadline_ms),
                allowed=f"{settings.deadline_ms * 1000} where seconds were meant",
                code="short-deadline",
                severity="warning",
            )
        )
    if entries.policy and entries.policy.whole and entries.policy.declared:
        classes = entries.policy.declared.data_classes
        kept = settings.storage.keep_days.by_class
        at: KeyPath = ("storage", "keep_days", "by_class")
        problems += unknown(
            document, "data class", tuple(kept), classes, lambda name: (*at, name), of_key=True
        )
    problems += _anchored(settings, document, entries)
    return problems + _sources(settings, document, entries)


def _anchored(settings: Settings, document: Document, entries: Entries) -> list[Problem]:
    """Heads of the audit log go somewhere, and not where the log itself lies."""
    anchor = settings.audit.anchor
    if anchor is None:
        return []
    if not (anchor.file or anchor.command or anchor.syslog or anchor.url):
        return [
            document.problem(
                ("audit", "anchor"),
                "it names no place for heads to go to",
                allowed="file, command, syslog or url",
                code="anchor-nowhere",
            )
        ]
    if anchor.file is None or entries.settings is None:
        return []
    root = entries.settings.source.path.parent.resolve()
    storage = (root / Path(settings.storage.path).expanduser()).resolve()
    if not (root / Path(anchor.file).expanduser()).resolve().is_relative_to(storage):
        return []
    return [
        document.problem(
            ("audit", "anchor", "file"),
            "heads in the storage folder vouch for nothing: who rewrites the log rewrites them",
            found=anchor.file,
            allowed="a path outside of the storage folder",
            code="anchor-in-storage",
        )
    ]


def _sources(settings: Settings, document: Document, entries: Entries) -> list[Problem]:
    """What callers may let a graph read is there."""
    folder = entries.settings.source.path.parent if entries.settings else Path()
    return [
        document.problem(
            ("gateway", "sources", name, index),
            "there is no such file or folder",
            found=path,
            allowed="a path relative to the project",
            code="missing-source",
        )
        for name, paths in settings.gateway.sources.items()
        for index, path in enumerate(paths)
        if not (folder / path).exists()
    ]


def _agents_policy_fleet(
    entries: Entries, registry: Registry | None, known: Sequence[Problem]
) -> list[Problem]:
    """The three share their words: a task is what an agent has, a model serves, a route matches."""
    fleet, policy = entries.fleet, entries.policy
    models = fleet.declared if fleet else None
    rules = policy.declared if policy else None
    agents = [e.declared for e in entries.agents.values() if e.declared]
    tasks, can = _words.tasks(models, rules, agents), _words.capabilities(models)
    found: list[Problem] = []
    for agent in entries.agents.values():
        if agent.declared and agent.document:
            # A default agent may need what the models of a project's own fleet cannot do.
            judged = (
                fleet is not None and fleet.whole and (agent.source.own or not fleet.source.own)
            )
            words = Vocabulary(tasks, can if judged else None)
            found += check_agent(agent.declared, agent.document, registry, words)
            found += check_agent_tools(agent, entries.settings, registry)
    if policy and rules and policy.document:
        classes_known = not any(
            key.startswith("data_classes") for key in _keys_with_problems(policy.document, known)
        )
        found += check_policy(rules, policy.document, classes_known=classes_known, tasks=tasks)
        found += check_tools(entries, registry, classes_known=classes_known)
        # A default policy may prefer models that the project's fleet lacks.
        if fleet and (policy.source.own or not fleet.source.own):
            found += check_routes(rules, policy.document, fleet)
    if fleet and models and fleet.document:
        found += check_fleet(models, fleet.document, registry, tasks, can)
        found += check_models(fleet, entries.settings, registry)
    refreshed = entries.refreshed
    if models and refreshed and refreshed.declared and refreshed.document:
        ids = [f"{name}/{d.id}" for name, model in models.models.items() for d in model.deployments]
        # A warning: who takes a deployment out of fleet.yaml need not ask its provider first.
        found += unknown(
            refreshed.document,
            "deployment",
            tuple(refreshed.declared.deployments),
            ids,
            lambda name: ("deployments", name),
            of_key=True,
            severity="warning",
        )
    return found


def _graph(
    entry: Entry[Graph],
    entries: Entries,
    agents: Mapping[str, Agent],
    registry: Registry | None,
    known: Sequence[Problem],
) -> list[Problem]:
    graph, document = entry.declared, entry.document
    if graph is None or document is None:
        return []
    broken = None if entry.whole else _keys_with_problems(document, known)
    problems = check_graph(
        graph, document, agents=tuple(entries.agents), registry=registry, broken=broken
    )
    problems += check_tool_nodes(graph, document, entries.settings)
    tolerable = WITHOUT_SHAPE | {"loop-without-bound"}
    clear = all(p.severity == "warning" or p.code in tolerable for p in problems)
    if registry is not None and broken is None and clear:
        problems += check_flow(without_unknown(graph, registry), document, agents, registry)
    return problems


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
