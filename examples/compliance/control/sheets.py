"""Personal data is split off: what a model may read of each exception, with placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator import UserError, tool
from orchestrator.evidence.selecting.orders import is_order
from orchestrator.evidence.tools import Toolbox
from orchestrator.evidence.values import Passage, Value
from orchestrator.types import digest

from .casefile import Mail, Payment, account, read_case, read_rules
from .exceptions import Hit, eur
from .register import Register, make_register

_STAYS = re.compile(r"\bPF-\d{5}\b")
"""A personnel file: the line that names one stays here as a whole."""
_TO_REVIEWER = re.compile(
    r"\b(?:note|message|word) to (?:the|any) (?:reviewer|auditor|reader)|"
    r"\b(?:reviewer|auditor|reader)s? (?:must|shall|should|is to|are to|has to)\b|"
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:rules?|instructions?)\b",
    re.IGNORECASE,
)
KEPT = "(A line that names a personnel file is kept back.)"


class Sheet(Value):
    """One exception with the payments and mails behind it."""

    hit: Hit
    text: str
    orders: tuple[str, ...] = ()
    """Lines of mails that speak to whoever reviews: `MAIL: the line`. They are left out."""

    @property
    def file(self) -> str:
        """Under which name the sheet is cited."""
        return f"sheet-{self.hit.id}.txt"

    @property
    def passage(self) -> Passage:
        """The whole sheet as a source."""
        return Passage(
            id=self.file,
            file=self.file,
            start=0,
            end=len(self.text),
            text=self.text,
            doc_hash=digest(self.text),
        )


class RuleText(Value):
    """A rule, letter by letter, with its place in the file."""

    id: str
    file: str
    start: int
    text: str
    doc_hash: str

    @property
    def passage(self) -> Passage:
        """The rule as a source."""
        return Passage(
            id=self.id,
            file=self.file,
            start=self.start,
            end=self.start + len(self.text),
            text=self.text,
            doc_hash=self.doc_hash,
        )


class Sheets(Value):
    """All that leaves this step, and so all that a model may see of the case."""

    sheets: tuple[Sheet, ...]
    rules: tuple[RuleText, ...]


@tool("split-off", level="read")
async def split_off(
    toolbox: Toolbox, *, case: str, rules: Sequence[str], found: Sequence[Hit]
) -> Sheets:
    """A sheet for each exception.

    Raises:
        UserError: a rule that a test goes by does not stand in the rules.
    """
    (file, *_) = rules
    text, read = read_rules(file)
    missing = sorted({hit.rule for hit in found} - {rule.id for rule in read})
    if missing:
        raise UserError(f"{file}: no rule {', '.join(missing)}, which a test goes by")
    whole = read_case(case)
    register = make_register(whole)
    payments = {payment.id: payment for payment in whole.payments}
    sheets = [
        _sheet(hit, [payments[p] for p in hit.payments], whole.mails, register) for hit in found
    ]
    for sheet in sheets:
        for order in sheet.orders:
            toolbox.note(f"{order.partition(':')[0]}: gives orders to its reader; left out")
    return Sheets(
        sheets=tuple(sheets),
        rules=tuple(
            RuleText(id=r.id, file=str(file), start=r.start, text=r.text, doc_hash=digest(text))
            for r in read
        ),
    )


def _sheet(
    hit: Hit, payments: Sequence[Payment], mails: Sequence[Mail], register: Register
) -> Sheet:
    lines, orders = [hit.facts], list[str]()
    for payment in payments:
        lines += _payment(payment, register)
    for mail in mails:
        if set(mail.about) & set(hit.payments):
            kept = [line for line in mail.body.splitlines() if not gives_orders(line)]
            orders += [
                f"{mail.name}: {register.split(line)}"
                for line in mail.body.splitlines()
                if gives_orders(line)
            ]
            lines.append(_mail(mail, "\n".join(kept), register))
    return Sheet(hit=hit, text="\n".join(lines), orders=tuple(orders))


def gives_orders(line: str) -> bool:
    """Whether a line speaks to whoever reviews instead of stating something."""
    return is_order(line) or bool(_TO_REVIEWER.search(line))


def _payment(p: Payment, register: Register) -> Iterator[str]:
    yield (
        f"{p.id} is an {p.kind} of {eur(p.amount)}, dated {p.dated} and posted on {p.posted}, "
        f"a {p.posted:%A}."
    )
    paid_to = register.of(account(p.iban))
    yield f"{p.id} was paid to {register.of(p.payee)} and to account {paid_to}."
    approvers = " and ".join(register.of(name) for name in p.approvers) or "nobody"
    yield f"{p.id} was entered by {register.of(p.entered_by)} and approved by {approvers}."
    if p.reason:
        yield f"The reason on record for {p.id} is “{register.split(p.reason)}”."


def _mail(mail: Mail, body: str, register: Register) -> str:
    sender, to = (register.split(mail.head.get(key, "").replace('"', "")) for key in ("from", "to"))
    said = register.split(body)
    strange = [f"{name} stands in no list." for name in register.unlisted(f"{sender} {to}")]
    said = "\n".join(KEPT if _STAYS.search(line) else line for line in said.splitlines())
    head = f"Mail of {mail.head.get('date', 'no date')} from {sender} to {to}:"
    return "\n".join([*strange, head, said])
