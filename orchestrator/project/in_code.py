"""Declared objects that Python made, as if they stood in files.

    load_project(None, declared=[Agent(name="reviewer", …), Graph(name="review", …)])

Each object becomes what its file would be: a document with a place for every value. So the
reading and the checks of files are those of objects too, and there is no second implementation.
The places are those of the code: a value that stands literally in a call has its own line and
column, any other that of the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from orchestrator.errors import Problem, ProjectError, UserError
from orchestrator.project._documents import Document, KeyPath, snippet
from orchestrator.project._files import Source, wrong_name
from orchestrator.project._place import Place, Text, part_of
from orchestrator.project._problems import SECRET_MESSAGE, explain, from_elsewhere
from orchestrator.project._read import SECRET_ALLOWED, entry_of
from orchestrator.project._values import is_secret, secrets_in
from orchestrator.project._yaml import Node, kind_of
from orchestrator.project.check import check
from orchestrator.project.compiled import Entries, Entry
from orchestrator.project.declared import Declared
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.policy_schema import Policy, Route
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph, Settings
from orchestrator.project.suite_schema import Suite

_FILES: dict[type[Declared], str] = {
    Settings: "mesh.yaml",
    Fleet: "fleet.yaml",
    Policy: "policy.yaml",
    Agent: "agents/{}.md",
    Graph: "graphs/{}.yaml",
    Suite: "evals/{}.yaml",
    Route: "policy.yaml",
}
"""The file that would say the same, by class."""
_ROUTE = re.compile(r"routes\[(\d+)\]\.?(.*)")


def construction_error(
    cls: type[BaseModel], data: Mapping[str, Any], error: ValidationError, place: Place
) -> ProjectError:
    """What was wrong with the call `cls(**data)` at `place`, as a person can act on it."""
    written = _written(data, _label(cls, data.get("name")), place)
    problems = explain(cls, error, written.document)
    return ProjectError(written.located(problem) for problem in problems)


class Objects:
    """The objects that a program hands in beside, or instead of, a project's folder."""

    def __init__(self, declared: Sequence[Declared], root: Path) -> None:
        """Raises `UserError` for what is not declared by a file of its own."""
        self._root = root
        self._written: dict[str, _Written] = {}
        self._routes: list[Entry[Route]] = []
        self._base_routes: Source | None = None
        self._given: list[tuple[Declared, str, _Written]] = []
        self._repeated: list[Problem] = []
        for value in declared:
            self._take(value)

    def _take(self, value: Declared) -> None:
        cls = type(value)
        if cls not in _FILES:
            known = ", ".join(kind.__name__ for kind in _FILES)
            raise UserError(f"a project is built from {known}; found {kind_of(value)}")
        label = _label(cls, getattr(value, "name", None))
        written = _written(value, label, _place(value))
        if label in self._written:
            first = self._written[label]
            message = f"this is given twice; first in {first.text.file}:{first.document.root.line}"
            problem = written.document.problem((), message, code="duplicate-name")
            self._repeated.append(written.located(problem))
            return
        self._written[label] = written
        self._given.append((value, label, written))

    @property
    def keys(self) -> frozenset[str]:
        """The places in a project, `agents/reviewer.md`, that need no file."""
        return frozenset(_key(value) for value, _, _ in self._given if type(value) is not Route)

    def entries(self, env: Mapping[str, str], problems: list[Problem]) -> Iterator[Entry[Any]]:
        """Each object as its file's entry; routes are kept for `with_routes`."""
        problems += self._repeated
        for value, label, written in self._given:
            key, document = _key(value), written.document
            source = Source(key, self._root / key, label, own=True)
            problems += _unnamed(value, document) + written.wrong
            entry: Entry[Any] = entry_of(
                type(value),
                source,
                _as_file(value, document),
                secrets=_secrets(document),
                env=env,
                problems=problems,
            )
            entry = replace(entry, document=document)
            if isinstance(value, Route):
                self._routes.append(entry)
            else:
                yield entry

    def with_routes(self, entries: Entries, problems: list[Problem]) -> None:
        """Put the routes before those of the policy: limits add up, and preferences come first."""
        base = entries.policy
        routes = [entry for entry in self._routes if entry.declared is not None]
        if base is None or base.declared is None or base.document is None or not routes:
            return
        self._routes, self._base_routes = routes, base.source
        # What is known of the policy's own routes stands now further down.
        problems[:] = [self._moved(p, len(routes)) for p in problems]
        entries.policy = _joined(base, routes)

    def check_routes(
        self, entries: Entries, registry: Registry | None, known: Sequence[Problem]
    ) -> list[Problem]:
        """The checks of routes that a default policy is spared and a program's routes are not."""
        fleet, policy = entries.fleet, entries.policy
        if not (self._base_routes and fleet and policy and policy.declared):
            return []
        if policy.source.own or not fleet.source.own:
            return []
        only = policy.declared.routes[: len(self._routes)]
        alone = replace(
            policy,
            source=replace(policy.source, own=True),
            declared=policy.declared.model_copy(update={"routes": only}),
        )
        found = check(Entries(fleet=fleet, policy=alone), registry, known)
        return [p for p in found if p.key.startswith("routes[")]

    def located(self, problems: Sequence[Problem]) -> list[Problem]:
        """The problems, each once, with the file of the code instead of an object's label."""
        return list(dict.fromkeys(self._located(problem) for problem in problems))

    def _located(self, problem: Problem) -> Problem:
        if self._base_routes and problem.file == self._base_routes.file:
            found = _ROUTE.fullmatch(problem.key)
            if found and int(found[1]) < len(self._routes):
                route = self._written[self._routes[int(found[1])].source.file]
                return route.located(replace(problem, key=found[2]))
            problem = self._moved(problem, -len(self._routes))
        written = self._written.get(problem.file)
        return written.located(problem) if written else problem

    def _moved(self, problem: Problem, by: int) -> Problem:
        found = _ROUTE.fullmatch(problem.key)
        if found is None or self._base_routes is None or problem.file != self._base_routes.file:
            return problem
        rest = f".{found[2]}" if found[2] else ""
        return replace(problem, key=f"routes[{int(found[1]) + by}]{rest}")


