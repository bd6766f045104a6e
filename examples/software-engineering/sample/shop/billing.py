"""Takes money and gives it back. Amounts are in cents."""

from __future__ import annotations

from shop.customers import Customer

LEDGER: list[tuple[str, int]] = []


def charge(customer: Customer, cents: int) -> str:
    """Take `cents` from the customer. Returns the line of the bill."""
    if cents <= 0:
        raise ValueError("there is nothing to charge")  # not even for gifts
    LEDGER.append((customer.name, cents))
    return f"{customer.name} pays {cents / 100:.2f} EUR"


def refund(customer: Customer, cents: int) -> str:
    """Give `cents` back."""
    LEDGER.append((customer.name, -cents))
    return f"{customer.name} gets {cents / 100:.2f} EUR"


def on_paid(customer: Customer, cents: int) -> str:
    """The bank says that the money came."""
    return f"{customer.name} paid {cents / 100:.2f} EUR"
