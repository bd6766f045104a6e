"""Answers that are JSON and satisfy a JSON Schema."""

from __future__ import annotations

import itertools
from typing import Any

from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from orchestrator.validation.formats import TooManyStepsError, bounded, counted, formats
from orchestrator.validation.json_text import json_in
from orchestrator.validation.schemas import Schema, draft_of, place
from orchestrator.validation.text import Validator, joined

_LOOKED_AT = 100
"""Problems of one answer that are counted."""


def satisfying(schema: Schema) -> Validator:
    """An answer that is JSON, alone or in one code fence, and satisfies the schema; its value.

    `format` is checked. Nothing is ever fetched for a `$ref`.

    Args:
        schema: one without `schemas.faults`.
    """
    kind = bounded(draft_of(schema) or Draft202012Validator)
    judge = kind(schema, format_checker=formats(), registry=Registry())

    def check(text: str) -> Any:
        _, value = json_in(text)
        try:
            with counted():
                found = list(itertools.islice(judge.iter_errors(value), _LOOKED_AT))
        except RecursionError as error:
            raise ValueError("it is nested too deeply to be held against the schema") from error
        except TooManyStepsError as error:
            raise ValueError("the schema takes too long to hold an answer against it") from error
        except Unresolvable as error:
            raise ValueError(f"a reference of the schema leads nowhere: {error}") from error
        if found:
            found.sort(key=lambda e: [str(step) for step in e.absolute_path])
            raise ValueError(joined(_described(error) for error in found))
        return value

    return check


def _described(error: ValidationError) -> str:
    deepest = best_match([error]) if error.context else None
    if deepest is None or deepest is error:
        return f"{place(error.absolute_path)}: {error.message}"
    # "… is not valid under any of the given schemas" alone helps nobody.
    said = f"{place(deepest.absolute_path)}: {deepest.message}"
    return (
        f"{place(error.absolute_path)}: it fits none of the alternatives; the nearest fails {said}"
    )
