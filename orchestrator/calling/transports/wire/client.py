"""The connection beneath litellm: one request a call, and nothing broken goes up.

litellm speaks each provider's dialect; what comes over the connection is looked at here first, in
the same way as for the `openai` transport. So its own second tries never begin, the provider's
status and headers arrive as they were sent, and one broken event need not end a stream.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from orchestrator.call_types import Answering
from orchestrator.calling.transports.wire.chat import logprobs_of, no_end
from orchestrator.calling.transports.wire.connections import (
    for_a_moment,
    from_connection,
    new_session,
    nothing_was_sent,
)
from orchestrator.calling.transports.wire.outcomes import error_of, from_event, from_status
from orchestrator.calling.transports.wire.screen import DONE, Screen
from orchestrator.calling.transports.wire.sse import EVENT_BYTES, MIB, Events, data_of
from orchestrator.calling.transports.wire.usage import usage_of
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.types import Outcome

_ERROR_BYTES = 64 * 1024
_STREAM = "text/event-stream"


def connections() -> httpx.AsyncBaseTransport:
    """The pool for all calls of one event loop, with the user's certificates and proxies."""
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport
    from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

    trusted = get_ssl_configuration()
    given = None if isinstance(trusted, str) else trusted  # a file that is not there
    return LiteLLMAiohttpTransport(client=new_session, ssl_verify=given)


@dataclass(slots=True)
class Witness:
    """What the provider itself said in its stream, where litellm keeps or invents something."""

    heard: bool = False
    """Whether its events could be read at all."""
    chosen: bool = False
    """Whether they held an answer, be it an empty one."""
    ended: str | None = None
    """The reason that it gave for the end, in its own word."""
    settled: bool = False
    """The usage came with the end or after it, so nothing more is owed."""
    answering: Answering = field(default_factory=Answering)
    logprobs: list[float] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> None:
        """Look at one event, of OpenAI's, Anthropic's or Google's shape.

        Raises:
            AttemptError: it is an error, or says that the answer does not come to its end.
        """
        self.heard = True
        error = error_of(event)
        if error is not None:
            raise from_event(error)
        told = _mapping(event.get("message")) or event
        self.answering = Answering(
            model=_text(told.get("model") or event.get("modelVersion")) or self.answering.model,
            fingerprint=_text(event.get("system_fingerprint")) or self.answering.fingerprint,
        )
        choice = _first(event.get("choices")) or _first(event.get("candidates"))
        self.chosen = self.chosen or bool(choice) or "delta" in event
        self.logprobs += logprobs_of(choice)
        ended = (
            choice.get("finish_reason")
            or choice.get("finishReason")
            or _mapping(event.get("delta")).get("stop_reason")
        )
        self.ended = _text(ended) or self.ended
        no_end(self.ended)
        if self.ended is not None and usage_of(event.get("usage")) is not None:
            self.settled = True


