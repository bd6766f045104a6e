"""Expressions with units: `120 * 40 EUR/month * 12 month/year`, `3 * 900 EUR + 2 * 250 EUR`."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

from orchestrator.evidence.values import Calculation
from orchestrator.roles.calc.quantities import CURRENCIES, singular
from orchestrator.roles.calc.simple import of

_FACTOR = re.compile(
    r"\s*(?P<sign>[*/×÷])?\s*(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s*(?P<unit>[€$£¥]|[^\W\d_]+)?(?P<per>(?:/[^\W\d_]+)*)"
)
_TERM = re.compile(r"\s([+\-−])\s")

Value = tuple[Fraction, Counter[str]]


def solve(text: str) -> Calculation | None:
    """The value of products of numbers with units, and of sums of them.

    Returns:
        `None` where the text is anything else, or nothing is joined in it.

    Raises:
        ValueError: the units of the terms differ, or what is left is not one unit per another.
    """
    pieces = _TERM.split(text.strip())
    values = [_product(piece) for piece in pieces[::2]]
    known = [v for v in values if v is not None]
    if len(known) < len(values) or not re.search(r"[*/×÷]\s*\d|\s[+\-−]\s", text):
        return None
    total, units = known[0]
    for sign, (value, other) in zip(pieces[1::2], known[1:], strict=True):
        if other != units:
            raise ValueError("quantities of different units are added")
        total = total + value if sign == "+" else total - value
    unit = _unit(units)
    return of(text.strip(), total, unit)


def _product(text: str) -> Value | None:
    value, units, at = Fraction(1), Counter[str](), 0
    while at < len(text):
        match = _FACTOR.match(text, at)
        if match is None or (match["sign"] is None) != (at == 0):
            return None
        number = Fraction(match["number"].replace(",", ""))
        power = -1 if match["sign"] in ("/", "÷") else 1
        if power < 0 and number == 0:
            raise ValueError("division by zero")
        value *= number**power
        if match["unit"]:
            units[_name(match["unit"])] += power
        for below in filter(None, match["per"].split("/")):
            units[_name(below)] -= power
        at = match.end()
    return value, Counter({unit: n for unit, n in units.items() if n})


def _name(unit: str) -> str:
    return CURRENCIES.get(unit.lower()) or (unit if unit.isupper() else singular(unit))


def _unit(units: Counter[str]) -> str:
    """`EUR/year`. Raises `ValueError` where more is left than one unit over one other."""
    above = [u for u, n in units.items() if n > 0]
    below = [u for u, n in units.items() if n < 0]
    if any(abs(n) > 1 for n in units.values()) or len(above) > 1 or len(below) > 1:
        raise ValueError(f"the units do not come out: {'·'.join(above)}/{'·'.join(below)}")
    return (above[0] if above else "") + (f"/{below[0]}" if below else "")
