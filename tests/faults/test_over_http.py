"""The client that trusts nobody, before gateways that lie."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from orchestrator.errors import CallError, IncompleteError, NoCandidateError
from tests.faults.bench import Bench, Called
from tests.faults.over_http import LostError, RefusedError, ask
from tests.faults.scenario import Broken
from tests.faults.ways import Wish

TRACE = "trace-1"
TOLD = {
    "trace_id": TRACE,
    "model": "primary",
    "deployment": "primary/primary",
    "cost_usd": 0.000123,
    "attempts": 2,
    "ending": "complete",
    "usage_estimated": False,
}
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
ERROR = {
    "message": "the answer broke off; tried primary/primary: stalled, fallback/one: refused",
    "type": "api_error",
    "param": None,
    "code": "incomplete_answer",
}
HEADERS = {
    "x-mesh-trace-id": TRACE,
    "x-mesh-model": "primary",
    "x-mesh-deployment": "primary/primary",
    "x-mesh-cost-usd": "0.000123",
    "x-mesh-attempts": "2",
    "x-mesh-ending": "complete",
}
NAMED = {"id": f"chatcmpl-{TRACE}", "object": "chat.completion.chunk", "model": "primary"}


def chunk(text: str | None = None, finish: str | None = None) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {**NAMED, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


BROKEN = {"error": ERROR, "mesh": {"trace_id": TRACE}}
LAST = {**NAMED, "choices": [], "usage": USAGE, "mesh": TOLD}
GOOD = [chunk("One"), chunk(" two"), chunk(finish="stop"), LAST, "[DONE]"]
WHOLE: dict[str, Any] = {
    **NAMED,
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"content": "One two"}, "finish_reason": "stop"}],
    "usage": USAGE,
    "mesh": TOLD,
}


async def asked(response: web.Response | None, *, streams: bool) -> Called:
    """What a call comes to that is answered so; `None`: the connection breaks."""

    async def answer(request: web.Request) -> web.Response:
        if response is None:
            assert request.transport is not None
            request.transport.abort()
        return response or web.Response()

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = "http://{}:{}".format(*runner.addresses[0][:2])
    called = Called(question="?", started=0.0)
    try:
        await ask(cast(Bench, SimpleNamespace(url=url, streams=streams)), called, Wish())
    finally:
        await runner.cleanup()
    return called


def stream(*events: Any, more: str = "") -> web.Response:
    data = [f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n" for e in events]
    headers = {"Content-Type": "text/event-stream", "x-mesh-trace-id": TRACE}
    return web.Response(text="".join(data) + more, headers=headers)


def whole(body: Any, status: int = 200, **headers: str) -> web.Response:
    about = HEADERS if status == 200 else {"x-mesh-trace-id": TRACE}
    changed = {f"x-mesh-{name}": value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=about | changed)


async def test_a_good_answer_is_read() -> None:
    for response, streams in ((stream(*GOOD), True), (whole(WHOLE), False)):
        called = await asked(response, streams=streams)
        assert called.text == "One two"
        assert called.said is not None
        assert (called.said.model, called.said.attempts) == ("primary", 2)
        assert called.said.cost_micro_usd == 123
        assert (called.said.usage.input, called.said.usage.output) == (3, 2)
        assert called.trace_id == TRACE


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (stream(*GOOD[:-1]), "ended without \\[DONE\\]"),
        (stream(*GOOD[:2], *GOOD[3:]), "the usage comes before the end"),
        (stream(*GOOD[:2], "[DONE]"), "ended without its usage"),
        (stream(*GOOD, chunk("more")), "after the end comes"),
        (stream(*GOOD[:3], chunk("more"), *GOOD[3:]), "after the finish reason comes"),
        (stream(*GOOD[:2], chunk(finish="length"), *GOOD[3:]), "the finish reason is length"),
        (stream(*GOOD[:2], BROKEN, "[DONE]"), "after the end comes"),
        (stream(*GOOD[:3], BROKEN), "an error after the finish reason"),
        (stream(*GOOD[:2], {**BROKEN, "mesh": {"trace_id": "2"}}), "the error names trace 2"),
        (stream(*GOOD[:4], {"error": {"message": "x"}, "mesh": {"trace_id": TRACE}}), "an error"),
        (stream({**chunk("One"), "id": "other"}, *GOOD[1:]), "its ids are"),
        (stream(*GOOD[:3], {**LAST, "model": "auto"}, "[DONE]"), "its model is auto"),
        (stream(*GOOD, more="data: {"), "in the middle of an event"),
        (stream(more="event: x\n\n"), "what is this event"),
        (whole(WHOLE), "the stream is application/json"),
    ],
)
async def test_a_stream_that_lies_is_found_out(response: web.Response, said: str) -> None:
    with pytest.raises(Broken, match=said):
        await asked(response, streams=True)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (whole(WHOLE, model="fallback"), "the headers say"),
        (whole(WHOLE, attempts="1"), "the headers say"),
        (whole({**WHOLE, "id": "chatcmpl-2"}), "its id is"),
        (whole({**WHOLE, "model": "auto"}), "its model is auto"),
        (whole({**WHOLE, "error": ERROR}), "an answer with an error in it"),
        (whole({**WHOLE, "usage": {**USAGE, "total_tokens": 4}}), "does not add up"),
        (whole({"error": ERROR}, 502, model="primary"), "an error names who answered"),
        (whole({"error": {**ERROR, "code": None}}, 502), "has no code"),
        (whole({"error": {"message": "no"}}, 502), "the error is"),
        (whole({"error": ERROR}, 400), "status 400 with api_error"),
        (whole({"error": {**ERROR, "message": "at http://10.1.1.1"}}, 502), "what is ours"),
        (stream(*GOOD), "the answer is text/event-stream"),
    ],
)
async def test_an_answer_that_lies_is_found_out(response: web.Response, said: str) -> None:
    with pytest.raises(Broken, match=said):
        await asked(response, streams=False)


async def test_an_error_is_what_it_stands_for() -> None:
    with pytest.raises(IncompleteError) as broke_off:
        await asked(stream(*GOOD[:2], BROKEN), streams=True)
    assert broke_off.value.text == "One two"
    tried = [(a.deployment, str(a.outcome)) for a in broke_off.value.attempts]
    assert tried == [("primary/primary", "stalled"), ("fallback/one", "refused")]
    for code, kind in (
        ("providers_failed", CallError),
        ("no_model_available", NoCandidateError),
        ("internal_error", RefusedError),
    ):
        with pytest.raises(kind):
            await asked(whole({"error": {**ERROR, "code": code}}, 502), streams=False)
    with pytest.raises(LostError):
        await asked(None, streams=False)
