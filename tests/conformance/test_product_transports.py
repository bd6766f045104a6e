"""The transports of vectors and images: what is no text comes by the same rules.

`openai` and `litellm` talk to a server on loopback, `embedder` runs the real static embedding.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import numpy as np
import pytest
from aiohttp import web

from orchestrator.call_types import Asks, CallRequest
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.calling.transports.products import embedder as embedder_module
from orchestrator.embedding.load import load_embedder
from orchestrator.errors import PrerequisiteError
from orchestrator.project.protocols import Transport
from orchestrator.project.registry import BUILTINS, TRANSPORTS, Registry
from orchestrator.testing import TransportConformance
from orchestrator.types import Deployment
from tests.calling.samples import NOWHERE, deployment
from tests.gateway.product_provider import images, vectors

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]


class Asked(TransportConformance):
    """Made as a `Mesh` makes it, and asked for what is no text."""

    name: ClassVar[str]
    asks: ClassVar[Asks] = "vectors"
    answers_in_pieces = False

    def transport(self) -> Transport:
        env = {"THE_KEY": "key-of-the-stand-in"}
        return Transports(Registry(BUILTINS), env, SystemClock()).bringing(self.asks, self.name)

    def request(self) -> CallRequest:
        count = 1 if self.asks == "images" else 0
        text: Mapping[str, Any] = {"role": "user", "content": "A boat."}
        return CallRequest(messages=(text,), asks=self.asks, images=count)  # type: ignore[arg-type]


class Served(Asked):
    """Reached over HTTP."""

    target = "stand-in"

    @asynccontextmanager
    async def serving(self, answer: Any) -> AsyncIterator[Deployment]:
        self.arrived, self.gone = asyncio.Event(), asyncio.Event()

        async def handle(request: web.Request) -> web.Response:
            body = await request.json()
            if request.headers.get("Authorization") != "Bearer key-of-the-stand-in":
                return web.json_response({"error": {"message": "no key"}}, status=401)
            self.arrived.set()
            if answer is None:
                try:
                    await asyncio.sleep(60)
                finally:
                    self.gone.set()
            found = answer(body)
            return found if isinstance(found, web.Response) else web.json_response(found)

        app = web.Application()
        app.router.add_post("/v1/{path:.*}", handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield self.at(f"http://{host}:{port}/v1")
        finally:
            await runner.cleanup()

    def at(self, endpoint: str) -> Deployment:
        return deployment(
            "m/d", via=self.name, target=self.target, endpoint=endpoint, key="THE_KEY"
        )

    def answering(self) -> Any:
        return self.serving(images if self.asks == "images" else vectors)

    @asynccontextmanager
    async def missing(self) -> AsyncIterator[Deployment]:
        yield self.at(NOWHERE)

    def broken(self) -> Any:
        page = "<html>busy</html>"
        return self.serving(lambda _: web.Response(text=page, content_type="text/html"))

    def endless(self) -> Any:
        return self.serving(None)

    async def working(self) -> None:
        await self.arrived.wait()

    async def stopped(self, transport: Transport) -> None:
        await self.gone.wait()


class TestOpenAIVectors(Served):
    name = "openai"


class TestOpenAIImages(Served):
    name = "openai"
    asks = "images"


class TestLiteLLMVectors(Served):
    name = "litellm"
    target = "openai/stand-in"


class TestLiteLLMImages(Served):
    name = "litellm"
    target = "openai/stand-in"
    asks = "images"


class _Slow:
    """An embedder that is at work for a long time."""

    name, dimensions = "slow", 2

    def __init__(self) -> None:
        self.begun = 0

    def embed(self, texts: Any) -> np.ndarray:
        import time

        self.begun += 1
        time.sleep(0.01)
        return np.ones((len(texts), 2), dtype=np.float32)


class TestEmbedder(Asked):
    name = "embedder"

    @pytest.fixture(autouse=True)
    def _slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slow = _Slow()

        def load(name: str, env: Any) -> Any:
            if name == "not-installed":
                raise PrerequisiteError("install it first")
            return self.slow if name == "slow" else load_embedder(name, env)

        monkeypatch.setattr(embedder_module, "load_embedder", load)

    @asynccontextmanager
    async def of(self, target: str) -> AsyncIterator[Deployment]:
        self.texts = 10_000 if target == "slow" else 1
        yield deployment("m/d", via=self.name, target=target, family=None)

    def request(self) -> CallRequest:
        one = super().request()
        texts = getattr(self, "texts", 1)
        return CallRequest(messages=one.messages * texts, asks="vectors")

    def answering(self) -> Any:
        return self.of("static")

    def missing(self) -> Any:
        return self.of("not-installed")

    def broken(self) -> Any:
        return self.of("statik")

    def endless(self) -> Any:
        return self.of("slow")

    async def working(self) -> None:
        while not self.slow.begun:
            await asyncio.sleep(0.001)

    async def stopped(self, transport: Transport) -> None:
        before = -1
        while before != self.slow.begun:
            before = self.slow.begun
            await asyncio.sleep(0.05)
        assert self.slow.begun < 10_000 // embedder_module.BATCH


def test_every_transport_of_products_is_here() -> None:
    here = {(kind.asks, kind.name) for kind in _suites(Asked) if hasattr(kind, "name")}
    there = {
        (asks, name)
        for asks, kind in TRANSPORTS.items()
        if asks != "text"
        for name in BUILTINS.names(kind)
    }
    assert here == there


def _suites(kind: type[Asked]) -> list[type[Asked]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _suites(child))]
