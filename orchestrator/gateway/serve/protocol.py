"""HTTP/1.1 as uvicorn speaks it, with the bounds that it leaves to a proxy.

Without them, whoever reaches the port needs no key to fill the memory with a header that never
ends, or to hold every connection that the process may have with heads that never come.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0
"""Within which a head must be whole after its first part has come."""
HEAD_BYTES = 64 * 1024
"""The largest head, to the nearest piece that the system hands over; trailers count as well."""
UNREAD_S = 60.0
"""A client that takes nothing of its answer for so long is cut off."""


class Protocol(HttpToolsProtocol):
    """One connection.

    An idle one ends after uvicorn's time for such, also if nothing was ever sent on it.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._waiting: asyncio.TimerHandle | None = None
        """Ends the connection if the head does not come; uvicorn's own ends at the first byte."""
        self._began = False
        """A part of a head has come."""
        self._beside = 0
        """Bytes of this message that are no body."""
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._end_in(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._unset_keepalive_if_required()
        self._read_again()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._waiting, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        self._beside += len(data)
        super().data_received(data)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:  # the head is not whole yet
            if self._began:
                self.timeout_keep_alive_task = waiting
            else:
                waiting.cancel()
                self._began = True
                self._end_in(HEAD_S)
        if self._beside > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """The parser has found the beginning of a request."""
        self._beside = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The parser has found the end of its head."""
        self._began = False
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The parser has found a part of its body. What frames it may be as long as it is."""
        self._beside -= 2 * len(body)
        super().on_body(body)

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read most of it."""
        self._read_again()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """The connection was idle for long enough. What was not read by now never will be."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _end_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def _read_again(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
