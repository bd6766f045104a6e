"""langchain-core's messages as ours, and our answers as theirs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ToolCallChunk,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from orchestrator.call_types import Message
from orchestrator.errors import UserError
from orchestrator.money import Usage, usd
from orchestrator.roles.single import Answered
from orchestrator.tracing.explain import why_chosen

_NEEDS = {"image_url": "vision", "input_audio": "audio", "file": "files"}
"""What a model must be able to do for each kind of part."""
_OF_ANOTHER_ANSWER = frozenset(
    {"thinking", "reasoning", "redacted_thinking", "tool_call", "tool_call_chunk"}
    | {"invalid_tool_call", "non_standard"}
)
"""Blocks of an earlier answer that no other model reads; its calls stand in `tool_calls`."""


def as_messages(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """The messages in the shape that every OpenAI-compatible endpoint takes.

    Raises:
        UserError: a content block of a kind that cannot be sent.
    """
    found = convert_to_openai_messages(list(messages))
    return tuple(cast(Message, _cleaned(message)) for message in found)


def needs_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """The capabilities that these messages need: `vision` for an image, …"""
    parts = [p for m in messages if not isinstance(m["content"], str) for p in m["content"]]
    return tuple(sorted({_NEEDS[p["type"]] for p in parts if p["type"] in _NEEDS}))


def _cleaned(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, str):
        return message
    kept = [part for part in content if part.get("type") not in _OF_ANOTHER_ANSWER]
    for part in kept:
        if part.get("type") not in ("text", *_NEEDS):
            allowed = ", ".join(("text", *_NEEDS))
            raise UserError(
                f"a content block of type '{part.get('type')}' cannot be sent; allowed: {allowed}"
            )
    if all(part["type"] == "text" for part in kept):
        return {**message, "content": "\n".join(part["text"] for part in kept)}
    return {**message, "content": kept}


def as_message(answered: Answered) -> AIMessage:
    """The whole answer. Its tool calls were read before: their arguments are JSON objects."""
    reply = answered.reply
    return AIMessage(
        content=reply.text,
        tool_calls=[
            {"name": c.name, "args": json.loads(c.arguments), "id": c.id, "type": "tool_call"}
            for c in reply.tool_calls
        ],
        usage_metadata=_usage(reply.usage),
        response_metadata=_metadata(answered),
    )


def as_last_chunk(answered: Answered, *, text: str) -> AIMessageChunk:
    """What follows the text that was streamed: `text` that was held back, the calls, the rest."""
    calls = enumerate(answered.reply.tool_calls)
    return AIMessageChunk(
        content=text,
        tool_call_chunks=[
            ToolCallChunk(name=c.name, args=c.arguments, id=c.id, index=n, type="tool_call_chunk")
            for n, c in calls
        ],
        usage_metadata=_usage(answered.reply.usage),
        response_metadata=_metadata(answered),
        chunk_position="last",
    )


def _usage(usage: Usage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.input,
        output_tokens=usage.output,
        total_tokens=usage.input + usage.output,
        input_token_details=InputTokenDetails(
            cache_read=usage.cached_input,
            cache_creation=usage.cache_write,
            audio=usage.audio_input,
        ),
        output_token_details=OutputTokenDetails(
            reasoning=usage.reasoning, audio=usage.audio_output
        ),
    )


def _metadata(answered: Answered) -> dict[str, Any]:
    """`model_name` is the fleet's name; what the provider calls it stands under `mesh`."""
    reply, hop = answered.reply, answered.hop
    decision, last = hop.decision, reply.attempts[-1]
    return {
        "model_name": reply.model,
        "finish_reason": reply.finish_reason,
        "mesh": {
            "trace_id": hop.trace_id,
            "node": hop.node,
            "deployment": reply.deployment,
            "reported_model": last.reported_model,
            "chosen": decision.chosen if decision else None,
            "why": why_chosen(decision) if decision else None,
            "fallbacks": list(decision.fallbacks) if decision else [],
            "attempts": [
                {"deployment": a.deployment, "outcome": str(a.outcome), "ms": round(a.ms, 1)}
                for a in reply.attempts
            ],
            "estimated": reply.usage.estimated,
            "cost_usd": usd(hop.cost_micro_usd),
            "ending": reply.ending,
        },
    }
