"""What stands for a group of messages: those that are most like all the others."""

from __future__ import annotations

import json
from typing import Any

from orchestrator import builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.embedding.load import load_embedder
from orchestrator.evidence.values import Value
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work

MOST = 2
ALIKE = 0.8
"""The cosine from which two messages say the same."""


class Voices(Value):
    """Messages that stand for a group, letter by letter."""

    quotes: tuple[str, ...]


@builtin("central-voices")
def central(request: CallRequest) -> str:
    """A JSON list: the messages nearest to the group's centre that do not say the same."""
    import numpy as np

    messages = list(dict.fromkeys(request.inputs["messages"]))
    vectors = load_embedder("static").embed(messages)
    order = np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")
    chosen: list[int] = []
    for at in order:
        if all(float(vectors[at] @ vectors[c]) < ALIKE for c in chosen):
            chosen.append(int(at))
        if len(chosen) == MOST:
            break
    return json.dumps([messages[at] for at in chosen], ensure_ascii=False)


@role("voice-summariser", variables=("messages",))
async def sum_up(work: Work) -> Voices:
    """What the group says, in words that stand in it."""
    messages: list[str] = work.inputs["messages"]

    def read(text: str) -> Any:
        said = json.loads(text)
        if not isinstance(said, list) or not said or len(said) > MOST:
            raise InvalidOutputError(f"a list of one to {MOST} messages is wanted")
        for quote in said:
            if quote not in messages:
                raise InvalidOutputError(f"'{quote:.60}' is none of the messages")
        return said

    reply = await work.call(
        variables={"messages": fence("messages", "\n".join(messages))},
        inputs={"messages": messages},
        check=read,
    )
    return Voices(quotes=tuple(reply.value))
