"""The registries: names in files resolve here, never through an import path.

Decorators add to the registry that is active. The library's own modules fill `BUILTINS`;
while a project's Python files are loaded, that project's registry is active, so two projects
in one process never see each other's names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

from orchestrator.errors import UnknownNameError, UserError

Kind = Literal["function", "tool", "output model", "condition", "role", "transport", "builtin"]
KINDS: tuple[Kind, ...] = (
    "function",
    "tool",
    "output model",
    "condition",
    "role",
    "transport",
    "builtin",
)

T = TypeVar("T")


class Registry:
    """Names to objects, by kind; what is not found here is looked up in `parent`."""

    def __init__(self, parent: Registry | None = None) -> None:
        self._parent = parent
        self._items: dict[Kind, dict[str, Any]] = {kind: {} for kind in KINDS}

    def add(self, kind: Kind, name: str, item: T) -> T:
        """Register `item`. Raises `UserError` where another object already has the name."""
        held = self._items[kind].get(name)
        if held is not None and held is not item:
            raise UserError(f"the {kind} '{name}' is registered twice: {held!r} and {item!r}")
        self._items[kind][name] = item
        return item

    def get(self, kind: Kind, name: str, where: str = "") -> Any:
        """The object of that name. Raises `UnknownNameError` with the near name."""
        registry: Registry | None = self
        while registry is not None:
            if name in registry._items[kind]:
                return registry._items[kind][name]
            registry = registry._parent
        raise UnknownNameError(kind, name, self.names(kind), where)

    def names(self, kind: Kind) -> tuple[str, ...]:
        """All names of that kind, the parent's included, sorted."""
        inherited = self._parent.names(kind) if self._parent else ()
        return tuple(sorted({*inherited, *self._items[kind]}))

    def items(self, kind: Kind) -> Mapping[str, Any]:
        """All objects of that kind by name."""
        return {name: self.get(kind, name) for name in self.names(kind)}

    @contextmanager
    def active(self) -> Iterator[Registry]:
        """Inside the block the decorators add to this registry."""
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)


BUILTINS = Registry()
_active: ContextVar[Registry] = ContextVar("registry", default=BUILTINS)


def _decorator(kind: Kind, name: str) -> Callable[[T], T]:
    def add(item: T) -> T:
        return _active.get().add(kind, name, item)

    return add


def function(name: str) -> Callable[[T], T]:
    """A graph node: `(inputs: Mapping[str, Any]) -> Any`, async or not."""
    return _decorator("function", name)


def tool(name: str) -> Callable[[T], T]:
    """A graph node that reads the world: `(toolbox, **parameters) -> Any`, async."""
    return _decorator("tool", name)


def output_model(name: str) -> Callable[[T], T]:
    """A pydantic model that an agent's output must satisfy."""
    return _decorator("output model", name)


def condition(name: str) -> Callable[[T], T]:
    """`(inputs: Mapping[str, Any]) -> bool`; a node with a false condition is passed through."""
    return _decorator("condition", name)


def role(name: str) -> Callable[[T], T]:
    """What an agent does around its model call: `(work: Work) -> Any`, async."""
    return _decorator("role", name)


def transport(name: str) -> Callable[[T], T]:
    """A class that satisfies `protocols.Transport`."""
    return _decorator("transport", name)


def builtin(name: str) -> Callable[[T], T]:
    """A deterministic model: `(request: CallRequest) -> str`, async or not."""
    return _decorator("builtin", name)
