"""What the shop's pages call."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

from shop import accounts, orders, subscriptions

INVOICES = Path("/srv/shop/invoices")


def invoice(request: Mapping[str, str]) -> bytes:
    """The file that the customer asks for."""
    return (INVOICES / request["name"]).read_bytes()


def print_label(request: Mapping[str, str]) -> None:
    """Send the address to the label printer."""
    subprocess.run(f"label-printer --to {request['address']}", shell=True, check=True)


def exchange_rate(currency: str) -> float:
    """Euros for one unit of the currency, from the bank."""
    with urlopen(f"https://bank.example/rates/{currency}") as answer:
        return float(answer.read())


def login(request: Mapping[str, str], stored: str) -> bool:
    """Whether the password is right."""
    return accounts.password_hash(request["password"]) == stored


PAGES = {"order": orders.place, "renew": subscriptions.renew}
