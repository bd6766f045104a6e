"""The formats of JSON Schema that are checked, and patterns that cannot hang."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from jsonschema import FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator as SchemaValidator
from jsonschema.validators import extend

from orchestrator.validation.text import BadPatternError, compiled, found_in

_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
    r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)"
)
STEPS = 20_000
"""Of those keywords that may lead to exponentially many others, to judge one answer: a second."""
_BRANCHING = ("$ref", "$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems")
_SLOW_PATTERN = STEPS // 4
"""Steps that a pattern counts for whose time has run out."""
_TAKEN: ContextVar[list[int]] = ContextVar("taken")


class TooManyStepsError(Exception):
    """An answer cannot be judged in bounded time."""


@functools.cache
def formats() -> FormatChecker:
    """jsonschema's formats, and those that it leaves out without further packages."""
    checker = FormatChecker()
    checker.checks("date-time", ValueError)(_is_date_time)
    checker.checks("uri", ValueError)(_is_uri)
    checker.checks("regex", BadPatternError)(_is_pattern)
    return checker


def _is_date_time(value: object) -> bool:
    """RFC 3339. A leap second is a time, which Python does not know."""
    if not isinstance(value, str):
        return True
    if not _DATE_TIME.fullmatch(value):
        return False
    date.fromisoformat(value[:10])  # raises where there is no such day
    return True


def _is_uri(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(urlsplit(value).scheme) and not re.search(r"[\s<>\"{}|\\^`]", value)


def _is_pattern(value: object) -> bool:
    if isinstance(value, str):
        compiled(value)
    return True


@functools.cache
def bounded(kind: type[SchemaValidator]) -> type[SchemaValidator]:
    """A draft's validator whose patterns are given up after a time, and which gives up itself after
    `STEPS`: thirty references inside of one another lead to a billion.

    To be used within `counted`.
    """
    keywords = {"pattern": _pattern, "patternProperties": _pattern_properties}
    for name in _BRANCHING:
        if name in kind.VALIDATORS:
            keywords[name] = _counting(kind.VALIDATORS[name])
    made: type[SchemaValidator] = extend(kind, validators=keywords)  # type: ignore[no-untyped-call]
    return made


@contextmanager
def counted() -> Iterator[None]:
    """The steps that are taken in this block count together.

    What is judged in it raises `TooManyStepsError` at the first too many.
    """
    before = _TAKEN.set([0])
    try:
        yield
    finally:
        _TAKEN.reset(before)


def _take(steps: int) -> None:
    taken = _TAKEN.get()
    taken[0] += steps
    if taken[0] > STEPS:
        raise TooManyStepsError


def _counting(keyword: Any) -> Any:
    def judged(judge: Any, said: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        _take(1)
        yield from keyword(judge, said, value, schema) or ()

    return judged


def _pattern(judge: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if not judge.is_type(value, "string"):
        return
    try:
        if not found_in(pattern, value):
            yield ValidationError(f"{value!r} does not match {pattern!r}")
    except ValueError as error:
        _take(_SLOW_PATTERN)
        yield ValidationError(str(error))


def _pattern_properties(
    judge: Any, patterns: Mapping[str, Any], value: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not judge.is_type(value, "object"):
        return
    for pattern, inner in patterns.items():
        for key, item in value.items():
            try:
                concerned = found_in(pattern, key)
            except ValueError as error:
                _take(_SLOW_PATTERN)
                yield ValidationError(str(error))
                continue
            if concerned:
                yield from judge.descend(item, inner, path=key, schema_path=pattern)
