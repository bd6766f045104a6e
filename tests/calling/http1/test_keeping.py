"""Which connections are used again, and which never."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.calling.transports.wire.http1 import pool
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome
from tests.calling.http1.served import (
    END,
    Play,
    a_client,
    chunked,
    posted,
    serving,
    sized,
    word,
)
from tests.calling.samples import text_of


async def test_calls_one_after_the_other_share_a_connection() -> None:
    async with serving(Play(sized(b"hello"))) as server, a_client() as client:
        for _ in range(10):
            await posted(client, server)
        assert (server.connections, len(server.requests)) == (1, 10)


async def test_calls_at_once_have_one_each_and_share_them_later() -> None:
    async with serving(Play(b"", sized(b"hello"))) as server, a_client() as client:
        for _ in range(2):
            await asyncio.gather(*(posted(client, server) for _ in range(7)))
        assert (server.connections, len(server.requests)) == (7, 14)


async def test_endpoints_of_one_origin_share_its_connections() -> None:
    async with serving(Play(sized(b"hello"))) as server, a_client() as client:
        for path in ("/one/v1", "/two/v1"):
            await client.post_json(server.url + path, "/embeddings", None, {})
    assert server.connections == 1
    assert [r.split()[1] for r in server.requests] == [b"/one/v1/embeddings", b"/two/v1/embeddings"]


@pytest.mark.parametrize(
    "answer",
    [
        sized(b"hello", b"Connection: close"),
        sized(b"hello", b"connection: Close"),
        sized(b"hello").replace(b"1.1", b"1.0", 1),
        sized(b"hello", b"Server: llama.cpp"),
    ],
)
async def test_what_the_server_does_not_keep_is_not_used_again(answer: bytes) -> None:
    async with serving(Play(answer)) as server, a_client() as client:
        for _ in range(3):
            assert (await posted(client, server)).body == b"hello"
        assert server.connections == 3


async def test_an_answer_that_is_not_read_to_its_end_takes_its_connection_with_it() -> None:
    answer = chunked(word("Hello."), *[word("more")] * 1000, END)
    async with serving(Play(answer[:500], answer[500:])) as server, a_client() as client:
        stream = client.stream(server.url, None, {})
        async for _ in stream:
            break
        await stream.aclose()
        await server.gone.wait()
        heard = [event async for event in client.stream(server.url, None, {})]
        assert text_of(heard).startswith("Hello.more")
        assert server.connections == 2


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_a_connection_that_was_closed_meanwhile_is_not_used(turns: int) -> None:
    """Not even if the loop had no time to hear of it."""
    async with serving(Play(sized(b"hello"), then="close")) as server, a_client() as client:
        for _ in range(20):
            server.gone.clear()
            assert (await posted(client, server)).body == b"hello"
            await server.gone.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
        assert server.connections == 20


async def test_a_connection_that_was_idle_for_long_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "KEEP_ALIVE_S", 0.02)
    async with serving(Play(sized(b"hello"))) as server, a_client() as client:
        await posted(client, server)
        await server.gone.wait()  # it is closed, though nobody asks again
        await posted(client, server)
        assert server.connections == 2


async def test_a_request_that_may_have_been_read_is_not_sent_again() -> None:
    plays = [Play(sized(b"hello")), Play(b"", then="close"), Play(sized(b"hello"))]
    async with serving(*plays) as server, a_client() as client:
        await posted(client, server)
        with pytest.raises(AttemptError, match="the server closed the connection") as caught:
            await posted(client, server)
        assert caught.value.outcome is Outcome.UNREACHABLE
        assert (await posted(client, server)).body == b"hello"
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_refusal_keeps_its_connection() -> None:
    refusal = sized(b'{"error": {"message": "too many"}}', status=b"429 Too Many Requests")
    async with serving(Play(refusal)) as server, a_client() as client:
        for _ in range(3):
            with pytest.raises(AttemptError, match="too many"):
                async for _ in client.stream(server.url, None, {}):
                    pass
        assert server.connections == 1


async def test_a_refusal_that_breaks_off_is_one_by_its_status() -> None:
    begun = b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\n{"
    async with serving(Play(begun, then="close")) as server, a_client() as client:
        with pytest.raises(AttemptError) as caught:
            async for _ in client.stream(server.url, None, {}):
                pass
    assert (caught.value.outcome, caught.value.retry_after_s) == (Outcome.RATE_LIMITED, 7.0)
