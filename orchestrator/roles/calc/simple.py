"""Percentages, sums, differences, means, shares and roots of the quantities of one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from orchestrator.evidence.values import Calculation
from orchestrator.roles.arithmetic import plain, root, shown
from orchestrator.roles.calc.quantities import Quantity, find

_UP = r"increas\w*|rais\w*|ris\w*|grow\w*|plus|add\w*|more|higher|vat|tax|tip|surcharge|markup|up"
_DOWN = r"decreas\w*|reduc\w*|cut\w*|drop\w*|discount\w*|off|less|minus|lower\w*|fall\w*|down"
_TOTAL = r"after|price|pay|total|final|cost|new|net|now|then"


def solve(text: str) -> Calculation | None:
    """The calculation that the sentence asks for by a word (`sum`, `split`, `15% of`, …).

    Returns:
        `None` where no such word stands there.

    Raises:
        ValueError: the word stands there, but not what it needs.
    """
    quantities = find(text)
    shares = [q for q in quantities if q.unit == "%"]
    others = [q for q in quantities if q.unit != "%"]
    if re.search(r"\b(?:percent(?:age)?|per cent|%)", text, re.IGNORECASE) and not shares:
        return _ratio(text, others)
    if shares:
        return _percent(text, shares, others)
    return _by_word(text, others)


def of(expression: str, value: Fraction, unit: str = "", word: str = "") -> Calculation:
    """A finished calculation; `word` is the unit as a person writes it."""
    text = shown(value) + (unit if unit == "%" else f" {word or unit}" if unit else "")
    working = expression.replace(" * ", " × ").replace(" / ", " ÷ ").replace(" - ", " − ")
    return Calculation(
        expression=expression,
        result=plain(value),
        unit=unit,
        shown=text,
        working=equals(working, text),
    )


def equals(left: str, right: str) -> str:
    """`left = right`, or `left ≈ …` where the right side is rounded."""
    return f"{left} {right}" if right.startswith("≈") else f"{left} = {right}"


def amount(quantity: Quantity) -> str:
    """A quantity inside an expression: `57600 EUR`."""
    return f"{plain(quantity.value)} {quantity.unit}".strip()


def _percent(text: str, shares: list[Quantity], others: list[Quantity]) -> Calculation:
    if len(shares) != 1 or len(others) != 1:
        raise ValueError("a percentage needs exactly one number that it is taken of")
    share, base = shares[0], others[0]
    if base.per or base.each:
        raise ValueError("a percentage of a rate is not calculated")
    between = text[share.end : base.start] if share.start < base.start else ""
    word = base.word
    if re.fullmatch(r"\s+of(?:\s+(?:the|all|a))?\s+", between):
        return of(f"{amount(base)} * {plain(share.value)}/100", base.value * share.value / 100,
                  base.unit, word)  # fmt: skip
    if re.search(r"\binclud", text, re.IGNORECASE):
        raise ValueError("whether the percentage is inside the number or on top of it is not clear")
    up = bool(re.search(rf"\b(?:{_UP})\b", text, re.IGNORECASE))
    down = bool(re.search(rf"\b(?:{_DOWN})\b", text, re.IGNORECASE))
    if up and down:
        down, up = _nearer(text, share)
    if up == down:
        raise ValueError("whether the percentage is added, taken off or taken of is not clear")
    on = re.search(r"^\s*\w+\s+(?:on|for)\s+", text[share.end : share.end + 40])
    if on and not re.search(rf"\b(?:{_TOTAL})\b", text, re.IGNORECASE):
        return of(f"{amount(base)} * {plain(share.value)}/100", base.value * share.value / 100,
                  base.unit, word)  # fmt: skip
    sign, factor = ("+", 1) if up else ("-", -1)
    value = base.value * (1 + factor * share.value / 100)
    return of(f"{amount(base)} * (1 {sign} {plain(share.value)}/100)", value, base.unit, word)


def _nearer(text: str, share: Quantity) -> tuple[bool, bool]:
    """(down, up) by the word next to the percentage."""
    after = text[share.end : share.end + 20]
    return (
        bool(re.match(rf"\s*(?:{_DOWN})\b", after, re.IGNORECASE)),
        bool(re.match(rf"\s*(?:{_UP})\b", after, re.IGNORECASE)),
    )


def _ratio(text: str, quantities: list[Quantity]) -> Calculation:
    """`what percentage of 120 is 30`, `from 80 to 100 in percent`."""
    if len(quantities) != 2 or any(q.per for q in quantities):
        raise ValueError("a percentage needs two numbers")
    first, second = quantities
    if first.unit and second.unit and first.unit != second.unit:
        raise ValueError(f"{first.unit} and {second.unit} cannot be compared")
    change = re.search(r"\b(?:from|change|increase|decrease|growth|drop)\b", text, re.IGNORECASE)
    whole_first = re.search(
        r"(?:percent(?:age)?|per cent|%) of\s+\S*\s*$", text[: first.start], re.IGNORECASE
    )
    if change:
        part, whole = second.value - first.value, first.value
        expression = f"({plain(second.value)} - {plain(first.value)}) / {plain(whole)} * 100"
        if re.search(r"\b(?:decrease|drop)\b", text, re.IGNORECASE):
            part = -part
            expression = f"({plain(whole)} - {plain(second.value)}) / {plain(whole)} * 100"
    else:
        part, whole = (second.value, first.value) if whole_first else (first.value, second.value)
        expression = f"{plain(part)} / {plain(whole)} * 100"
    if whole == 0:
        raise ValueError("division by zero")
    return of(expression, part / whole * 100, "%", "%")


def _by_word(text: str, quantities: list[Quantity]) -> Calculation | None:
    low = text.lower()
    rules: tuple[tuple[str, Callable[[list[Quantity], str], Calculation]], ...] = (
        (r"\bsquare root\b", _root),
        (r"\b(?:average|mean)\b", _mean),
        (r"\b(?:split|divided?|shared?|distribut\w+)\b", _share),
        (r"\b(?:difference|subtract\w*|minus|less|deduct\w*)\b", _difference),
        (r"\b(?:half|twice|double|triple)\b", _multiple),
        (r"\bmultipl\w+\b|\d\s+times\s+\d", _times),
        (r"\b(?:sum|add|plus|altogether|combined|total)\b", _sum),
    )
    for pattern, rule in rules:
        if re.search(pattern, low):
            if rule in (_sum, _difference) and not _alike(quantities):
                return None  # a product may be what is asked for
            if rule is _multiple and len(quantities) != 1:
                return None
            return rule(quantities, low)
    return None


def _alike(quantities: list[Quantity]) -> bool:
    return (
        len(quantities) > 1
        and len({q.unit for q in quantities}) == 1
        and not any(q.per or q.each for q in quantities)
    )


def _need(quantities: list[Quantity], count: int) -> None:
    if len(quantities) != count or any(q.per for q in quantities):
        raise ValueError(f"{count} plain quantities are needed; {len(quantities)} were found")


def _root(quantities: list[Quantity], _text: str) -> Calculation:
    _need(quantities, 1)
    return of(f"{plain(quantities[0].value)} ** (1/2)", root(quantities[0].value))


def _mean(quantities: list[Quantity], _text: str) -> Calculation:
    if not _alike(quantities):
        raise ValueError("a mean needs two or more quantities of one unit")
    total = sum((q.value for q in quantities), Fraction(0))
    listed = " + ".join(amount(q) for q in quantities)
    unit = quantities[0].unit
    return of(f"({listed}) / {len(quantities)}", total / len(quantities), unit, quantities[0].word)


def _share(quantities: list[Quantity], text: str) -> Calculation:
    _need(quantities, 2)
    first, second = quantities
    into = re.search(
        r"\b(?:among|between|by|across|over|into|with)\b", text[first.end : second.start]
    )
    if not into:
        raise ValueError("by what is divided is not clear")
    if second.value == 0:
        raise ValueError("division by zero")
    if first.unit == second.unit:
        unit = word = ""
    else:
        unit, word = first.unit, first.word
    return of(f"{amount(first)} / {plain(second.value)}", first.value / second.value, unit, word)


def _difference(quantities: list[Quantity], text: str) -> Calculation:
    _need(quantities, 2)
    first, second = quantities
    if re.search(r"\bfrom\b", text[first.end : second.start]):
        first, second = second, first
    if "difference" in text and first.value < second.value:
        first, second = second, first
    value = first.value - second.value
    return of(f"{amount(first)} - {amount(second)}", value, first.unit, first.word)


def _sum(quantities: list[Quantity], _text: str) -> Calculation:
    total = sum((q.value for q in quantities), Fraction(0))
    return of(" + ".join(amount(q) for q in quantities), total, quantities[0].unit,
              quantities[0].word)  # fmt: skip


def _times(quantities: list[Quantity], _text: str) -> Calculation:
    _need(quantities, 2)
    first, second = quantities
    if first.unit and second.unit:
        raise ValueError("two quantities with units are not simply multiplied")
    unit, word = (first.unit, first.word) if first.unit else (second.unit, second.word)
    return of(f"{amount(first)} * {amount(second)}", first.value * second.value, unit, word)


def _multiple(quantities: list[Quantity], text: str) -> Calculation:
    _need(quantities, 1)
    only = quantities[0]
    factor = Fraction(1, 2) if "half" in text else Fraction(3) if "triple" in text else Fraction(2)
    sign = "/ 2" if "half" in text else f"* {factor}"
    return of(f"{amount(only)} {sign}", only.value * factor, only.unit, only.word)
