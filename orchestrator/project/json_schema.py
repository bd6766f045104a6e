"""JSON Schema (draft 2020-12) for every kind of declared file, made from the pydantic classes.

For editors: completion, help and red lines while somebody writes. The loader stays the judge; a
schema refuses nothing that the loader takes, and lets pass only what needs a look at other files
or at the environment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.project.declared import Declared
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.load import load_builtins
from orchestrator.project.policy_schema import Policy
from orchestrator.project.refreshed_schema import Refreshed
from orchestrator.project.registry import BUILTINS, TRANSPORTS, Kind
from orchestrator.project.schema import Agent, Graph, Settings
from orchestrator.project.suite_schema import Suite

DRAFT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = "schemas"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of declared file."""

    name: str
    declared: type[Declared]
    title: str
    place: str
    """Where such files stand in a project."""

    @property
    def schema_file(self) -> str:
        """The place of its schema in a project."""
        return f"{FOLDER}/{self.name}.schema.json"


KINDS: Mapping[str, FileKind] = {
    kind.name: kind
    for kind in (
        FileKind("mesh", Settings, "Settings of a project", "mesh.yaml"),
        FileKind("fleet", Fleet, "Models and the ways to reach them", "fleet.yaml"),
        FileKind("refreshed", Refreshed, "What providers said of it", "fleet.refreshed.yaml"),
        FileKind("policy", Policy, "What is allowed and what is preferred", "policy.yaml"),
        FileKind("agent", Agent, "Front matter of an agent", "agents/NAME.md"),
        FileKind("graph", Graph, "A workflow", "graphs/NAME.yaml"),
        FileKind("suite", Suite, "A suite of evaluation cases", "evals/NAME.yaml"),
    )
}

REGISTERED: Mapping[tuple[str, str], Kind] = {
    ("DeploymentDeclaration", "via"): "transport",
    ("DeploymentDeclaration", "function"): "builtin",
    ("Agent", "role"): "role",
    ("Agent", "output"): "output model",
    ("Node", "tool"): "tool",
    ("Node", "function"): "function",
    ("Node", "when"): "condition",
}
"""The keys that take a registered name. The library's own stand in the schema as examples and not
as the only choices, for a project registers more."""

_VARIABLE = {
    "title": "Variable",
    "description": "`${NAME}` or `${NAME:-default}`, filled in from the environment.",
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
}
_FORMS = ("enum", "const", "pattern", "maxLength")


def schema_of(kind: FileKind) -> Schema:
    """The schema of one kind of file."""
    made = kind.declared.model_json_schema(by_alias=True)
    defs: Schema = made.pop("$defs", {})
    names = _library_names()
    for name, part in {kind.declared.__name__: made, **defs}.items():
        _tidy_class(name, part, names)
    return {
        "$schema": DRAFT,
        "title": kind.title,
        "description": made.pop("description"),
        **{key: value for key, value in made.items() if key != "title"},
        "$defs": dict(sorted({**defs, "Variable": _VARIABLE}.items())),
    }


def schema_text(kind: FileKind) -> str:
    """The schema as it stands in a file."""
    return json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n"


def schema_files() -> dict[str, str]:
    """The text of every schema by its place in a project."""
    return {kind.schema_file: schema_text(kind) for kind in KINDS.values()}


def kind_of_file(key: str) -> FileKind | None:
    """The kind of the file at that place of a project (`agents/checker.md`); `None` for Python."""
    if key.endswith(".py"):
        return None
    top = key.partition("/")[0]
    return next(k for k in KINDS.values() if k.place.partition("/")[0] == top)


def _library_names() -> dict[Kind, list[str]]:
    """The names that the library itself registers, by kind."""
    load_builtins()
    kinds = sorted(set(REGISTERED.values()))
    names = {kind: _ours(kind) for kind in kinds}
    return {**names, "transport": sorted({n for k in TRANSPORTS.values() for n in _ours(k)})}


def _ours(kind: Kind) -> list[str]:
    return [name for name, item in BUILTINS.items(kind).items() if _is_ours(item)]


def _is_ours(item: Any) -> bool:
    return str(getattr(item, "__module__", "")).startswith("orchestrator.")


def _tidy_class(name: str, part: Schema, names: Mapping[Kind, list[str]]) -> None:
    """Make what pydantic says of a class fit for people and for files."""
    part["title"] = name.removesuffix("Declaration")
    properties: Schema = part["properties"]
    for key in [key for key, value in properties.items() if "from" in value]:
        del properties[key]  # the file's name or body says it, and the loader refuses the key
    for key, value in properties.items():
        _tidy(value)
        kind = REGISTERED.get((name, key))
        if kind:
            value["examples"] = names[kind]
        if key != "key":  # it takes a variable's name alone
            properties[key] = _or_variable(value)


def _tidy(value: Schema) -> None:
    """One property: no title that only repeats the key, no default that says nothing."""
    value.pop("title", None)
    if value.get("default", ...) in (None, [], "") or isinstance(value.get("default"), dict):
        value.pop("default", None)
    if "patternProperties" in value:
        value["additionalProperties"] = False


def _or_variable(value: Schema) -> Schema:
    """`value` with a reference to a variable allowed wherever the form of a text is laid down.

    The loader fills variables in before it looks at the text. Numbers and truth values cannot be
    written so: what is filled in stays a text.
    """
    if "anyOf" in value:
        parts = [_or_variable(part) for part in value["anyOf"]]
        return {**value, "anyOf": [one for part in parts for one in part.get("anyOf", [part])]}
    for key in ("items", "additionalProperties"):
        if isinstance(value.get(key), dict):
            return {**value, key: _or_variable(value[key])}
    if "patternProperties" in value:
        inner = {k: _or_variable(v) for k, v in value["patternProperties"].items()}
        return {**value, "patternProperties": inner}
    if value.get("type") != "string" or not any(key in value for key in _FORMS):
        return value
    limited = {k: v for k, v in value.items() if k == "type" or k in _FORMS}
    said = {k: v for k, v in value.items() if k not in limited}
    return {**said, "anyOf": [limited, {"$ref": "#/$defs/Variable"}]}
