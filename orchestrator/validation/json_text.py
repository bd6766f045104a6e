"""JSON, read strictly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from orchestrator.validation.fences import bare


def json_in(text: str) -> tuple[str, Any]:
    """The JSON text of an answer, which may stand in a code fence, and its value.

    Raises:
        ValueError: it is no JSON, a key stands twice in one object, or a number is `NaN` or
            infinite, which JSON does not know.
    """
    return bare(text, parse_json)


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError` as `json_in` does."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(_broken(error)) from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: it is nested too deeply") from error


def _broken(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "not JSON: there is no text"
    place = f"line {error.lineno}, column {error.colno}"
    line = error.doc.split("\n")[error.lineno - 1]
    found = line[max(error.colno - 21, 0) : error.colno + 19].strip()
    return f"not JSON: {error.msg} at {place}, in {found!r}"


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one JSON object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name} is no JSON number")
