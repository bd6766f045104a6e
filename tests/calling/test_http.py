"""The pooled client: connections are used again, and servers with habits are served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from orchestrator.call_types import CallEvent
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.http import ChatClient
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome
from tests.calling.samples import text_of
from tests.calling.server import Fail, Raw, Say, StandIn, Step

BODY = {"model": "m", "messages": [], "stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
async def client() -> AsyncIterator[ChatClient]:
    client = ChatClient(SystemClock())
    yield client
    await client.close()


async def ask(client: ChatClient, endpoint: str, key: str | None = None) -> list[CallEvent]:
    return [event async for event in client.stream(endpoint, key, BODY)]


async def test_one_connection_serves_many_calls(client: ChatClient) -> None:
    connections = set()

    async def chat(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        connections.add(request.transport.get_extra_info("peername"))
        stand_in = StandIn(Say("Hello."))
        return await stand_in._chat(request)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    for _ in range(5):
        assert text_of(await ask(client, endpoint)) == "Hello."
    await runner.cleanup()
    assert len(connections) == 1


async def test_a_pooled_connection_that_was_closed_is_replaced(client: ChatClient) -> None:
    """As llama.cpp does: the connection ends after a stream, and nothing said so."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        asked += 1
        chunk = b'{"choices": [{"delta": {"content": "Hello."}, "finish_reason": "stop"}]}'
        event = b"data: " + chunk + b"\n\ndata: [DONE]\n\n"
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(event), event)
        )
        await writer.drain()
        await reader.read(1)  # the next request begins to arrive, and is never read
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    for _ in range(4):
        assert text_of(await ask(client, endpoint)) == "Hello."
    assert asked == 4
    server.close()
    await server.wait_closed()


async def test_a_server_that_knows_no_stream_options_is_asked_without(client: ChatClient) -> None:
    def old(body: dict[str, Any]) -> Step:
        if "stream_options" in body:
            return Fail(400, "Unrecognized request argument supplied: stream_options")
        return Say("Hello.")

    stand_in = StandIn(old)
    async with stand_in as endpoint:
        assert text_of(await ask(client, endpoint)) == "Hello."
        assert text_of(await ask(client, endpoint)) == "Hello."
    assert ["stream_options" in s.body for s in stand_in.seen] == [True, False, False]


async def test_an_answer_in_one_piece_is_taken(client: ChatClient) -> None:
    whole = (
        '{"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}],'
        ' "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'
    )
    async with StandIn(Raw(whole)) as endpoint:
        heard = await ask(client, endpoint)
    assert text_of(heard) == "Hello."
    assert [type(e).__name__ for e in heard] == ["Progress", "TextDelta", "Finish", "UsageReport"]


async def test_a_key_that_the_provider_repeats_is_not_repeated_by_us(client: ChatClient) -> None:
    async with StandIn(Fail(401, "wrong key: sk-secret-1234")) as endpoint:
        with pytest.raises(AttemptError) as caught:
            await ask(client, endpoint, "sk-secret-1234")
    assert "sk-secret" not in str(caught.value)
    assert caught.value.outcome is Outcome.AUTH


@pytest.mark.parametrize("endpoint", ["not a url", "ftp://127.0.0.1/v1", "http://"])
async def test_an_endpoint_that_is_none_is_an_invalid_request(
    client: ChatClient, endpoint: str
) -> None:
    with pytest.raises(AttemptError) as caught:
        await ask(client, endpoint)
    assert caught.value.outcome is Outcome.INVALID_REQUEST


async def test_a_redirect_is_not_followed_with_the_key(client: ChatClient) -> None:
    moved = Fail(307, headers={"Location": "http://127.0.0.1:9/"})
    async with StandIn(moved) as endpoint:
        with pytest.raises(AttemptError) as caught:
            await ask(client, endpoint, "sk-secret-1234")
    assert caught.value.outcome is Outcome.MALFORMED


async def test_tls_that_fails_is_unreachable(client: ChatClient) -> None:
    async with StandIn(Say("Hello.")) as endpoint:
        with pytest.raises(AttemptError) as caught:
            await ask(client, endpoint.replace("http:", "https:"))
    assert caught.value.outcome is Outcome.UNREACHABLE
