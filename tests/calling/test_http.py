"""The pooled client: connections are used again, and servers with habits are served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from orchestrator.call_types import CallEvent
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.wire import http
from orchestrator.calling.transports.wire.http import ChatClient, encoded
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome
from tests.calling.samples import reports, text_of
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


CHUNK = b'{"choices": [{"delta": {"content": "Hello."}, "finish_reason": "stop"}]}'
EVENT = b"data: " + CHUNK + b"\n\ndata: [DONE]\n\n"


@asynccontextmanager
async def listening(
    after: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    headers: bytes = b"",
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers one request of each connection, and then does what is asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await whole(reader))
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%b"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
            % (headers, len(EVENT), EVENT)
        )
        await writer.drain()
        await after(reader, writer)
        writer.close()

    async def whole(reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(n.split(b":")[1]) for n in lines if n.startswith(b"content-length"))
        return await reader.readexactly(length)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", asked
    finally:
        server.close()
        await server.wait_closed()


async def test_a_pooled_connection_that_was_closed_is_replaced(client: ChatClient) -> None:
    async def leave(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        pass

    async with listening(leave) as (endpoint, asked):
        for _ in range(4):
            assert text_of(await ask(client, endpoint)) == "Hello."
    assert len(asked) == 4


async def test_a_server_that_closes_late_is_never_met_again(client: ChatClient) -> None:
    """As llama.cpp does: a moment after the stream, when the next request may be under way."""

    async def leave_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async with listening(leave_late, b"Server: llama.cpp\r\n") as (endpoint, asked):
        for _ in range(4):
            assert text_of(await ask(client, endpoint)) == "Hello."
    assert len(asked) == 4


async def test_a_request_that_may_have_been_read_is_not_sent_twice(client: ChatClient) -> None:
    async def read_and_die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        read.append(True)
        writer.transport.abort()

    read: list[bool] = []
    async with listening(read_and_die) as (endpoint, asked):
        assert text_of(await ask(client, endpoint)) == "Hello."
        with pytest.raises(AttemptError, match="the server closed the connection") as caught:
            await ask(client, endpoint)
    assert caught.value.outcome is Outcome.UNREACHABLE
    assert (len(asked), len(read)) == (1, 1)


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
    assert [type(e).__name__ for e in heard] == [
        "Progress",
        "TextDelta",
        "Finish",
        "UsageReport",
    ]


async def test_a_key_that_the_provider_repeats_is_not_repeated_by_us(client: ChatClient) -> None:
    async with StandIn(Fail(401, "wrong key: sk-secret-1234")) as endpoint:
        with pytest.raises(AttemptError) as caught:
            await ask(client, endpoint, "sk-secret-1234")
    assert "sk-secret" not in str(caught.value)
    assert caught.value.outcome is Outcome.AUTH


async def test_a_key_that_no_header_can_carry_is_not_sent(client: ChatClient) -> None:
    stand_in = StandIn(Say("Hello."))
    async with stand_in as endpoint:
        with pytest.raises(AttemptError, match="line break") as caught:
            await ask(client, endpoint, "sk-1\r\nX-Admin: yes")
    assert caught.value.outcome is Outcome.AUTH
    assert stand_in.seen == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("grüße \u2028", b'"gr\xc3\xbc\xc3\x9fe \xe2\x80\xa8"'),
        ("half \ud83d", b'"half \\ud83d"'),
        (2**70, b"1180591620717411303424"),
        ((1, None, True, 0.5), b"[1,null,true,0.5]"),
    ],
)
def test_a_body_is_json_whatever_its_characters(given: Any, sent: bytes) -> None:
    assert encoded({"a": given}).replace(b'"a": ', b'"a":') == b'{"a":' + sent + b"}"


def test_what_is_no_json_is_an_invalid_request() -> None:
    with pytest.raises(AttemptError, match="the request is no JSON") as caught:
        encoded({"a": object()})
    assert caught.value.outcome is Outcome.INVALID_REQUEST


async def test_a_posted_answer_has_a_status_and_a_limit(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with StandIn(Fail(429, headers={"Retry-After": "7"}), Raw("x" * 100)) as endpoint:
        refused = await client.post_json(endpoint, "/chat/completions", "k", BODY)
        assert (refused.status, refused.headers["retry-after"]) == (429, "7")
        whole = await client.post_json(endpoint, "/chat/completions", "k", BODY)
        assert (whole.status, whole.body) == (200, b"x" * 100)
        monkeypatch.setattr(http, "POSTED_BYTES", 99)
        with pytest.raises(AttemptError, match="larger than") as caught:
            await client.post_json(endpoint, "/chat/completions", "k", BODY)
    assert caught.value.outcome is Outcome.MALFORMED


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


@pytest.mark.parametrize("late", [False, True])
async def test_usage_after_the_very_end_counts_and_is_not_waited_for(
    client: ChatClient, late: bool
) -> None:
    """The stream stays open; whether more comes in the next moment nobody can know."""

    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        usage = b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n'
        await response.write(EVENT + (usage if late else b""))
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", serve)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    heard = await ask(client, f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    await runner.cleanup()
    assert text_of(heard) == "Hello."
    assert [r.usage.input for r in reports(heard)] == ([3] if late else [])
