"""Ratios against covenants: limits are read from every clause that states one, values are exact.

No model takes part. A value is an expression of amounts of the accounts, which anyone can calculate
again; two clauses that state different limits for the same test are a conflict, and then neither of
them decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from orchestrator import UserError, function
from orchestrator.evidence.values import Calculation, Value
from orchestrator.roles.arithmetic import evaluate, plain

from .casefile import CaseFile, Piece

_DECIMAL = r"(\d[\d,]*(?:\.\d+)?)"
MEASURES: Mapping[str, Sequence[tuple[str, str]]] = {
    "EBITDA": (
        ("", "Operating profit"),
        ("+", "Depreciation and amortisation"),
        ("+", "Exceptional items, cost"),
    ),
    "Net Debt": (
        ("", "Bank loans, due within one year"),
        ("+", "Bank loans, due after one year"),
        ("+", "Lease liabilities"),
        ("-", "Cash, not pledged"),
    ),
    "Net Finance Charges": (
        ("", "Interest payable on loans and leases"),
        ("-", "Interest receivable"),
    ),
    "Cash": (("", "Cash, not pledged"),),
    "Loans": (("", "Loans of Halden Merchant Bank"),),
    "Market value": (("", "Market value of the Vessels"),),
    "Capital expenditure": (("", "Capital expenditure, other than Project Vessels"),),
}
"""What a defined term is made of, by the labels of the accounts; see clauses 1.3 and 1.7 to 1.9."""
DEFINED = ("EBITDA", "Financial Indebtedness", "Net Debt", "Net Finance Charges")


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One financial covenant."""

    __test__ = False  # not one of pytest's

    name: str
    states: str
    """The words that state its limit; one group, the number."""
    bound: Literal["at most", "at least"]
    value: str
    """An expression of names of `MEASURES`."""
    room: str
    """An expression of those and `limit`: how far what is moving may move, in euro."""
    moving: str
    unit: Literal["to 1", "EUR", "per cent."]


TESTS: Sequence[Test] = (
    Test(
        name="Leverage",
        states=rf"ratio of Net Debt to EBITDA (?:shall not exceed|is at most) {_DECIMAL} to 1",
        bound="at most",
        value="{Net Debt} / {EBITDA}",
        room="{EBITDA} - {Net Debt} / {limit}",
        moving="EBITDA may fall by",
        unit="to 1",
    ),
    Test(
        name="Interest cover",
        states=rf"ratio of EBITDA to Net Finance Charges "
        rf"(?:shall not be less than|is at least) {_DECIMAL} to 1",
        bound="at least",
        value="{EBITDA} / {Net Finance Charges}",
        room="{EBITDA} - {limit} * {Net Finance Charges}",
        moving="EBITDA may fall by",
        unit="to 1",
    ),
    Test(
        name="Liquidity",
        states=rf"cash of the Group[^.]* (?:shall not be less than|is at least) EUR {_DECIMAL}",
        bound="at least",
        value="{Cash}",
        room="{Cash} - {limit}",
        moving="cash may fall by",
        unit="EUR",
    ),
    Test(
        name="Loan to value",
        states=rf"loans of the Lender shall at no time exceed {_DECIMAL} per cent\. of the market",
        bound="at most",
        value="{Loans} / {Market value} * 100",
        room="{Market value} - {Loans} * 100 / {limit}",
        moving="the market value may fall by",
        unit="per cent.",
    ),
    Test(
        name="Capital expenditure",
        states=rf"Capital expenditure of the Group[^.]* (?:shall not exceed|is at most) "
        rf"EUR {_DECIMAL}",
        bound="at most",
        value="{Capital expenditure}",
        room="{limit} - {Capital expenditure}",
        moving="it may rise by",
        unit="EUR",
    ),
)


class Limit(Value):
    """A limit in one of the places that state it, and what the accounts make of it."""

    clause: Piece
    quote: str
    limit: str
    """A plain decimal."""
    met: bool
    room: Calculation
    """In euro; negative where the limit is broken."""


