"""The chat-completions wire format: our request as its JSON, its chunks as our events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import (
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from orchestrator.calling.transports.outcomes import error_of, from_event
from orchestrator.errors import AttemptError
from orchestrator.money import Usage
from orchestrator.types import Deployment, Outcome

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
"""The schema that asks for JSON and says nothing more: what providers call JSON mode."""
_REASONING_MODEL = re.compile(r"^(gpt-[5-9]|o\d)")


def payload(deployment: Deployment, request: CallRequest) -> dict[str, Any]:
    """The body of the request, always for a stream."""
    body: dict[str, Any] = {
        "model": deployment.target,
        "messages": list(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        **options(request),
    }
    if _REASONING_MODEL.match(deployment.target):
        # These take no temperature, and count the hidden reasoning as output.
        body.pop("temperature", None)
        if "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
    elif "reasoning" not in deployment.can:
        body.pop("reasoning_effort", None)
    return body


def options(request: CallRequest) -> dict[str, Any]:
    """What the request says about the answer; what it leaves open is not sent."""
    said = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "reasoning_effort": request.reasoning_effort,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "response_format": _response_format(request),
        "tools": [dict(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request),
        "parallel_tool_calls": request.parallel_tool_calls if request.tools else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _response_format(request: CallRequest) -> dict[str, Any] | None:
    schema = request.schema
    if schema is None:
        return None
    if schema == ANY_OBJECT:
        return {"type": "json_object"}
    asked: dict[str, Any] = {"name": "output", "schema": dict(schema)}
    if request.strict is not None:
        asked["strict"] = request.strict
    return {"type": "json_schema", "json_schema": asked}


def _tool_choice(request: CallRequest) -> str | dict[str, Any] | None:
    choice = request.tool_choice
    if not request.tools or choice is None or choice in ("auto", "none", "required"):
        return choice if request.tools else None
    return {"type": "function", "function": {"name": choice}}


@dataclass(slots=True)
class Chunks:
    """Reads the chunks of one answer, whatever their order. One object an answer."""

    chosen: bool = False
    """A choice was seen."""
    finished: bool = False
    usage: UsageReport | None = None
    """The last report; providers repeat or correct it."""
    settled: bool = False
    """The report came with the end or after it, so nothing more is to come."""

    def read(self, chunk: Mapping[str, Any], part: str = "delta") -> Iterator[CallEvent]:
        """The events of one chunk. `part` is `message` for an answer in one piece.

        Raises:
            AttemptError: the chunk carries an error or a refusal.
        """
        error = error_of(chunk)
        if error is not None:
            raise from_event(error)
        choice = _first(chunk.get("choices"))
        if choice is not None:
            yield from self._choice(choice, part)
        if isinstance(chunk.get("usage"), Mapping):
            self.usage = UsageReport(
                usage=usage_of(chunk["usage"]),
                model=_text(chunk.get("model")),
                fingerprint=_text(chunk.get("system_fingerprint")),
            )
            self.settled = self.finished

    def _choice(self, choice: Mapping[str, Any], part: str) -> Iterator[CallEvent]:
        self.chosen = True
        delta = choice.get(part)
        delta = delta if isinstance(delta, Mapping) else {}
        if delta.get("refusal"):
            raise AttemptError(Outcome.REFUSED, f"the model refused: {delta['refusal']}")
        if delta.get("reasoning_content") or delta.get("reasoning"):
            yield Progress("thinking")
        text = _content(delta.get("content"))
        if text:
            yield TextDelta(text)
        yield from _tool_deltas(delta.get("tool_calls"))
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason and not self.finished:
            self.finished = True
            yield Finish(reason)


def usage_of(reported: Mapping[str, Any]) -> Usage:
    """Tokens as an OpenAI-compatible provider reports them."""
    prompt = reported.get("prompt_tokens_details") or {}
    completion = reported.get("completion_tokens_details") or {}
    total = _count(reported.get("prompt_tokens"))
    return Usage(
        input=total,
        output=_count(reported.get("completion_tokens")),
        cached_input=min(_count(prompt.get("cached_tokens")), total),
        reasoning=_count(completion.get("reasoning_tokens")),
    )


def _first(choices: Any) -> Mapping[str, Any] | None:
    found = choices[0] if isinstance(choices, list) and choices else None
    return found if isinstance(found, Mapping) else None


def _tool_deltas(calls: Any) -> Iterator[ToolCallDelta]:
    for place, call in enumerate(calls if isinstance(calls, list) else ()):
        if not isinstance(call, Mapping):
            continue
        named = call.get("function")
        named = named if isinstance(named, Mapping) else {}
        index = call.get("index")
        yield ToolCallDelta(
            index=index if isinstance(index, int) else place,
            id=_text(call.get("id")) or "",
            name=_text(named.get("name")) or "",
            arguments=_arguments(named.get("arguments")),
        )


def _arguments(value: Any) -> str:
    """The JSON text; some servers send the object itself."""
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else ""


def _content(content: Any) -> str:
    """The text of a content that is a string, or a list of typed parts."""
    if isinstance(content, list):
        parts = (p.get("text") for p in content if isinstance(p, Mapping))
        return "".join(p for p in parts if isinstance(p, str))
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and value > 0 else 0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
