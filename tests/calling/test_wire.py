"""The same answers and failures over the openai transport and, through litellm, over any other."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from orchestrator.call_types import Answering, CallEvent, Confidence, TextDelta
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.calling.transports.litellm import BY_HTTPX, BY_SDK
from orchestrator.errors import AttemptError
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.types import Outcome
from tests.calling.provider import DONE, Provider, chunk, reached, said, sse
from tests.calling.samples import finishes, reports, request, text_of
from tests.calling.test_usage import ANTHROPIC

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
    pytest.mark.asyncio(loop_scope="module"),
]
KEY = "key-of-the-tests"
MODELS = ["direct/m", "openai/m", "mistral/m", "anthropic/claude-sonnet-5-5"]
OPENAI = MODELS[:3]
ANSWER = sse(*said("Hello", " you"), chunk({}, "stop")) + DONE
WHOLE = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m-2026",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
ERROR = {"error": {"message": "too many at once", "type": "overloaded_error", "code": None}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transports() -> AsyncIterator[Transports]:
    """The transports of the module, so that litellm is loaded once."""
    made = Transports(Registry(BUILTINS), {"THE_KEY": KEY}, SystemClock())
    yield made
    await made.close()


async def heard_from(
    transports: Transports, provider: Provider, model: str, **sent: Any
) -> tuple[list[CallEvent], AttemptError | None]:
    """What came, and what it ended with."""
    heard: list[CallEvent] = []
    async with provider as url:
        to = reached(url, model, can=("logprobs",))
        try:
            async for event in transports.get(to.via).stream(to, request(**sent)):
                heard.append(event)
        except AttemptError as error:
            return heard, error
    return heard, None


@pytest.mark.parametrize(
    ("provider", "outcome", "retry_after_s"),
    [
        ((429, "{}", {"Retry-After": "7"}), Outcome.RATE_LIMITED, 7.0),
        ((529, json.dumps(ERROR), {"Retry-After": "3"}), Outcome.OVERLOADED, 3.0),
        ((503, "busy", {}), Outcome.OVERLOADED, None),
        ((422, '{"error": {"message": "no such parameter"}}', {}), Outcome.INVALID_REQUEST, None),
        ((401, f'{{"error": {{"message": "wrong key {KEY}"}}}}', {}), Outcome.AUTH, None),
        ((307, "", {"Location": "http://127.0.0.1:9/"}), Outcome.MALFORMED, None),
    ],
)
@pytest.mark.parametrize("model", MODELS)
async def test_a_refusal_is_heard_as_it_was_sent_and_asked_for_once(
    transports: Transports,
    model: str,
    provider: Any,
    outcome: Outcome,
    retry_after_s: float | None,
) -> None:
    status, body, headers = provider
    at = Provider(body, content_type="application/json", status=status, headers=headers)
    _, error = await heard_from(transports, at, model)
    assert error is not None
    assert (error.outcome, error.retry_after_s) == (outcome, retry_after_s)
    assert KEY not in str(error)
    assert len(at.asked) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "outcome"),
    [
        ("<html>busy</html>", "text/html", Outcome.MALFORMED),
        ("<html>busy</html>", "application/json", Outcome.MALFORMED),
        ("<html>busy</html>", "text/event-stream", Outcome.MALFORMED),
        ("", "text/event-stream", Outcome.MALFORMED),
        ('{"choices": []}', "application/json", Outcome.MALFORMED),
        (json.dumps(ERROR), "application/json", Outcome.OVERLOADED),
        (sse(ERROR), "text/event-stream", Outcome.OVERLOADED),
        (sse({"type": "error", **ERROR}), "text/event-stream", Outcome.OVERLOADED),
    ],
)
@pytest.mark.parametrize("model", MODELS)
async def test_what_is_no_answer_has_an_outcome(
    transports: Transports, model: str, body: str, content_type: str, outcome: Outcome
) -> None:
    heard, error = await heard_from(transports, Provider(body, content_type=content_type), model)
    assert error is not None
    assert error.outcome is outcome
    assert finishes(heard) == []


@pytest.mark.parametrize("model", OPENAI)
async def test_an_empty_list_of_choices_is_no_answer(transports: Transports, model: str) -> None:
    body = sse({**chunk({}), "choices": []}) + DONE
    heard, error = await heard_from(transports, Provider(body), model)
    assert error is not None
    assert error.outcome is Outcome.MALFORMED
    assert finishes(heard) == []


@pytest.mark.parametrize("model", OPENAI)
async def test_an_answer_in_one_piece_is_taken(transports: Transports, model: str) -> None:
    at = Provider(json.dumps(WHOLE), content_type="application/json")
    heard, error = await heard_from(transports, at, model)
    assert error is None
    assert (text_of(heard), finishes(heard)) == ("Hello", ["stop"])
    (report,) = reports(heard)
    assert (report.usage.input, report.usage.output) == (3, 2)
    assert Answering(model="m-2026") in heard


@pytest.mark.parametrize("model", MODELS)
async def test_an_error_in_the_middle_ends_the_answer(transports: Transports, model: str) -> None:
    begun = ANTHROPIC[:4] if "anthropic" in model else said("Hello")
    body = sse(*begun, {"type": "error", **ERROR})
    heard, error = await heard_from(transports, Provider(body), model)
    assert error is not None
    assert (error.outcome, str(error)) == (Outcome.OVERLOADED, "too many at once")
    assert "Hello".startswith(text_of(heard))
    assert finishes(heard) == []


@pytest.mark.parametrize("reason", ["error", "abort"])
@pytest.mark.parametrize("model", OPENAI)
async def test_a_reason_that_is_no_end_is_a_failure(
    transports: Transports, model: str, reason: str
) -> None:
    body = sse(*said("Hello"), chunk({}, reason)) + DONE
    heard, error = await heard_from(transports, Provider(body), model)
    assert error is not None
    assert error.outcome is (Outcome.CUT if reason == "abort" else Outcome.OVERLOADED)
    assert finishes(heard) == []


@pytest.mark.parametrize("model", OPENAI)
async def test_a_model_may_repeat_itself(transports: Transports, model: str) -> None:
    body = sse(*said(*["| --- "] * 150), chunk({}, "stop")) + DONE
    heard, error = await heard_from(transports, Provider(body), model)
    assert error is None
    assert (text_of(heard), finishes(heard)) == ("| --- " * 150, ["stop"])


@pytest.mark.parametrize("model", OPENAI)
async def test_how_sure_the_model_was_is_asked_for_and_told(
    transports: Transports, model: str
) -> None:
    def sure(text: str, probability: float) -> dict[str, Any]:
        found = chunk({"content": text})
        token = {"token": text, "logprob": math.log(probability), "bytes": None, "top_logprobs": []}
        found["choices"][0]["logprobs"] = {"content": [token]}
        return found

    at = Provider(sse(sure("Hello", 0.9), sure(" you", 0.4), chunk({}, "stop")) + DONE)
    heard, error = await heard_from(transports, at, model, logprobs=True)
    assert error is None
    (confidence,) = [e for e in heard if isinstance(e, Confidence)]
    assert confidence.value == pytest.approx(0.6)
    # litellm leaves it out where it knows that the provider does not take it
    assert at.asked[0].get("logprobs") is (None if model.startswith("mistral") else True)


class Open:
    """Sends `body` and keeps the stream open until the caller leaves."""

    def __init__(self, body: str) -> None:
        self._body = body
        self.left = asyncio.Event()

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(asked)
        await response.write(self._body.encode())
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return response


@pytest.mark.parametrize("model", MODELS)
async def test_who_leaves_stops_the_provider(transports: Transports, model: str) -> None:
    begun = ANTHROPIC[:4] if "anthropic" in model else said("Hello")
    endless = Open(sse(*begun, *begun[-1:]))
    text = asyncio.Event()

    async def read(url: str) -> None:
        to = reached(url, model)
        async for event in transports.get(to.via).stream(to, request()):
            if isinstance(event, TextDelta):
                text.set()

    async with endless as url:
        reader = asyncio.create_task(read(url))
        await text.wait()
        reader.cancel()
        await asyncio.wait({reader})
        await endless.left.wait()


@pytest.mark.parametrize("model", OPENAI)
async def test_a_whole_answer_is_one_though_the_stream_stays_open(
    transports: Transports, model: str
) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    last = {**chunk({}), "choices": [], "usage": usage}
    async with Open(sse(*said("Hello"), chunk({}, "stop"), last)) as url:
        to = reached(url, model)
        heard = [e async for e in transports.get(to.via).stream(to, request())]
    assert (text_of(heard), finishes(heard)) == ("Hello", ["stop"])
    assert [r.usage.input for r in reports(heard)] == [3]


async def test_nobody_else_is_told_of_a_call(
    transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom another part of the program gave to litellm does not hear of our failures."""
    await heard_from(transports, Provider(ANSWER), "openai/m")  # it is loaded with our settings
    import litellm

    told: list[Any] = []
    monkeypatch.setattr(litellm, "failure_callback", [lambda *given: told.append(given)])
    _, error = await heard_from(transports, Provider("{}", status=503), "openai/m")
    assert error is not None
    assert told == []


@pytest.mark.parametrize("provider", sorted((BY_HTTPX | BY_SDK) - {"bedrock", "vertex_ai"}))
async def test_every_provider_that_is_named_goes_over_our_own_connection(
    transports: Transports, provider: str
) -> None:
    """Seen from what only that connection does: nothing is packed, one request, a broken event."""
    model = f"{provider}/{'x/' if provider == 'openrouter' else ''}some-model"
    if provider in ("anthropic", "gemini"):
        pytest.skip("of another dialect; see test_screen")
    junk = '{"choices": [{"delta": {"cont'
    body = sse(*said("Hello"), f"data: {junk}\n\n", chunk({"content": " you"}), chunk({}, "stop"))
    at = Provider(body + DONE)
    heard, error = await heard_from(transports, at, model)
    assert error is None
    assert (text_of(heard), finishes(heard)) == ("Hello you", ["stop"])
    assert Answering(model="m-2026", fingerprint="fp_1") in heard
