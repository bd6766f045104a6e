"""Checks of a suite: its cases give what the graph takes, and expect what can be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import registered, unknown
from orchestrator.project._signatures import takes
from orchestrator.project._yaml import kind_of
from orchestrator.project.compiled import Entry
from orchestrator.project.names import nearest
from orchestrator.project.policy_schema import Policy
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Graph
from orchestrator.project.suite_schema import Expect, Suite
from orchestrator.project.suites import complete_cases


def check_suite(
    entry: Entry[Suite],
    *,
    graphs: Mapping[str, Entry[Graph]],
    policy: Policy | None,
    registry: Registry | None,
) -> list[Problem]:
    """The problems of one suite, seen with the rest of the project.

    Args:
        policy: for the data classes; `None` where the policy could not be read whole.
        registry: for the names of checks; `None` where the project's Python could not be run.
    """
    suite, document = entry.declared, entry.document
    if suite is None or document is None:
        return []
    problems = unknown(document, "graph", (suite.graph,), graphs, lambda _: ("graph",))
    if policy is not None and suite.options.data_class is not None:
        classes, at = policy.data_classes, ("options", "data_class")
        problems += unknown(
            document, "data class", (suite.options.data_class,), classes, lambda _: at
        )
    root = entry.source.path.parent.parent
    problems += _expect(suite.defaults.expect, ("defaults", "expect"), document, registry, root)
    for index, case in enumerate(suite.cases):
        problems += _expect(case.expect, ("cases", index, "expect"), document, registry, root)
    graph = graphs.get(suite.graph)
    if graph is not None and graph.declared is not None and graph.whole:
        problems += _inputs(suite, document, graph.declared, root)
        if entry.whole:  # what is wrong in the file may be what a case now lacks
            problems += _missing(suite, document, graph.declared)
    return problems + (_twice(suite, document) if entry.whole else [])


# ── inputs ───────────────────────────────────────────────────────────────────────────────


def _inputs(suite: Suite, document: Document, graph: Graph, root: Path) -> list[Problem]:
    problems = _values(suite.defaults.input, ("defaults", "input"), document, graph, root)
    for index, case in enumerate(suite.cases):
        problems += _values(case.input, ("cases", index, "input"), document, graph, root)
    return problems


def _missing(suite: Suite, document: Document, graph: Graph) -> list[Problem]:
    return [
        document.problem(
            ("cases", index, "input", name),
            f"the input '{name}' of the graph {graph.name} is missing",
            of_key=True,
            allowed=kind,
            code="missing-input",
        )
        for index, case in enumerate(suite.cases)
        for name, kind in graph.input.items()
        if not kind.endswith("?") and name not in {**suite.defaults.input, **case.input}
    ]


def _values(
    values: Mapping[str, Any], path: KeyPath, document: Document, graph: Graph, root: Path
) -> list[Problem]:
    kind = f"input of the graph {graph.name}"
    problems = unknown(
        document, kind, tuple(values), graph.input, lambda name: (*path, name), of_key=True
    )
    for name, value in values.items():
        declared = graph.input.get(name)
        if declared is None:
            continue
        if not _fits(value, declared.rstrip("?")):
            message = f"the value does not fit the {kind}"
            found = kind_of(value) if value != "" else "an empty text"
            problems.append(
                document.problem(
                    (*path, name), message, found=found, allowed=declared, code="input-type"
                )
            )
        elif declared.rstrip("?") == "paths":
            problems += _paths(value, (*path, name), document, root)
    return problems


def _fits(value: Any, kind: str) -> bool:
    if kind == "text":
        return isinstance(value, str) and bool(value.strip())
    if kind == "paths":
        return all(isinstance(path, str) for path in _as_paths(value))
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True


def _as_paths(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _paths(value: Any, at: KeyPath, document: Document, root: Path) -> list[Problem]:
    """Files and folders that are not there; paths are relative to the project's folder."""
    single = isinstance(value, str)
    return [
        _absent(document, at if single else (*at, index), path, root)
        for index, path in enumerate(_as_paths(value))
        if not (root / path).exists()
    ]


def _absent(document: Document, at: KeyPath, path: str, root: Path) -> Problem:
    folder = (root / path).parent
    siblings = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    near = nearest(Path(path).name, siblings)
    return document.problem(
        at,
        "this path does not exist",
        found=path,
        allowed="a file or folder, relative to the project's folder",
        near=Path(path).with_name(near).as_posix() if near else "",
        code="no-such-path",
    )


# ── expectations ─────────────────────────────────────────────────────────────────────────


def _expect(
    expect: Expect, path: KeyPath, document: Document, registry: Registry | None, root: Path
) -> list[Problem]:
    problems: list[Problem] = []
    for index, name in enumerate(expect.checks):
        problems += registered(document, registry, "check", name, (*path, "checks", index))
        if registry is not None and name in registry.names("check"):
            problems += _of_a_text(name, registry, document, (*path, "checks", index))
    if expect.matches is not None:
        try:
            re.compile(expect.matches)
        except re.error as error:
            problems.append(
                document.problem(
                    (*path, "matches"),
                    f"this is not a regular expression: {error}",
                    found=expect.matches,
                    code="bad-pattern",
                )
            )
    for index, file in enumerate(expect.cites):
        at = (*path, "cites", index)
        if not (root / file).is_file():
            problems.append(_absent(document, at, file, root))
    return problems + _impossible(expect, path, document)


def _of_a_text(
    name: str, registry: Registry, document: Document, path: KeyPath
) -> Iterator[Problem]:
    if not takes(registry.get("check", name), 2):
        yield document.problem(
            path,
            "this check does not take an answer and a case",
            found=name,
            allowed="a check of a case: def NAME(answer: Answer, case: Case) -> str | None",
            code="check-of-another-kind",
        )


def _impossible(expect: Expect, path: KeyPath, document: Document) -> list[Problem]:
    """Expectations that no answer can meet together."""
    problems: list[Problem] = []
    wanted = {" ".join(text.lower().split()): text for text in expect.contains}
    for index, text in enumerate(expect.not_contains):
        unwanted = " ".join(text.lower().split())
        if any(unwanted in folded for folded in wanted):
            message = "no answer can contain this and not contain it"
            at = (*path, "not_contains", index)
            problems.append(
                document.problem(at, message, found=text, code="impossible-expectation")
            )
    return problems


def _twice(suite: Suite, document: Document) -> list[Problem]:
    """Cases that cannot be told apart by their names."""
    seen: dict[str, int] = {}
    problems: list[Problem] = []
    for index, case in enumerate(complete_cases(suite)):
        name = case.name or ""
        if name in seen:
            line = document.place(("cases", seen[name]))[0]
            stated = suite.cases[index].name is not None
            message = (
                f"the case '{name}' stands twice; first in line {line}"
                if stated
                else f"a case with these inputs stands in line {line}; give one of them a name"
            )
            at: KeyPath = ("cases", index, "name") if stated else ("cases", index)
            problems.append(document.problem(at, message, found=name, code="duplicate-case"))
        seen.setdefault(name, index)
    return problems
