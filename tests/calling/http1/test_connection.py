"""One connection, against a server that sends whatever bytes it likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from orchestrator.call_types import CallEvent, TextDelta
from orchestrator.calling.transports.wire.http1 import connection as module
from orchestrator.calling.transports.wire.http1.connection import BARE_BYTES
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome
from tests.calling.http1.served import (
    END,
    Play,
    Server,
    a_client,
    chunked,
    posted,
    serving,
    sized,
    word,
)
from tests.calling.samples import finishes, text_of

OK = b"HTTP/1.1 200 OK\r\n"


async def failure(*plays: Play) -> AttemptError:
    async with serving(*plays) as server, a_client() as client:
        with pytest.raises(AttemptError) as caught:
            await posted(client, server)
    assert len(server.requests) == 1
    return caught.value


async def asked(server: Server) -> list[CallEvent]:
    async with a_client() as client:
        body = {"model": "m", "messages": []}
        return [event async for event in client.stream(server.url, None, body)]


# ── bodies ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "answer",
    [
        sized(b"hello"),
        chunked(b"he", b"l", b"lo"),
        OK + b"Transfer-Encoding: chunked\r\n\r\n5;part=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
        OK + b"Transfer-Encoding: Chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + sized(b"hello"),
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"\r\n" + sized(b"hello"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_body_is_the_same_in_whatever_pieces_it_comes(answer: bytes, size: int) -> None:
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    async with serving(Play(*pieces)) as server, a_client() as client:
        for _ in range(2):
            found = await posted(client, server)
            assert (found.status, found.body) == (200, b"hello")
        assert server.connections == 1


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_some_statuses_have_no_body(status: bytes) -> None:
    async with serving(Play(b"HTTP/1.1 %b\r\n\r\n" % status)) as server, a_client() as client:
        assert [(await posted(client, server)).body for _ in range(2)] == [b"", b""]
        assert server.connections == 1


async def test_without_a_length_the_body_ends_with_the_connection() -> None:
    play = Play(OK + b"Content-Type: text/plain\r\n\r\n", b"hel", b"lo", then="close")
    async with serving(play) as server, a_client() as client:
        assert [(await posted(client, server)).body for _ in range(2)] == [b"hello"] * 2
        assert server.connections == 2


async def test_headers_are_found_whatever_their_case_and_joined() -> None:
    answer = sized(b"", b"X-One: A", b"x-one: B", b"X-EMPTY:", b"Latin: caf\xe9")
    async with serving(Play(answer)) as server, a_client() as client:
        found = (await posted(client, server)).headers
    assert found == {"content-length": "0", "x-one": "A, B", "x-empty": "", "latin": "café"}


async def test_the_request_leaves_in_one_piece_and_asks_for_nothing_packed() -> None:
    first: list[bytes] = []

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first.append(await reader.read(100_000))
        writer.write(sized(b"hello"))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(look, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/"
    async with a_client() as client:
        await client.post_json(url, "/embeddings", "sk-1", {"input": "é"})
    server.close()
    await server.wait_closed()
    head, _, body = first[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert body.decode() == '{"input":"é"}'
    assert lines[0] == "POST /v1/embeddings HTTP/1.1"
    assert {"Authorization: Bearer sk-1", "Accept-Encoding: identity"} <= set(lines)
    assert f"Content-Length: {len(body)}" in lines


# ── what is no answer ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "no HTTP answer"),
        (b"HTTP/1.1 OK 200\r\n\r\n", "no HTTP answer"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "no HTTP answer"),
        (OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "no HTTP answer"),
        (OK + b"Content-Length: five\r\n\r\nhello", "no HTTP answer"),
        (
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "another protocol",
        ),
        (sized(b"\x1f\x8b", b"Content-Encoding: gzip"), "packed"),
        (OK + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n", "larger than"),
        (OK + b"X: y\r\n" * 200 + b"\r\n", "larger than"),
    ],
)
async def test_what_is_no_answer_is_malformed(answer: bytes, words: str) -> None:
    error = await failure(Play(answer))
    assert error.outcome is Outcome.MALFORMED
    assert words in str(error)


@pytest.mark.parametrize(
    ("begins", "again"),
    [
        (OK + b"X-Long: ", b"x" * 500),
        (OK, b"Xx: yy\r\n" * 10),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x" * 500),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: ", b"x" * 500),
    ],
)
async def test_an_endless_head_is_cut_off(begins: bytes, again: bytes) -> None:
    sent = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while not writer.transport.is_closing():
            writer.write(again)
            await writer.drain()
            sent += len(again)
            await asyncio.sleep(0)

    error = await failure(Play(begins or again, then=endless))
    assert error.outcome is Outcome.MALFORMED
    assert "larger than" in str(error)
    assert sent < 4 * BARE_BYTES + 2**20  # and what the kernel holds


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"", Outcome.UNREACHABLE),
        (b"HTTP/1.1 20", Outcome.UNREACHABLE),
        (OK + b"Content-Le", Outcome.UNREACHABLE),
        (sized(b"hello")[:-2], Outcome.CUT),
        (chunked(b"hello", end=False), Outcome.CUT),
        (chunked(b"hello")[:-13], Outcome.CUT),
        (chunked(b"hello")[:-3], Outcome.CUT),
    ],
)
async def test_an_answer_that_breaks_off_is_none(
    answer: bytes, outcome: Outcome, then: Any
) -> None:
    error = await failure(Play(*([answer] if answer else [b""]), then=then))
    assert error.outcome is outcome
    assert "the server" in str(error)


async def test_a_chunk_of_no_size_cuts_the_answer_off() -> None:
    error = await failure(Play(chunked(b"hello", end=False) + b"zz\r\n"))
    assert (error.outcome, "no valid HTTP" in str(error)) == (Outcome.CUT, True)


async def test_what_came_before_the_break_is_told() -> None:
    begun = chunked(word("one"), word(" two")[:-4], end=False)
    async with serving(Play(begun, then="close")) as server, a_client() as client:
        heard: list[CallEvent] = []
        with pytest.raises(AttemptError) as caught:
            await _heard(client.stream(server.url, None, {}), heard)
    assert caught.value.outcome is Outcome.CUT
    assert text_of(heard) == "one"


# ── what comes after it ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("behind", [b"garbage", b"\x00", sized(b"another"), b"HTTP/1.1 200"])
async def test_garbage_behind_an_answer_is_nobody_s_answer(behind: bytes) -> None:
    async with serving(Play(sized(b"hello") + behind)) as server, a_client() as client:
        for _ in range(3):
            assert (await posted(client, server)).body == b"hello"
        assert server.connections == 3


async def test_garbage_on_an_idle_connection_is_nobody_s_answer() -> None:
    play = Play(sized(b"hello"), sized(b"another"))
    async with serving(play) as server, a_client() as client:
        assert (await posted(client, server)).body == b"hello"
        await server.gone.wait()
        assert (await posted(client, server)).body == b"hello"
    assert server.connections == 2


async def test_the_rest_after_the_end_comes_without_anybody_waiting() -> None:
    """The connection is used again, though the message ended after its reader had left."""
    rest = asyncio.Event()

    async def later(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await rest.wait()
        writer.write(b"0\r\n\r\n")

    play = Play(chunked(word("Hello."), END, end=False), then=later)
    async with serving(play) as server, a_client() as client:
        for _ in range(2):
            heard = [event async for event in client.stream(server.url, None, {})]
            assert (text_of(heard), finishes(heard)) == ("Hello.", ["stop"])
            rest.set()
            await asyncio.sleep(0.02)
        assert server.connections == 1


async def test_an_end_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AFTER_END_S", 0.01)
    play = Play(chunked(word("Hello."), END, b": ping\n\n", end=False))
    async with serving(play) as server, a_client() as client:
        heard = [event async for event in client.stream(server.url, None, {})]
        assert (text_of(heard), finishes(heard)) == ("Hello.", ["stop"])
        await server.gone.wait()


# ── who is slow, and who leaves ──────────────────────────────────────────────────────────


async def test_a_sender_waits_for_a_slow_reader() -> None:
    sent = 0
    event = word("x" * 10_000)
    piece = b"%x\r\n%b\r\n" % (len(event), event)

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)

    play = Play(chunked(word("one"), end=False), then=endless)
    async with serving(play) as server, a_client() as client:
        stream = client.stream(server.url, None, {})
        async for event_heard in stream:
            if isinstance(event_heard, TextDelta):
                break
        before = -1
        while sent > before:  # until the sender has to wait
            before = sent
            await asyncio.sleep(0.05)
        assert before < 32 * 2**20  # most of it in the kernel
        read = 0
        async for event_heard in stream:
            read += len(event_heard.text) if isinstance(event_heard, TextDelta) else 0
            if read > before:
                break
        await stream.aclose()
        await server.gone.wait()
    assert sent > before  # and goes on when it is read


async def test_a_hundred_thousand_tiny_chunks_and_a_megabyte_arrive() -> None:
    tiny, big = word("y"), word("x" * 1_000_000)
    answer = chunked(*[tiny] * 20_000, *(bytes([b]) for b in tiny * 1000), big, END)
    pieces = [answer[at : at + 100_000] for at in range(0, len(answer), 100_000)]
    async with serving(Play(*pieces)) as server:
        heard = await asked(server)
    assert text_of(heard) == "y" * 21_000 + "x" * 1_000_000
    assert len(heard) < 10_000  # the texts that came together are told together


@pytest.mark.parametrize("when", ["before the head", "in the stream"])
async def test_who_leaves_closes_the_connection(when: str) -> None:
    begun = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        begun.set()
        await reader.read()  # until the caller leaves; the request's body comes before that
        server.gone.set()

    pieces = [chunked(word("one"), end=False)] if when == "in the stream" else []
    async with serving(Play(*pieces, then=silent), Play(sized(b"hello"))) as server:
        async with a_client() as client:
            reader = asyncio.create_task(client.post_json(server.url, "/x", None, {}))
            await begun.wait()
            await asyncio.sleep(0.01)
            reader.cancel()
            await asyncio.wait({reader})
            assert reader.cancelled()
            await server.gone.wait()
            assert (await posted(client, server)).body == b"hello"
        assert server.connections == 2


async def test_an_answer_before_the_request_was_read_ends_its_connection() -> None:
    """What is still under way would be read as the next request."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sized(b"too large", status=b"413 Content Too Large"))
        await writer.drain()
        await server.gone.wait()

    async with serving(Play(then=refuse), Play(sized(b"hello"))) as server:
        async with a_client() as client:
            body = {"text": "x" * 30_000_000}
            found = await client.post_json(server.url, "/x", None, body)
            assert (found.status, found.body) == (413, b"too large")
            assert (await posted(client, server)).body == b"hello"
            server.gone.set()
        assert server.connections == 2


@pytest.mark.parametrize(
    ("begun", "outcome"), [((), Outcome.UNREACHABLE), ((word("one"),), Outcome.CUT)]
)
async def test_closing_ends_calls_in_flight(begun: tuple[bytes, ...], outcome: Outcome) -> None:
    pieces = [chunked(*begun, end=False)] if begun else [b""]
    async with serving(Play(*pieces)) as server, a_client() as client:
        reading = asyncio.create_task(_heard(client.stream(server.url, None, {}), []))
        while not server.requests:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        await client.close()
        with pytest.raises(AttemptError, match="it was closed here") as caught:
            await reading
        assert caught.value.outcome is outcome


async def _heard(stream: AsyncGenerator[CallEvent, None], into: list[CallEvent]) -> None:
    async for event in stream:
        into.append(event)
