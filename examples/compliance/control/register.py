"""The list of people: who stands behind which placeholder. It never leaves this machine.

It is made of the case whenever it is needed, in the same order each time, so that nothing of it has
to be kept anywhere: not in the journal of a run, not in a trace.
"""

from __future__ import annotations

import re
from calendar import day_name, month_name
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .casefile import Case, account

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ACCOUNT = re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b")
_PLACEHOLDER = re.compile(r"\b[AEKMNS]-\d{2,}\b")
_WORD = re.compile(r"(?<![\w-])[A-ZÀ-Ý][\w’'-]*[a-zà-ÿ]\b")
_BEGINS = re.compile(r"(?:^|[.!?:]\s+|\n\s*|[“\"(]\s*)$")
_NO_NAMES = frozenset((*month_name, *day_name, "Dear", "Ms", "Mr", "Mrs", "Frau", "Herr", "Dr"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and what stands in its place."""

    placeholder: str
    """`E-03` an employee, `S-01` a supplier, `K-01` a person there, `M-07` an e-mail address,
    `A-11` an account, `N-01` a name that stands in no list."""
    value: str
    spellings: tuple[str, ...] = ()
    """Other ways in which it is written."""
    listed: bool = False
    """It stands in the list of employees or of suppliers."""


@dataclass(slots=True)
class Register:
    """All entries of a case; makes placeholders of values, and values of placeholders."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By placeholder."""
    _known: dict[str, str] = field(default_factory=dict)
    """Spelling → placeholder; accounts as they are compared, all else in lower case."""
    _pattern: re.Pattern[str] | None = None
    _listing: bool = True
    """What is added comes from the lists."""

    def end_of_lists(self) -> None:
        """The lists are read; whatever comes now stands in none."""
        self._listing = False

    def of(self, value: str) -> str:
        """The placeholder of a name, an address or an account. `KeyError`: it is not listed."""
        key = value.strip().lower()
        return self._known[key] if key in self._known else self._known[account(value)]

    def split(self, text: str) -> str:
        """The text with placeholders: all that is listed, in any spelling, and every word within
        a sentence that is written like a name."""
        text = _EMAIL.sub(lambda m: self._new("M", m[0], m[0].lower()), text)
        text = _ACCOUNT.sub(lambda m: self._new("A", m[0], account(m[0])), text)
        text = self._names().sub(lambda m: self._known[m[0].lower()], text)
        return _WORD.sub(lambda m: self._unlisted(m, text), text)

    def restore(self, text: str) -> str:
        """The text with the values in their places; what is no placeholder of ours stays."""

        def value(match: re.Match[str]) -> str:
            entry = self.entries.get(match[0])
            return entry.value if entry else match[0]

        return _PLACEHOLDER.sub(value, text)

    def unlisted(self, text: str) -> list[str]:
        """The placeholders in a text whose values stand in no list."""
        found = dict.fromkeys(_PLACEHOLDER.findall(text))
        return [name for name in found if name in self.entries and not self.entries[name].listed]

    def add(self, kind: str, value: str, spellings: Iterable[str] = (), number: str = "") -> str:
        """Take a value in; one that is there keeps its placeholder. A spelling of two is of the
        first."""
        key = account(value) if kind == "A" else value.lower()
        if key in self._known:
            return self._known[key]
        taken = sum(placeholder.startswith(kind) for placeholder in self.entries)
        placeholder = number or f"{kind}-{taken + 1:02d}"
        others = tuple(s for s in spellings if s.lower() not in self._known)
        self.entries[placeholder] = Entry(placeholder, value, others, listed=self._listing)
        for spelling in (key, *(s.lower() for s in others)):
            self._known.setdefault(spelling, placeholder)
        self._pattern = None
        return placeholder

    def _new(self, kind: str, value: str, key: str) -> str:
        return self._known.get(key) or self.add(kind, value)

    def _names(self) -> re.Pattern[str]:
        if self._pattern is None:
            longest = sorted((re.escape(name) for name in self._known), key=len, reverse=True)
            self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest)})(?!\w)", re.IGNORECASE)
        return self._pattern

    def _unlisted(self, match: re.Match[str], text: str) -> str:
        begins = _BEGINS.search(text[: match.start()])
        if begins or match[0] in _NO_NAMES or _PLACEHOLDER.fullmatch(match[0]):
            return match[0]
        return self.add("N", match[0])


def make_register(case: Case) -> Register:
    """The register of a case: the lists first, then what stands in payments and mails alone."""
    register = Register()
    for employee in case.employees:
        register.add("E", employee.name, _spellings(employee.name), employee.number)
    for supplier in case.suppliers:
        short = supplier.name.split()[0]
        register.add("S", supplier.name, (short,), supplier.number)
    for supplier in case.suppliers:
        register.add("K", supplier.contact, _spellings(supplier.contact))
    listed = [(one.email, one.iban) for one in case.employees]
    for email, iban in [*listed, *((one.email, one.iban) for one in case.suppliers)]:
        register.add("M", email)
        register.add("A", iban)
    register.end_of_lists()
    for payment in case.payments:
        for name in (payment.payee, payment.entered_by, *payment.approvers):
            register.add("N", name)
        register.add("M", payment.payee_email)
        register.add("A", payment.iban)
        register.split(payment.reason)
    for mail in case.mails:
        register.split("\n".join((*mail.head.values(), mail.body)))
    return register


def _spellings(name: str) -> Iterator[str]:
    """`Jonas Weidmann` → `Weidmann, Jonas`, `J. Weidmann`, `Weidmann`, `Jonas`."""
    first, _, last = name.partition(" ")
    yield from (f"{last}, {first}", f"{first[0]}. {last}", f"{first[0]} {last}", last, first)
