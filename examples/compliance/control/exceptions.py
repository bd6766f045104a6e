"""The tests: each rule held against each payment by code. No model says what an exception is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from orchestrator import tool
from orchestrator.evidence.tools import Toolbox
from orchestrator.evidence.values import Value

from .casefile import Case, Payment, account, read_case
from .register import Register, make_register

Risk = Literal["low", "medium", "high"]
RISKS: tuple[Risk, ...] = ("low", "medium", "high")

LIMITS: Mapping[str, Decimal] = {"B": Decimal(2500), "C": Decimal(10000)}
"""What a person of a grade approves at most; of others the rules state no limit."""
TWO_FROM = Decimal(10000)
SPLIT_DAYS, OLD_DAYS, LATE_DAYS = 7, 90, 60
HOTEL = Decimal(160)
_HOTEL = re.compile(r"(\d+) nights?, hotel ([\d.]+)")


class Hit(Value):
    """An exception that a test found. It holds numbers and placeholders, and nobody's name."""

    id: str
    """`X-01`, in the order of the payments."""
    rule: str
    payments: tuple[str, ...]
    facts: str
    """What is the case, in one sentence."""
    risk: Risk
    """At least; whoever assesses it may say more, and never less."""


@dataclass(frozen=True, slots=True)
class _Data:
    """A case, ready to be tested."""

    case: Case
    register: Register
    grades: Mapping[str, str]
    """Name of an employee → grade."""
    own_accounts: Mapping[str, str]
    """Account of an employee → name."""
    supplier_accounts: Mapping[str, str]
    """Name of a supplier → account."""

    def of(self, value: str) -> str:
        return self.register.of(value)


_Found = tuple[Sequence[Payment], str]
_Test = Callable[[_Data], Iterator[_Found]]


@tool("find-exceptions", level="read")
async def find_exceptions(_toolbox: Toolbox, *, case: str) -> tuple[Hit, ...]:
    """Every exception of the case in that folder."""
    return exceptions(read_case(case))


def exceptions(case: Case) -> tuple[Hit, ...]:
    """Every exception, in the order of the payments and then of the rules."""
    data = _Data(
        case=case,
        register=make_register(case),
        grades={e.name: e.grade for e in case.employees},
        own_accounts={account(e.iban): e.name for e in case.employees},
        supplier_accounts={s.name: account(s.iban) for s in case.suppliers},
    )
    found = [
        (tuple(p.id for p in payments), rule, facts, risk)
        for rule, (test, risk) in _TESTS.items()
        for payments, facts in test(data)
    ]
    order = {rule: n for n, rule in enumerate(_TESTS)}
    found.sort(key=lambda hit: (hit[0], order[hit[1]]))
    return tuple(
        Hit(id=f"X-{n:02d}", rule=rule, payments=payments, facts=facts, risk=risk)
        for n, (payments, rule, facts, risk) in enumerate(found, start=1)
    )


# ── the tests ────────────────────────────────────────────────────────────────────────────


