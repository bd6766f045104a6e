"""The chat-completions wire format: our request as its JSON, its chunks as our events."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

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
from orchestrator.calling.transports.wire.prefill import CAN, prefill_of
from orchestrator.calling.transports.wire.usage import usage_of, usage_of_timings
from orchestrator.errors import AttemptError
from orchestrator.money import Usage
from orchestrator.types import Deployment, Outcome

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
"""The schema that asks for JSON and says nothing more: what providers call JSON mode."""
_LEAST_LOGPROB = -1e6
"""Some servers say minus infinity, or a very large number, for what could not have been chosen."""
_NOBODY = Answering()
_THINKING = Progress("thinking")
_REASONING_MODEL = re.compile(r"^(gpt-[5-9]|o\d)")


def payload(deployment: Deployment, request: CallRequest) -> dict[str, Any]:
    """The body of the request, always for a stream; the messages in it are the request's own.

    The request's further parameters are passed on, but never in place of what is set here.
    """
    prefill = prefill_of(deployment, request) if CAN in deployment.can else None
    body: dict[str, Any] = {
        **request.extra,
        "model": deployment.target,
        "messages": prefill.messages(request.messages) if prefill else list(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body.update(options(deployment, request))
    if prefill and prefill.sent and deployment.hosting == "self":
        # vLLM and SGLang need to be told; llama.cpp and Ollama go on by themselves and do not
        # mind. Hosted services refuse what they do not know.
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if _reasons(deployment.target):
        # These take no temperature, and count the hidden reasoning as output.
        body.pop("temperature", None)
        if "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
    elif "reasoning" not in deployment.can:
        body.pop("reasoning_effort", None)
    return body


@lru_cache(maxsize=1024)
def _reasons(target: str) -> bool:
    return _REASONING_MODEL.match(target) is not None


def options(deployment: Deployment, request: CallRequest) -> dict[str, Any]:
    """What the request says about the answer; what it leaves open is not sent."""
    said: dict[str, Any] = {}
    if request.temperature is not None:
        said["temperature"] = request.temperature
    if request.max_tokens is not None:
        said["max_tokens"] = request.max_tokens
    if request.reasoning_effort is not None:
        said["reasoning_effort"] = request.reasoning_effort
    if request.stop:
        said["stop"] = list(request.stop)
    if request.seed is not None:
        said["seed"] = request.seed
    if request.schema is not None:
        said["response_format"] = _response_format(request.schema, strict=request.strict)
    if request.tools:
        said |= _tools(request)
    if request.logprobs and "logprobs" in deployment.can:
        said["logprobs"] = True
    return said


def _response_format(schema: Mapping[str, Any], *, strict: bool | None) -> dict[str, Any]:
    if schema == ANY_OBJECT:
        return {"type": "json_object"}
    asked: dict[str, Any] = {"name": "output", "schema": dict(schema)}
    if strict is not None:
        asked["strict"] = strict
    return {"type": "json_schema", "json_schema": asked}


def _tools(request: CallRequest) -> dict[str, Any]:
    said: dict[str, Any] = {"tools": [dict(tool) for tool in request.tools]}
    choice = request.tool_choice
    if choice in ("auto", "none", "required"):
        said["tool_choice"] = choice
    elif choice is not None:
        said["tool_choice"] = {"type": "function", "function": {"name": choice}}
    if request.parallel_tool_calls is not None:
        said["parallel_tool_calls"] = request.parallel_tool_calls
    return said


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: _Delta | None = None
    logprobs: Any = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    """A chunk as nearly all are. What is read of no chunk is not even decoded."""

    choices: list[_Choice] | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    usage: dict[str, Any] | None = None
    timings: Any = None
    error: Any = msgspec.UNSET
    object: Any = None
    type: Any = None


_NO_DELTA = _Delta()
_usual = msgspec.json.Decoder(_Chunk).decode


@dataclass(slots=True)
class Chunks:
    """Reads the chunks of one answer, whatever their order. One object an answer.

    Of several choices only the first that came is read: two texts never run into one another.
    """

    chosen: bool = False
    """A choice was seen."""
    finished: bool = False
    settled: bool = False
    """The usage came with the end or after it, so nothing more is owed."""
    answering: Answering = _NOBODY
    usage: Usage | None = None
    """As reported last; providers repeat or correct it."""
    logprobs: list[float] = field(default_factory=list)
    _events: list[CallEvent] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    """Of the text that comes after the events."""
    _index: Any = None
    """Of the choice that is read."""
    _named: Any = None
    _marked: Any = None
    """The model and the fingerprint as the last chunk said them."""

    def read(self, chunk: Mapping[str, Any], part: str = "delta") -> None:
        """Take in one chunk. `part` is `message` for an answer in one piece.

        Raises:
            AttemptError: the chunk carries an error or a refusal.
        """
        choices = chunk.get("choices")
        if not choices or "error" in chunk:
            error = error_of(chunk)
            if error is not None:
                raise from_event(error)
        named, marked = chunk.get("model"), chunk.get("system_fingerprint")
        if named != self._named or marked != self._marked:
            self._named, self._marked = named, marked
            self._answers(_text(named), _text(marked))
        if choices and isinstance(choices, list) and isinstance(choices[0], dict):
            self._choice(choices[0], part)
        if chunk.get("usage") or chunk.get("timings"):
            self.use(chunk)

    def usual(self, event: bytes) -> bool:
        """Take in the chunk of an event (`data: {…`) as `read` does, but quickly.

        False where it is none of the usual shape: then nothing of it was taken in.

        Raises:
            AttemptError: as `read`.
        """
        try:
            chunk = _usual(memoryview(event)[6:])
        except (ValueError, RecursionError):
            return False
        if chunk.timings or chunk.error is not msgspec.UNSET:
            return False
        choice = chunk.choices[0] if chunk.choices else None
        delta = choice.delta or _NO_DELTA if choice is not None else _NO_DELTA
        if delta.refusal or delta.reasoning_content or delta.reasoning or delta.tool_calls:
            return False
        if choice is not None:
            if choice.logprobs:
                return False
        elif not chunk.usage or chunk.object == "error" or chunk.type == "error":
            return False
        named, marked = chunk.model, chunk.system_fingerprint
        if named != self._named or marked != self._marked:
            self._named, self._marked = named, marked
            self._answers(named, marked)
        if choice is not None and (
            (self.chosen and choice.index == self._index) or self._reads(choice.index)
        ):
            if delta.content:
                self._texts.append(delta.content)
            if choice.finish_reason and not self.finished:
                self._ends(choice.finish_reason)
        if chunk.usage:
            self._used(usage_of(chunk.usage))
        return True

    def use(self, chunk: Mapping[str, Any]) -> None:
        """Take in what the chunk says was used."""
        self._used(usage_of(chunk.get("usage")) or usage_of_timings(chunk.get("timings")))

    def _used(self, used: Usage | None) -> None:
        if used is not None:
            self.usage = used
            self.settled = self.finished

    def events(self) -> list[CallEvent]:
        """What the chunks said since this was asked last; texts that follow one another as one."""
        events, self._events = self._events, []
        if self._texts:
            events.append(TextDelta("".join(self._texts)))
            self._texts.clear()
        return events

    def closing(self) -> list[CallEvent]:
        """What is known once no further chunk comes."""
        events: list[CallEvent] = list(confidence(self.logprobs)) if self.logprobs else []
        if self.usage is not None:
            events.append(UsageReport(usage=self.usage))
        return events

    def _answers(self, model: str | None, fingerprint: str | None) -> None:
        before = self.answering
        said = Answering(model=model or before.model, fingerprint=fingerprint or before.fingerprint)
        if said != before:
            self.answering = said
            self._say(said)

    def _choice(self, choice: dict[str, Any], part: str) -> None:
        if not self._reads(choice.get("index")):
            return
        if choice.get("logprobs"):
            self.logprobs += logprobs_of(choice)
        delta = choice.get(part)
        if isinstance(delta, dict):
            self._delta(delta)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str) and not self.finished:
            self._ends(reason)

    def _reads(self, index: Any) -> bool:
        """Whether the choice of that number is the one that is read."""
        self.chosen = True
        if index != self._index and index is not None:
            if self._index is not None:
                return False
            self._index = index
        return True

    def _ends(self, reason: str) -> None:
        no_end(reason)
        self.finished = True
        self._say(Finish(reason))

    def _delta(self, delta: dict[str, Any]) -> None:
        if delta.get("refusal"):
            raise AttemptError(Outcome.REFUSED, f"the model refused: {delta['refusal']}")
        if delta.get("reasoning_content") or delta.get("reasoning"):
            self._say(_THINKING)
        content = delta.get("content")
        if content:
            text = content if isinstance(content, str) else _joined(content)
            if text:
                self._texts.append(text)
        calls = delta.get("tool_calls")
        if calls:
            for call in _tool_deltas(calls):
                self._say(call)

    def _say(self, event: CallEvent) -> None:
        if self._texts:
            self._events.append(TextDelta("".join(self._texts)))
            self._texts.clear()
        self._events.append(event)


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


def _joined(parts: Any) -> str:
    """The text of a content that is a list of typed parts."""
    texts = (p.get("text") for p in parts if isinstance(p, dict)) if isinstance(parts, list) else ()
    return "".join(t for t in texts if isinstance(t, str))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
