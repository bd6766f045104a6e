"""Reading what a model wrote: JSON or nothing."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from orchestrator.evidence.values import Value
from orchestrator.roles.work import InvalidOutputError

V = TypeVar("V", bound=Value)

LONGEST = 200_000
"""Characters of output that are looked at; more is refused."""
_FENCED = re.compile(r"\A\s*```[a-z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that `text` is; a Markdown code fence around it is allowed.

    Raises:
        InvalidOutputError: it is anything else.
    """
    if len(text) > LONGEST:
        raise InvalidOutputError(f"{len(text):,} characters are too many")
    fenced = _FENCED.match(text)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        raise InvalidOutputError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidOutputError(f"a JSON object was asked for, not {type(value).__name__}")
    return value


def parse(kind: type[V], text: str) -> V:
    """`text` as a value of that kind. Raises `InvalidOutputError` with the first things wrong."""
    return from_object(kind, json_object(text))


def from_object(kind: type[V], value: Any) -> V:
    """A parsed object as a value of that kind. Raises `InvalidOutputError`."""
    from pydantic import ValidationError

    try:
        return kind.model_validate(value)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(part) for part in e['loc']) or 'output'}: {e['msg']}"
            for e in error.errors(include_url=False)[:3]
        ]
        raise InvalidOutputError("; ".join(wrong)) from error
