"""The registries: names in files resolve here, never through an import path.

A decorator adds to the registry that is active. While a project's Python files are loaded, that
project's registry is, so two projects in one process never see each other's names. Where none is,
the name is for the whole process: what the library's modules register goes to `BUILTINS`, what a
program, a notebook or any other module registers goes to `SCRIPT`. Every mesh that is loaded or
built afterwards knows both, and keeps them as they were at that moment.

A mesh with names of its own is built inside a registry of its own:

```python
from orchestrator import Graph, Mesh, Node, function
from orchestrator.project.registry import BUILTINS, Registry

with Registry(BUILTINS).active():

    @function("shout")
    def shout(inputs):
        return inputs["text"].upper()

    mesh = Mesh.build(
        Graph(
            name="loud",
            input={"text": "text"},
            nodes={"answer": Node(function="shout", of="text")},
            output="answer",
        )
    )
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from orchestrator.call_types import Asks
from orchestrator.errors import UnknownNameError, UserError
from orchestrator.types import TOOL_LEVELS, ToolLevel

Kind = Literal[
    "function",
    "tool",
    "output model",
    "condition",
    "role",
    "transport",
    "transport of vectors",
    "transport of images",
    "builtin",
    "check",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
TRANSPORTS: Mapping[Asks, Kind] = {
    "text": "transport",
    "vectors": "transport of vectors",
    "images": "transport of images",
}
"""What is asked for → the kind of transport that brings it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decorator says of its object for the checks, beyond the object's annotations."""

    labels: tuple[str, ...] | None = None
    """Of a function with `to`: the labels that it returns."""
    reads: tuple[Any, ...] | None = None
    """Types that it takes from its inputs; `Kind | None` where it goes on without one."""
    variables: tuple[str, ...] | None = None
    """Of a role: what its agents' prompts may hold as `{{ name }}`."""
    goes_on: bool = False
    """Of a role: it has an answer of its own where no model may serve it."""
    tool: ToolFacts | None = None
    """Of a tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFacts:
    """What a tool's decorator says of it; `None`: it does not say."""

    level: ToolLevel | None = None
    environments: tuple[str, ...] = ()
    timeout_s: float | None = None
    max_output_chars: int | None = None
    calls_per_minute: int | None = None
    data_class: str | None = None
    hosted: bool | None = None


NO_FACTS = Facts()


class Registry:
    """Names to objects, by kind; what is not found here is looked up in `parent`.

    `redefine`: a definition may be replaced by a newer one of the same module and name, as when a
    cell of a notebook runs again. Two different definitions of one name are always a mistake.
    """

    def __init__(self, parent: Registry | None = None, *, redefine: bool = False) -> None:
        self._parent = parent
        self._redefine = redefine
        self._items: dict[Kind, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._facts: dict[tuple[Kind, str], Facts] = {}

    def add(self, kind: Kind, name: str, item: T, facts: Facts = NO_FACTS) -> T:
        """Register `item`. Raises `UserError` where another object already has the name."""
        held = self._items[kind].get(name)
        again = self._redefine and held is not None and _definition(held) == _definition(item)
        if held is not None and held is not item and not again:
            raise UserError(f"the {kind} '{name}' is registered twice: {held!r} and {item!r}")
        self._items[kind][name] = item
        if held is not item:
            self._facts[kind, name] = facts
        return item

    def get(self, kind: Kind, name: str, where: str = "") -> Any:
        """The object of that name. Raises `UnknownNameError` with the near name."""
        registry: Registry | None = self
        while registry is not None:
            if name in registry._items[kind]:
                return registry._items[kind][name]
            registry = registry._parent
        raise UnknownNameError(kind, name, self.names(kind), where)

    def facts(self, kind: Kind, name: str) -> Facts:
        """What the decorator said of the object of that name; nothing where there is none."""
        registry: Registry | None = self
        while registry is not None:
            if name in registry._items[kind]:
                return registry._facts[kind, name]
            registry = registry._parent
        return NO_FACTS

    def names(self, kind: Kind) -> tuple[str, ...]:
        """All names of that kind, the parent's included, sorted."""
        inherited = self._parent.names(kind) if self._parent else ()
        return tuple(sorted({*inherited, *self._items[kind]}))

    def items(self, kind: Kind) -> Mapping[str, Any]:
        """All objects of that kind by name."""
        return {name: self.get(kind, name) for name in self.names(kind)}

    def own(self) -> Mapping[tuple[Kind, str], Any]:
        """What a program or a project added to this very registry, by kind and name."""
        if self is BUILTINS:
            return {}
        return {(kind, name): item for kind in KINDS for name, item in self._items[kind].items()}

    def is_own(self, kind: Kind, name: str) -> bool:
        """Whether somebody else than the library registered the name."""
        if self is BUILTINS:
            return False
        return name in self._items[kind] or bool(self._parent and self._parent.is_own(kind, name))

    def copy(self) -> Registry:
        """A registry with the same names, which what is registered later does not reach.

        The library's is its own copy: nothing in it is ever replaced.
        """
        if self is BUILTINS:
            return self
        copied = Registry(self._parent and self._parent.copy())
        for kind in KINDS:
            copied._items[kind].update(self._items[kind])
        copied._facts.update(self._facts)
        return copied

    @contextmanager
    def active(self) -> Iterator[Registry]:
        """Inside the block the decorators add to this registry, and meshes know its names."""
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)


BUILTINS = Registry()
"""The library's own names."""
SCRIPT = Registry(BUILTINS, redefine=True)
"""What is registered outside of any project, by a program or a notebook."""
_active: ContextVar[Registry | None] = ContextVar("registry", default=None)


