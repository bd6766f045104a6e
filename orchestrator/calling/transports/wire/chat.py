"""The chat-completions wire format: our request as its JSON, its chunks as our events."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.call_types import (
    Answering,
    CallEvent,
    CallRequest,
    Confidence,
    Finish,
    Progress,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from orchestrator.calling.transports.wire.outcomes import error_of, from_event
from orchestrator.calling.transports.wire.prefill import prefill_of
from orchestrator.calling.transports.wire.usage import usage_of, usage_of_timings
from orchestrator.errors import AttemptError
from orchestrator.money import Usage
from orchestrator.types import Deployment, Outcome

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
"""The schema that asks for JSON and says nothing more: what providers call JSON mode."""
_LEAST_LOGPROB = -1e6
"""Some servers say minus infinity, or a very large number, for what could not have been chosen."""
_REASONING_MODEL = re.compile(r"^(gpt-[5-9]|o\d)")


def payload(deployment: Deployment, request: CallRequest) -> dict[str, Any]:
    """The body of the request, always for a stream."""
    prefill = prefill_of(deployment, request)
    body: dict[str, Any] = {
        "model": deployment.target,
        "messages": prefill.messages(request.messages) if prefill else list(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        **options(deployment, request),
    }
    if prefill and prefill.sent and deployment.hosting == "self":
        # vLLM and SGLang need to be told; llama.cpp and Ollama go on by themselves and do not
        # mind. Hosted services refuse what they do not know.
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if _REASONING_MODEL.match(deployment.target):
        # These take no temperature, and count the hidden reasoning as output.
        body.pop("temperature", None)
        if "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
    elif "reasoning" not in deployment.can:
        body.pop("reasoning_effort", None)
    return body


def options(deployment: Deployment, request: CallRequest) -> dict[str, Any]:
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
        "logprobs": True if request.logprobs and "logprobs" in deployment.can else None,
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
    settled: bool = False
    """The usage came with the end or after it, so nothing more is owed."""
    answering: Answering = field(default_factory=Answering)
    usage: Usage | None = None
    """As reported last; providers repeat or correct it."""
    logprobs: list[float] = field(default_factory=list)

    def read(self, chunk: Mapping[str, Any], part: str = "delta") -> Iterator[CallEvent]:
        """The events of one chunk. `part` is `message` for an answer in one piece.

        Raises:
            AttemptError: the chunk carries an error or a refusal.
        """
        error = error_of(chunk)
        if error is not None:
            raise from_event(error)
        yield from self._answering(chunk)
        choice = _first(chunk.get("choices"))
        if choice is not None:
            yield from self._choice(choice, part)
        used = usage_of(chunk.get("usage")) or usage_of_timings(chunk.get("timings"))
        if used is not None:
            self.usage = used
            self.settled = self.finished

    def closing(self) -> Iterator[CallEvent]:
        """What is known once no further chunk comes."""
        yield from confidence(self.logprobs)
        if self.usage is not None:
            yield UsageReport(usage=self.usage)

    def _answering(self, chunk: Mapping[str, Any]) -> Iterator[Answering]:
        said = Answering(
            model=_text(chunk.get("model")) or self.answering.model,
            fingerprint=_text(chunk.get("system_fingerprint")) or self.answering.fingerprint,
        )
        if said != self.answering:
            self.answering = said
            yield said

    def _choice(self, choice: Mapping[str, Any], part: str) -> Iterator[CallEvent]:
        self.chosen = True
        delta = choice.get(part)
        delta = delta if isinstance(delta, Mapping) else {}
        if delta.get("refusal"):
            raise AttemptError(Outcome.REFUSED, f"the model refused: {delta['refusal']}")
        if delta.get("reasoning_content") or delta.get("reasoning"):
            yield Progress("thinking")
        self.logprobs += logprobs_of(choice)
        text = _content(delta.get("content"))
        if text:
            yield TextDelta(text)
        yield from _tool_deltas(delta.get("tool_calls"))
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason and not self.finished:
            no_end(reason)
            self.finished = True
            yield Finish(reason)


def no_end(reason: str | None) -> None:
    """Raise where a provider gives as its reason that it did not come to the end."""
    if reason == "error":
        raise AttemptError(Outcome.OVERLOADED, "the provider ended the answer with an error")
    if reason == "abort":
        raise AttemptError(Outcome.CUT, "the provider broke the answer off")


def confidence(logprobs: Sequence[float]) -> Iterator[Confidence]:
    """How sure the model was, where its tokens' log-probabilities are known."""
    if logprobs:
        yield Confidence(math.exp(math.fsum(logprobs) / len(logprobs)))


def logprobs_of(choice: Mapping[str, Any]) -> list[float]:
    """The log-probabilities of the tokens in one choice."""
    given = choice.get("logprobs")
    content = given.get("content") if isinstance(given, Mapping) else None
    tokens = content if isinstance(content, list) else ()
    found = (token.get("logprob") for token in tokens if isinstance(token, Mapping))
    numbers = (n for n in found if isinstance(n, (int, float)) and n == n)  # no NaN
    return [float(max(min(n, 0.0), _LEAST_LOGPROB)) for n in numbers]


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


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
