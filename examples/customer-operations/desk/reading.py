"""Reading a message: one role for two agents, which differ in what they tell apart."""

from __future__ import annotations

import json
from typing import Any

from orchestrator import role
from orchestrator.evidence.values import Value
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work

LABELS = {
    "intent": {
        "return": "Send it back, return it: it does not fit, it is too big, the wrong colour, "
        "unused, not needed, changed my mind.",
        "broken": "It is broken, damaged, defective: it flickers, the switch, the cable, the glass "
        "cracked, it does not work any more.",
        "late": "Where is my order, my parcel? Delivery is late, it has not arrived, still "
        "waiting, lost.",
        "other": "Something else: the weather, a poem, the news, a recipe, investments, a joke, "
        "another company.",
    },
    "sentiment": {
        "calm": "A polite question, thanks, please, could you tell me, kind regards.",
        "annoyed": "Disappointed, not happy, a pity, annoying, I expected better.",
        "angry": "Furious, outrageous, ridiculous, unacceptable, worst, scandal, fed up, enough, "
        "never again!",
    },
}
UNSURE = 0.4
"""Below that much confidence a label is none: who is not sure does not decide."""


class Reading(Value):
    """What a model reads in a message."""

    label: str
    """One of `LABELS`, or `unclear`."""
    by: str


@role("reader", variables=("labels", "message"))
async def read(work: Work) -> Reading:
    """The label of the message, for the agent's own set of labels."""
    labels, message = LABELS[work.agent.name], work.inputs["message"]
    listing = "\n".join(f"- {label}: {meaning}" for label, meaning in labels.items())

    def label_in(text: str) -> str:
        """A word, or the `label` of a JSON object with how sure its model was."""
        word: dict[str, Any] = {"label": text.strip(" .\n").lower()}
        said = json.loads(text) if text.startswith("{") else word
        if said.get("label") not in labels:
            raise InvalidOutputError(f"'{said.get('label')}' is none of {', '.join(labels)}")
        return str(said["label"]) if said.get("confidence", 1.0) >= UNSURE else "unclear"

    reply = await work.call(
        variables={"labels": listing, "message": fence("message", message)},
        inputs={"text": message, "labels": labels},  # the same, for models that read no prompts
        check=label_in,
    )
    return Reading(label=reply.value, by=reply.deployment)
