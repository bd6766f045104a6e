"""The part of the OpenAPI document that tells of `/admin`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.gateway.admin.operations import OPERATIONS, Operation
from orchestrator.gateway.keys.records import SUBJECTS

if TYPE_CHECKING:
    from orchestrator.gateway.state import State

_REFS = "#/components/schemas/{name}"
_TAG = "admin"


def openapi(_: State) -> dict[str, Any]:
    """Its `paths` and `components`; errors are the schema `Error` of the whole document."""
    kinds = [kind for one in OPERATIONS for kind in (one.takes, one.gives) if kind is not None]
    schemas = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template=_REFS)[1]
    paths: dict[str, Any] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one)
    return {"paths": paths, "components": {"schemas": schemas}}


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [_TAG],
        "summary": operation.says,
        "parameters": [*_in_path(operation.path), *_in_query(operation)],
        "responses": {
            str(operation.status): {"description": "Done.", "content": _json(operation.gives)},
            "default": {
                "description": "Not done; the message says what to do.",
                "content": _content({"$ref": _REFS.format(name="Error")}),
            },
        },
    }
    if operation.takes is not None:
        described["requestBody"] = {"required": True, "content": _json(operation.takes)}
    return described


def _in_path(path: str) -> list[dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = {
        "per": {"type": "string", "enum": list(SUBJECTS)},
        "id": {"type": "string", "pattern": "^key_[a-z0-9]+$"},
        "name": {"type": "string", "minLength": 1},
    }
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas[name]}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    whole = {"type": "integer", "minimum": 1}
    return [
        {
            "name": name,
            "in": "query",
            "description": says,
            "schema": whole if name in ("before", "limit") else {"type": "string"},
        }
        for name, says in operation.query
    ]


def _json(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return _content({"$ref": _REFS.format(name=kind.__name__)})


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
