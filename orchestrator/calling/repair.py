"""The one repair of an answer that cannot be used: the model is told what was wrong with it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from orchestrator.call_types import CallRequest, Message, ToolCall
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.calling.tool_calls import is_object
from orchestrator.types import Deployment
from orchestrator.validation.text import shortened

ANSWER_CHARS = 8_000
"""Of the invalid answer that go back to the model; of a longer one the middle is left out."""
PROBLEM_CHARS = 2_000
_NAME = re.compile(r"[^A-Za-z0-9_-]")
_NAME_CHARS = 64


def repairable(deployment: Deployment, request: CallRequest) -> bool:
    """Whether it may help to ask this deployment with `request`, which `repaired` made.

    Code and encoders read no messages, so they would answer the same; and a request that does not
    fit into the model's context would only be refused.
    """
    if deployment.any_length:
        return False
    needed = prompt_tokens(request) + (request.max_tokens or 0)
    return deployment.context is None or needed <= deployment.context


def repaired(
    request: CallRequest, text: str, problem: str, calls: Sequence[ToolCall] = ()
) -> CallRequest:
    """The request again, followed by its invalid answer and what is wrong with it.

    Tools, schema and settings stay.

    Args:
        text: the invalid answer; may be empty where it called tools.
        problem: what a validator said, for the model to act on.
        calls: the answer's tool calls. Each is answered by a tool's message that says what is
            wrong, since providers refuse a conversation with an open call; no user's message
            follows, which some refuse after a tool's.
    """
    problem = shortened(problem, PROBLEM_CHARS)
    answer: Message = {"role": "assistant", "content": shortened(text.strip(), ANSWER_CHARS)}
    if calls:
        answer["tool_calls"] = [_as_said(call) for call in calls]
        told = [_refused(call, problem) for call in calls]
    else:
        answer["content"] = answer["content"] or "(no text)"
        told = [
            Message(
                role="user",
                content=f"This answer cannot be used: {problem}\n\nWrite the whole answer again, "
                "corrected, in the form that was asked for. Write nothing besides it.",
            )
        ]
    return dataclasses.replace(request, messages=(*request.messages, answer, *told))


def _as_said(call: ToolCall) -> dict[str, object]:
    """The call as a provider takes it in a conversation.

    Several parse the arguments and check the name, so what is invalid there must not be repeated.
    """
    name = _NAME.sub("_", call.name)[:_NAME_CHARS] or "unknown"
    arguments = call.arguments if is_object(call.arguments) else "{}"
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _refused(call: ToolCall, problem: str) -> Message:
    said = ""
    if not is_object(call.arguments):
        said = f" The arguments were: {shortened(call.arguments, PROBLEM_CHARS)}"
    content = (
        f"This call was not carried out: {problem}.{said} "
        "Answer again, corrected, as if this call had not been made."
    )
    return {"role": "tool", "tool_call_id": call.id, "content": content}
