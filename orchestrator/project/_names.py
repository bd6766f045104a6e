"""Names in files that must stand for something."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project.names import listing, nearest
from orchestrator.project.registry import Kind, Registry


def as_list(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name, several or none, as a tuple."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def registered(
    document: Document, registry: Registry | None, kind: Kind, name: str | None, path: KeyPath
) -> list[Problem]:
    """A problem where `name` is given and not in the registry."""
    if registry is None or name is None:
        return []
    return unknown(document, kind, (name,), registry.names(kind), lambda _: path)


def unknown(
    document: Document,
    kind: str,
    names: Sequence[str],
    known: Collection[str],
    path: Callable[[str], KeyPath],
    *,
    of_key: bool = False,
    severity: Literal["error", "warning"] = "error",
) -> list[Problem]:
    """A problem for each of `names` that is not known. Its code is `unknown-agent` and the like."""
    head = kind.split(" of ")[0].split(" or ")[0].removeprefix("default ")
    return [
        document.problem(
            path(name),
            f"unknown {kind}",
            of_key=of_key,
            found=name,
            allowed=listing(known),
            near=nearest(name, known),
            code=f"unknown-{head.replace(' ', '-')}",
            severity=severity,
        )
        for name in names
        if name not in known
    ]


def listed(
    document: Document,
    kind: str,
    names: str | Sequence[str] | None,
    known: Collection[str],
    path: KeyPath,
) -> list[Problem]:
    """Unknown names in a value that is one name or a list of them."""
    single = isinstance(names, str)
    several = as_list(names)
    places = {name: path if single else (*path, i) for i, name in enumerate(several)}
    return unknown(document, kind, several, known, places.__getitem__)


def duplicates(
    document: Document, kind: str, names: Iterable[str], path: Callable[[int], KeyPath]
) -> list[Problem]:
    """A problem for each name that stands a second time."""
    seen: dict[str, int] = {}
    problems: list[Problem] = []
    for index, name in enumerate(names):
        if name in seen:
            line = document.place(path(seen[name]))[0]
            problems.append(
                document.problem(
                    path(index),
                    f"the {kind} '{name}' stands twice; first in line {line}",
                    found=name,
                    allowed="each name once; rename or remove one of the two",
                    code=f"duplicate-{kind.replace(' ', '-')}",
                )
            )
        seen.setdefault(name, index)
    return problems
