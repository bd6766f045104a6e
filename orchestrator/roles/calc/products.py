"""Problems of the kind *so many, at so much each, every month*: units decide, or nobody does.

All quantities are multiplied; a conversion between periods is added where exactly one is
missing; what remains must be one unit, per the period that was asked for. Anything else is
refused, so a number that does not belong to the problem never slips into it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator.evidence.values import Calculation
from orchestrator.roles.arithmetic import plain, shown
from orchestrator.roles.calc.quantities import ADJECTIVES, PERIODS, WANTED, Quantity, find
from orchestrator.roles.calc.simple import equals

PER = {
    ("minute", "hour"): 60,
    ("day", "week"): 7,
    ("month", "quarter"): 3,
    ("month", "year"): 12,
    ("quarter", "year"): 4,
    ("week", "year"): 52,
    ("day", "year"): 365,
}
"""How many of the first make one of the second. Weeks and days of a year are the customary
round numbers; they stand in the expression, where they can be seen."""

_PERIOD = "|".join(PERIODS)
_TARGET = re.compile(
    rf"\b(?P<adjective>{'|'.join(ADJECTIVES)})\b"
    rf"|\b(?:per|each|every|an?|/|(?:over|for|in|during|within)\s+(?:a|one|the)(?:\s+(?:whole|full))?)"
    rf"\s+(?P<period>{_PERIOD})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a product, as it is calculated and as it is shown."""

    value: Fraction
    unit: str
    per: tuple[str, ...] = ()
    word: str = ""
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """Factors, their value and the unit that is left."""

    factors: tuple[Factor, ...]
    value: Fraction
    unit: str
    per: str


def solve(text: str) -> Calculation:
    """The problem's product, or the sum of its products.

    Raises:
        ValueError: the units do not come out, or there is nothing to multiply.
    """
    quantities = find(text)
    if not quantities:
        raise ValueError("no quantities were found")
    target = wanted_period(text, quantities)
    try:
        return _calculation([product(quantities, target)])
    except ValueError as error:
        parts = _parts(text, quantities)
        if len(parts) < 2:
            raise
        try:
            products = [product(part, target) for part in parts]
        except ValueError:
            raise error from None
        if len({(p.unit, p.per) for p in products}) != 1:
            raise
        return _calculation(products)


def wanted_period(text: str, quantities: list[Quantity]) -> str:
    """The period that the answer is asked for; empty where none is named.

    Raises:
        ValueError: two different ones are named.
    """
    rates = {p for q in quantities for p in q.per if p in PERIODS}
    named: list[str] = []
    for match in _TARGET.finditer(text):
        period = ADJECTIVES.get((match["adjective"] or "").lower()) or (match["period"] or "")
        attached = any(q.start <= match.start() and match.end() <= q.end for q in quantities)
        if not attached:
            named.append(period.lower())
    others = {p for p in named if p not in rates}
    if len(others) > 1:
        raise ValueError(f"two periods are asked for: {', '.join(sorted(others))}")
    if others:
        return others.pop()
    asked = re.search(
        rf"\b({'|'.join(ADJECTIVES)})\s+(?:[a-z]+\s+)?(?:{WANTED})\b", text, re.IGNORECASE
    )
    return ADJECTIVES[asked[1].lower()] if asked else ""


def product(quantities: list[Quantity], target: str) -> Product:
    """All quantities multiplied, with the conversion that the periods need.

    Raises:
        ValueError: the units do not come out.
    """
    if any(q.unit in ("", "%") for q in quantities):
        raise ValueError("a number stands without saying what it counts")
    factors = [Factor(q.value, q.unit, q.per, q.word) for q in _in_order(quantities)]
    conversion = _conversion(_units(factors), target)
    if conversion:
        factors.append(conversion)
    if len(factors) < 2:
        raise ValueError("there is only one quantity")
    units = _units(factors)
    top = [u for u, n in units.items() if n == 1]
    below = [u for u, n in units.items() if n == -1]
    if any(abs(n) > 1 for n in units.values()) or len(top) != 1 or len(below) > 1:
        raise ValueError(f"the units do not come out: {_unit_text(units)}")
    per = below[0] if below else ""
    if (target and per and per != target) or (per and per not in PERIODS):
        raise ValueError(f"the units do not come out: {_unit_text(units)}")
    if target and not per and top[0] not in PERIODS and not _has_duration(quantities):
        raise ValueError(f"no quantity says per which period, and the answer is per {target}")
    value = Fraction(1)
    for factor in factors:
        value = value / factor.value if factor.inverse else value * factor.value
    return Product(tuple(factors), value, top[0], per)


