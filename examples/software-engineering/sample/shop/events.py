"""What happens elsewhere and concerns the shop: each event has a function that handles it."""

from __future__ import annotations

from shop import billing
from shop.customers import Customer

ACTIONS = {"order.cancelled": "refund"}


def handle(event: str, customer: Customer, cents: int) -> str:
    """Call what handles the event. Returns its line for the log."""
    name = ACTIONS.get(event) or "on_" + event.rpartition(".")[2]
    line: str = getattr(billing, name)(customer, cents)
    return line
