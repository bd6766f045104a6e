"""What an agent declares of its answers, as one check that is a part of its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.errors import RunError
from orchestrator.project.valid_schema import Valid
from orchestrator.types import as_json
from orchestrator.validation.text import Validator, matching, of_length

TextCheck = Callable[[str], Any]
"""A registered check of one text: `None`, or why it does not pass."""


def declared_check(
    valid: Valid, checks: Mapping[str, TextCheck], then: Validator | None = None
) -> Validator:
    """The check of an agent's answers: all that it declares, and then what its role asks.

    The text is judged as the model wrote it, and everything wrong with its form is said at once.
    The project's own checks come after that and see the JSON, code or SQL without its fence.
    The role's check sees the text as it was written, since a role parses for itself, and its
    value counts; without one the value is the parsed JSON, the code, the SQL, or the text.

    Args:
        valid: as it was checked when the project was loaded.
        checks: the registered checks by name, at least those that `valid` names.
        then: the role's own check.
    """
    forms = _forms(valid)
    read = _read(valid)
    names = (valid.check,) if isinstance(valid.check, str) else valid.check

    def check(text: str) -> Any:
        wrong = [problem for form in forms if (problem := _problem(form, text))]
        bare, value = text, None
        try:
            bare, value = read(text)
        except ValueError as error:
            wrong.append(str(error))
        wrong += [] if wrong else [p for n in names if (p := _own_problem(n, checks[n], bare))]
        if wrong:
            raise ValueError("; ".join(wrong))
        return value if then is None else then(text)

    return check


def _forms(valid: Valid) -> list[Validator]:
    forms = []
    if valid.min_chars is not None or valid.max_chars is not None:
        forms.append(of_length(valid.min_chars, valid.max_chars))
    if valid.pattern is not None:
        forms.append(matching(valid.pattern))
    return forms


def _read(valid: Valid) -> Callable[[str], tuple[str, Any]]:
    """What takes the text that was asked for out of an answer, and its value."""
    if valid.json_schema is not None:
        from orchestrator.validation.json_schema import satisfying
        from orchestrator.validation.json_text import json_in

        satisfies = satisfying(as_json(valid.json_schema))
        return lambda text: (json_in(text)[0], satisfies(text))
    if valid.code is not None:
        from orchestrator.validation.code import code_in

        return _twice(code_in(valid.code))
    if valid.sql is not None:
        from orchestrator.validation.sql import sql_in

        return _twice(sql_in(valid.sql, read_only=valid.read_only, statements=valid.statements))
    return _twice(str)


def _twice(read: Validator) -> Callable[[str], tuple[str, Any]]:
    def both(text: str) -> tuple[str, Any]:
        found = read(text)
        return found, found

    return both


def _problem(form: Validator, text: str) -> str:
    try:
        form(text)
    except ValueError as error:
        return str(error)
    return ""


def _own_problem(name: str, check: TextCheck, text: str) -> str:
    """Raises `RunError` where the check itself is at fault."""
    try:
        said = check(text)
    except ValueError as error:
        return str(error) or f"it does not pass the check '{name}'"
    except Exception as error:  # the project's own code: whatever it raises is its failure
        raise RunError(f"the check '{name}' failed: {type(error).__name__}: {error}") from error
    if said is not None and not isinstance(said, str):
        kind = type(said).__name__
        raise RunError(f"the check '{name}' returned {kind}; allowed: None, or why it fails")
    return said or ""
