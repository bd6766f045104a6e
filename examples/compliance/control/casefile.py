"""The case: payments, the lists of employees and suppliers, mails, rules.

Nothing of it travels through the graph as it is. Whoever needs it reads it, on this machine.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from orchestrator import UserError

PEOPLE = "number name email iban grade"
SUPPLIERS = "number name contact email iban"
PAYMENTS = (
    "payment kind number dated posted payee payee_email iban amount_eur entered_by approved_by "
    "second_approver reason"
)
"""The columns of each list."""
PAYMENT = re.compile(r"\bP-\d{4}\b")
_RULE = re.compile(r"^\*\*(?P<id>R\d+)\*\* (?P<text>\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Employee:
    """A line of people.csv."""

    number: str
    name: str
    email: str
    iban: str
    grade: str


@dataclass(frozen=True, slots=True)
class Supplier:
    """A line of suppliers.csv."""

    number: str
    name: str
    contact: str
    email: str
    iban: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A line of payments.csv. Of a travel expense `dated` is the last day of the trip."""

    id: str
    kind: str
    """`invoice` or `expense`."""
    number: str
    dated: date
    posted: date
    payee: str
    payee_email: str
    iban: str
    amount: Decimal
    """In EUR."""
    entered_by: str
    approvers: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A file of mails/; which payments it is about stands in its head."""

    name: str
    head: Mapping[str, str]
    body: str

    @property
    def about(self) -> tuple[str, ...]:
        """The payments that it names as its subject."""
        return tuple(PAYMENT.findall(self.head.get("about", "")))


@dataclass(frozen=True, slots=True)
class Case:
    """All that the audit reads."""

    employees: tuple[Employee, ...]
    suppliers: tuple[Supplier, ...]
    payments: tuple[Payment, ...]
    mails: tuple[Mail, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A numbered rule, and where it stands."""

    id: str
    text: str
    start: int


def account(iban: str) -> str:
    """An account as it is compared: without spaces, in capitals."""
    return re.sub(r"\s", "", iban).upper()


def read_case(folder: str | Path) -> Case:
    """The case in that folder.

    Raises:
        UserError: a file is missing, or a line of it is not what it should be.
    """
    folder = Path(folder)
    mails = sorted((folder / "mails").glob("*.txt"))
    return Case(
        employees=tuple(
            Employee(row["number"], row["name"], row["email"], row["iban"], row["grade"])
            for row in _rows(folder / "people.csv", PEOPLE)
        ),
        suppliers=tuple(
            Supplier(row["number"], row["name"], row["contact"], row["email"], row["iban"])
            for row in _rows(folder / "suppliers.csv", SUPPLIERS)
        ),
        payments=tuple(_payment(row) for row in _rows(folder / "payments.csv", PAYMENTS)),
        mails=tuple(_mail(file) for file in mails),
    )


def read_rules(file: str | Path) -> tuple[str, tuple[Rule, ...]]:
    """The text of the rules, and the rules in it.

    Raises:
        UserError: no such file, or no line of it has the form `**R1** …`.
    """
    text = _text(Path(file))
    rules = tuple(Rule(m["id"], m["text"], m.start("text")) for m in _RULE.finditer(text))
    if not rules:
        raise UserError(f"{file}: nothing in it has the form '**R1** A payment is …'")
    return text, rules


def _rows(file: Path, columns: str) -> Iterator[dict[str, str]]:
    rows = csv.DictReader(_text(file).splitlines())
    missing = [name for name in columns.split() if name not in (rows.fieldnames or ())]
    if missing:
        raise UserError(f"{file}: no column {', '.join(missing)}; needed: {columns}")
    yield from rows


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from error


def _payment(row: Mapping[str, str]) -> Payment:
    try:
        return Payment(
            id=row["payment"],
            kind=row["kind"],
            number=row["number"],
            dated=date.fromisoformat(row["dated"]),
            posted=date.fromisoformat(row["posted"]),
            payee=row["payee"],
            payee_email=row["payee_email"],
            iban=row["iban"],
            amount=Decimal(row["amount_eur"]),
            entered_by=row["entered_by"],
            approvers=tuple(p for p in (row["approved_by"], row["second_approver"]) if p),
            reason=row["reason"],
        )
    except (ValueError, InvalidOperation) as error:
        raise UserError(f"payments.csv, {row.get('payment')}: {error!r}") from error


def _mail(file: Path) -> Mail:
    head, _, body = _text(file).partition("\n\n")
    lines = (line.partition(": ") for line in head.splitlines())
    return Mail(file.stem, {name.lower(): value for name, _, value in lines}, body.strip())
