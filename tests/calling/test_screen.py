"""Broken events: what is dropped, and where that would leave a hole in the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from orchestrator.call_types import CallEvent
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.calling.transports.wire.screen import MAX_BROKEN, Screen
from orchestrator.errors import AttemptError
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.types import Deployment, Outcome
from tests.calling.provider import DONE, Provider, chunk, reached, said, sse
from tests.calling.samples import events, finishes, request, text_of
from tests.calling.test_usage import ANTHROPIC, GEMINI

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]

CALL = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]}


def word(text: str) -> str:
    return json.dumps(chunk({"content": text}))


def cut(text: str, at: str) -> str:
    """The event up to and with `at`."""
    return text[: text.index(at) + len(at)]


def passed(*values: str) -> list[Any]:
    screen = Screen()
    return [screen.parse(value.encode()) is not None for value in values]


@pytest.mark.parametrize(
    "junk",
    [
        "ping",
        ": OPENROUTER PROCESSING",
        "42",
        '"a text"',
        "[]",
        '{"choices": [{"delta": {"cont',
        '{"choices": [{"delta": {"content": null',
        '{"choices": [{"delta": {"reasoning_content": "hm',
        "{bad json}",
        "{" * 100_000,
    ],
)
def test_a_broken_event_without_text_is_dropped(junk: str) -> None:
    assert passed(word("one"), junk, word(" two")) == [True, False, True]


@pytest.mark.parametrize("at", ['"content": " tw', '"content": " two"', '"content": " '])
def test_text_in_a_broken_event_is_lost(at: str) -> None:
    broken = cut(word(" two"), at)
    screen = Screen()
    assert screen.parse(word("one").encode())
    assert screen.parse(broken.encode()) is None
    with pytest.raises(AttemptError, match="which is lost") as caught:
        screen.parse(word("three").encode())
    assert caught.value.outcome is Outcome.MALFORMED


def test_text_that_comes_again_was_not_lost() -> None:
    broken = cut(word(" two three"), " two thr")
    assert passed(word("one"), broken, word(" two three"), word(" four")) == [
        True,
        False,
        True,
        True,
    ]
    assert passed(broken, word(" two"), word(" three")) == [False, True, True]


def test_an_escape_that_is_cut_off_is_no_text() -> None:
    broken = cut(json.dumps(chunk({"content": "é\n☃"})), "\\n\\u26")
    assert passed(broken, word("é\n☃")) == [False, True]


def test_an_answer_does_not_end_with_a_hole() -> None:
    screen = Screen()
    screen.parse(cut(word(" two"), " two").encode())
    with pytest.raises(AttemptError, match="which is lost"):
        screen.parse(json.dumps(chunk({}, "stop")).encode())


@pytest.mark.parametrize(
    "values",
    [
        (json.dumps(chunk(CALL)), '{"choices": [{"delta": {"cont'),
        ('{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"argum',),
        ('{"type": "content_block_delta", "delta": {"partial_json": "{',),
    ],
)
def test_a_tool_call_with_a_hole_is_none(values: tuple[str, ...]) -> None:
    with pytest.raises(AttemptError, match="tool call") as caught:
        passed(*values)
    assert caught.value.outcome is Outcome.MALFORMED


def test_many_broken_events_are_no_accident() -> None:
    with pytest.raises(AttemptError, match="4 events of the stream are no JSON"):
        passed(word("one"), *["{oh"] * (MAX_BROKEN + 1))


# ── over the wire ────────────────────────────────────────────────────────────────────────

OPENAI = [*said("Hello", " you"), chunk({}, "stop")]
STREAMS = {
    "direct/m": OPENAI,
    "openai/m": OPENAI,
    "mistral/m": OPENAI,
    "groq/m": OPENAI,
    "anthropic/claude-sonnet-5-5": ANTHROPIC,
    "gemini/gemini-3.8-flash": GEMINI,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transports() -> AsyncIterator[Transports]:
    """The transports of the module, so that litellm is loaded once."""
    made = Transports(Registry(BUILTINS), {"THE_KEY": "key-of-the-tests"}, SystemClock())
    yield made
    await made.close()


def with_junk(model: str, junk: str) -> str:
    """The stream with a broken event before the second word."""
    stream = STREAMS[model]
    second = next(n for n, e in enumerate(stream) if " you" in str(e))
    ends = "" if "content_block" in str(stream) else DONE
    return sse(*stream[:second], f"data: {junk}\n\n", *stream[second:]) + ends


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", STREAMS)
async def test_one_broken_event_costs_nothing(transports: Transports, model: str) -> None:
    provider = Provider(with_junk(model, '{"choices": [{"delta": {"cont'))
    async with provider as url:
        to = reached(url, model)
        heard = await events(transports.get(to.via), to, request())
    assert (text_of(heard), finishes(heard)) == ("Hello you", ["stop"])
    assert len(provider.asked) == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", STREAMS)
async def test_a_hole_is_never_a_whole_answer(transports: Transports, model: str) -> None:
    key = "content" if STREAMS[model] is OPENAI else "text"
    provider = Provider(with_junk(model, f'{{"{key}": " all of'))
    heard: list[CallEvent] = []

    async def listen(to: Deployment) -> None:
        async for event in transports.get(to.via).stream(to, request()):
            heard.append(event)

    async with provider as url:
        with pytest.raises(AttemptError, match="which is lost") as caught:
            await listen(reached(url, model))
    assert caught.value.outcome is Outcome.MALFORMED
    assert "Hello".startswith(text_of(heard))
    assert finishes(heard) == []
    assert len(provider.asked) == 1