def _has_duration(quantities: list[Quantity]) -> bool:
    return any(q.unit in PERIODS for q in quantities)


def _in_order(quantities: list[Quantity]) -> list[Quantity]:
    """What is counted first, then the rates."""
    return sorted(quantities, key=lambda q: (bool(q.per) or q.money, q.unit in PERIODS))


def _units(factors: list[Factor]) -> Counter[str]:
    units: Counter[str] = Counter()
    for factor in factors:
        sign = -1 if factor.inverse else 1
        units[factor.unit] += sign
        for unit in factor.per:
            units[unit] -= sign
    return Counter({unit: n for unit, n in units.items() if n})


def _conversion(units: Counter[str], target: str) -> Factor | None:
    """The factor that turns the periods left over into the one wanted."""
    over = [u for u in PERIODS if units[u] == 1]
    under = [u for u in PERIODS if units[u] == -1]
    if len(under) != 1 or len(over) > 1:
        return None
    source = under[0]
    for goal in (*over, target):
        if (source, goal) in PER:
            return Factor(Fraction(PER[source, goal]), source, (goal,), source + "s")
        if (goal, source) in PER:
            return Factor(Fraction(PER[goal, source]), goal, (source,), goal + "s", inverse=True)
    if target in ("", source):
        return None
    raise ValueError(f"there is no exact number of {source}s in a {target}")


def _parts(text: str, quantities: list[Quantity]) -> list[list[Quantity]]:
    """The quantities by the parts of the sentence that `and`, `plus` and commas make."""
    cuts = [m.start() for m in re.finditer(r"\band\b|\bplus\b|[,;]\s", text)]
    parts: dict[int, list[Quantity]] = {}
    for quantity in quantities:
        parts.setdefault(sum(cut <= quantity.start for cut in cuts), []).append(quantity)
    return [_alone(text, part) for part in parts.values()]


def _alone(text: str, part: list[Quantity]) -> list[Quantity]:
    """A part's quantities with `each` read inside the part only."""
    start, end = part[0].start, part[-1].end
    return [replace(q, start=q.start + start) for q in find(text[start:end])]


def _unit_text(units: Counter[str]) -> str:
    top = "·".join(u for u, n in units.items() for _ in range(n)) or "1"
    below = "".join(f"/{u}" for u, n in units.items() for _ in range(-n))
    return top + below


def _calculation(products: list[Product]) -> Calculation:
    value = sum((p.value for p in products), Fraction(0))
    first = products[0]
    unit = first.unit + (f"/{first.per}" if first.per else "")
    expression = " + ".join(_expression(p.factors) for p in products)
    working = " + ".join(_working(p.factors) for p in products)
    word = first.unit
    if value != 1 and first.unit == first.unit.lower() and first.unit != "cent":
        word = next((f.word for f in first.factors if f.unit == first.unit and f.word), first.unit)
    text = f"{shown(value)} {word}"
    return Calculation(
        expression=expression,
        result=plain(value),
        unit=unit,
        shown=text,
        working=equals(working, text),
    )


def _expression(factors: tuple[Factor, ...]) -> str:
    """Numbers and units; a unit that is only counted and cancels is left out."""
    cancelled = {u for f in factors for u in f.per}
    parts: list[str] = []
    for factor in factors:
        keeps = factor.unit not in cancelled or factor.per or factor.unit in PERIODS
        unit = factor.unit if keeps else ""
        counted = {f.unit for f in factors if not f.per}
        below = "".join(f"/{u}" for u in factor.per if u in PERIODS or u not in counted)
        sign = "" if not parts else " / " if factor.inverse else " * "
        parts.append(f"{sign}{plain(factor.value)} {unit}{below}".rstrip())
    return "".join(parts)


def _working(factors: tuple[Factor, ...]) -> str:
    parts: list[str] = []
    for factor in factors:
        sign = "" if not parts else " ÷ " if factor.inverse else " × "
        parts.append(f"{sign}{shown(factor.value)} {factor.word or factor.unit}")
    return "".join(parts)
