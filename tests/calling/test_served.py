"""What only a service with keys and a network can do wrong: `openai` and `litellm` on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from orchestrator.call_types import Answering, Progress
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Transport
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.types import Deployment, Outcome
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
from tests.calling.server import Fail, Reset, Say, Script, StandIn, Step

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
KEY = "key-of-the-stand-in"


@dataclass
class Rig:
    """One transport and the stand-in that it talks to."""

    name: str
    transport: Transport
    stack: AsyncExitStack
    stand_in: StandIn | None = None

    async def answering(self, *steps: Step | Script, key: str | None = None) -> Deployment:
        """A deployment that answers by these steps."""
        self.stand_in = StandIn(*(steps or (_colours,)), key=key)
        endpoint = await self.stack.enter_async_context(self.stand_in)
        target = "openai/stand-in" if self.name == "litellm" else "stand-in"
        return deployment("m/d", via=self.name, target=target, endpoint=endpoint, key="THE_KEY")


def _colours(body: dict[str, Any]) -> Step:
    """As a provider with structured output would: by the schema, where there is one."""
    asked = body.get("response_format")
    if asked is None:
        return Say("Hello there, my friend.")
    assert asked["json_schema"]["schema"] == SCHEMA
    return Say('{"colour": "red"}')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transports() -> AsyncIterator[Transports]:
    """The transports of the module, so that litellm is loaded once."""
    made = Transports(Registry(BUILTINS), {"THE_KEY": KEY}, SystemClock())
    yield made
    await made.close()


@pytest_asyncio.fixture(params=["openai", "litellm"], loop_scope="module")
async def rig(request: pytest.FixtureRequest, transports: Transports) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        yield Rig(name=request.param, transport=transports.get(request.param), stack=stack)


async def test_the_text_and_the_usage_are_the_providers(rig: Rig) -> None:
    heard = await events(rig.transport, await rig.answering(), request())
    assert text_of(heard) == "Hello there, my friend."
    (report,) = reports(heard)
    assert (report.usage.input, report.usage.output) == (7, 5)
    assert any(isinstance(e, Answering) and e.model for e in heard)


async def test_it_asks_for_the_schema(rig: Rig) -> None:
    sent = request("Which colour is grass?", schema=SCHEMA, max_tokens=40)
    heard = await events(rig.transport, await rig.answering(), sent)
    assert json.loads(text_of(heard)) == {"colour": "red"}


async def test_an_empty_answer_finishes_without_text(rig: Rig) -> None:
    heard = await events(rig.transport, await rig.answering(Say("")), request())
    assert not text_of(heard)
    assert finishes(heard) == ["stop"]


async def test_the_key_is_sent(rig: Rig) -> None:
    to = await rig.answering(key=KEY)
    assert text_of(await events(rig.transport, to, request()))


async def test_a_wrong_key_is_an_auth_failure_that_does_not_print_it(rig: Rig) -> None:
    to = await rig.answering(key="another")
    with pytest.raises(AttemptError) as caught:
        await events(rig.transport, to, request())
    assert caught.value.outcome is Outcome.AUTH
    assert KEY not in str(caught.value)


async def test_a_key_that_is_not_set_is_an_auth_failure_that_names_it(rig: Rig) -> None:
    to = deployment("m/d", via=rig.name, endpoint=NOWHERE, key="UNSET_KEY")
    with pytest.raises(AttemptError, match="UNSET_KEY") as caught:
        await events(rig.transport, to, request())
    assert caught.value.outcome is Outcome.AUTH


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


async def test_a_provider_that_reports_no_usage_gets_none_invented(rig: Rig) -> None:
    heard = await events(rig.transport, await rig.answering(Say("Hi.", usage=None)), request())
    assert reports(heard) == []
    assert finishes(heard) == ["stop"]


async def test_it_says_when_the_provider_has_taken_the_request(rig: Rig) -> None:
    stream = rig.transport.stream(await rig.answering(), request())
    while (event := await drained(stream, Progress)) != Progress("opened"):
        assert isinstance(event, Progress)
    await stream.aclose()  # type: ignore[attr-defined]
