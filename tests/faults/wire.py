"""The JSON of chat completions, as the fault server writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.faults.steps import Fail, Say

if TYPE_CHECKING:
    from tests.faults.server import Arrival

_HEAD = {"id": "chatcmpl-1", "created": 1, "system_fingerprint": "fp_1"}


def tokens(body: Mapping[str, Any]) -> int:
    """The prompt in tokens: its words."""
    contents = (m.get("content") for m in body.get("messages", ()))
    return sum(len(c.split()) for c in contents if isinstance(c, str))


def deltas(step: Say) -> Iterator[dict[str, Any]]:
    """The pieces of the text, then of the tool calls."""
    for piece in step.pieces:
        yield {"content": piece}
    for index, call in enumerate(step.calls):
        half = len(call.arguments) // 2
        first = {"name": call.name, "arguments": ""}
        yield {
            "tool_calls": [{"index": index, "id": call.id, "type": "function", "function": first}]
        }
        for arguments in (call.arguments[:half], call.arguments[half:]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}


def finish(step: Say) -> str | None:
    """Why the answer ends."""
    return "tool_calls" if step.calls and step.finish == "stop" else step.finish


def chunk(
    step: Say,
    arrival: Arrival,
    delta: dict[str, Any] | None,
    *,
    finish: str | None = None,
    usage: bool = False,
) -> dict[str, Any]:
    """One event; without a `delta` it has no choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    found = {
        **_HEAD,
        "object": "chat.completion.chunk",
        "model": step.model or f"{arrival.deployment}-1",
        "choices": [] if delta is None else [choice],
    }
    return {**found, "usage": arrival.used.as_json()} if usage else found


def whole(step: Say, arrival: Arrival) -> web.Response:
    """The answer in one piece."""
    message: dict[str, Any] = {"role": "assistant", "content": step.text}
    if step.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in step.calls
        ]
    body = {
        **_HEAD,
        "object": "chat.completion",
        "model": step.model or f"{arrival.deployment}-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish(step)}],
    }
    if step.reports != "never":
        body["usage"] = arrival.used.as_json()
    return web.json_response(body)


def error(step: Fail) -> web.Response:
    """An error status with its body."""
    found = {"message": step.message, "code": step.code, "type": step.type}
    return web.json_response({"error": found}, status=step.status, headers=dict(step.headers))


def reset(request: web.Request) -> None:
    """Break the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