class Wire(httpx.AsyncBaseTransport):
    """The connection of one call. What failed on it is kept, whatever litellm makes of it."""

    def __init__(self, pool: httpx.AsyncBaseTransport, connect_s: float, clock: Clock) -> None:
        self._pool, self._connect_s, self.clock = pool, connect_s, clock
        self.failure: AttemptError | None = None
        self.opened = False
        """The provider has taken the request."""
        self.witness = Witness()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, once. Raises `AttemptError`."""
        if self.failure is not None:
            raise self.failure  # a second try, which is not litellm's to make
        # What is packed cannot be looked at.
        request.headers["Accept-Encoding"] = "identity"
        # `pool` is the clock of the whole connecting here; silence is not measured here.
        clocks = {"connect": None, "read": None, "write": None, "pool": self._connect_s}
        request.extensions = {**request.extensions, "timeout": clocks}
        try:
            response = await self._sent(request)
            self.opened = response.is_success
            return await self._looked_at(response)
        except AttemptError as error:
            self.failure = error
            raise
        except Exception as error:  # whatever the connection raises, once it is known what it is
            raise self.failed(error) from error

    def failed(self, error: Exception) -> Exception:
        """The typed failure, where it is one of the connection."""
        found = from_connection(error, opened=self.opened)
        self.failure = self.failure or found
        return found or error

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        while True:
            try:
                return await self._pool.handle_async_request(request)
            except httpx.TransportError as error:
                if not nothing_was_sent(error):
                    raise

    async def _looked_at(self, response: httpx.Response) -> httpx.Response:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if not response.is_success:
            body = await _start(response, _ERROR_BYTES)
            raise from_status(response.status_code, response.headers, body, self.clock.now())
        if "html" in kind:
            start = " ".join((await _start(response, 2048)).split())[:120]
            raise AttemptError(Outcome.MALFORMED, f"a web page instead of an answer: {start}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            return response
        if kind == _STREAM:
            return _again(response, _Screened(response.stream, self))
        if kind == "application/json":
            response = await _in_one_piece(response)
            if response.headers["Content-Type"] == _STREAM:
                return _again(response, _Screened(response.stream, self))
        return response

    async def aclose(self) -> None:
        """Nothing: the connections belong to all calls."""


class _Screened(httpx.AsyncByteStream):
    """The events of a stream, without those that are broken."""

    def __init__(self, stream: Any, wire: Wire) -> None:
        self._stream, self._wire, self._screen = stream, wire, Screen()

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self._whole_events()) as found:
                async for event in found:
                    yield event
                    if self._wire.witness.settled:
                        late: list[bytes] = []
                        await for_a_moment(_collected(found, late), self._wire.clock)
                        for event in late:
                            yield event
                        return
        except AttemptError as error:
            self._wire.failure = error
            raise
        except Exception as error:  # whatever the connection raises, once it is known what it is
            raise self._wire.failed(error) from error

    async def _whole_events(self) -> AsyncGenerator[bytes, None]:
        events = Events()
        async for piece in self._stream:
            for event in events.feed(piece):
                if event and self._passes(data_of(event)):
                    yield event + b"\n\n"

    def _passes(self, data: bytes | None) -> bool:
        if data is None or data.strip() == DONE:
            return True
        parsed = self._screen.parse(data)
        if parsed is not None:
            self._wire.witness.take(parsed)
        return parsed is not None

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _collected(events: AsyncGenerator[bytes, None], late: list[bytes]) -> None:
    async for event in events:
        late.append(event)


async def _in_one_piece(response: httpx.Response) -> httpx.Response:
    """An answer that came whole though a stream was asked for, as a stream of one event."""
    text = await _start(response, EVENT_BYTES + 1)
    if len(text) > EVENT_BYTES:
        raise AttemptError(Outcome.MALFORMED, f"the answer is larger than {EVENT_BYTES // MIB} MiB")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise AttemptError(Outcome.MALFORMED, f"no JSON: {text[:120]!r}") from None
    error = error_of(body)
    if error is not None:
        raise from_event(error)
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list):
        return _again(response, httpx.ByteStream(text.encode()))
    body["choices"] = [{**c, "delta": c.get("message")} for c in map(_mapping, choices)]
    body["object"] = "chat.completion.chunk"
    stream = httpx.ByteStream(f"data: {json.dumps(body)}\n\ndata: [DONE]\n\n".encode())
    again = _again(response, stream)
    again.headers["Content-Type"] = _STREAM
    return again


def _first(choices: Any) -> Mapping[str, Any]:
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _again(response: httpx.Response, stream: Any) -> httpx.Response:
    """The response with another body."""
    kept = [(n, v) for n, v in response.headers.multi_items() if n.lower() != "content-length"]
    return httpx.Response(
        response.status_code, headers=kept, stream=stream, extensions=response.extensions
    )


async def _start(response: httpx.Response, limit: int) -> str:
    """At most `limit` bytes of the body, as text; the rest is not read."""
    data = bytearray()
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    try:
        async for piece in stream:
            data += piece
            if len(data) >= limit:
                break
    finally:
        await stream.aclose()
    return bytes(data[:limit]).decode("utf-8", "replace")
