"""pydantic's errors as problems that a person can act on.

What is allowed at a place is read from the class's JSON Schema, so the message, the editor's
completion and the reference page cannot disagree.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._values import is_secret, variable_like
from orchestrator.project._yaml import kind_of, scalar
from orchestrator.project.declared import (
    DATABASE_PATTERN,
    FAMILY_PATTERN,
    NAME_PATTERN,
    URL_PATTERN,
    VARIABLE_PATTERN,
)
from orchestrator.project.names import nearest

M = TypeVar("M", bound=BaseModel)
Schema = Mapping[str, Any]

_FORMS = {
    NAME_PATTERN: "a name of small letters, digits, '-', '_' and '.', at most 64 characters",
    VARIABLE_PATTERN: "the NAME of an environment variable, in capitals",
    FAMILY_PATTERN: "other-than NODE",
    DATABASE_PATTERN: "a PostgreSQL database, postgresql://…",
    URL_PATTERN: "an address that begins with http:// or https://",
}
_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_MODELS = ("model", "models", "not_models", "primary", "fallbacks")
"""Keys whose values are names of models."""
_UNKNOWN = "unknown key"
_SAID_OTHERWISE = {"cross_validate": "checking: model"}
"""Keys of earlier versions, with what says the same today."""
_MISSING = "is missing"
SECRET_MESSAGE = "secrets only by variable name: put the value in the environment"


class Validated(NamedTuple):
    """`model` is what could be saved for further checks; `whole` where nothing was wrong."""

    model: Any
    problems: list[Problem]
    whole: bool


def validate(cls: type[M], data: dict[str, Any], document: Document) -> Validated:
    """`data` as `cls`, with a problem for each thing that is wrong in it.

    `data` is the document's content with its variables filled in; what was found is shown as it
    stands in the file.
    """
    problems = _reserved(cls, document)
    data = {key: v for key, v in data.items() if key not in from_elsewhere(cls)}
    try:
        return Validated(_validated(cls, data), problems, not problems)
    except ValidationError as error:
        faults = _faults(error, data)
    problems += _explained(faults, cls.model_json_schema(), document)
    return Validated(_salvaged(cls, data, faults), problems, False)


def explain(cls: type[BaseModel], error: ValidationError, document: Document) -> list[Problem]:
    """What was wrong with the arguments of `cls(…)` in Python, which `document` holds by name."""
    schema = cls.model_json_schema(by_alias=False)
    for field in schema["properties"].values():
        field.pop("from", None)  # no file says them here, so the arguments do
    return _explained(_faults(error, document.root.data), schema, document)


def _explained(faults: list[_Fault], schema: Schema, document: Document) -> list[Problem]:
    return _without_echoes([_problem(fault, schema, document) for fault in faults])


def _validated(cls: type[M], data: Any) -> M:
    return cls.model_validate(data, by_alias=True, by_name=False)


class _Fault(NamedTuple):
    """One of pydantic's errors, at the place in the data that it is about."""

    path: KeyPath
    kind: str
    message: str


def from_elsewhere(cls: type[BaseModel]) -> dict[str, str]:
    """Fields that no file may set, with the place that they come from."""
    return {
        name: str(field.json_schema_extra["from"])
        for name, field in cls.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and "from" in field.json_schema_extra
    }


def _reserved(cls: type[BaseModel], document: Document) -> list[Problem]:
    given = {k: o for k, o in from_elsewhere(cls).items() if k in document.root.items}
    allowed = ", ".join(_keys(cls.model_json_schema())) if given else ""
    return [
        document.problem(
            (key,),
            f"unknown key; the {origin} says it",
            of_key=True,
            found=key,
            allowed=allowed,
            code="unknown-key",
        )
        for key, origin in given.items()
    ]


def _without_echoes(problems: list[Problem]) -> list[Problem]:
    """A required key that was misspelt is one mistake: unknown, not missing as well."""
    misspelt = {
        p.key.removesuffix(p.found) + p.near for p in problems if p.message == _UNKNOWN and p.near
    }
    return [p for p in problems if not (p.message.endswith(_MISSING) and p.key in misspelt)]


def _faults(error: ValidationError, data: Any) -> list[_Fault]:
    """One fault a place. A union complains once for each of its types: the deepest counts."""
    faults: dict[KeyPath, _Fault] = {}
    for entry in error.errors(include_url=False, include_context=False, include_input=False):
        loc = entry["loc"]
        kind = "key" if loc and loc[-1] == "[key]" else entry["type"]
        path = _path(loc, data)
        if kind == "missing":
            path = (*path, loc[-1])
        fault = _Fault(path, kind, entry["msg"])
        if kind == "string_pattern_mismatch" and faults.get(path, fault).kind.endswith("_type"):
            faults[path] = fault  # one name or a list of them: the name that stands there counts
        faults.setdefault(path, fault)
    return [
        fault
        for path, fault in faults.items()
        if fault.kind in ("extra_forbidden", "missing", "key")
        or not any(len(other) > len(path) and other[: len(path)] == path for other in faults)
    ]


