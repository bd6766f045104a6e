"""What an agent makes of the conversation that its node reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.evidence.selecting.followup import completed
from orchestrator.roles.prompt import fence
from orchestrator.roles.values import PastTurn

LONGEST_ANSWER = 600
"""Characters of an earlier answer that a prompt holds."""


def turns_in(inputs: Mapping[str, Any]) -> tuple[PastTurn, ...]:
    """The conversation among a node's inputs; empty where there is none."""
    for value in inputs.values():
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], PastTurn):
            return tuple(value)
    return ()


def in_context(question: str, turns: Sequence[PastTurn]) -> tuple[str, str]:
    """The question as it is to be understood, and a note where that is not as it was asked."""
    text = completed(question, [turn.question for turn in turns])
    if text == question:
        return question, ""
    return text, f"understood by the conversation so far as: {text}"


def earlier_turns(turns: Sequence[PastTurn]) -> str:
    """The conversation as data for a prompt; empty where there is none."""
    said = [f"Q: {t.question}\nA: {t.answer[:LONGEST_ANSWER]}" for t in turns]
    return fence("conversation", "\n".join(said)) if said else ""
