"""One pooled HTTP client for every endpoint that speaks as OpenAI does."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrator.call_types import CallEvent, Progress
from orchestrator.calling.transports.wire.answer import Answer, Streamed, Whole
from orchestrator.calling.transports.wire.connections import CONNECT_S, PLACES
from orchestrator.calling.transports.wire.http1.connection import Connection, Head
from orchestrator.calling.transports.wire.http1.endpoint import Endpoint, Origin, endpoint_of
from orchestrator.calling.transports.wire.http1.pool import Pool
from orchestrator.calling.transports.wire.outcomes import from_status, without
from orchestrator.calling.transports.wire.sse import MIB
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.types import Outcome

CHAT = "/chat/completions"
POSTED_BYTES = 256 * MIB
"""Of an answer to `post_json`: ten large images in base64, or 2048 vectors of 4096 numbers."""
_STREAM, _PACKED = b"text/event-stream", b"content-encoding"
_ERROR_BYTES = 64 * 1024
_PAGE_BYTES = 2048
_WAITING, _READY, _OPENED = Progress("waiting"), Progress("ready"), Progress("opened")


@dataclass(frozen=True, slots=True)
class Posted:
    """An answer in one piece, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes


class _Site:
    """What is known of one endpoint."""

    def __init__(self, endpoint: Endpoint, pool: Pool) -> None:
        self._endpoint, self.pool = endpoint, pool
        self.places = Places(PLACES)
        self.tells_usage = True
        """It has not refused to be asked for the usage."""
        self._heads: dict[tuple[str, str | None], bytes] = {}

    def request(self, path: str, key: str | None, body: bytes) -> bytes:
        """The whole request. Raises `AttemptError` where the key cannot be sent."""
        head = self._heads.get((path, key))
        if head is None:
            head = self._heads[path, key] = self._endpoint.head(path, key)
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)


class Places:
    """As a semaphore, in the order of asking; without a call where one is free."""

    def __init__(self, free: int) -> None:
        self.free = free
        self._queue: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Take one, or the next that is given back."""
        if self.free:
            self.free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()  # it came at the same time
            raise

    def give(self) -> None:
        """Give one back: to who waits longest, where anybody does."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1