def active_registry() -> Registry:
    """The registry of the block around, where there is one; else `SCRIPT`."""
    return _active.get() or SCRIPT


def transports(registry: Registry) -> tuple[str, ...]:
    """The names that `via` may take, whatever they bring; sorted."""
    return tuple(sorted({name for kind in TRANSPORTS.values() for name in registry.names(kind)}))


def _definition(item: Any) -> tuple[str, str]:
    """Where `item` is defined. An object without a name of its own is only like itself."""
    name = getattr(item, "__qualname__", None)
    return str(getattr(item, "__module__", "")), str(name or id(item))


def _decorator(kind: Kind, name: str, facts: Facts = NO_FACTS) -> Callable[[T], T]:
    def add(item: T) -> T:
        # The library's modules may be imported by anybody, at any time, before a mesh is loaded.
        ours = _definition(item)[0].split(".")[0] == __name__.split(".")[0]
        return (_active.get() or (BUILTINS if ours else SCRIPT)).add(kind, name, item, facts)

    return add


def _tuple(given: Sequence[T] | None) -> tuple[T, ...] | None:
    return None if given is None else tuple(given)


def function(
    name: str, *, labels: Sequence[str] | None = None, reads: Sequence[Any] | None = None
) -> Callable[[T], T]:
    """A graph node: `(inputs: Mapping[str, Any]) -> Any`, async or not.

    Args:
        labels: what a function with `to` may return as its label, for the checks; also read from
            a return annotation `tuple[Literal["revise", "done"], Value]`.
        reads: types that it needs among its inputs; `Kind | None` where it goes on without.
    """
    return _decorator("function", name, Facts(labels=_tuple(labels), reads=_tuple(reads)))


def tool(
    name: str,
    *,
    level: ToolLevel | None = None,
    environments: Sequence[str] = (),
    timeout_s: float | None = None,
    max_output_chars: int | None = None,
    calls_per_minute: int | None = None,
    data_class: str | None = None,
    hosted: bool | None = None,
) -> Callable[[T], T]:
    """What reads or changes the world: `(toolbox, **parameters) -> Any`, async or not.

    A graph names it as a node, or lets a model call it. A model is told the docstring, and of each
    parameter its annotation: `Annotated[int, Field(gt=0, description="How many.")]`.

    Args:
        level: `read`, `write` or `destructive`. One that does not say counts as destructive: no
            model calls it without a person's approval.
        environments: it may be called there only; empty: everywhere.
        timeout_s: a call that takes longer is given up; 30 where absent.
        max_output_chars: more is cut off; 20,000 where absent.
        calls_per_minute: at most, in any 60 seconds.
        data_class: of what it returns, at least.
        hosted: whether what it is given leaves your own machines. One that does not say counts as
            one that does.

    Raises:
        UserError: an unknown level, or a limit that is not positive.
    """
    _check_tool(name, level, (timeout_s, max_output_chars, calls_per_minute))
    facts = ToolFacts(
        level=level,
        environments=tuple(environments),
        timeout_s=timeout_s,
        max_output_chars=max_output_chars,
        calls_per_minute=calls_per_minute,
        data_class=data_class,
        hosted=hosted,
    )
    return _decorator("tool", name, Facts(tool=facts))


def _check_tool(name: str, level: str | None, limits: Sequence[float | None]) -> None:
    if level is not None and level not in TOOL_LEVELS:
        allowed = ", ".join(TOOL_LEVELS)
        raise UserError(f"the tool '{name}': unknown level {level!r}; allowed: {allowed}")
    if any(limit is not None and limit <= 0 for limit in limits):
        raise UserError(f"the tool '{name}': a limit must be more than 0")


def output_model(name: str) -> Callable[[T], T]:
    """A pydantic model that an agent's output must satisfy."""
    return _decorator("output model", name)


def condition(name: str) -> Callable[[T], T]:
    """`(inputs: Mapping[str, Any]) -> bool`; a node with a false condition is passed through."""
    return _decorator("condition", name)


def role(
    name: str,
    *,
    reads: Sequence[Any] | None = None,
    variables: Sequence[str] | None = None,
    goes_on: bool = False,
) -> Callable[[T], T]:
    """What an agent does around its model call: `(work: Work) -> Any`, async.

    An agent that states no role takes the one that a project registers under the agent's own
    name, most often in `agents/NAME.py` beside `agents/NAME.md`.

    Args:
        reads: types that it needs among its inputs; `Kind | None` where it goes on without.
        variables: what it fills into `{{ name }}` of its agents' prompts.
        goes_on: it has an answer of its own where no model may serve it.
    """
    facts = Facts(reads=_tuple(reads), variables=_tuple(variables), goes_on=goes_on)
    return _decorator("role", name, facts)


def transport(name: str, *, brings: Asks = "text") -> Callable[[T], T]:
    """A class that satisfies `protocols.Transport`.

    Args:
        brings: what it is for; a deployment's `via` names one for each thing that its model does.
    """
    return _decorator(TRANSPORTS[brings], name)


def builtin(name: str) -> Callable[[T], T]:
    """A deterministic model: `(request: CallRequest) -> str`, async or not."""
    return _decorator("builtin", name)


def check(name: str) -> Callable[[T], T]:
    """What an answer must satisfy. `None`: it passes; a text: why it does not.

    `(answer: Answer, case: Case) -> str | None`, async or not, for the suites of `evals/`;
    `(text: str) -> str | None`, quick and not async, for `valid` of an agent, where the model
    reads why its answer does not pass.
    """
    return _decorator("check", name)
