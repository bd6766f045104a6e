"""Conversions between physical units, exact, by pint with rational numbers."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.evidence.values import Calculation
from orchestrator.roles.arithmetic import plain, shown
from orchestrator.roles.calc.quantities import CURRENCIES
from orchestrator.roles.calc.simple import equals

if TYPE_CHECKING:
    import pint

_NUMBER = r"(?P<number>-?\d[\d,]*(?:\.\d+)?)"
_UNIT = r"[a-zA-Z°µ][a-zA-Z°µ]*(?:\s*(?:/|per)\s*[a-zA-Z]+)?(?:\^?[23])?"
_FORMS = (
    re.compile(rf"^(?:convert|express|what is|what are|how much is)?\s*{_NUMBER}"
               rf"\s*(?P<source>{_UNIT})\s+(?:to|in|into|as|->)\s+(?P<goal>{_UNIT})$", re.I),
    re.compile(rf"^{_NUMBER}\s*(?P<source>{_UNIT})\s*->\s*(?P<goal>{_UNIT})$"),
    re.compile(rf"^how many\s+(?P<goal>{_UNIT})\s+(?:are|is)?\s*(?:there\s+)?"
               rf"(?:in|make|make up)?\s*{_NUMBER}\s*(?P<source>{_UNIT})$", re.IGNORECASE),
)  # fmt: skip


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    return pint.UnitRegistry(non_int_type=Fraction)


def solve(text: str) -> Calculation | None:
    """The converted quantity; `None` where no conversion is asked for.

    Raises:
        ValueError: a unit that is not known, or two that do not convert.
    """
    asked = re.sub(
        r"^(?:please|and|calculate|compute)[,:]?\s+", "", text.strip().rstrip("?.! "), flags=re.I
    )
    match = next((m for form in _FORMS if (m := form.match(asked))), None)
    if match is None:
        return None
    source, goal = match["source"], match["goal"]
    if any(unit.lower() in CURRENCIES for unit in (source, goal)):
        raise ValueError("exchange rates change and are not known here")
    value = Fraction(match["number"].replace(",", ""))
    return convert(value, source, goal)


def convert(value: Fraction, source: str, goal: str) -> Calculation:
    """`value` of `source` in `goal`. Raises `ValueError` where that is not possible."""
    import pint

    registry = _registry()
    try:
        magnitude = registry.Quantity(value, _name(source)).to(_name(goal)).magnitude
    except (pint.errors.PintError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{source} cannot be converted to {goal}: {error}") from error
    if not isinstance(magnitude, (Fraction, int)):
        raise ValueError(f"{source} in {goal} has no exact value")
    exact = Fraction(magnitude)
    text = f"{shown(exact)} {goal}"
    return Calculation(
        expression=f"{plain(value)} {source} -> {goal}",
        result=plain(exact),
        unit=goal,
        shown=text,
        working=equals(f"{shown(value)} {source}", text),
    )


def _name(unit: str) -> str:
    text = re.sub(r"\s+per\s+", "/", unit.strip())
    celsius = {"celsius": "degC", "°c": "degC", "fahrenheit": "degF", "°f": "degF"}
    return celsius.get(text.lower(), text)
