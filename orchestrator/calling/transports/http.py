"""One pooled HTTP client for every endpoint that speaks chat completions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from orchestrator.call_types import CallEvent, Progress
from orchestrator.calling.transports.chat import Chunks
from orchestrator.calling.transports.outcomes import from_status
from orchestrator.calling.transports.sse import data_values
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.types import Outcome

if TYPE_CHECKING:
    import aiohttp

CONNECT_S = 5.0
_POOL = 256
_KEEP_ALIVE_S = 4.0
"""Shorter than the five seconds after which common servers close an idle connection."""
_DRAIN_S = 0.1
_ERROR_BYTES = 64 * 1024
_ANSWER_BYTES = 64 * 1024 * 1024


class ChatClient:
    """Sends one chat request and yields its events. Belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._without_usage: set[str] = set()
        """Endpoints that refuse to be asked for the usage."""

    async def stream(
        self, endpoint: str, key: str | None, body: Mapping[str, Any]
    ) -> AsyncGenerator[CallEvent, None]:
        """The events of the answer; an answer in one piece is taken as well.

        Raises:
            AttemptError: whatever goes wrong, with its outcome.
        """
        import aiohttp

        opened = False
        try:
            async with aclosing(self._exchange(endpoint, key, body)) as events:
                async for event in events:
                    opened = True
                    yield event
        except AttemptError as error:
            raise _without(key, error) from error.__cause__
        except (aiohttp.ClientError, OSError) as error:
            raise _typed(error, opened=opened) from error

    async def _exchange(
        self, endpoint: str, key: str | None, body: Mapping[str, Any]
    ) -> AsyncGenerator[CallEvent, None]:
        url = f"{endpoint.rstrip('/')}/chat/completions"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        while True:
            sent = dict(body)
            if endpoint in self._without_usage:
                sent.pop("stream_options", None)
            async with await self._post(url, sent, headers) as response:
                if response.status == 200:
                    async with aclosing(_answer(response)) as events:
                        async for event in events:
                            yield event
                    await self._drain(response)
                    return
                error = await self._refusal(response)
            if "stream_options" not in str(error) or "stream_options" not in sent:
                raise error
            # It never looked at the request itself, so asking in its own words is no retry.
            self._without_usage.add(endpoint)

    async def _post(
        self, url: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """The response's head. A pooled connection that the server had closed is replaced.

        Some servers, llama.cpp among them, close a connection after a stream and do not say so:
        what fails then is our own reuse, and nobody has read the request.
        """
        import aiohttp

        while True:
            seen = SimpleNamespace(reused=False)
            try:
                return await self._client().post(
                    url, json=body, headers=headers, allow_redirects=False, trace_request_ctx=seen
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not seen.reused:
                    raise

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        """Read what follows the end, for a moment: only then the connection can be used again."""
        rest = asyncio.ensure_future(response.content.read())
        moment = asyncio.ensure_future(self._clock.sleep(_DRAIN_S))
        try:
            await asyncio.wait({rest, moment}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            rest.cancel()
            moment.cancel()
            # The answer is whole; how the connection ended says nothing about it.
            await asyncio.gather(rest, moment, return_exceptions=True)

    async def _refusal(self, response: aiohttp.ClientResponse) -> AttemptError:
        body = await _read(response, _ERROR_BYTES)
        return from_status(response.status, response.headers, body, self._clock.now())

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            self._session = aiohttp.ClientSession(
                trace_configs=[trace],
                connector=aiohttp.TCPConnector(limit=_POOL, keepalive_timeout=_KEEP_ALIVE_S),
                # Silence is the business of the attempt's clocks.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            )
        return self._session

    async def close(self) -> None:
        """Close all connections; calls in flight end as `unreachable` or `cut`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _note_reuse(_session: object, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.reused = True


async def _answer(response: aiohttp.ClientResponse) -> AsyncGenerator[CallEvent, None]:
    yield Progress("opened")
    if "html" in response.content_type:
        start = " ".join((await _read(response, 2048)).split())[:120]
        raise AttemptError(Outcome.MALFORMED, f"a web page instead of an answer: {start}")
    chunks = Chunks()
    if response.content_type == "application/json":
        for event in _whole(await _read(response, _ANSWER_BYTES), chunks):
            yield event
        return
    values = 0
    async with aclosing(data_values(response.content.iter_any())) as events:
        async for value in events:
            values += 1
            if value.strip() == "[DONE]":
                break
            chunk = _json(value)
            if chunk is None:
                continue
            for event in chunks.read(chunk):
                yield event
            if chunks.settled:
                break
    if not chunks.chosen:
        found = f"{values} events without a choice" if values else "no event"
        raise AttemptError(Outcome.MALFORMED, f"the stream held {found}")
    if chunks.usage is not None:
        yield chunks.usage


def _whole(text: str, chunks: Chunks) -> Iterator[CallEvent]:
    """The events of an answer in one piece."""
    body = _json(text)
    if body is None:
        raise AttemptError(Outcome.MALFORMED, f"no JSON object: {text[:120]!r}")
    yield from chunks.read(body, "message")
    if not chunks.chosen:
        raise AttemptError(Outcome.MALFORMED, "the answer holds no choice")
    if chunks.usage is not None:
        yield chunks.usage


def _json(text: str) -> Mapping[str, Any] | None:
    """The JSON object, or `None`: one broken event must not spoil the others."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


async def _read(response: aiohttp.ClientResponse, limit: int) -> str:
    """At most `limit` bytes of the body, as text."""
    data = bytearray()
    async for piece in response.content.iter_any():
        data += piece
        if len(data) >= limit:
            break
    return bytes(data[:limit]).decode("utf-8", "replace")


def _typed(error: Exception, *, opened: bool) -> AttemptError:
    """The outcome of a failed connection; `opened` where the answer had begun."""
    import aiohttp

    message = f"{type(error).__name__}: {error}"
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return AttemptError(Outcome.INVALID_REQUEST, f"no usable endpoint: {error}")
    if opened:
        return AttemptError(Outcome.CUT, message)
    if isinstance(error, aiohttp.ClientResponseError):
        return AttemptError(Outcome.MALFORMED, message)
    return AttemptError(Outcome.UNREACHABLE, message)


def _without(key: str | None, error: AttemptError) -> AttemptError:
    """The same failure with no key in its message."""
    if not key or key not in str(error):
        return error
    return AttemptError(
        error.outcome, str(error).replace(key, "…"), retry_after_s=error.retry_after_s
    )
