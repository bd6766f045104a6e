"""A server of raw bytes on loopback, for what no decent server does.

async with serving(Play(b"HTTP/1.1 200 OK\\r\\n...")) as server:
    server.url          # http://127.0.0.1:PORT
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.wire.http import ChatClient, Posted

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Play:
    """What is written after a request, piece by piece, and what happens then.

    Without pieces, the request's body is left to what happens then.
    """

    def __init__(
        self, *pieces: bytes, then: Literal["stay", "close", "reset"] | Act = "stay"
    ) -> None:
        self.pieces, self.then = pieces, then


@dataclass
class Server:
    """What is known of it. Plays are taken one a request; the last one stays."""

    plays: list[Play]
    url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """The caller has closed a connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._requests(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            self.gone.set()
            writer.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
            if not callable(play.then) or play.pieces:
                self.requests.append(head + await reader.readexactly(length))
            for piece in play.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.002)
            if callable(play.then):
                await play.then(reader, writer)
            elif play.then != "stay":
                if play.then == "reset":
                    writer.transport.abort()
                return


@asynccontextmanager
async def serving(
    *plays: Play, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """The server, which belongs to the running event loop."""
    known = Server(list(plays))
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await known.serve(reader, writer)

    server = await asyncio.start_server(one, host, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    known.url = f"{'https' if context else 'http'}://{shown}:{port}"
    try:
        yield known
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(4):  # until all of it has heard that it is closed
            await asyncio.sleep(0)


@asynccontextmanager
async def a_client() -> AsyncIterator[ChatClient]:
    client = ChatClient(SystemClock())
    try:
        yield client
    finally:
        await client.close()


async def posted(client: ChatClient, server: Server, connect_s: float = 5.0) -> Posted:
    """The answer to a small request."""
    return await client.post_json(server.url, "/x", None, {"a": 1}, connect_s)


def sized(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole answer that says how long it is."""
    lines = (b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body)
    return b"\r\n".join(lines)


def chunked(*chunks: bytes, end: bool = True, kind: bytes = b"text/event-stream") -> bytes:
    """An answer in chunks, perhaps without the end."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % kind
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + body + (b"0\r\n\r\n" if end else b"")


def word(text: str, finish: str = "null") -> bytes:
    """An event with a piece of text."""
    choice = f'{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{finish}}}'
    return f'data: {{"choices":[{choice}]}}\n\n'.encode()


END = word("", '"stop"') + b"data: [DONE]\n\n"
