"""Who buys, and how loyal they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Customer:
    """Somebody with an account."""

    name: str
    years: int = 0
    """For how many years the account exists."""

    def spent(self) -> int:
        """Cents on all bills so far."""
        from shop import billing  # here, because billing needs customers

        return sum(cents for name, cents in billing.LEDGER if name == self.name)
