"""Answers as OpenAI writes them: one object, or the chunks of a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orchestrator.gateway.chat.wanted import Answer
from orchestrator.gateway.errors import encoded
from orchestrator.money import usd
from orchestrator.roles.single import Answered

REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})
"""What clients know; a provider's other words for its own end are a `stop`."""
Headers = list[tuple[bytes, bytes]]
_encode = msgspec.json.encode


def answer_of(answered: Answered) -> Answer:
    """Of one call."""
    reply = answered.reply
    return Answer(
        text=reply.text,
        model=reply.model,
        trace_id=answered.hop.trace_id,
        deployment=reply.deployment,
        finish_reason=reply.finish_reason,
        tool_calls=reply.tool_calls,
        usage=reply.usage,
        fingerprint=reply.attempts[-1].fingerprint,
        cost_micro_usd=answered.hop.cost_micro_usd,
        attempts=len(reply.attempts),
        ending=reply.ending,
    )


def whole(answers: Sequence[Answer], trace_id: str, created: int) -> bytes:
    """`chat.completion`."""
    first = answers[0]
    return encoded(
        {
            "id": f"chatcmpl-{trace_id}",
            "object": "chat.completion",
            "created": created,
            "model": first.model,
            "choices": [_choice(index, answer) for index, answer in enumerate(answers)],
            "usage": usage_of(answers),
            "system_fingerprint": first.fingerprint,
            "mesh": about(answers, trace_id),
        }
    )


def _choice(index: int, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text if answer.text or not answer.tool_calls else None,
        "refusal": None,
    }
    if answer.tool_calls:
        message["tool_calls"] = calls_of(answer)
    return {
        "index": index,
        "message": message,
        "logprobs": None,
        "finish_reason": reason_of(answer),
    }


def calls_of(answer: Answer) -> list[dict[str, Any]]:
    """The tool calls of an answer."""
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in answer.tool_calls
    ]


def reason_of(answer: Answer) -> str:
    """Why it ended, in a word that clients know."""
    if answer.tool_calls:
        return "tool_calls"
    return answer.finish_reason if answer.finish_reason in REASONS else "stop"


def usage_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """The tokens of all answers together."""
    used = answers[0].usage
    if len(answers) > 1:
        used = sum((a.usage for a in answers[1:]), used)
    sent = {"cached_tokens": used.cached_input, "audio_tokens": used.audio_input}
    if used.cache_write:  # OpenAI has no word for it; it has a price of its own elsewhere
        sent["cache_creation_tokens"] = used.cache_write
    return {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
        "prompt_tokens_details": sent,
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning,
            "audio_tokens": used.audio_output,
        },
    }


def about(answers: Sequence[Answer], trace_id: str) -> dict[str, Any]:
    """The `mesh` object: who answered, how, and for what."""
    first = answers[0]
    cost, attempts, estimated = _summed(answers)
    return {
        "trace_id": trace_id,
        "model": first.model,
        "deployment": first.deployment,
        "cost_usd": cost,
        "attempts": attempts,
        "ending": first.ending,
        "usage_estimated": estimated,
        **first.mesh,
    }


def _summed(answers: Sequence[Answer]) -> tuple[float | None, int, bool]:
    """Of all of them: the costs in dollars, the attempts, and whether some usage is estimated."""
    cost: int | None = 0
    attempts, estimated = 0, False
    for answer in answers:
        own = answer.cost_micro_usd
        cost = None if cost is None or own is None else cost + own
        attempts += answer.attempts
        estimated = estimated or answer.usage.estimated
    return None if cost is None else usd(cost), attempts, estimated


def headers(answers: Sequence[Answer], trace_id: str) -> Headers:
    """What the response's headers say of it. All of it are names of the fleet and numbers."""
    first = answers[0]
    cost, attempts, _ = _summed(answers)
    return [
        (b"x-mesh-trace-id", trace_id.encode()),
        (b"x-mesh-model", first.model.encode()),
        (b"x-mesh-deployment", first.deployment.encode()),
        (b"x-mesh-cost-usd", b"unknown" if cost is None else f"{cost:.6f}".encode()),
        (b"x-mesh-attempts", str(attempts).encode()),
        (b"x-mesh-ending", first.ending.encode()),
    ]


class Chunks:
    """Writes the chunks of one stream, as server-sent events.

    Args:
        model: as it was asked for; which model answers is known at the end.
    """

    def __init__(self, trace_id: str, created: int, model: str) -> None:
        self.trace_id, self._created = trace_id, created
        self._head = self._begin(model)

    def _begin(self, model: str) -> bytes:
        named = {
            "id": f"chatcmpl-{self.trace_id}",
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": model,
        }
        return b"data: " + encoded(named)[:-1]

    def answered_by(self, model: str) -> None:
        """What follows says who answered."""
        self._head = self._begin(model)

    def role(self, index: int) -> bytes:
        """The first of a choice."""
        return self._delta(index, {"role": "assistant", "content": "", "refusal": None})

    def text(self, index: int, text: str) -> bytes:
        """More text."""
        return self._delta(index, {"content": text})

    def calls(self, index: int, answer: Answer) -> bytes:
        """All tool calls of a choice, whole."""
        numbered = [{"index": n, **call} for n, call in enumerate(calls_of(answer))]
        return self._delta(index, {"tool_calls": numbered})

    def finish(self, index: int, answer: Answer, mesh: Mapping[str, Any] | None = None) -> bytes:
        """The end of a choice, for the reason that was given. `mesh`: where it is the last."""
        more = {} if mesh is None else {"mesh": mesh}
        return self._delta(index, {}, reason_of(answer), **more)

    def progress(self, index: int, progress: Mapping[str, Any]) -> bytes:
        """What goes on; to clients that do not know it an empty delta."""
        return self._delta(index, {}, mesh={"progress": progress})

    def usage(self, answers: Sequence[Answer], mesh: Mapping[str, Any]) -> bytes:
        """The chunk after all choices, for who asked what was used."""
        return self._event({"choices": [], "usage": usage_of(answers), "mesh": mesh})

    def _delta(self, index: int, delta: Any, reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._event({"choices": [choice], **more})

    def _event(self, body: dict[str, Any]) -> bytes:
        return b"%b,%b\n\n" % (self._head, encoded(body)[1:])


DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": waiting\n\n"


def broken(error: dict[str, Any], trace_id: str) -> bytes:
    """The event that ends a stream whose answer is not whole."""
    return b"data: " + encoded({"error": error, "mesh": {"trace_id": trace_id}}) + b"\n\n"
