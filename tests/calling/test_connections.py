"""Connecting: its clock, what fails in words, places, and answers that are too large."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any
from unittest import mock

import pytest
import pytest_asyncio
from aiohttp import web

from orchestrator.call_types import CallEvent, Progress
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports, litellm
from orchestrator.calling.transports.wire import http, sse
from orchestrator.calling.transports.wire.connections import CONNECT_S, connect_s, from_connection
from orchestrator.errors import AttemptError
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.types import Deployment, Outcome
from tests.calling.provider import DONE, Provider, chunk, reached, said
from tests.calling.provider import sse as stream_of
from tests.calling.samples import deployment, events, finishes, request, text_of
from tests.calling.server import Hang, Say, StandIn

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]
in_the_module = pytest.mark.asyncio(loop_scope="module")
MODELS = ["direct/m", "openai/m", "anthropic/claude-sonnet-5-5"]
ANSWER = stream_of(*said("Hello", " you"), chunk({}, "stop")) + DONE


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transports() -> AsyncIterator[Transports]:
    """The transports of the module, so that litellm is loaded once."""
    made = Transports(Registry(BUILTINS), {"THE_KEY": "key-of-the-tests"}, SystemClock())
    yield made
    await made.close()


async def failure(transports: Transports, to: Deployment) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        await events(transports.get(to.via), to, request())
    return caught.value


@pytest.fixture
def nameless() -> Any:
    """Names under `.invalid` are unknown at once, without a question to the network."""
    look_up = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    with mock.patch.object(socket, "getaddrinfo", found):
        yield


@in_the_module
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("nameless")
async def test_a_name_that_nobody_has(transports: Transports, model: str) -> None:
    error = await failure(transports, reached("http://nobody.invalid", model))
    assert error.outcome is Outcome.UNREACHABLE
    assert str(error) == "the name nobody.invalid cannot be resolved"


@in_the_module
@pytest.mark.parametrize("model", MODELS)
async def test_nobody_listens(transports: Transports, model: str) -> None:
    error = await failure(transports, reached("http://127.0.0.1:9", model))
    assert error.outcome is Outcome.UNREACHABLE
    assert str(error).startswith("no connection to 127.0.0.1:9: ")


@in_the_module
@pytest.mark.parametrize("model", MODELS)
async def test_no_encryption_where_it_is_asked_for(transports: Transports, model: str) -> None:
    async with Provider(ANSWER) as url:
        error = await failure(transports, reached(url.replace("http:", "https:"), model))
    assert error.outcome is Outcome.UNREACHABLE
    assert str(error).startswith("no encrypted connection to 127.0.0.1:")


@in_the_module
@pytest.mark.parametrize("model", MODELS)
async def test_a_handshake_that_never_ends_is_timed(transports: Transports, model: str) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(True)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    arrived: list[bool] = []
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    error = await failure(transports, reached(url, model, connect_timeout_ms=50))
    server.close()
    await server.wait_closed()
    assert error.outcome is Outcome.UNREACHABLE
    assert str(error) == "no connection in the time that it may take"
    assert len(arrived) == 1


def test_connecting_may_take_what_the_deployment_declares() -> None:
    assert connect_s(deployment("m/d", connect_timeout_ms=250)) == 0.25
    assert connect_s(deployment("m/d")) == CONNECT_S == 10.0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL])
def test_what_this_machine_lacks_is_nobody_s_outage(number: int) -> None:
    found = from_connection(OSError(number, "too many"), opened=False)
    assert found is not None
    assert found.outcome is Outcome.BUSY


def test_what_is_no_connection_s_failure_is_left_alone() -> None:
    assert from_connection(ValueError("odd"), opened=False) is None


@in_the_module
@pytest.mark.parametrize("model", ["direct/m", "openai/m"])
async def test_who_waits_for_a_place_says_so(
    transports: Transports, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """The clocks of an attempt stand still meanwhile, and the place is given back."""
    monkeypatch.setattr(http, "PLACES", 1)
    monkeypatch.setattr(litellm, "PLACES", 1)
    own = Transports(Registry(BUILTINS), {"THE_KEY": "key-of-the-tests"}, SystemClock())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(own.close)
        stand_in = StandIn(Hang(), Say("Hello you"))
        url = await stack.enter_async_context(stand_in)
        to = reached(url.removesuffix("/v1"), model)
        transport = own.get(to.via)
        first = asyncio.create_task(events(transport, to, request()))
        await stand_in.arrived.wait()
        second: list[CallEvent] = []
        asking = asyncio.create_task(_into(second, transport.stream(to, request())))
        while not second:
            await asyncio.sleep(0)
        assert second == [Progress("waiting")]
        first.cancel()
        await asyncio.wait({first})
        await asking
    assert second[1] == Progress("ready")
    assert text_of(second) == "Hello you"
    assert len(stand_in.seen) == 2


async def test_the_place_of_who_is_stopped_goes_to_the_next() -> None:
    places = http.Places(1)
    await places.take()
    first, second, third = [asyncio.create_task(places.take()) for _ in range(3)]
    await asyncio.sleep(0)
    second.cancel()
    places.give()
    first.cancel()  # it has the place, and does not know it yet
    await asyncio.wait_for(third, 10)
    await asyncio.wait({first, second})
    assert first.cancelled()
    assert places.free == 0
    places.give()
    assert places.free == 1


async def _into(heard: list[CallEvent], stream: Any) -> None:
    async for event in stream:
        heard.append(event)


# ── size ─────────────────────────────────────────────────────────────────────────────────


@in_the_module
async def test_a_token_of_a_megabyte_and_many_tiny_ones_arrive(transports: Transports) -> None:
    big = "x" * 1_000_000
    tiny = [chunk({"content": "y"})] * 20_000
    async with Provider(stream_of(*said(big), *tiny, chunk({}, "stop")) + DONE) as url:
        heard = await events(transports.get("openai"), reached(url, "direct/m"), request())
    assert text_of(heard) == big + "y" * 20_000
    assert finishes(heard) == ["stop"]


@in_the_module
async def test_a_token_of_a_megabyte_arrives_through_litellm(transports: Transports) -> None:
    big = "x" * 1_000_000
    async with Provider(stream_of(*said(big), chunk({}, "stop")) + DONE) as url:
        heard = await events(transports.get("litellm"), reached(url, "openai/m"), request())
    assert text_of(heard) == big


def counted(count: int, piece: bytes, **limits: int) -> tuple[int, AttemptError | None]:
    """How many events came out of so many pieces, and what ended them."""
    found = sse.Events(**limits)
    seen = 0
    try:
        for _ in range(count):
            seen += len(found.feed(piece))
    except AttemptError as error:
        return seen, error
    return seen, None


@pytest.mark.parametrize("piece", [b"x" * 64 * 1024, b"data: x\n" * 4096])
def test_an_event_has_a_limit(piece: bytes) -> None:
    seen, error = counted(100, piece, event_bytes=sse.MIB)
    assert seen == 0
    assert error is not None
    assert (error.outcome, str(error)) == (Outcome.MALFORMED, "an event is larger than 1 MiB")


def test_an_answer_has_a_limit() -> None:
    seen, error = counted(10_000, b"data: x\n\n" * 100, answer_bytes=sse.MIB)
    assert 0 < seen <= sse.MIB // len(b"data: x\n\n")
    assert str(error) == "the answer is larger than 1 MiB"


@in_the_module
@pytest.mark.parametrize("model", ["direct/m", "openai/m"])
async def test_an_answer_without_an_end_is_cut_off(
    transports: Transports, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(sse.Events.__init__, "__defaults__", (4 * sse.MIB, 8 * sse.MIB))
    sent = 0

    async def endless(asked: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(asked)
        while True:
            await response.write(b"data: " + b"x" * 1024 * 1024)
            sent += 1

    async with Serving(endless) as url:
        error = await failure(transports, reached(url, model))
    assert error.outcome is Outcome.MALFORMED
    assert "larger than 4 MiB" in str(error)
    assert sent < 16  # who reads slowly holds the sender back


@in_the_module
@pytest.mark.parametrize("model", MODELS)
async def test_a_header_has_a_limit(transports: Transports, model: str) -> None:
    async with Provider(ANSWER, headers={"X-Long": "x" * 20_000}) as url:
        error = await failure(transports, reached(url, model))
    assert error.outcome is Outcome.MALFORMED


class Serving:
    def __init__(self, handler: Callable[[web.Request], Any]) -> None:
        self._app = web.Application()
        self._app.router.add_post("/{path:.*}", handler)

    async def __aenter__(self) -> str:
        self._runner = web.AppRunner(self._app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()