def _joined(base: Entry[Policy], routes: Sequence[Entry[Route]]) -> Entry[Policy]:
    """The policy with `routes` before its own."""
    assert base.document is not None
    assert base.declared is not None
    root, documents = base.document.root, [route.document for route in routes]
    old = root.items.get("routes", Node(root.line, root.column, []))
    rows = [d.root for d in documents if d] + list(old.items.values())
    listing = Node(old.line, old.column, [row.data for row in rows], dict(enumerate(rows)))
    references: dict[KeyPath, str] = {}
    for path, text in base.references.items():
        if path[0] == "routes":
            path = (path[0], int(path[1]) + len(routes), *path[2:])
        references[path] = text
    for index, route in enumerate(routes):
        references |= {("routes", index, *path): t for path, t in route.references.items()}
    declared = tuple(route.declared for route in routes if route.declared)
    joined = Node(
        root.line,
        root.column,
        {**root.data, "routes": listing.data},
        {**root.items, "routes": listing},
        {"routes": listing, **root.keys},
    )
    return replace(
        base,
        document=replace(base.document, root=joined),
        declared=base.declared.model_copy(update={"routes": (*declared, *base.declared.routes)}),
        references=references,
    )


# ── one object ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Written:
    """An object as a document. The document's `file` is the object's label, which is unique."""

    text: Text
    document: Document
    wrong: list[Problem]

    def located(self, problem: Problem) -> Problem:
        label = self.document.file
        return replace(
            problem,
            file=self.text.file,
            key=f"{label}.{problem.key}" if problem.key else label,
            snippet=snippet(self.text.lines, problem.line),
        )


def _place(value: Declared) -> Place | None:
    """Where the object was made; `None` for one that came from a file."""
    return vars(value).get("_place")


def _label(cls: type[BaseModel], name: object) -> str:
    return f"{cls.__name__}('{name}')" if name and isinstance(name, str) else cls.__name__


def _key(value: Declared) -> str:
    return _FILES[type(value)].format(getattr(value, "name", ""))


def _written(value: Any, label: str, place: Place | None) -> _Written:
    text = Text(place or Place("<a loaded project>", 1))
    reader = _Reader(text)
    call = text.call(place)
    at = text.start(call) if call else (place.line if place else 1, 1)
    if isinstance(value, Declared):
        root = reader.node(value, call, at, ())
    else:  # the arguments of a call that made no object, by their names
        root = reader.table([(k, k, v) for k, v in value.items()], call, at, ())
    prompt = getattr(value, "prompt", "") if isinstance(value, Agent) else ""
    document = Document(label, text.lines, root, prompt.strip())
    message = "only texts, numbers, true, false, nothing, lists and mappings can be declared"
    wrong = [
        document.problem(path, message, found=kind_of(odd), code="wrong-type")
        for path, odd in reader.odd
    ]
    return _Written(text, document, wrong if isinstance(value, Declared) else [])


