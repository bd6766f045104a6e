"""What a model may say about a calculation: the expression. The arithmetic is done here."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from orchestrator.evidence.values import Calculation
from orchestrator.roles.calc.products import PER
from orchestrator.roles.calc.solve import solve
from orchestrator.roles.output import json_object
from orchestrator.roles.work import InvalidOutputError

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_KNOWN = frozenset(Fraction(n) for n in (1, 2, 100, *PER.values()))
"""Numbers that an expression may hold although the question does not."""


def expression_schema() -> dict[str, Any]:
    """The JSON Schema of what a model is asked for."""
    return {
        "type": "object",
        "properties": {"expression": {"type": "string", "minLength": 1, "maxLength": 400}},
        "required": ["expression"],
        "additionalProperties": False,
    }


def checked_calculation(text: str, question: str, context: str = "") -> Calculation:
    """The calculation of `question`, from an output that holds an `expression`.

    What the rules can calculate themselves is what they say, and an output that says otherwise
    is refused. Where they cannot, the expression counts if every number in it comes from the
    question, or is a customary one such as 12 months a year.

    Raises:
        InvalidOutputError: no such expression, another result, or a number out of nowhere.
    """
    value = json_object(text)
    expression = value.get("expression")
    if not isinstance(expression, str):
        raise InvalidOutputError("no expression")
    try:
        ours = solve(question, context)
    except ValueError:
        ours = None
    if ours is not None and expression == ours.expression:
        return ours
    try:
        theirs = solve(expression)
    except ValueError as error:
        raise InvalidOutputError(f"the expression cannot be calculated: {error}") from error
    if ours is not None:
        if theirs.result != ours.result:
            raise InvalidOutputError(
                f"the expression gives {theirs.result}, which is not {ours.result}"
            )
        return ours
    given = {_value(n) for n in _NUMBER.findall(f"{question} {context}")} | _KNOWN
    invented = [n for n in _NUMBER.findall(expression) if _value(n) not in given]
    if invented:
        raise InvalidOutputError(f"the number {invented[0]} does not stand in the question")
    return theirs


def only_problem(request: str) -> str:
    """The one calculation of a request, as the rules read it; empty where there is not just one."""
    from orchestrator.roles.builtins.plan import plan

    try:
        problems = [s.description for s in plan(request).subtasks if s.task == "math"]
    except ValueError:
        return ""
    return problems[0] if len(problems) == 1 else ""


def _value(number: str) -> Fraction:
    return Fraction(number.replace(",", ""))
