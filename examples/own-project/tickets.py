"""The support desk: a tool that looks a ticket up, and the shop's terms as a function."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestrator import UserError, function, tool
from orchestrator.evidence.tools import Toolbox

DATA = Path(__file__).parent / "data"
RETURN_DAYS = 30
WARRANTY_DAYS = 730


def rows(name: str, key: str) -> dict[str, dict[str, str]]:
    """The lines of a CSV file in `data/`, by one of their columns."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return {row[key]: row for row in csv.DictReader(file)}


@tool("look_up")
async def look_up(toolbox: Toolbox, *, number: str) -> dict[str, str]:
    """The ticket of that number, with the order that it is about where there is one."""
    tickets = rows("tickets.csv", "ticket")
    if number not in tickets:
        raise UserError(f"there is no ticket {number}; there are {', '.join(tickets)}")
    ticket, orders = tickets[number], rows("orders.csv", "order")
    if ticket["order"] not in orders:
        toolbox.note(f"there is no order {ticket['order']}")
    return {**orders.get(ticket["order"], {}), **ticket}


@function("apply_terms")
def apply_terms(inputs: Mapping[str, Any]) -> str:
    """What the terms say. Dates and amounts come from the data and never from a model."""
    case, kind = inputs["case"], inputs["kind"]["kind"]
    head = f"Ticket {case['ticket']} ({kind}): "
    if kind == "question":
        return head + "answer by e-mail."
    if "delivered" not in case:
        return head + f"ask the customer for the order; {case['order']} is not ours."
    price = Decimal(case["price_eur"])
    if not case["delivered"]:
        return head + f"start a search; refund {price} EUR if it is not found in 5 days."
    if kind == "not arrived":
        return head + f"ask the carrier, who says it was delivered on {case['delivered']}."
    days = (date.fromisoformat(case["received"]) - date.fromisoformat(case["delivered"])).days
    most = WARRANTY_DAYS if kind == "damaged" else RETURN_DAYS
    if days > most:
        return head + f"refuse; {days} days after delivery, and the terms allow {most}."
    what = f"replace it or refund {price} EUR" if kind == "damaged" else f"refund {price} EUR"
    return head + f"{what}; {days} days after delivery, of {most}."
