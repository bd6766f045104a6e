"""One question, one exact calculation, or a reason why not."""

from __future__ import annotations

import re
from fractions import Fraction

from orchestrator.evidence.values import Calculation
from orchestrator.roles.arithmetic import evaluate, plain
from orchestrator.roles.calc import conversion, dates, expressions, products, simple

LONGEST = 4000
_ASKING = re.compile(
    r"^(?:(?:please|and|then|now|also)[,:]?\s+)*"
    r"(?:(?:what(?:'s| is| are)|how much (?:is|are)|calculate|compute|evaluate|work out|solve|"
    r"the (?:value|result) of)[:\s]+)*",
    re.IGNORECASE,
)
_FURTHER = re.compile(
    r"\b(?:and|then|afterwards)\s+(?:then\s+)?"
    r"(?:halved?|doubled?|tripled?|quadrupled?|squared?|cubed?|rounded|divided|multiplied|"
    r"increased|decreased|reduced|raised|add|added|subtract|subtracted|take|takes|gives?|buys?|"
    r"loses?|sells?|gets?|divide|multiply|split)\b",
    re.IGNORECASE,
)
"""A second step on what the first one gives."""
_FORMULA = re.compile(r"[\d\s.,+\-*/^()%×÷·−eE]+(?:%\s*of[\d\s.,]+)?")
_UNIT_AFTER = re.compile(r"(?<=[\d)])\s*[^\W\d_€$£%][\w/]*|\s*[€$£]")
_CONVERSION = re.compile(r"^(?P<number>\S+) (?P<source>.+) -> (?P<goal>.+)$")


def solve(question: str, context: str = "") -> Calculation:
    """The exact answer to a calculation in words or signs.

    Args:
        context: more of the request, read only where the question alone is not enough.

    Raises:
        ValueError: why it could not be calculated; nothing is ever guessed.
    """
    text = " ".join(question.split())
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters are too many for a calculation")
    if not re.search(r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|dozen)\b", text):
        if context:
            return solve(f"{text} {context}")
        raise ValueError("no number was found")
    further = _FURTHER.search(text)
    if further:
        raise ValueError(f"two steps in one sentence are not calculated: '{further[0]}'")
    try:
        return _solve(text)
    except ValueError:
        if not context or context.strip() in text:
            raise
        try:
            return _solve(" ".join(context.split()))
        except ValueError:
            pass  # the question's own reason says more than the context's
        raise


def _solve(text: str) -> Calculation:
    formula = _ASKING.sub("", text).strip().rstrip("?=.! ")
    is_formula = _FORMULA.fullmatch(formula) and re.search(r"[+\-*/^%×÷·−]", formula[1:])
    if is_formula and not re.search(r"\d{4}-\d\d-\d\d", formula):
        return simple.of(formula, evaluate(formula))
    for solver in (dates.solve, conversion.solve, expressions.solve, simple.solve):
        found = solver(text)
        if found is not None:
            return found
    return products.solve(text)


def again(calculation: Calculation) -> str:
    """The result of a calculation's expression, calculated afresh.

    Raises:
        ValueError: the expression cannot be calculated.
    """
    expression = calculation.expression
    found = dates.solve(expression)
    if found is not None:
        return found.result
    match = _CONVERSION.match(expression)
    if match:
        value = Fraction(match["number"])
        return conversion.convert(value, match["source"], match["goal"]).result
    try:
        return plain(evaluate(expression))
    except ValueError:
        return plain(evaluate(_UNIT_AFTER.sub("", expression)))
