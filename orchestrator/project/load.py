"""Loads a project: read, check, compile, hash. It needs no key and no network.

    loaded = load_project(".")
    loaded.project.fleet.models, loaded.registry.get("tool", "retrieve"), loaded.sources

All problems of all files are collected and raised as one `ProjectError`.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator.errors import Problem, ProjectError
from orchestrator.project._check_files import misnamed, with_unlisted
from orchestrator.project._documents import Document
from orchestrator.project._files import Source, default_root, find_sources
from orchestrator.project._frozen import FrozenDict
from orchestrator.project._python import digests_of, run_python
from orchestrator.project._read import read_source
from orchestrator.project._support import read_support
from orchestrator.project.check import check
from orchestrator.project.compiled import Entries, Entry, content, project_hash
from orchestrator.project.declared import Declared
from orchestrator.project.in_code import Objects
from orchestrator.project.refreshed_schema import Refreshed
from orchestrator.project.registry import BUILTINS, Registry, active_registry
from orchestrator.project.schema import Project
from orchestrator.types import digest

M = TypeVar("M", bound=BaseModel)

__all__ = ["BUILTIN_MODULES", "LoadedProject", "default_root", "load_builtins", "load_project"]

BUILTIN_MODULES: tuple[str, ...] = (
    "orchestrator.calling.transports",
    "orchestrator.evidence.tools",
    "orchestrator.tooling.builtin",
    "orchestrator.roles.all",
    "orchestrator.graph.functions",
    "orchestrator.evaluation.checks",
)
"""The modules whose import registers the library's own names."""


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project that holds together, and the names that its Python registered."""

    project: Project
    registry: Registry
    sources: Mapping[str, Path]
    """By place in the project (`agents/checker.md`): the file that was read, own or default."""
    warnings: tuple[Problem, ...] = ()
    """What most likely is not what was meant, and does not keep the project from loading."""
    documents: Mapping[str, Document] = field(default_factory=dict)
    """By place in the project: the text with the place of every value, for further checks."""
    inherited: frozenset[str] = frozenset()
    """The places at which the default project's file was taken."""
    located: Callable[[Sequence[Problem]], list[Problem]] = list
    """Puts problems that were found in `documents` where the user wrote it."""


def load_builtins(modules: Sequence[str] = BUILTIN_MODULES) -> None:
    """Import the modules that register the library's names in `BUILTINS`.

    By name, because this package stands below them.
    """
    with BUILTINS.active():
        for module in modules:
            importlib.import_module(module)


def load_project(
    root: str | Path | None,
    declared: Sequence[Declared] = (),
    *,
    env: Mapping[str, str] | None = None,
    builtins: Sequence[str] = BUILTIN_MODULES,
    registry: Registry | None = None,
    defaults: str | Path | None = None,
    instead: Mapping[str, Path] = MappingProxyType({}),
) -> LoadedProject:
    """The project in the folder `root`.

    Args:
        root: may hold any part of a project; what it lacks comes from `defaults`, file by file.
            `None` where the project has no folder.
        declared: objects that stand for files of their own and replace those of `root`. Routes
            are put before those of the policy.
        env: for `${NAME}`; the process's environment where it is not given.
        builtins: modules to import first, so that they register their names.
        registry: where names are looked up that the project does not register itself;
            the active one, or `SCRIPT`, where it is not given.
        defaults: the default project's folder; the library's own where it is not given.
        instead: by place in the project (`policy.yaml`): a file that is read as if it stood there.

    Raises:
        ProjectError: with every problem of every file.
        UserError: `root` is not a folder, or an object is not declared by a file.
    """
    load_builtins(builtins)
    env = os.environ if env is None else env
    root = None if root is None else Path(root)
    objects = Objects(declared, root or Path())
    sources, problems = find_sources(
        root, default_root() if defaults is None else Path(defaults), objects.keys
    )
    for key, path in instead.items():
        sources[key] = Source(key, path, str((root or Path()) / key), own=True)
    entries = Entries()
    for source in sources.values():
        if source.path.suffix != ".py":
            _put(entries, read_source(source, env, problems))
    for entry in objects.entries(env, problems):
        _put(entries, entry)
    objects.with_routes(entries, problems)
    outer = (registry or active_registry()).copy()
    own_names = Registry(outer)
    problems += misnamed(root) if root else []
    python, failures = run_python(sources, entries, own_names)
    python |= digests_of(outer)
    _take_roles(entries, own_names)
    known = not failures and _lists_its_python(entries, problems)
    problems += failures
    problems += check(entries, own_names if known else None, problems)
    problems += objects.check_routes(entries, own_names if known else None, problems)
    support, unread = read_support(entries)
    problems += unread
    if any(problem.severity == "error" for problem in problems):
        problems = with_unlisted(root, problems) if root else problems
        raise ProjectError(objects.located(problems))
    project = _compile(root or Path(), entries, python, support)
    return LoadedProject(
        project,
        own_names,
        {k: source.path for k, source in sources.items()},
        warnings=tuple(objects.located(problems)),
        documents={e.source.key: e.document for e in entries.all() if e.document},
        inherited=frozenset(e.source.key for e in entries.all() if not e.source.own),
        located=objects.located,
    )


def _put(entries: Entries, entry: Entry[Any]) -> None:
    match entry.source.key.split("/")[0]:
        case "mesh.yaml":
            entries.settings = entry
        case "fleet.yaml":
            entries.fleet = entry
        case "fleet.refreshed.yaml":
            entries.refreshed = entry
        case "policy.yaml":
            entries.policy = entry
        case "agents":
            entries.agents[entry.source.name] = entry
        case "graphs":
            entries.graphs[entry.source.name] = entry
        case _:
            entries.suites[entry.source.name] = entry


def _take_roles(entries: Entries, names: Registry) -> None:
    """An agent that states no role takes the one that the project registers under its name.

    Only the project's own roles: a role that a later version of the library brings must not
    change what an agent of that name does.
    """
    for name, entry in entries.agents.items():
        agent = entry.declared
        if agent and "role" not in agent.model_fields_set and names.is_own("role", name):
            declared = agent.model_copy(update={"role": name})
            entries.agents[name] = dataclasses.replace(entry, declared=declared)


def _lists_its_python(entries: Entries, problems: Sequence[Problem]) -> bool:
    """False where a mistake in mesh.yaml may hide Python files, and with them names."""
    settings = entries.settings
    if settings is None or settings.declared is None:
        return False
    wrong = [problem for problem in problems if problem.file == settings.source.file]
    return not any("python" in (p.key.split("[")[0], p.near) for p in wrong)


def _compile(root: Path, entries: Entries, python: Mapping[str, str], support: str) -> Project:
    settings, fleet, policy = entries.settings, entries.fleet, entries.policy
    # A file that is missing or broken is a problem, and there is none.
    assert settings is not None
    assert fleet is not None
    assert policy is not None
    return Project(
        root=str(root),
        settings=_only(settings),
        fleet=_only(fleet),
        refreshed=_only(entries.refreshed) if entries.refreshed else Refreshed(),
        policy=_only(policy),
        agents=_declared(entries.agents),
        graphs=_declared(entries.graphs),
        suites=_declared(entries.suites),
        python=FrozenDict({file: digest(text) for file, text in python.items()}),
        support=support,
        hash=project_hash(entries, python, support),
        policy_hash=digest(content(policy)),
    )


def _only(entry: Entry[M]) -> M:
    assert entry.declared is not None
    return entry.declared


def _declared(entries: Mapping[str, Entry[M]]) -> dict[str, M]:
    return FrozenDict({name: _only(entry) for name, entry in sorted(entries.items())})
