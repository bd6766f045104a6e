"""This project's own Python: what agents and graphs call by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator import function

ASK_A_PERSON = "Ask at the desk, or write to desk@millbrook-tools.example."
SIGNED = "Millbrook Tool Library, front desk"


@function("signed")
def signed(inputs: Mapping[str, Any]) -> Any:
    """The answer with the desk's name under it; where there is none, with whom to ask instead.

    A node's function gets the results of the nodes that it reads, by their names.
    """
    answer = inputs["answer"]
    closing = ASK_A_PERSON if answer.verdict == "abstained" else SIGNED
    return answer.model_copy(update={"text": f"{answer.text}\n\n{closing}"})