def _path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """The part of `loc` that leads through the data; the rest names the types of a union."""
    path: list[str | int] = []
    for step in loc:
        if _leads(data, step):
            data = data[step]
            path.append(step)
    return tuple(path)


def _leads(data: Any, step: str | int) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and step < len(data)


def _problem(fault: _Fault, schema: Schema, document: Document) -> Problem:
    path = fault.path
    parents = _at(schema, path[:-1])
    here = _at(schema, path)
    last = path[-1] if path else ""
    if fault.kind == "extra_forbidden":
        keys = [key for parent in parents for key in _keys(_resolved(parent, schema))]
        today = _SAID_OTHERWISE.get(str(last), "")
        renamed = today.split(":")[0] in keys
        return document.problem(
            path,
            f"{_UNKNOWN}; it is now '{today}'" if renamed else _UNKNOWN,
            of_key=True,
            found=str(last),
            allowed=", ".join(keys),
            near=today.split(":")[0] if renamed else nearest(str(last), keys),
            code="unknown-key",
        )
    if fault.kind == "missing":
        allowed = _described(here, schema)
        message = f"the key '{last}' {_MISSING}"
        return document.problem(path, message, of_key=True, allowed=allowed, code="missing-key")
    if fault.kind == "key":
        allowed = _FORMS[NAME_PATTERN]
        message = "this is not a valid name"
        return document.problem(
            path,
            message,
            of_key=True,
            found=kind_of(last),
            allowed=allowed,
            near=_name_like(last),
            code="bad-name",
        )
    return _wrong_value(fault, here, schema, document)


def _wrong_value(fault: _Fault, here: list[Schema], schema: Schema, document: Document) -> Problem:
    raw = _raw(document, fault.path)
    key = next((s for s in reversed(fault.path) if isinstance(s, str)), "")
    allowed = _described(here, schema)
    form = next((part["pattern"] for part in here if "pattern" in part), "")
    if form == VARIABLE_PATTERN and isinstance(raw, str):
        if is_secret(key, raw) or not variable_like(raw):
            found = f"a text of {len(raw)} characters"
            return document.problem(
                fault.path, SECRET_MESSAGE, found=found, allowed=allowed, code="literal-secret"
            )
        near = variable_like(raw)
        message, code = "write the variable's name alone", "bad-form"
        return document.problem(
            fault.path, message, found=kind_of(raw), allowed=allowed, near=near, code=code
        )
    near = ""
    if isinstance(raw, str):
        near = nearest(raw, _choices(here, schema))
        if not near and form == NAME_PATTERN:
            # A deployment, MODEL/ID, where only its model can be named.
            near = _name_like(raw.partition("/")[0] if key in _MODELS else raw)
    message, code = _sentence(fault, here, schema, raw), _code(fault)
    return document.problem(
        fault.path, message, found=kind_of(raw), allowed=allowed, near=near, code=code
    )


def _code(fault: _Fault) -> str:
    kind = fault.kind
    if kind == "literal_error":
        return "not-allowed"
    if kind.endswith("_type"):
        return "wrong-type"
    if kind.startswith(("greater_than", "less_than", "finite")):
        return "out-of-range"
    return "bad-form"


def _raw(document: Document, path: KeyPath) -> Any:
    node = document.root
    for step in path:
        node = node.items[step]
    return node.data


def _sentence(fault: _Fault, here: list[Schema], schema: Schema, raw: Any) -> str:
    """What is wrong with a value, and the likely remedy."""
    if fault.kind.endswith("_type") and not (isinstance(raw, str) and _choices(here, schema)):
        return "the value has the wrong type" + _remedy(here, schema, raw)
    if fault.kind == "literal_error" or fault.kind.endswith("_type"):
        return "this is not one of the allowed values"
    if fault.kind.startswith(("greater_than", "less_than", "finite")):
        return "the number is out of range"
    if fault.kind in ("too_short", "string_too_short"):
        return "at least one is needed"
    if fault.kind in ("string_pattern_mismatch", "string_too_long"):
        return "the text does not have the right form"
    return fault.message


