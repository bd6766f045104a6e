"""A connection is bounded before anybody knows whose it is."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from orchestrator.gateway.serve import protocol
from orchestrator.gateway.serve.protocol import Protocol

GET = b"GET / HTTP/1.1\r\nHost: here\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and says how long it is; `/much` is more than any buffer holds."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/much":
        for _ in range(400):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    await send({"type": "http.response.body", "body": str(size).encode()})


@asynccontextmanager
async def listening(idle_s: float = 60) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        lifespan="off",
        http=Protocol,
        access_log=False,
        timeout_keep_alive=idle_s,  # type: ignore[arg-type]
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def sent(port: int, *pieces: bytes) -> bytes:
    """All that is answered until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b"closed"
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /", b"a" * 50_000),
        (GET + b"X: ", b"a" * 50_000),
        (GET, b"X: a\r\n" * 10_000),
        (CHUNKED + b"0\r\nX: ", b"a" * 50_000),
        (CHUNKED + b"0\r\n", b"X: a\r\n" * 10_000),
    ],
    ids=["path", "header", "headers", "trailer", "trailers"],
)
async def test_a_head_without_end_is_refused(begin: bytes, more: bytes) -> None:
    async with listening() as (server, port):
        answer = await sent(port, begin, *[more] * 40)
        assert answer == b"closed" or b" 400 " in answer
        while server.server_state.connections:
            await asyncio.sleep(0.005)


async def test_a_large_body_in_small_pieces_is_read() -> None:
    body = b"".join(b"5\r\nabcde\r\n" for _ in range(100_000)) + b"0\r\n\r\n"
    async with listening(idle_s=0.1) as (_, port):
        assert (await sent(port, CHUNKED, body)).endswith(b"500000\r\n0\r\n\r\n")


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"], ids=["first", "second"])
async def test_a_head_that_drips_ends_the_connection(
    before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.05)
    async with listening() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if before:
            writer.write(before)
            await reader.readuntil(b"0\r\n\r\n")
        for byte in itertools.chain(GET, itertools.repeat(ord("a"))):
            writer.write(bytes([byte]))  # each of them would begin uvicorn's time anew
            await asyncio.sleep(0.01)
            if reader.at_eof() or reader.exception():
                break
        assert not server.server_state.connections
        writer.close()


async def test_a_connection_on_which_nothing_comes_ends() -> None:
    async with listening(idle_s=0.05) as (_, port):
        assert await sent(port) == b""


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "UNREAD_S", 0.05)
    async with listening() as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(GET.replace(b"/ ", b"/much ") + b"\r\n")
        while not server.server_state.tasks:
            await asyncio.sleep(0.005)
        while server.server_state.tasks:
            await asyncio.sleep(0.005)
        assert not server.server_state.connections
        writer.close()