class Risk(Value):
    """One covenant against the accounts."""

    name: str
    bound: str
    unit: str
    moving: str
    value: Calculation
    limits: tuple[Limit, ...]
    """One in each place that states it."""

    @property
    def conflict(self) -> bool:
        """Whether the agreement states different limits for the same test."""
        return len({Decimal(limit.limit) for limit in self.limits}) > 1

    @property
    def status(self) -> str:
        """`met`, `breached`, or `undecided` where one of two limits is kept and the other not."""
        found = {limit.met for limit in self.limits}
        return "undecided" if len(found) > 1 else "met" if found == {True} else "breached"


class Risks(Value):
    """All covenants, the rows of the accounts that they are made of, and the definitions."""

    risks: tuple[Risk, ...]
    missing: tuple[str, ...]
    """Tests of which the agreement states no limit."""
    rows: tuple[Piece, ...]
    definitions: tuple[Piece, ...]


@function("derive_risks", reads=(CaseFile,))
def derive_risks(inputs: Mapping[str, Any]) -> Risks:
    """Every covenant of `TESTS` that the agreement states, calculated from the accounts.

    Raises:
        UserError: the accounts lack a row, or have it twice; a divisor is nil.
    """
    case: CaseFile = inputs["file"]
    stated = {test.name: _stated(test, case) for test in TESTS}
    amounts, rows = _amounts(case)
    return Risks(
        risks=tuple(_risk(t, stated[t.name], amounts) for t in TESTS if stated[t.name]),
        missing=tuple(test.name for test in TESTS if not stated[test.name]),
        rows=rows,
        definitions=tuple(
            clause
            for clause in case.evidence
            if any(clause.text.startswith(f"**{term}** means") for term in DEFINED)
        ),
    )


def _stated(test: Test, case: CaseFile) -> list[tuple[Piece, re.Match[str]]]:
    pattern = re.compile(test.states, re.IGNORECASE)
    found = ((clause, pattern.search(clause.text)) for clause in case.evidence)
    return [(clause, match) for clause, match in found if match]


def _amounts(case: CaseFile) -> tuple[dict[str, str], tuple[Piece, ...]]:
    """Each measure as an expression of numbers, and the rows that these stand in."""
    found: dict[str, str] = {}
    rows: dict[str, Piece] = {}
    for name, parts in MEASURES.items():
        said = []
        for sign, label in parts:
            amount, rows[label] = case.amount(label)
            said += [sign, str(amount)]
        text = " ".join(said).strip()
        found[name] = f"({text})" if len(parts) > 1 else text
    return found, tuple(rows.values())


def _risk(
    test: Test, stated: Sequence[tuple[Piece, re.Match[str]]], amounts: Mapping[str, str]
) -> Risk:
    value = _calculated(test.value, amounts, "" if test.unit == "to 1" else test.unit)
    limits = []
    for clause, match in stated:
        limit = match[1].replace(",", "")
        distance = Fraction(limit) - Fraction(value.result)
        met = distance >= 0 if test.bound == "at most" else distance <= 0
        room = _calculated(test.room, {**amounts, "limit": limit}, "EUR")
        limits.append(Limit(clause=clause, quote=match[0], limit=limit, met=met, room=room))
    return Risk(
        name=test.name,
        bound=test.bound,
        unit=test.unit,
        moving=test.moving,
        value=value,
        limits=tuple(limits),
    )


def _calculated(form: str, amounts: Mapping[str, str], unit: str) -> Calculation:
    expression = re.sub(r"\{([\w ]+)\}", lambda name: amounts[name[1]], form)
    try:
        result = evaluate(expression)
    except ValueError as error:
        raise UserError(f"the accounts: {expression} cannot be calculated: {error}") from error
    shown = rounded(result, 0 if unit == "EUR" else 2)
    return Calculation(
        expression=expression,
        result=plain(result),
        unit=unit,
        shown=shown,
        working=f"{expression} = {shown}",
    )


def rounded(value: Fraction, places: int) -> str:
    """For people, with thousands separators; halves are rounded away from nil."""
    scaled = abs(value) * 10**places
    whole = int(scaled + Fraction(1, 2))
    sign = "-" if value < 0 and whole else ""
    return f"{sign}{Decimal(whole).scaleb(-places):,}"
