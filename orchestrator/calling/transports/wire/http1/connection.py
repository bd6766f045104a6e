"""One connection: one request at a time, and its answer as it comes."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httptools

from orchestrator.calling.transports.wire.connections import AFTER_END_S, FIELD_BYTES
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

FIELDS = 128
"""Headers of an answer."""
BARE_BYTES = 64 * 1024
"""That may come without a byte of the body: heads before it, sizes of chunks, trailers."""
_CLOSES = b"llama.cpp"
"""Closes the connection a moment after an answer and says nothing, so that it cannot be used
again (its `Server` header)."""
HELD_BYTES = 256 * 1024
"""That nobody has read yet; then the sender has to wait."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer."""

    status: int
    fields: Mapping[bytes, bytes]
    """By name in lower case; what was said several times is joined with a comma."""

    def get(self, name: bytes) -> str:
        """The value of one header, in lower case; empty where it is missing."""
        return self.fields.get(name, b"").decode("latin-1").lower()

    @property
    def headers(self) -> dict[str, str]:
        """All of them as text, with names in lower case."""
        return {n.decode("latin-1"): v.decode("latin-1") for n, v in self.fields.items()}


class _UnwantedError(Exception):
    """What a callback of the parser stops it with."""


class Connection(asyncio.Protocol):
    """An HTTP/1.1 connection, made by the event loop and used by one call after the other.

    The order is `send`, `head`, `read` until it returns nothing, `leave`. What is guaranteed:

    - Whatever goes wrong is an `AttemptError`: `unreachable` before the head, `cut` after it,
      `malformed` where it is no HTTP or too large. What came before that can still be read.
    - Memory is bounded: a sender that is faster than its reader has to wait.
    - It goes `home`, to be used again, only after a whole message of known length that kept the
      connection open, with nothing behind it. In every other case it is closed.
    - The reader waits for nothing but the next bytes. The rest of a message whose answer is
      whole comes after the reader has left, within a moment, or the connection is closed.
    """

    def __init__(self, home: Callable[[Connection], None], gone: Callable[[Connection], None]):
        self._home, self._gone = home, gone
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        # As servers are in the wild: lines that end without CR, a space after a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._poll: Any = None
        self.closed = False
        """It cannot be used any more; known as soon as the server has closed it."""
        self.idle_since = 0.0
        """On the loop's clock."""
        self.last = False
        """It is not to be used again, whatever else the server says."""
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._begin()
        self._read = False

    def _begin(self) -> None:
        """As a new message finds it."""
        self._read = True
        """Somebody wants what comes."""
        self._head: Head | None = None
        self._fields: dict[bytes, bytes] = {}
        self._count = 0
        self._pieces: list[bytes] = []
        self._held = self._bare = 0
        self._paused = self._complete = self._keep = False
        self._failure: AttemptError | None = None

    # ── for who asks ─────────────────────────────────────────────────────────────────────

    def send(self, request: bytes) -> bool:
        """Send a whole request; false where nothing of it was sent: the connection is closed."""
        if self.closed or self._transport.is_closing():
            return False
        self._begin()
        self._transport.write(request)
        if self._transport.is_closing():
            self._read = False
            return False
        return True

    async def head(self) -> Head:
        """The head of the answer; those before it (1xx) are passed over."""
        while self._head is None:
            if self._failure is not None:
                raise self._failure
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._head

    async def read(self) -> bytes:
        """All of the body that has come and was not read; nothing at its end."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._complete:
                return b""
            self._waiter = self._loop.create_future()
            await self._waiter
        pieces, self._pieces, self._held = self._pieces, [], 0
        if self._paused:
            self._resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def leave(self, *, whole: bool = False) -> None:
        """Nobody reads on. Called again, it does nothing.

        Args:
            whole: the answer has come to its own end, so that only that of the message may be
                missing. Otherwise the connection is closed, and so the server is told.
        """
        if not self._read:
            return
        self._read = False
        self._pieces = []
        if self._complete:
            self._finish()
        elif whole and not self.closed:
            self._resume()
            self._timer = self._loop.call_later(AFTER_END_S, self.abort)
        else:
            self.abort()

    def abort(self, words: str = "it was closed here") -> None:
        """Close it at once; who reads it hears of `words`."""
        if not self.closed:
            self.closed = True
            self._fail(self._broken(words))
            self._transport.abort()

    def silent(self) -> bool:
        """Whether nothing waits to be read, not even the news that the server has closed it.

        That may lie in the kernel before the loop has looked.
        """
        return self._poll is None or not self._poll.poll(0)

    # ── for the event loop ───────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and hasattr(select, "poll"):  # Windows has none
            self._poll = select.poll()
            self._poll.register(sock.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._complete or self.closed:
            self.abort()  # nobody asked for that
            return
        self._bare += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._unparsed(error)
        else:
            if self._bare > BARE_BYTES:
                self._fail(_too_large())
        if not self._read and (self._complete or self._failure):
            self._finish()
        elif self._held > HELD_BYTES and self._read and not self._paused:
            self._transport.pause_reading()
            self._paused = True
        if self._waiter is not None:
            self._wake()

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended(error)
        if self._timer is not None:
            self._timer.cancel()
        self._poll = None
        del self._parser  # which refers to this object
        self._gone(self)

    # ── for the parser ───────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self._complete:
            raise _UnwantedError  # a second message, which nobody asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count += 1
        if self._count > FIELDS or len(name) + len(value) > FIELD_BYTES:
            raise _UnwantedError
        if self._head is None:  # else it is a trailer
            name = name.lower()
            before = self._fields.get(name)
            self._fields[name] = value if before is None else b"%b, %b" % (before, value)

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._head = Head(status, self._fields)
            self.last = self._fields.get(b"server", b"").startswith(_CLOSES)
        self._fields = {}

    def on_body(self, data: bytes) -> None:
        self._bare = 0
        if self._read:
            self._pieces.append(data)
            self._held += len(data)

    def on_message_complete(self) -> None:
        if self._head is not None:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    # ── means ────────────────────────────────────────────────────────────────────────────

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _resume(self) -> None:
        if self._paused and not self.closed:
            self._paused = False
            self._transport.resume_reading()

    def _finish(self) -> None:
        """The message is whole and nobody reads: home, or away."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        again = self._keep and not self.last and not self.closed
        if again and not self._transport.get_write_buffer_size():
            self.idle_since = self._loop.time()
            if self._paused:
                self._resume()
            self._home(self)
        else:
            self.abort()

    def _unparsed(self, error: Exception) -> None:
        """What came is no HTTP, or too much of it."""
        if self._complete:
            self._keep = False  # the answer itself is whole
        elif isinstance(error.__context__, _UnwantedError):
            self._fail(_too_large())
        elif isinstance(error, httptools.HttpParserUpgrade):
            self._fail(_no_answer("it asks for another protocol"))
        elif self._head is not None:
            self._fail(self._broken(f"no valid HTTP: {error}"))
        else:
            self._fail(_no_answer(str(error)))

    def _ended(self, error: Exception | None) -> None:
        """The server has closed it."""
        self.closed = True
        if self._complete or not self._read:
            return
        if error is None and self._head is not None and _until_the_end(self._head):
            self._complete = True
        elif isinstance(error, ConnectionResetError):
            self._fail(self._broken("the server reset it"))
        elif error is not None:
            self._fail(self._broken(f"{type(error).__name__}: {error}"))
        elif self._head is None:
            self._fail(self._broken("the server closed the connection"))
        else:
            self._fail(self._broken("the server closed it before the end of the answer"))
        self._wake()

    def _broken(self, words: str) -> AttemptError:
        if self._head is None:
            return AttemptError(Outcome.UNREACHABLE, words)
        return AttemptError(Outcome.CUT, f"the connection broke: {words}")

    def _fail(self, error: AttemptError) -> None:
        if self._failure is None and not self._complete:
            self._failure = error
            self._wake()


def _until_the_end(head: Head) -> bool:
    """Whether the body is as long as the connection is open."""
    return b"content-length" not in head.fields and "chunked" not in head.get(b"transfer-encoding")


def _too_large() -> AttemptError:
    said = f"{FIELDS} headers, {FIELD_BYTES // 1024} KiB each, {BARE_BYTES // 1024} KiB together"
    return _no_answer(f"its head is larger than {said}")


def _no_answer(why: str) -> AttemptError:
    return AttemptError(Outcome.MALFORMED, f"no HTTP answer: {why}")
