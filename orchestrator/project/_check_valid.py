"""Checks of what an agent's answers must satisfy: that it can be satisfied, and means something."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import as_list, unknown
from orchestrator.project._signatures import takes
from orchestrator.project.names import listing, misspelt, nearest
from orchestrator.project.registry import Registry
from orchestrator.project.valid_schema import Valid
from orchestrator.types import as_json

_AT: KeyPath = ("valid",)
_FORMS = ("json_schema", "code", "sql")


def check_valid(valid: Valid, document: Document, registry: Registry | None) -> list[Problem]:
    """The problems of `valid` in an agent's front matter."""
    problems = [*_combined(valid, document)]
    if valid.pattern is not None:
        problems += _pattern(valid.pattern, document)
    if valid.json_schema is not None:
        problems += _schema(as_json(valid.json_schema), document)
    if valid.sql is not None:
        from orchestrator.validation.sql import dialects

        at = (*_AT, "sql")
        problems += unknown(document, "dialect of SQL", (valid.sql,), dialects(), lambda _: at)
    if registry is not None:
        problems += _checks(valid, document, registry)
    return problems


def _combined(valid: Valid, document: Document) -> Iterator[Problem]:
    said = [form for form in _FORMS if getattr(valid, form) is not None]
    for form in said[1:]:
        yield document.problem(
            (*_AT, form),
            f"an answer cannot have two forms; '{said[0]}' is said as well",
            of_key=True,
            found=form,
            allowed=f"one of {', '.join(_FORMS)}",
            code="two-forms",
        )
    written = document.root.items["valid"].items  # a dialect that is broken is said all the same
    of_sql = [key for key in ("read_only", "statements") if key in written]
    for key in of_sql if "sql" not in written else ():
        yield document.problem(
            (*_AT, key),
            "this is about SQL, and no dialect is said",
            of_key=True,
            found=key,
            allowed="beside sql: DIALECT",
            code="no-dialect",
        )
    least, most = valid.min_chars, valid.max_chars
    if least is not None and most is not None and least > most:
        yield document.problem(
            (*_AT, "max_chars"),
            f"no answer is that short and has {least} characters",
            found=str(most),
            allowed=f"at least {least}, as min_chars says",
            code="impossible-length",
        )
    if not written:
        yield document.problem(
            _AT,
            "nothing is asked of the answers",
            found="an empty mapping",
            allowed=listing(Valid.model_fields),
            code="empty-valid",
        )


def _pattern(pattern: str, document: Document) -> Iterator[Problem]:
    from orchestrator.validation.text import BadPatternError, compiled

    try:
        compiled(pattern)
    except BadPatternError as error:
        yield _within(
            document.problem(
                (*_AT, "pattern"),
                f"this is not a regular expression: {error}, at its character {error.at + 1}",
                found=pattern,
                code="bad-pattern",
            ),
            document,
            pattern,
            error.at,
        )


def _within(problem: Problem, document: Document, text: str, at: int) -> Problem:
    """The problem with the column of one character of `text`, where that stands as it is."""
    line = document.lines[problem.line - 1] if problem.line <= len(document.lines) else ""
    start = line.find(text, problem.column - 1)
    return problem if start < 0 else dataclasses.replace(problem, column=start + at + 1)


def _schema(schema: dict[str, Any], document: Document) -> Iterator[Problem]:
    from orchestrator.validation.schemas import faults, slips

    at: KeyPath = (*_AT, "json_schema")
    wrong = faults(schema)
    for fault in wrong:
        yield document.problem(
            (*at, *fault.path),
            f"this is no JSON Schema: {fault.message}",
            found=fault.found,
            allowed=listing(fault.choices) if fault.choices else "",
            near=nearest(fault.found, fault.choices) if fault.choices else "",
            code="bad-schema",
        )
    for slip in () if wrong else slips(schema):
        near = misspelt(slip.found, slip.choices)
        if near:
            yield document.problem(
                (*at, *slip.path),
                slip.message,
                of_key=slip.found == slip.path[-1],
                found=slip.found,
                near=near,
                code="schema-slip",
                severity="warning",
            )


def _checks(valid: Valid, document: Document, registry: Registry) -> Iterator[Problem]:
    known = registry.items("check")
    of_one_text = [
        n for n, item in known.items() if takes(item, 1) and not inspect.iscoroutinefunction(item)
    ]
    for index, name in enumerate(as_list(valid.check)):
        at: KeyPath = (*_AT, "check") if valid.check == name else (*_AT, "check", index)
        if name not in known:
            yield from unknown(document, "check", (name,), of_one_text, {name: at}.__getitem__)
        elif name not in of_one_text:
            yield document.problem(
                at,
                "this check does not take the text of an answer alone",
                found=name,
                allowed="a check of one text: def NAME(text: str) -> str | None, not async",
                code="check-of-another-kind",
            )
