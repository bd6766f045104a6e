"""`response_format`: the form of the answer, which is checked before anybody sees it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orchestrator.calling.transports.wire.chat import ANY_OBJECT
from orchestrator.gateway.chat.wanted import ANY_FORM, Form
from orchestrator.gateway.errors import bad_request, encoded

_KEPT = 64_000
"""Bytes up to which a schema's check is kept for the next request that brings it."""
_MOST = 100_000
"""Bytes of the largest schema: whether it is one takes two seconds to tell."""
_ALLOWED = (
    'allowed: {"type": "text"}, {"type": "json_object"}, or {"type": "json_schema", '
    '"json_schema": {"name": …, "schema": {…}}}'
)


def form_of(said: Mapping[str, Any] | None) -> Form:
    """The form that is asked for.

    Raises:
        ApiError: 400: an unknown kind, or what is no JSON Schema.
    """
    if said is None or said.get("type") == "text":
        return ANY_FORM
    if said.get("type") == "json_object":
        return Form(ANY_OBJECT, None, check_of(ANY_OBJECT))
    asked = said.get("json_schema")
    if said.get("type") != "json_schema" or not isinstance(asked, dict):
        raise bad_request(f"response_format: {_ALLOWED}", "response_format")
    schema, strict = asked.get("schema"), asked.get("strict")
    if not isinstance(schema, dict):
        where = "response_format.json_schema.schema"
        raise bad_request(f"{where}: allowed: an object, which is a JSON Schema", where)
    if strict is not None and not isinstance(strict, bool):
        where = "response_format.json_schema.strict"
        raise bad_request(f"{where}: allowed: true or false", where)
    return Form(schema, strict, check_of(schema))


def check_of(schema: Mapping[str, Any]) -> Callable[[str], Any]:
    """What holds a text to the schema. Raises `ApiError` where it is no JSON Schema."""
    written = encoded(schema)
    if len(written) > _MOST:
        where = "response_format.json_schema.schema"
        raise bad_request(f"{where}: found {len(written)} bytes; allowed: {_MOST}", where)
    return _known(written) if len(written) <= _KEPT else _made(written)


def _made(written: bytes) -> Callable[[str], Any]:
    from orchestrator.validation.json_schema import satisfying
    from orchestrator.validation.schemas import faults
    from orchestrator.validation.text import joined

    schema = msgspec.json.decode(written)
    if wrong := faults(schema):
        said = joined(str(fault) for fault in wrong)
        where = "response_format.json_schema.schema"
        raise bad_request(f"{where}: this is no JSON Schema that can be used: {said}", where)
    return satisfying(schema)


_known = functools.lru_cache(maxsize=256)(_made)