def _four_eyes(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        if p.entered_by in p.approvers:
            who = data.of(p.entered_by)
            yield [p], f"{who} approved {p.id}, which the same person had entered."


def _limits(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        beyond = [who for who in p.approvers if p.amount > _limit(data.grades.get(who))]
        if beyond and len(beyond) == len(p.approvers):
            who, grade = beyond[0], data.grades.get(beyond[0])
            is_what = f"is of grade {grade}" if grade else "stands in no list"
            yield (
                [p],
                f"{p.id} of {eur(p.amount)} was approved by {data.of(who)}, who {is_what}.",
            )


def _limit(grade: str | None) -> Decimal:
    """What such a person approves at most; nothing where nobody knows them."""
    return Decimal(0) if grade is None else LIMITS.get(grade, Decimal("Infinity"))


def _two_approvals(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        if p.amount > TWO_FROM and len(set(p.approvers)) < 2:
            who = f"{data.of(p.approvers[0])} alone" if p.approvers else "nobody"
            yield [p], f"{p.id} of {eur(p.amount)} was approved by {who}."


def _own_account(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        owner = data.own_accounts.get(account(p.iban))
        if p.kind == "invoice" and owner:
            yield (
                [p],
                f"{p.id} to {data.of(p.payee)} was paid to account {data.of(p.iban)}, "
                f"which belongs to {data.of(owner)}.",
            )


def _paid_twice(data: _Data) -> Iterator[_Found]:
    seen: dict[tuple[str, str], Payment] = {}
    for p in data.case.payments:
        key = (p.payee, re.sub(r"[^a-z0-9]", "", p.number.lower()))
        first = seen.setdefault(key, p)
        if first is not p:
            yield (
                [first, p],
                f"{first.id} and {p.id} paid the same invoice of {data.of(p.payee)}, "
                f"{eur(p.amount)} each.",
            )


def _split(data: _Data) -> Iterator[_Found]:
    """The largest groups of invoices within the days, each below and together above the limit."""
    taken: set[str] = set()
    invoices = [p for p in data.case.payments if p.kind == "invoice" and p.amount < TWO_FROM]
    for first in sorted(invoices, key=lambda p: (p.dated, p.id)):
        last_day = first.dated + timedelta(days=SPLIT_DAYS)
        group = [
            p
            for p in invoices
            if p.payee == first.payee and first.dated <= p.dated <= last_day and p.id not in taken
        ]
        different = {re.sub(r"[^a-z0-9]", "", p.number.lower()) for p in group}
        total = sum((p.amount for p in group), Decimal(0))
        if len(different) > 1 and total > TWO_FROM:
            taken |= {p.id for p in group}
            *ids, last = [p.id for p in group]
            yield (
                group,
                f"{', '.join(ids)} and {last} to {data.of(first.payee)} make {eur(total)}, "
                "and each is below 10,000 EUR.",
            )


def _old(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        days = (p.posted - p.dated).days
        if p.kind == "invoice" and days > OLD_DAYS and not p.reason:
            yield [p], f"The invoice of {p.id} was {days} days old, and no reason is written."


def _weekend(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        if p.posted.weekday() >= 5:
            yield [p], f"{p.id} was posted on {p.posted}, which is a {p.posted:%A}."


def _other_account(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        listed = data.supplier_accounts.get(p.payee)
        if p.kind == "invoice" and account(p.iban) != listed:
            stands = data.of(listed) if listed else "no account"
            yield (
                [p],
                f"{p.id} to {data.of(p.payee)} was paid to account {data.of(p.iban)}, "
                f"and the list of suppliers has {stands}.",
            )


def _hotel(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        found = _HOTEL.search(p.reason) if p.kind == "expense" else None
        if found and Decimal(found[2]) / int(found[1]) > HOTEL:
            night = Decimal(found[2]) / int(found[1])
            yield [p], f"{p.id} holds a hotel of {eur(night)} a night."


def _late(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        days = (p.posted - p.dated).days
        if p.kind == "expense" and days > LATE_DAYS:
            yield [p], f"The expenses of {p.id} were posted {days} days after the trip."


def _to_himself(data: _Data) -> Iterator[_Found]:
    for p in data.case.payments:
        if p.payee in p.approvers:
            yield [p], f"{data.of(p.payee)} approved {p.id}, which went to the same person."


_TESTS: Mapping[str, tuple[_Test, Risk]] = {
    "R1": (_four_eyes, "high"),
    "R2": (_limits, "medium"),
    "R3": (_two_approvals, "medium"),
    "R4": (_own_account, "high"),
    "R5": (_paid_twice, "high"),
    "R6": (_split, "high"),
    "R7": (_old, "low"),
    "R8": (_weekend, "low"),
    "R9": (_other_account, "high"),
    "R10": (_hotel, "low"),
    "R11": (_late, "low"),
    "R12": (_to_himself, "high"),
}
"""Rule → its test, and how grave what it finds is at least."""


def eur(amount: Decimal) -> str:
    """`9,800.00 EUR`."""
    return f"{amount:,.2f} EUR"
