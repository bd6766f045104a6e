"""Typed values as plain JSON and back, so that the journal stays JSON-like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.errors import InternalError
from orchestrator.evidence.values import Value
from orchestrator.types import as_json

_TYPE = "$type"


def pack(value: Any) -> Any:
    """`value` as JSON; every `Value` in it carries its type's name."""
    if isinstance(value, Value):
        return {_TYPE: type(value).__name__, "value": value.model_dump(mode="json")}
    if isinstance(value, (list, tuple)):
        return [pack(item) for item in value]
    if isinstance(value, dict):
        return {str(key): pack(item) for key, item in value.items()}
    return as_json(value)


def unpack(packed: Any) -> Any:
    """The inverse of `pack`; sequences come back as tuples."""
    if isinstance(packed, dict):
        if _TYPE in packed:
            return _value_type(packed[_TYPE]).model_validate(packed["value"])
        return {key: unpack(item) for key, item in packed.items()}
    if isinstance(packed, list):
        return tuple(unpack(item) for item in packed)
    return packed


def _value_type(name: str) -> type[Value]:
    # Who loads a project again defines its values anew: the newest are those that it works with.
    for kind in reversed(list(_subclasses(Value))):
        if kind.__name__ == name:
            return kind
    raise InternalError(f"the journal holds a value of type '{name}', which is not loaded")


def _subclasses(kind: type[Value]) -> Iterator[type[Value]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)
