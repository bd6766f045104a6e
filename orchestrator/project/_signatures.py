"""What the annotations of a registered function say: what it gives, its labels, its parameters.

Nothing is concluded from an annotation that is missing, open (`Any`, a type variable, a protocol)
or cannot be evaluated: then the answer is "not known", and the checks that need it are silent.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_CONTAINERS = (tuple, list, set, frozenset)
_UNKNOWN = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Kinds:
    """The classes that a value may have; of a sequence those of its items."""

    classes: frozenset[type] = frozenset()
    known: bool = True
    """False where it may be something else as well."""
    listed: bool = False
    """True where it may be a sequence."""
    optional: bool = False
    """True where it may be `None`."""

    def __or__(self, other: Kinds) -> Kinds:
        return Kinds(
            self.classes | other.classes,
            self.known and other.known,
            self.listed or other.listed,
            self.optional or other.optional,
        )

    @property
    def shown(self) -> str:
        """`Draft`, `several Passages`; for a message."""
        names = ", ".join(sorted(c.__name__ for c in self.classes)) or "nothing"
        return f"a sequence of {names}" if self.listed and self.classes else names

    def may_be(self, wanted: type) -> bool:
        """Whether a value of these kinds may hold one of the wanted class."""
        return not self.known or any(related(c, wanted) for c in self.classes)


NOT_KNOWN = Kinds(known=False)


def related(one: type, other: type) -> bool:
    """Whether an object may be of both classes, as far as inheritance tells."""
    return issubclass(one, other) or issubclass(other, one)


def kinds_of(hint: Any) -> Kinds:
    """What a type hint allows."""
    if hint is None or hint is type(None):
        return Kinds(optional=True)
    if type(hint).__name__ == "TypeAliasType":  # of `type X = …`, from Python 3.12 on
        return kinds_of(hint.__value__)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return kinds_of(arguments[0])
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is Literal:
        return Kinds(frozenset(type(value) for value in arguments))
    if isinstance(origin, type):
        return _generic(origin, arguments)
    if not isinstance(hint, type) or hint in (Any, object) or getattr(hint, "_is_protocol", False):
        return NOT_KNOWN
    if issubclass(hint, _CONTAINERS) and hint in _CONTAINERS:
        return Kinds(known=False, listed=True)
    return Kinds(frozenset({hint}))


def _union(hints: Iterable[Any]) -> Kinds:
    found = Kinds()
    for hint in hints:
        found |= kinds_of(hint)
    return found


def _generic(origin: type, arguments: tuple[Any, ...]) -> Kinds:
    if issubclass(origin, Mapping) or origin is dict:
        return Kinds(frozenset({dict}))
    if origin in _CONTAINERS or issubclass(origin, Collection):
        inner = _union(a for a in arguments if a is not ...)
        return Kinds(inner.classes, inner.known, listed=True)
    return NOT_KNOWN


def gives(item: Any) -> Kinds:
    """What a registered callable returns."""
    return kinds_of(returned(item))


def returned(item: Any) -> Any:
    """The return annotation of a registered callable, evaluated; `Any` where it is not known."""
    return _hint(item, "return")


def annotation(item: Any, name: str) -> Any:
    """The annotation of one parameter, evaluated, with its `Annotated`; `Any` where not known."""
    return _hint(item, name)


def _hint(item: Any, name: str) -> Any:
    called = item if inspect.isroutine(item) or not callable(item) else type(item).__call__
    function = inspect.unwrap(called)
    annotations = getattr(function, "__annotations__", {})
    if name not in annotations:
        return Any
    # One by one: an annotation that cannot be evaluated says nothing about the others.
    one = types.SimpleNamespace(__annotations__={name: annotations[name]})
    try:
        found = typing.get_type_hints(
            one, globalns=getattr(function, "__globals__", {}), include_extras=True
        )
    except (NameError, TypeError, AttributeError, SyntaxError):  # a name for type checkers alone
        return Any
    return found[name]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a function with `to` returns: `(label, value)`."""

    labels: tuple[str, ...] | None
    """`None` where they are not known."""
    value: Kinds
    possible: bool = True
    """False where its annotation says that it never returns a pair."""


def choice(function: Any) -> Choice:
    """The labels and the value that a function returns, by its annotation."""
    hint = returned(function)
    several = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    pairs = [
        get_args(one)
        for one in several
        if get_origin(one) is tuple and len(get_args(one)) == 2 and get_args(one)[1] is not ...
    ]
    if not pairs:
        found = kinds_of(hint)
        return Choice(None, NOT_KNOWN, possible=not found.known or found.listed)
    value = _union(value for _, value in pairs)
    if not all(get_origin(label) is Literal for label, _ in pairs):
        return Choice(None, value)
    labels = [str(word) for label, _ in pairs for word in get_args(label)]
    return Choice(tuple(dict.fromkeys(labels)), value)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a tool that `with` may set."""

    kinds: Kinds
    required: bool


def parameters(tool: Any) -> Mapping[str, Parameter] | None:
    """The parameters of a tool besides the toolbox; `None` where it takes whatever comes."""
    try:
        # A wrapper may fill in what it wraps, so its own signature counts.
        found = list(inspect.signature(tool, follow_wrapped=False).parameters.values())
    except (TypeError, ValueError):  # not a callable that Python can look into
        return None
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found):
        return None
    first = next((p.name for p in found if p.kind is not inspect.Parameter.KEYWORD_ONLY), None)
    return {
        p.name: Parameter(kinds_of(_hint(tool, p.name)), p.default is _UNKNOWN)
        for p in found
        if p.name != first and p.kind is not inspect.Parameter.VAR_POSITIONAL
    }


def takes(item: Any, count: int) -> bool:
    """Whether a registered function can be called with so many values; `True` where unknown."""
    try:
        signature = inspect.signature(item)
    except (TypeError, ValueError):  # not a callable that Python can look into
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def attributes(kind: type) -> Mapping[str, Any] | None:
    """The attributes of a class's objects with their hints; `None` where they are not known."""
    model = getattr(kind, "model_fields", None)
    declared: dict[str, Any]
    if isinstance(model, dict):
        if getattr(kind, "model_config", {}).get("extra") == "allow":
            return None
        declared = {name: field.annotation for name, field in model.items()}
    elif any("__getattr__" in vars(base) for base in kind.__mro__):
        return None
    elif is_dataclass(kind):
        declared = {field.name: Any for field in fields(kind)}
    elif kind in (str, int, float, bool, bytes, dict):
        declared = {}
    else:
        return None
    public = {name: Any for name in dir(kind) if not name.startswith("_")}
    return {**public, **declared}


def declared_attributes(kind: type) -> tuple[str, ...]:
    """The names of a class's fields, for a message."""
    model = getattr(kind, "model_fields", None)
    if isinstance(model, dict):
        return tuple(model)
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
