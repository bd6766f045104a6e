"""The connections to one origin, used again as long as that is safe."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from orchestrator.calling.transports.wire.connections import KEEP_ALIVE_S
from orchestrator.calling.transports.wire.http1.connection import Connection
from orchestrator.calling.transports.wire.http1.dial import Dialer
from orchestrator.calling.transports.wire.http1.endpoint import Origin
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

_TURNS = 4
"""Of the loop, until the last part of an encrypted connection has heard that it is closed."""


class Pool:
    """Sends requests over the connection that was used last, or over a new one.

    A connection that the server has closed is never used; where nothing of a request was sent,
    another connection is taken. What fails later may have been read, and is the caller's attempt.
    """

    def __init__(self, origin: Origin, trusted: Callable[[], ssl.SSLContext]) -> None:
        self._dialer = Dialer(origin, trusted)
        self._idle: list[Connection] = []
        """The one that came home last comes last."""
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: bytes, connect_s: float) -> Connection:
        """The connection on which the whole request is on its way.

        Raises:
            AttemptError: `unreachable` or `busy`, where there is none.
        """
        again = self.again(request)
        if again is not None:
            return again
        connection = await self._dialer.dial(self._made, connect_s)
        if self._closed:
            connection.abort()
        if not connection.send(request):
            raise AttemptError(Outcome.UNREACHABLE, "the connection was closed at once")
        self._open.add(connection)
        return connection

    def again(self, request: bytes) -> Connection | None:
        """As `send`, over a connection that waits to be used again; `None`: there is none."""
        while self._idle:
            connection = self._idle.pop()
            fresh = connection.idle_since > asyncio.get_running_loop().time() - KEEP_ALIVE_S
            if fresh and not connection.closed and connection.silent():
                if connection.send(request):
                    return connection
            else:
                connection.abort()
        return None

    async def close(self) -> None:
        """Close all of them, those in use as well, and let the loop hear of it."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in tuple(self._open):
            connection.abort()
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _made(self) -> Connection:
        return Connection(self._home, self._open.discard)

    def _home(self, connection: Connection) -> None:
        self._idle.append(connection)
        if self._sweeping is None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(KEEP_ALIVE_S, self._sweep)

    def _sweep(self) -> None:
        """Close those that have waited for too long."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - KEEP_ALIVE_S
        old = [c for c in self._idle if c.closed or c.idle_since <= oldest]
        self._idle = [c for c in self._idle if not c.closed and c.idle_since > oldest]
        for connection in old:
            connection.abort()
        self._sweeping = None
        if self._idle:
            self._sweeping = loop.call_at(self._idle[0].idle_since + KEEP_ALIVE_S, self._sweep)
