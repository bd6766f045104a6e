"""JSON Schemas themselves: which draft one is of, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator as SchemaValidator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from orchestrator.validation.formats import formats
from orchestrator.validation.text import BadPatternError

Schema = Mapping[str, Any]
SchemaPath = tuple[str | int, ...]

_BY_NAME = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)
"""Keywords with a table of schemas."""
_VALUES = frozenset({"const", "enum", "default", "examples"})
"""Keywords with values, which may look like schemas."""
_SAY_NOTHING = frozenset(
    {"$schema", "$id", "$anchor", "$dynamicAnchor", "$comment", "$defs", "definitions", "title"}
    | {"description", "default", "examples", "deprecated", "readOnly", "writeOnly", "then", "else"}
    | {"minContains", "maxContains", "contentEncoding", "contentMediaType", "contentSchema"}
)
"""Keywords that jsonschema does not look at by themselves."""


def place(path: Iterable[str | int]) -> str:
    """A path as a JSON pointer, for a person."""
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    return f"at /{'/'.join(steps)}" if steps else "at the top level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong in a schema."""

    path: SchemaPath
    message: str
    found: str = ""
    choices: tuple[str, ...] = ()
    """What may stand there instead of `found`, where that is a short list."""

    def __str__(self) -> str:
        found = f"; found {self.found!r}" if self.found else ""
        return f"{place(self.path)}: {self.message}{found}"


def draft_of(schema: Schema) -> type[SchemaValidator] | None:
    """The validator of the draft that the schema names, else 2020-12; `None`: it is unknown."""
    named = schema.get("$schema", Draft202012Validator.META_SCHEMA["$id"])
    if not isinstance(named, str):
        return None
    found: type[SchemaValidator] | None = validator_for({"$schema": named}, default=cast(Any, None))
    return found


def faults(schema: Schema) -> list[Fault]:
    """Why this is no JSON Schema that can be used. Nothing is fetched for a `$ref`."""
    kind = draft_of(schema)
    if kind is None:
        latest = str(Draft202012Validator.META_SCHEMA["$id"])
        named = str(schema["$schema"])
        return [Fault(path=("$schema",), message="unknown draft", found=named, choices=(latest,))]
    judge = kind(kind.META_SCHEMA, format_checker=formats())
    wrong = {tuple(e.absolute_path): _fault(e) for e in judge.iter_errors(schema)}
    return list(wrong.values()) or list(_lost_references(schema))


def slips(schema: Schema) -> list[Fault]:
    """Keywords and formats that nobody knows, and which therefore do nothing.

    Both are allowed, as remarks of the schema's author; who asks must judge which were meant.
    """
    kind = draft_of(schema) or Draft202012Validator
    keywords = tuple(sorted({*kind.VALIDATORS, *_SAY_NOTHING}))
    known = tuple(sorted(formats().checkers))
    found = []
    for path, part in _parts(schema, ()):
        for key in part:
            if key not in keywords:
                message = "JSON Schema has no such keyword, so it does nothing"
                at = (*path, key)
                found.append(Fault(path=at, message=message, found=key, choices=keywords))
        name = part.get("format")
        if isinstance(name, str) and name not in known:
            message = "this format is not checked"
            at = (*path, "format")
            found.append(Fault(path=at, message=message, found=name, choices=known))
    return found


def _fault(error: ValidationError) -> Fault:
    path = tuple(error.absolute_path)
    if isinstance(error.cause, BadPatternError):
        message = f"this is no regular expression: {error.cause}, at character {error.cause.at + 1}"
        return Fault(path=path, message=message, found=str(error.instance))
    listed = [e for e in (error, *(error.context or ())) if e.validator == "enum"]
    if listed:
        choices = tuple(str(choice) for choice in listed[0].validator_value)
        message = "this is not one of the allowed values"
        return Fault(path=path, message=message, found=str(error.instance), choices=choices)
    return Fault(path=path, message=error.message)


def _lost_references(schema: Schema) -> Iterator[Fault]:
    """References that lead nowhere. Where parts have names of their own nothing is said."""
    parts = list(_parts(schema, ()))
    if any("$id" in part for _, part in parts):
        return
    resource = Resource.from_contents(dict(schema), default_specification=DRAFT202012)
    resolver = Registry().with_resource("", resource).resolver()
    for path, part in parts:
        target = part.get("$ref")
        if not isinstance(target, str):
            continue
        try:
            resolver.lookup(target)
        except Unresolvable:
            message = f"the reference {target!r} leads nowhere"
            yield Fault(path=(*path, "$ref"), message=message, found=target)


def _parts(schema: Any, path: SchemaPath) -> Iterator[tuple[SchemaPath, Schema]]:
    """Every schema inside of a schema, itself included."""
    if isinstance(schema, list | tuple):
        for index, item in enumerate(schema):
            yield from _parts(item, (*path, index))
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, Mapping):
            for name, item in value.items():
                yield from _parts(item, (*path, key, name))
        elif key not in _VALUES and isinstance(value, Mapping | list | tuple):
            yield from _parts(value, (*path, key))