def _remedy(here: list[Schema], schema: Schema, raw: Any) -> str:
    kinds = {part.get("type") for part in _alternatives(here, schema)}
    if isinstance(raw, str) and "boolean" in kinds and raw.lower() in ("yes", "no", "on", "off"):
        return f"; write {'true' if raw.lower() in ('yes', 'on') else 'false'}"
    if isinstance(raw, str) and kinds & {"integer", "number"}:
        plain = scalar(raw.replace("_", "").replace(",", ""))
        if isinstance(plain, int | float) and not isinstance(plain, bool):
            return f"; write {plain}, without quotes"
    if isinstance(raw, str) and "boolean" in kinds and isinstance(scalar(raw), bool):
        return "; remove the quotes"
    if isinstance(raw, str) and "array" in kinds:
        return "; put it in brackets"
    if isinstance(raw, int | float) and "string" in kinds:
        return "; put it in quotes"
    return ""


def _name_like(text: str | int) -> str:
    """A valid name close to `text`, or an empty string."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in str(text).lower())
    return name.strip("-")[:64]


def _salvaged(cls: type[M], data: dict[str, Any], faults: list[_Fault]) -> M | None:
    """`data` without what is wrong, so that its names can still be checked; `None` if too broken.

    Nothing is moved: where a list's item is removed, so is the rest of the list, or the places of
    later problems would be wrong.
    """
    data = copy.deepcopy(data)
    for _ in range(8):
        for fault in sorted(faults, key=lambda f: len(f.path), reverse=True):
            path = fault.path[:-1] if fault.kind == "missing" else fault.path
            if not path:
                return None
            _remove(data, path)
        try:
            return _validated(cls, data)
        except ValidationError as error:
            faults = _faults(error, data)
    return None


def _remove(data: Any, path: KeyPath) -> None:
    for step in path[:-1]:
        if not _leads(data, step):
            return  # it went with what held it
        data = data[step]
    if isinstance(data, dict):
        data.pop(path[-1], None)
    else:
        del data[path[-1] :]


# ── JSON Schema ──────────────────────────────────────────────────────────────────────────


def _resolved(part: Schema, root: Schema) -> Schema:
    while "$ref" in part:
        part = root["$defs"][part["$ref"].rsplit("/", 1)[1]]
    return part


def _alternatives(parts: list[Schema], root: Schema) -> list[Schema]:
    """The parts with every `anyOf` opened; "nothing" is left out where there is another choice."""
    found: list[Schema] = []
    for unresolved in parts:
        part = _resolved(unresolved, root)
        found += _alternatives(list(part["anyOf"]), root) if "anyOf" in part else [part]
    return [part for part in found if part.get("type") != "null"] or found


def _at(root: Schema, path: KeyPath) -> list[Schema]:
    """What the schema says about the value at `path`."""
    parts = _alternatives([root], root)
    for step in path:
        inner: list[Schema] = []
        for part in parts:
            if isinstance(step, int):
                inner += [part["items"]] if "items" in part else []
            elif step in part.get("properties", {}):
                inner.append(part["properties"][step])
            else:
                inner += part.get("patternProperties", {}).values()
                extra = part.get("additionalProperties")
                inner += [extra] if isinstance(extra, dict) else []
        parts = _alternatives(inner, root)
    return parts


def _keys(part: Schema) -> list[str]:
    """The keys that a file may set."""
    properties = part.get("properties", {})
    return sorted(key for key, value in properties.items() if "from" not in value)


def _choices(parts: list[Schema], root: Schema) -> list[str]:
    return [str(choice) for part in _alternatives(parts, root) for choice in part.get("enum", ())]


def _described(parts: list[Schema], root: Schema) -> str:
    said = [_one(part, root) for part in _alternatives(parts, root)]
    return " or ".join(dict.fromkeys(said))


def _one(part: Schema, root: Schema) -> str:
    if "enum" in part or "const" in part:
        choices = part.get("enum") or [part["const"]]
        return ", ".join(str(c).lower() if isinstance(c, bool) else str(c) for c in choices)
    if "pattern" in part:
        return _FORMS.get(part["pattern"], f"a text of the form {part['pattern']}")
    kind = part.get("type")
    if kind == "array":
        return f"a list, each {_described([part['items']], root)}"
    if kind == "object":
        keys = _keys(part)
        return f"a mapping with the keys {', '.join(keys)}" if keys else "a mapping"
    text = _KINDS.get(str(kind), "any value")
    return text + _bounds(part)


def _bounds(part: Schema) -> str:
    said = []
    above: float | None = part.get("exclusiveMinimum")
    least: float | None = part.get("minimum")
    if above is not None and part["type"] == "integer" and "maximum" in part:
        least = above + 1
        above = None
    if least is not None:
        said.append(f"from {least:g}")
    if above is not None:
        said.append(f"above {above:g}")
    if "maximum" in part:
        said.append(f"to {part['maximum']:g}")
    if part.get("minLength"):
        said.append("that is not empty")
    return " " + " ".join(said) if said else ""