class ChatClient:
    """Sends requests and gives their answers as they come. Belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sites: dict[str, _Site] = {}
        self._pools: dict[Origin, Pool] = {}
        self._trusted: ssl.SSLContext | None = None

    async def stream(
        self,
        endpoint: str,
        key: str | None,
        body: Mapping[str, Any],
        connect_s: float = CONNECT_S,
    ) -> AsyncGenerator[CallEvent, None]:
        """The events of a chat completion; an answer in one piece is taken as well.

        Args:
            connect_s: how long it may take to resolve the name, connect and encrypt, in seconds.

        Raises:
            AttemptError: whatever goes wrong, with its outcome.
        """
        site = self._sites.get(endpoint) or self._site(endpoint)
        full = not site.places.free
        if full:
            yield _WAITING
            await site.places.take()
        else:
            site.places.free -= 1
        connection: Connection | None = None
        try:
            if full:
                yield _READY
            connection, head = await self._asked(site, key, body, connect_s)
            if head.fields.get(b"content-type") == _STREAM and _PACKED not in head.fields:
                answer: Answer = Streamed()
            else:
                answer = await _answer_of(connection, head)
            yield _OPENED
            while not answer.ended:
                for event in answer.take(await connection.read()):
                    yield event
                if answer.failure is not None:
                    raise answer.failure
            connection.leave(whole=True)
            connection = None
            for event in answer.closing():
                yield event
        except AttemptError as error:
            raise without(key, error) from error.__cause__
        finally:
            if connection is not None:
                connection.leave()
            site.places.give()

    async def post_json(
        self,
        endpoint: str,
        path: str,
        key: str | None,
        body: Mapping[str, Any],
        connect_s: float = CONNECT_S,
    ) -> Posted:
        """Post to `path` (`/embeddings`) below the endpoint; the answer in one piece.

        Raises:
            AttemptError: the request could not be sent, or what came is no whole HTTP answer of
                at most `POSTED_BYTES`. A status is none of its business: see `from_status`.
        """
        site = self._site(endpoint)
        await site.places.take()
        try:
            request = site.request(path, key, encoded(body))
            connection = await site.pool.send(request, connect_s)
            try:
                head = await connection.head()
                _unpacked(head)
                answer = await _start(connection, POSTED_BYTES + 1)
            finally:
                connection.leave()
        except AttemptError as error:
            raise without(key, error) from error.__cause__
        finally:
            site.places.give()
        if len(answer) > POSTED_BYTES:
            said = f"the answer is larger than {POSTED_BYTES // MIB} MiB"
            raise AttemptError(Outcome.MALFORMED, said)
        return Posted(head.status, head.headers, answer)

    async def close(self) -> None:
        """Close all connections; calls in flight end as `unreachable` or `cut`."""
        held, self._pools = self._pools, {}
        self._sites.clear()
        for pool in held.values():
            await pool.close()

    async def _asked(
        self, site: _Site, key: str | None, body: Mapping[str, Any], connect_s: float
    ) -> tuple[Connection, Head]:
        """The connection on which an answer has begun whose status is 200."""
        while True:
            asks = site.tells_usage and "stream_options" in body
            sent = body if asks else {n: v for n, v in body.items() if n != "stream_options"}
            request = site.request(CHAT, key, encoded(sent))
            connection = site.pool.again(request) or await site.pool.send(request, connect_s)
            try:
                head = await connection.head()
                if head.status == 200:
                    return connection, head
                error = await self._refusal(connection, head)
            except BaseException:  # cancelled, or failed: nobody else knows of the connection
                connection.leave()
                raise
            connection.leave()
            if not asks or "stream_options" not in str(error):
                raise error
            # It never looked at the request itself, so asking in its own words is no retry.
            site.tells_usage = False

    async def _refusal(self, connection: Connection, head: Head) -> AttemptError:
        try:
            _unpacked(head)
            body = (await _start(connection, _ERROR_BYTES)).decode("utf-8", "replace")
        except AttemptError:
            body = ""  # the status says enough
        return from_status(head.status, head.headers, body, self._clock.now())

    def _site(self, endpoint: str) -> _Site:
        site = self._sites.get(endpoint)
        if site is None:
            found = endpoint_of(endpoint)
            pool = self._pools.get(found.origin)
            if pool is None:
                pool = self._pools[found.origin] = Pool(found.origin, self._certificates)
            site = self._sites[endpoint] = _Site(found, pool)
        return site

    def _certificates(self) -> ssl.SSLContext:
        """The system's, or those that `SSL_CERT_FILE` names; read when first needed."""
        if self._trusted is None:
            self._trusted = ssl.create_default_context()
            self._trusted.set_alpn_protocols(["http/1.1"])
        return self._trusted


def encoded(body: Mapping[str, Any]) -> bytes:
    """The body as JSON.

    Raises:
        AttemptError: `invalid_request`, where it is none.
    """
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # half a surrogate pair, or an endless integer: Python's own writes these
    try:
        return json.dumps(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise AttemptError(Outcome.INVALID_REQUEST, f"the request is no JSON: {error}") from None


async def _answer_of(connection: Connection, head: Head) -> Answer:
    """What reads the body that such a head announces."""
    _unpacked(head)
    kind = head.get(b"content-type").partition(";")[0]
    if "html" in kind:
        page = (await _start(connection, _PAGE_BYTES))[:_PAGE_BYTES].decode("utf-8", "replace")
        start = " ".join(page.split())[:120]
        raise AttemptError(Outcome.MALFORMED, f"a web page instead of an answer: {start}")
    return Whole() if "json" in kind else Streamed()


def _unpacked(head: Head) -> None:
    packed = head.fields.get(_PACKED, b"identity")
    if packed.lower() not in (b"identity", b""):
        said = f"the answer is packed ({packed.decode('latin-1')}), which nobody asked for"
        raise AttemptError(Outcome.MALFORMED, said)


async def _start(connection: Connection, limit: int) -> bytes:
    """The body, or as much of it as has come when there are `limit` bytes."""
    data = bytearray()
    while len(data) < limit and (piece := await connection.read()):
        data += piece
    return bytes(data)
