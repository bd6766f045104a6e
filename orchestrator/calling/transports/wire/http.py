"""One pooled HTTP client for every endpoint that speaks chat completions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from orchestrator.call_types import CallEvent, Progress
from orchestrator.calling.transports.wire.chat import Chunks
from orchestrator.calling.transports.wire.connections import (
    CONNECT_S,
    PLACES,
    for_a_moment,
    from_connection,
    new_session,
    nothing_was_sent,
)
from orchestrator.calling.transports.wire.outcomes import from_status, without
from orchestrator.calling.transports.wire.screen import DONE, Screen
from orchestrator.calling.transports.wire.sse import EVENT_BYTES, MIB, data_values
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.types import Outcome

if TYPE_CHECKING:
    import aiohttp

_CLOSES = "llama.cpp"
"""Closes the connection a moment after a stream and says nothing, so that it cannot be used again
(its `Server` header)."""
_ERROR_BYTES = 64 * 1024


class ChatClient:
    """Sends one chat request and yields its events. Belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By whether their connections are used again."""
        self._closing: set[str] = set()
        """Endpoints whose connections are not."""
        self._places: dict[str, asyncio.Semaphore] = {}
        self._without_usage: set[str] = set()
        """Endpoints that refuse to be asked for the usage."""

    async def stream(
        self,
        endpoint: str,
        key: str | None,
        body: Mapping[str, Any],
        connect_s: float = CONNECT_S,
    ) -> AsyncGenerator[CallEvent, None]:
        """The events of the answer; an answer in one piece is taken as well.

        Args:
            connect_s: how long it may take to resolve the name, connect and encrypt.

        Raises:
            AttemptError: whatever goes wrong, with its outcome.
        """
        import aiohttp

        place = self._places.setdefault(endpoint, asyncio.Semaphore(PLACES))
        if place.locked():
            yield Progress("waiting")
        async with place:
            yield Progress("ready")
            opened = False
            try:
                async with aclosing(self._exchange(endpoint, key, body, connect_s)) as events:
                    async for event in events:
                        opened = True
                        yield event
            except AttemptError as error:
                raise without(key, error) from error.__cause__
            except (aiohttp.ClientError, OSError) as error:
                found = from_connection(error, opened=opened)
                assert found is not None  # it is one of those that are looked for
                raise found from error

    async def _exchange(
        self, endpoint: str, key: str | None, body: Mapping[str, Any], connect_s: float
    ) -> AsyncGenerator[CallEvent, None]:
        url = f"{endpoint.rstrip('/')}/chat/completions"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        while True:
            sent = dict(body)
            if endpoint in self._without_usage:
                sent.pop("stream_options", None)
            session = self._session(keep=endpoint not in self._closing)
            async with await _post(session, url, sent, headers, connect_s) as response:
                if response.headers.get("Server", "").startswith(_CLOSES):
                    self._closing.add(endpoint)
                if response.status == 200:
                    async with aclosing(self._answer(response)) as events:
                        async for event in events:
                            yield event
                    return
                error = await self._refusal(response)
            if "stream_options" not in str(error) or "stream_options" not in sent:
                raise error
            # It never looked at the request itself, so asking in its own words is no retry.
            self._without_usage.add(endpoint)

    async def _answer(self, response: aiohttp.ClientResponse) -> AsyncGenerator[CallEvent, None]:
        if "html" in response.content_type:
            start = " ".join((await _start(response, 2048)).split())[:120]
            raise AttemptError(Outcome.MALFORMED, f"a web page instead of an answer: {start}")
        yield Progress("opened")
        chunks = Chunks()
        if "json" in response.content_type:
            for event in _whole(await _body(response), chunks):
                yield event
        else:
            async with aclosing(self._streamed(response, chunks)) as events:
                async for event in events:
                    yield event
        for event in chunks.closing():
            yield event

    async def _streamed(
        self, response: aiohttp.ClientResponse, chunks: Chunks
    ) -> AsyncGenerator[CallEvent, None]:
        seen, screen = 0, Screen()
        async with aclosing(data_values(response.content.iter_any())) as values:
            async for value in values:
                if value.strip() == DONE:
                    break
                seen += 1
                chunk = screen.parse(value)
                for event in chunks.read(chunk) if chunk is not None else ():
                    yield event
                if chunks.settled:
                    break
            if not chunks.chosen:
                found = f"{seen} events without a choice" if seen else "no event"
                raise AttemptError(Outcome.MALFORMED, f"the stream held {found}")
            await for_a_moment(_late_usage(values, chunks), self._clock)

    async def _refusal(self, response: aiohttp.ClientResponse) -> AttemptError:
        body = await _start(response, _ERROR_BYTES)
        return from_status(response.status, response.headers, body, self._clock.now())

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        if keep not in self._sessions:
            self._sessions[keep] = new_session(keep=keep)
        return self._sessions[keep]

    async def close(self) -> None:
        """Close all connections; calls in flight end as `unreachable` or `cut`."""
        held, self._sessions = self._sessions, {}
        for session in held.values():
            await session.close()


async def _post(
    session: aiohttp.ClientSession,
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    connect_s: float,
) -> aiohttp.ClientResponse:
    """The response's head.

    A pooled connection that the server has closed is replaced, if that shows before the
    request was sent; what fails afterwards may have been read, and is an attempt.
    """
    import aiohttp

    # Two turns of the loop, so that it hears of connections that were closed meanwhile.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    while True:
        try:
            return await session.post(
                url,
                json=body,
                headers=headers,
                allow_redirects=False,
                # Silence after that is the business of the attempt's clocks.
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_s),
            )
        except aiohttp.ClientConnectionError as error:
            if not nothing_was_sent(error):
                raise


async def _late_usage(values: AsyncGenerator[str, None], chunks: Chunks) -> None:
    screen = Screen()
    async for value in values:
        chunk = screen.parse(value)
        for _ in chunks.read(chunk) if chunk is not None else ():
            pass  # the answer has ended


def _whole(text: str, chunks: Chunks) -> Iterator[CallEvent]:
    """The events of an answer in one piece."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise AttemptError(Outcome.MALFORMED, f"no JSON object: {text[:120]!r}")
    yield from chunks.read(body, "message")
    if not chunks.chosen:
        raise AttemptError(Outcome.MALFORMED, "the answer holds no choice")


async def _body(response: aiohttp.ClientResponse) -> str:
    """The whole body as text. Raises `malformed` where it is larger than an answer can be."""
    text = await _start(response, EVENT_BYTES)
    if not response.content.at_eof():
        raise AttemptError(Outcome.MALFORMED, f"the answer is larger than {EVENT_BYTES // MIB} MiB")
    return text


async def _start(response: aiohttp.ClientResponse, limit: int) -> str:
    """At most `limit` bytes of the body, as text."""
    data = bytearray()
    async for piece in response.content.iter_any():
        data += piece
        if len(data) >= limit:
            break
    return bytes(data[:limit]).decode("utf-8", "replace")
