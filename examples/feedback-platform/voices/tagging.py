"""What a message is about: one of six themes, or none where nobody is sure."""

from __future__ import annotations

import json
from typing import Any

from orchestrator import role
from orchestrator.evidence.values import Value
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work

THEMES = {
    "app": "The app crashes, freezes, hangs, closes itself, white screen after an update.",
    "money": "Payment, card, charged, refund, invoice, PayPal, voucher, price, VAT.",
    "timetable": "Departure, schedule, delay, late, cancelled, notice, push message, timetable.",
    "boarding": "The gate, the pier, the QR code, the scanner, the queue, the car lane, staff.",
    "booking": "Book, booking, passengers, bicycle, child ticket, group, change the date.",
    "access": "Letters too small, screen reader, VoiceOver, ramp, lift, wheelchair, colours.",
    "praise": "Great, love, thank you, best, kind, finally, works well.",
}
UNSURE = 0.25
"""Below that much confidence a message has no theme: a person looks at it."""


class Tag(Value):
    """The theme of a message."""

    label: str
    """One of `THEMES`, or `unclear`."""
    confidence: float
    by: str


@role("tagger", variables=("labels", "message"))
async def tag(work: Work) -> Tag:
    """The theme of the message."""
    message = work.inputs["message"]
    listing = "\n".join(f"- {label}: {meaning}" for label, meaning in THEMES.items())

    def read(text: str) -> dict[str, Any]:
        said = json.loads(text)
        if not isinstance(said, dict) or said.get("label") not in THEMES:
            raise InvalidOutputError(f"'{text:.60}' names none of {', '.join(THEMES)}")
        return said

    reply = await work.call(
        variables={"labels": listing, "message": fence("message", message)},
        inputs={"text": message, "labels": THEMES},  # the same, for models that read no prompts
        check=read,
    )
    sure = float(reply.value.get("confidence", 1.0))
    label = reply.value["label"] if sure >= UNSURE else "unclear"
    return Tag(label=label, confidence=sure, by=reply.deployment)
