"""A stand-in for an OpenAI-compatible provider, on loopback, that does what a script says.

    async with StandIn(Say("Hello there.")) as base_url: ...
    stand_in = StandIn(Fail(503), Say("Hello."))        # one step a request; the last one stays
    stand_in = StandIn(lambda body: Say(body["messages"][-1]["content"].upper()))

`stand_in.seen` holds what reached it. `sleep` may be a fake clock's, so that a scripted delay
takes no time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The usage that is reported."""

    input: int = 7
    output: int = 5
    cached: int = 0
    reasoning: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


@dataclass(frozen=True)
class Call:
    """A tool call; its arguments are sent in pieces."""

    name: str
    arguments: str = "{}"
    id: str = "call_1"
    index: int | None = None
    """As the provider counts it; by its place where absent."""


@dataclass(frozen=True)
class Say:
    """Answer with a text, word by word, and with tool calls after it, perhaps not to the end."""

    text: str
    usage: Tokens | None = Tokens()
    finish: str | None = "stop"
    done: bool = True
    model: str = "stand-in-1"
    delay_s: float = 0.0
    """Between the headers and the first word."""
    gap_s: float = 0.0
    """Between two words."""
    break_after: int | None = None
    """After so many words `broken` happens."""
    broken: Literal["reset", "close", "hang", "error"] = "close"
    junk_after: int | None = None
    """After so many words comes an event that is no JSON."""
    usage_with_finish: bool = False
    """The usage stands in the last chunk that has a choice."""
    lingers: bool = False
    """The connection stays open after the end."""
    calls: tuple[Call, ...] = ()
    """Their pieces count as words."""


@dataclass(frozen=True)
class Fail:
    """Answer with an error status."""

    status: int
    message: str = "it went wrong"
    code: str | None = None
    type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """Answer with this body, whatever was asked."""

    body: str
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True)
class Hang:
    """Take the request and never answer."""


@dataclass(frozen=True)
class Reset:
    """Reset the connection before any byte."""


Step = Say | Fail | Raw | Hang | Reset
Script = Callable[[dict[str, Any]], Step]


@dataclass
class Seen:
    """One request that arrived."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float
    """By the stand-in's clock."""
    words_sent: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False
    """The caller left before the end."""


class StandIn:
    """The server. Steps are taken one a request; the last stays. A script sees the request."""

    def __init__(
        self,
        *steps: Step | Script,
        key: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps = list(steps)
        self._key, self._sleep, self._clock = key, sleep, clock
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        # A caller that leaves is seen at once: its handler is cancelled.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/v1"

    async def __aexit__(self, *exc: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "stand-in-1"}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        seen = Seen(request.path, dict(request.headers), body, self._clock())
        self.seen.append(seen)
        self.arrived.set()
        try:
            if self._key and request.headers.get("Authorization") != f"Bearer {self._key}":
                return _error(Fail(401, "Incorrect API key provided", "invalid_api_key"))
            return await self._act(request, self._step(body), seen)
        except (asyncio.CancelledError, ConnectionResetError):
            seen.gone = True
            raise
        finally:
            seen.ended.set()

    def _step(self, body: dict[str, Any]) -> Step:
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return step(body) if callable(step) else step

    async def _act(self, request: web.Request, step: Step, seen: Seen) -> web.StreamResponse:
        match step:
            case Fail():
                return _error(step)
            case Raw(body, content_type, status):
                return web.Response(text=body, content_type=content_type, status=status)
            case Hang():
                await asyncio.Event().wait()
            case Reset():
                _abort(request)
            case Say() if seen.body.get("stream"):
                return await self._say(request, step, seen)
            case Say():
                return _whole(step)
        return web.Response()

    async def _say(self, request: web.Request, step: Say, seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)

        async def send(value: object) -> None:
            text = value if isinstance(value, str) else json.dumps(value)
            await response.write(f"data: {text}\n\n".encode())

        await send(_chunk(step, {"role": "assistant", "content": ""}))
        if step.delay_s:
            await self._sleep(step.delay_s)
        for delta in _deltas(step):
            if step.break_after is not None and seen.words_sent >= step.break_after:
                return await _break(request, response, step, send)
            if step.junk_after == seen.words_sent:
                await send('{"choices": [{"delta": {"cont')
            if step.gap_s:
                await self._sleep(step.gap_s)
            await send(_chunk(step, delta))
            seen.words_sent += 1
        if step.finish:
            last = _chunk(step, {}, finish=_finish(step))
            if step.usage and step.usage_with_finish:
                last["usage"] = step.usage.as_json()
            await send(last)
        asked = seen.body.get("stream_options") or {}
        if step.usage and not step.usage_with_finish and asked.get("include_usage"):
            await send(_chunk(step, None) | {"choices": [], "usage": step.usage.as_json()})
        if step.done:
            await send("[DONE]")
        if step.lingers:
            await asyncio.Event().wait()
        return response


def words(text: str) -> list[str]:
    """The pieces in which a text is sent: each word with the space before it."""
    first, *rest = text.split(" ")
    return [p for p in (first, *(f" {word}" for word in rest)) if p]


def _deltas(step: Say) -> Iterator[dict[str, Any]]:
    for word in words(step.text):
        yield {"content": word}
    for place, call in enumerate(step.calls):
        index = place if call.index is None else call.index
        half = len(call.arguments) // 2
        first = {"name": call.name, "arguments": ""}
        yield {
            "tool_calls": [{"index": index, "id": call.id, "type": "function", "function": first}]
        }
        for piece in (call.arguments[:half], call.arguments[half:]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _finish(step: Say) -> str | None:
    return "tool_calls" if step.calls and step.finish == "stop" else step.finish


def _chunk(step: Say, delta: dict[str, Any] | None, finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": step.model,
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def _whole(step: Say) -> web.Response:
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
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": step.model,
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(step)}],
    }
    if step.usage:
        body["usage"] = step.usage.as_json()
    return web.json_response(body)


def _error(step: Fail) -> web.Response:
    error = {"message": step.message, "code": step.code, "type": step.type}
    return web.json_response({"error": error}, status=step.status, headers=dict(step.headers))


def _abort(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


async def _break(
    request: web.Request,
    response: web.StreamResponse,
    step: Say,
    send: Callable[[object], Awaitable[None]],
) -> web.StreamResponse:
    match step.broken:
        case "reset":
            _abort(request)
        case "hang":
            await asyncio.Event().wait()
        case "error":
            error = {"message": "The server is overloaded", "type": "overloaded_error"}
            await send({"error": error})
    return response