class _Reader:
    """Turns values into nodes with places. `odd` is what no file could say."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self.odd: list[tuple[KeyPath, Any]] = []

    def node(self, value: Any, syntax: Any, at: tuple[int, int], path: KeyPath) -> Node:
        """`value`, whose literal is `syntax` where it has one, and else stands `at` its holder."""
        if isinstance(value, Declared):
            call = self._text.call(_place(value))
            if call is not None:
                syntax, at = call, self._text.start(call)
            return self.table(_said(value), syntax, at, path)
        if isinstance(value, Mapping):
            return self.table([(key, key, item) for key, item in value.items()], syntax, at, path)
        if isinstance(value, list | tuple):
            return self._list(value, syntax, at, path)
        if value is not None and not isinstance(value, str | int | float):
            self.odd.append((path, value))
        return Node(*at, value)

    def table(
        self, items: list[tuple[Any, Any, Any]], syntax: Any, at: tuple[int, int], path: KeyPath
    ) -> Node:
        """A mapping: each item with its name in Python (`from_`), its key in a file, its value."""
        found = Node(*at, {})
        for name, key, value in items:
            part, value_at, key_at = self._part(syntax, (name, key), at)
            found.items[key] = self.node(value, part, value_at, (*path, key))
            found.keys[key] = Node(*key_at)
            found.data[key] = found.items[key].data
        return found

    def _list(self, values: Sequence[Any], syntax: Any, at: tuple[int, int], path: KeyPath) -> Node:
        found = Node(*at, [])
        for index, value in enumerate(values):
            part, value_at, _ = self._part(syntax, (index,), at)
            found.items[index] = self.node(value, part, value_at, (*path, index))
            found.data.append(found.items[index].data)
        return found

    def _part(
        self, syntax: Any, steps: tuple[Any, ...], at: tuple[int, int]
    ) -> tuple[Any, tuple[int, int], tuple[int, int]]:
        """The literal of a part under one of its names, its place, and that of what names it."""
        part, named = part_of(syntax, steps)
        if part is None or named is None:
            return None, at, at
        return part, self._text.start(part), self._text.start(named)


def _said(value: Declared) -> list[tuple[str, str, Any]]:
    """What was given and not left at its default."""
    return [
        (name, field.alias or name, getattr(value, name))
        for name, field in type(value).model_fields.items()
        if name in value.model_fields_set
    ]


def _as_file(value: Declared, document: Document) -> Document:
    """Without what no file says, because its name or its body does."""
    root, elsewhere = document.root, from_elsewhere(type(value))
    data = {key: item for key, item in root.data.items() if key not in elsewhere}
    items = {key: item for key, item in root.items.items() if key not in elsewhere}
    return replace(document, root=replace(root, data=data, items=items))


def _unnamed(value: Declared, document: Document) -> list[Problem]:
    """A name that is missing or could be no file's, and a missing prompt."""
    problems: list[Problem] = []
    name = getattr(value, "name", None)
    if name == "":
        message = f"the name is missing: {type(value).__name__}(name=…, …)"
        problems.append(document.problem((), message, code="missing-key"))
    elif name is not None and (allowed := wrong_name(name)):
        message = "this is not a valid name"
        problems.append(
            document.problem(("name",), message, found=name, allowed=allowed, code="bad-name")
        )
    if isinstance(value, Agent) and not document.body:
        problems.append(document.problem(("prompt",), "the prompt is missing", code="empty-prompt"))
    return problems


def _secrets(document: Document) -> list[Problem]:
    """Texts that hold or are a secret; the prompt is one of them."""
    return [
        document.problem(
            path,
            SECRET_MESSAGE,
            found=f"a text of {len(text)} characters",
            allowed=SECRET_ALLOWED,
            code="literal-secret",
        )
        for path, text in document.texts()
        if secrets_in(text)
        or is_secret(next((step for step in reversed(path) if isinstance(step, str)), ""), text)
    ]
