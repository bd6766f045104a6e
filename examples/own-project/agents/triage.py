"""What the agent `triage` does around its model call: it offers kinds, and takes no other."""

from __future__ import annotations

import json
from typing import Any

from orchestrator import role
from orchestrator.roles.work import InvalidOutputError, Work

KINDS = {
    "damaged": "Something broke: a zip, a seam, a pole. It is torn, leaks or does not work.",
    "not arrived": "The parcel was not delivered, is late or lost; where is my order?",
    "return": "It does not fit or is not needed: the wrong size, unused, sent back.",
    "question": "How to use, wash, clean or care for the product.",
}


@role("triage", variables=("kinds", "text"))
async def triage(work: Work) -> dict[str, Any]:
    """The kind of the ticket, and which model said so."""
    text = work.inputs["case"]["text"]
    listing = "\n".join(f"- {kind}: {meaning}" for kind, meaning in KINDS.items())
    reply = await work.call(
        variables={"kinds": listing, "text": text},
        inputs={"text": text, "labels": KINDS},  # the same, for models that read no prompts
        check=known_kind,
    )
    return {"kind": reply.value, "by": reply.model}


def known_kind(text: str) -> str:
    """The kind that a model named: a word, or the `label` of a JSON object."""
    said = json.loads(text)["label"] if text.startswith("{") else text.strip(" .\n").lower()
    if said not in KINDS:
        raise InvalidOutputError(f"'{said}' is none of {', '.join(KINDS)}")
    return str(said)
