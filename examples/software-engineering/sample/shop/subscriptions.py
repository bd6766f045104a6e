"""Subscriptions: what is bought every month."""

from __future__ import annotations

from shop import billing
from shop.customers import Customer

MONTHLY = {"basic": 900, "plus": 1900}


def fee(plan: str, months: int, member: Customer) -> int:
    """Cents to pay for a plan."""
    cents: int = MONTHLY[plan] * months
    percent = 10 if member.years >= 2 else 0
    if cents > 10_000:
        percent += 5
    cents -= cents * percent // 100
    return cents


def renew(plan: str, months: int, member: Customer) -> str:
    """Charge the member for the next months."""
    charge = fee(plan, months, member)  # a number, and not billing's function
    return billing.charge(member, charge)
