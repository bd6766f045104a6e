"""What this example adds: an order book, a letter, and an outbox that only a person may open."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator import UserError, function, tool

HERE = Path(__file__).parent
OUTBOX = HERE / ".mesh" / "outbox"


@tool("find_order")
async def find_order(_toolbox: Any, *, number: str) -> dict[str, str]:
    """The order of that number."""
    with (HERE / "orders.csv").open(encoding="utf-8", newline="") as file:
        orders = {row["number"]: row for row in csv.DictReader(file)}
    if number not in orders:
        raise UserError(f"there is no order '{number}'; known: {', '.join(orders)}")
    return orders[number]


@function("propose_letter")
def propose_letter(inputs: Mapping[str, Any]) -> str:
    """A letter that promises the money back, with the rule it rests on, word for word."""
    order, grounds = inputs["order-data"], inputs["grounds"]
    rules = [f"  “{c.quote}”" for s in grounds.sentences for c in s.citations]
    because = "\n".join(rules) or "  (our rules say nothing about it)"
    return (
        f"Dear {order['customer']},\n\n"
        f"we are sorry about your {order['article']}. We refund {order['paid']} EUR for order "
        f"{order['number']}.\n\nOur rules say:\n{because}\n\nYours, the service team"
    )


@tool("put_in_outbox")
async def put_in_outbox(_toolbox: Any, *, letter: str, order: str) -> str:
    """Send the letter. It stands after the question, so nothing goes out before the answer."""
    OUTBOX.mkdir(parents=True, exist_ok=True)
    (OUTBOX / f"{order}.txt").write_text(letter, encoding="utf-8")
    return f"The letter for order {order} is in the outbox."


@function("hand_over")
def hand_over(inputs: Mapping[str, Any]) -> str:
    """What the service team gets instead of a letter that goes out."""
    return f"Order {inputs['order-data']['number']} goes to the service team: {inputs['why']}"


@function("outcome")
def outcome(inputs: Mapping[str, Any]) -> str:
    """Of the two ways one was taken."""
    return str(inputs.get("send") or inputs["hand-over"])
