"""Names in files that must stand for something."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

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
) -> list[Problem]:
    """A problem for each of `names` that is not known."""
    return [
        document.problem(
            path(name),
            f"unknown {kind}",
            of_key=of_key,
            found=name,
            allowed=listing(known),
            near=nearest(name, known),
        )
        for name in names
        if name not in known
    ]
