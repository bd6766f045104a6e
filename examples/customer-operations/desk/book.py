"""The order book: a file here, your database in your project. Nobody guesses what it knows."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from orchestrator import UserError, tool
from orchestrator.evidence.tools import Toolbox
from orchestrator.evidence.values import Value
from orchestrator.roles.values import PastTurn

BOOK = Path(__file__).parent.parent / "data" / "orders.json"
NUMBER = re.compile(r"\bL-\d{4}\b", re.IGNORECASE)


class Order(Value):
    """One line of the book."""

    number: str
    customer: str
    article: str
    paid_eur: Decimal
    promised: date
    delivered: date | None = None
    made_to_order: bool = False
    repairs: int = 0


class Case(Value):
    """What is known before anybody decides."""

    today: date
    asked: str
    """The order number that was given, right or wrong; empty where there was none."""
    order: Order | None

    @property
    def days_since_delivery(self) -> int:
        """Whole days; only of an order that was delivered."""
        assert self.order is not None
        assert self.order.delivered is not None
        return (self.today - self.order.delivered).days

    @property
    def days_late(self) -> int:
        """Whole days since the promised one; negative before it."""
        assert self.order is not None
        return (self.today - self.order.promised).days


@tool("look_up")
async def look_up(
    toolbox: Toolbox,
    *,
    message: str,
    order: str | None = None,
    customer: str | None = None,
    conversation: Sequence[PastTurn] | None = None,
) -> Case:
    """The case that a message is about.

    The number comes from the application, if it knows it, else from the message, else from what
    was said before. Today is the day of the book, so that a case can be looked at again.

    Args:
        customer: who is logged in; to them, orders of others do not exist.

    Raises:
        UserError: the application gave a number that is none.
    """
    book = json.loads(BOOK.read_text("utf-8"))
    if order is not None and not NUMBER.fullmatch(order):
        raise UserError(f"'{order}' is no order number; allowed: L- and four digits, as L-2041")
    texts = [order or "", message, *(turn.question for turn in reversed(conversation or ()))]
    asked = next((found[0].upper() for text in texts if (found := NUMBER.search(text))), "")
    known = [line for line in book["orders"] if customer in (None, line["customer"])]
    line = next((line for line in known if line["number"] == asked), None)
    if asked and line is None:
        toolbox.note(f"there is no order {asked}" + (f" of {customer}" if customer else ""))
    return Case(
        today=date.fromisoformat(book["as_of"]),
        asked=asked,
        order=None if line is None else Order.model_validate(line),
    )
