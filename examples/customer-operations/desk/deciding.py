"""The handbook's rules. What they decide is code: no model, and no message, can change it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from orchestrator import function
from orchestrator.evidence.values import Value

from .book import Case, Order
from .handbook import number

Outcome = Literal["refund", "repair", "inform", "search", "refuse", "ask", "outside", "escalate"]
THREAT = re.compile(r"\b(?:lawyer|attorney|solicitor|court|sue|lawsuit|press|newspaper)\b", re.I)


class Decision(Value):
    """What is done."""

    outcome: Outcome
    says: str
    """What the customer is told; every number in it is from the book or from a clause."""
    clauses: tuple[str, ...]
    """Those that say so, the desk's own included."""
    refund_eur: Decimal = Decimal(0)
    voucher_eur: int = 0
    handover: str = ""
    """What the person who takes over has to know."""


@function("apply_handbook")
def apply_handbook(inputs: Mapping[str, Any]) -> Decision:
    """Decide one case."""
    message, case = inputs["message"], inputs["case"]
    intent, sentiment = inputs["intent"].label, inputs["sentiment"].label
    if THREAT.search(message):
        return _escalate(case, "the customer threatens", "G3")
    if case.order is None:
        return _without_an_order(case, intent)
    decide = {"return": _return, "broken": _broken, "late": _late}.get(intent)
    if decide is None:
        return _escalate(case, "it is not clear what the customer wants", "G4")
    decision = decide(case, case.order)
    most = number("G1", "up to {} EUR")
    if decision.refund_eur > most:
        why = f"a refund of {decision.refund_eur} EUR needs approval"
        return _escalate(case, why, "G1", *decision.clauses)
    return _with_voucher(decision, intent) if sentiment == "angry" else decision


def _return(case: Case, order: Order) -> Decision:
    if order.delivered is None:
        return _late(case, order)
    if order.made_to_order:
        says = f"Your {order.article} was made to order, so we cannot take it back."
        return Decision(outcome="refuse", says=says, clauses=("R3",))
    if case.days_since_delivery > number("R1", "within {} days"):
        says = (
            f"Your {order.article} was delivered {case.days_since_delivery} days ago, so we "
            "cannot take it back."
        )
        return Decision(outcome="refuse", says=says, clauses=("R1", "R2"))
    says = f"Send the {order.article} back unused, and we refund {order.paid_eur} EUR."
    return Decision(outcome="refund", says=says, clauses=("R1",), refund_eur=order.paid_eur)


def _broken(case: Case, order: Order) -> Decision:
    if order.delivered is None:
        return _late(case, order)
    if case.days_since_delivery > number("W1", "within {} months") * 365 / 12:
        says = f"We send you an offer for the repair of your {order.article}."
        return Decision(outcome="inform", says=says, clauses=("W3",))
    if order.repairs >= number("W2", "after {} repairs"):
        says = f"We take the {order.article} back and refund {order.paid_eur} EUR."
        return Decision(outcome="refund", says=says, clauses=("W2",), refund_eur=order.paid_eur)
    says = f"We repair or replace your {order.article}, and send you a label for the parcel."
    return Decision(outcome="repair", says=says, clauses=("W1",))


def _late(case: Case, order: Order) -> Decision:
    if order.delivered is not None:
        says = f"The carrier reports the {order.article} as delivered on {_day(order.delivered)}."
        why = f"{says} The customer says that it has not arrived."
        return _escalate(case, why, "G4")
    if case.days_late <= 0:
        says = f"Your {order.article} is promised for {_day(order.promised)}."
        return Decision(outcome="inform", says=says, clauses=("D1",))
    if case.days_late < number("D3", "not arrived {} days"):
        says = f"Your {order.article} is {case.days_late} days late. We are searching for it."
        return Decision(outcome="search", says=says, clauses=("D2", "D3"))
    says = f"Your {order.article} counts as lost, and we refund {order.paid_eur} EUR."
    return Decision(outcome="refund", says=says, clauses=("D3",), refund_eur=order.paid_eur)


def _without_an_order(case: Case, intent: str) -> Decision:
    if case.asked:
        says = f"We do not find an order {case.asked}. Which number stands on your invoice?"
        return Decision(outcome="ask", says=says, clauses=("G6",))
    if intent in ("other", "unclear"):
        says = "This is not something that our service desk can help with."
        return Decision(outcome="outside", says=says, clauses=("G5",))
    says = "Which order is it about? The number stands on your invoice, as L-2041."
    return Decision(outcome="ask", says=says, clauses=("G6",))


def _escalate(case: Case, why: str, *clauses: str) -> Decision:
    return Decision(
        outcome="escalate",
        says="A colleague looks at your case and writes to you within one working day.",
        clauses=clauses,
        handover=f"{case.order.number if case.order else 'no order'}: {why}",
    )


def _with_voucher(decision: Decision, intent: str) -> Decision:
    """Where something broke or came late, the fault is ours."""
    ours = intent in ("broken", "late") and decision.outcome in ("refund", "repair", "search")
    if not ours:
        return decision
    voucher = number("G2", "voucher of {} EUR")
    return decision.model_copy(
        update={
            "says": f"{decision.says} For the trouble you get a voucher of {voucher} EUR.",
            "clauses": (*decision.clauses, "G2"),
            "voucher_eur": voucher,
        }
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
