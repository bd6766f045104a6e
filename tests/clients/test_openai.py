"""OpenAI's own client, as programs use it: only its `base_url` is another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.calling.server import Call, Fail, Hang, Say, Tokens
from tests.clients.gateway import Gateway, eventually, make_key, words

Serve = Callable[..., Gateway]
HELLO: Any = [{"role": "user", "content": "Say hello to Ana."}]
PIXEL = "data:image/png;base64,iVBORw0KGgo="


class Person(BaseModel):
    name: str
    age: int


class Weather(BaseModel):
    """The weather of a town."""

    town: str


def client(gateway: Gateway, **options: Any) -> OpenAI:
    said: dict[str, Any] = {"base_url": gateway.base_url, "api_key": "none", "max_retries": 0}
    return OpenAI(**said | options)


def echo(body: dict[str, Any]) -> Say:
    return Say(f"You said: {words(body)}")


# ── answers ──────────────────────────────────────────────────────────────────────────────


def test_who_answered_at_what_cost_and_where_to_read_more(serve: Serve) -> None:
    gateway = serve(Say("Hello Ana.", usage=Tokens(input=11, output=3, cached=4)))
    with client(gateway) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(
            model="auto",
            messages=HELLO,
            extra_body={"mesh": {"task": "draft", "tags": ["team:blue"]}},
            extra_headers={"x-mesh-data-class": "public"},
            user="ana",
        )
    answer, said = raw.parse(), raw.headers
    assert answer.choices[0].message.content == "Hello Ana."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == said["x-mesh-model"] == "primary"
    assert answer.usage is not None
    assert answer.usage.to_dict() == {
        "prompt_tokens": 11,
        "completion_tokens": 3,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    assert said["x-mesh-cost-usd"] == "0.000017"
    assert said["x-mesh-attempts"] == "1"
    about = (answer.model_extra or {})["mesh"]
    assert about["cost_usd"] == pytest.approx(0.000017)
    assert about["trace_id"] == said["x-mesh-trace-id"]
    trace = gateway.trace(said["x-mesh-trace-id"])
    assert trace["cost_micro_usd"] == 17
    assert (trace["answer"], trace["caller"]["user"]) == ("Hello Ana.", "ana")
    assert trace["tags"] == ["team:blue"]
    (hop,) = trace["hops"]
    assert (hop["profile"]["task"], hop["profile"]["data_class"]) == ("draft", "public")


async def test_many_at_once_get_each_its_own(serve: Serve) -> None:
    gateway = serve(echo)
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as sdk:

        async def ask(number: int) -> str | None:
            messages: Any = [{"role": "user", "content": f"number {number}"}]
            answer = await sdk.chat.completions.create(model="auto", messages=messages)
            return answer.choices[0].message.content

        answers = await asyncio.gather(*map(ask, range(30)))
    assert answers == [f"You said: number {n}" for n in range(30)]


def test_a_stream_and_what_its_last_chunk_says(serve: Serve) -> None:
    gateway = serve(Say("One two three.", gap_s=0.02))
    with client(gateway) as sdk:
        chunks = list(sdk.chat.completions.create(model="auto", messages=HELLO, stream=True))
    heard = [c.choices[0].delta.content for c in chunks]
    assert [text for text in heard if text] == ["One", " two", " three."]
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    about = (chunks[-1].model_extra or {})["mesh"]
    assert (about["model"], about["ending"]) == ("primary", "complete")
    assert chunks[0].id == f"chatcmpl-{about['trace_id']}"
    assert gateway.trace(about["trace_id"])["answer"] == "One two three."


async def test_an_asynchronous_stream_with_usage(serve: Serve) -> None:
    gateway = serve(Say("One two.", usage=Tokens(input=9, output=2)))
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="none") as sdk:
        stream = await sdk.chat.completions.create(
            model="auto", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "One two."
    assert [c.usage.total_tokens for c in chunks if c.usage] == [11]


def test_a_provider_that_dies_in_mid_sentence_is_not_heard_of(serve: Serve) -> None:
    whole = "One two three four."
    gateway = serve(Say(whole, break_after=2), Say(whole))
    with client(gateway) as sdk:
        chunks = list(sdk.chat.completions.create(model="auto", messages=HELLO, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole
    about = (chunks[-1].model_extra or {})["mesh"]
    assert (about["ending"], about["attempts"]) == ("restarted", 2)
    (hop,) = gateway.trace(about["trace_id"])["hops"]
    assert [attempt["outcome"] for attempt in hop["attempts"]] == ["cut", "ok"]


def test_another_model_takes_over_and_is_named(serve: Serve) -> None:
    gateway = serve(Fail(503), spare=Say("I took over."))
    with client(gateway) as sdk:
        answer = sdk.chat.completions.create(model="auto", messages=HELLO)
    assert (answer.model, answer.choices[0].message.content) == ("fallback", "I took over.")
    assert (answer.model_extra or {})["mesh"]["attempts"] == len(gateway.upstream.seen) + 1


def test_a_request_that_is_sent_twice_under_one_key_is_answered_once(serve: Serve) -> None:
    gateway = serve(Say("Hello."))
    with client(gateway) as sdk:
        ids = [
            sdk.chat.completions.create(
                model="auto", messages=HELLO, extra_headers={"Idempotency-Key": "order-7"}
            ).id
            for _ in range(2)
        ]
    assert ids[0] == ids[1]
    assert len(gateway.upstream.seen) == 1


# ── tools, forms, images ─────────────────────────────────────────────────────────────────


def weather(body: dict[str, Any]) -> Say:
    """Asks for the weather, and says what it was told."""
    if body["messages"][-1]["role"] == "tool":
        return Say(f"It is {words(body)}.")
    return Say("", calls=(Call("Weather", '{"town": "Oslo"}', id="call_7"),))


def test_tools_and_their_results(serve: Serve) -> None:
    gateway = serve(weather)
    tools: Any = [openai.pydantic_function_tool(Weather)]
    with client(gateway) as sdk:
        first = sdk.chat.completions.parse(model="auto", messages=HELLO, tools=tools)
        message = first.choices[0].message
        assert message.tool_calls is not None
        (call,) = message.tool_calls
        assert call.function.parsed_arguments == Weather(town="Oslo")
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        said: Any = [*HELLO, message.to_dict(), result]
        second = sdk.chat.completions.create(model="auto", messages=said, tools=tools)
    assert first.choices[0].finish_reason == "tool_calls"
    assert second.choices[0].message.content == "It is sunny."
    assert gateway.upstream.seen[1].body["messages"][1]["tool_calls"][0]["id"] == "call_7"


def test_a_stream_of_tool_calls_as_the_client_puts_it_together(serve: Serve) -> None:
    calls = (
        Call("Weather", '{"town": "Oslo"}', id="call_1"),
        Call("Weather", '{"town": "Rome"}', id="call_2"),
    )
    gateway = serve(Say("One moment.", calls=calls))
    tools: Any = [openai.pydantic_function_tool(Weather)]
    with (
        client(gateway) as sdk,
        sdk.chat.completions.stream(model="auto", messages=HELLO, tools=tools) as events,
    ):
        message = events.get_final_completion().choices[0].message
    assert message.content == "One moment."
    towns = [call.function.parsed_arguments for call in message.tool_calls or ()]
    assert towns == [Weather(town="Oslo"), Weather(town="Rome")]


def test_an_answer_of_another_form_is_asked_for_again(serve: Serve) -> None:
    gateway = serve(Say('{"name": "Ana"}'), Say('{"name": "Ana", "age": 36}'))
    with client(gateway) as sdk:
        answer = sdk.chat.completions.parse(model="auto", messages=HELLO, response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="Ana", age=36)
    assert (answer.model_extra or {})["mesh"]["attempts"] == 2


def test_json_without_a_schema(serve: Serve) -> None:
    gateway = serve(Say('{"a": 1}'))
    with client(gateway) as sdk:
        answer = sdk.chat.completions.create(
            model="auto", messages=HELLO, response_format={"type": "json_object"}
        )
    assert json.loads(answer.choices[0].message.content or "") == {"a": 1}


def test_an_image_reaches_a_model_that_sees(serve: Serve) -> None:
    gateway = serve(Say("A cat."))
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]
    messages: Any = [{"role": "user", "content": parts}]
    with client(gateway) as sdk:
        answer = sdk.chat.completions.create(model="auto", messages=messages)
        with pytest.raises(openai.UnprocessableEntityError, match="is to relax request"):
            sdk.chat.completions.create(model="fallback", messages=messages)
    assert answer.model == "primary"  # `fallback` sees nothing
    assert gateway.upstream.seen[0].body["messages"][0]["content"] == parts


# ── the other endpoints ──────────────────────────────────────────────────────────────────


def test_vectors(serve: Serve) -> None:
    gateway = serve(Say("No vectors here."))
    with client(gateway) as sdk:
        raw = sdk.embeddings.with_raw_response.create(model="auto", input=["a", "abc"])
    answer = raw.parse()
    assert [row.embedding for row in answer.data] == [[1.0, 0.0, 0.25], [3.0, 1.0, 0.25]]
    assert answer.model == raw.headers["x-mesh-model"] == "vectors"
    assert raw.headers["x-mesh-cost-usd"] == "0.000400"
    assert gateway.trace(raw.headers["x-mesh-trace-id"])["cost_micro_usd"] == 400


def test_images(serve: Serve) -> None:
    gateway = serve(Say("No images here."))
    with client(gateway) as sdk:
        raw = sdk.images.with_raw_response.generate(model="auto", prompt="a boat", n=2)
    assert [image.b64_json for image in raw.parse().data or ()] == ["aW1hZ2U="] * 2
    assert raw.headers["x-mesh-cost-usd"] == "0.080000"
    assert gateway.trace(raw.headers["x-mesh-trace-id"])["hops"][0]["output"] == "2 images"


def test_what_may_stand_in_model(serve: Serve) -> None:
    gateway = serve(Say("Hello."))
    with client(gateway) as sdk:
        names = {model.id for model in sdk.models.list()}
        one = sdk.models.retrieve("primary")
        with pytest.raises(openai.NotFoundError, match="did you mean 'primary'"):
            sdk.models.retrieve("primry")
    assert {"auto", "task:chat", "primary", "fallback", "vectors", "painter"} <= names
    assert (one.id, one.owned_by) == ("primary", "first")


# ── what goes wrong ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "asked", "said"),
    [
        (openai.BadRequestError, {"temperature": 9}, "temperature: "),
        (openai.BadRequestError, {"extra_body": {"mesh": {"tasks": "x"}}}, "mean 'task'"),
        (openai.BadRequestError, {"extra_headers": {"x-mesh-dataclass": "pii"}}, "x-mesh-data-cl"),
        (openai.BadRequestError, {"extra_body": {"api_base": "http://x"}}, "never passed on"),
        (openai.NotFoundError, {"model": "gpt-9"}, "unknown model 'gpt-9'; known: auto"),
    ],
)
def test_a_callers_mistake(serve: Serve, kind: Any, asked: dict[str, Any], said: str) -> None:
    gateway = serve(Say("Hello."))
    with client(gateway, max_retries=2) as sdk, pytest.raises(kind, match=said) as error:
        sdk.chat.completions.create(**{"model": "auto", "messages": HELLO, **asked})
    assert error.value.type == "invalid_request_error"
    assert error.value.code
    assert not gateway.upstream.seen


def test_a_key_that_is_wrong_and_one_that_is_not_for_everything(
    serve: Serve, tmp_path: Path
) -> None:
    secret = make_key(tmp_path, "--task", "chat")
    gateway = serve(Say("Hello."), keys=True)
    with client(gateway, api_key="mesh-wrong") as sdk:
        with pytest.raises(openai.AuthenticationError) as wrong:
            sdk.chat.completions.create(model="auto", messages=HELLO)
        assert wrong.value.code == "invalid_key"
        assert "mesh-wrong" not in str(wrong.value)
    with client(gateway, api_key=secret) as sdk:
        answer = sdk.chat.completions.create(model="task:chat", messages=HELLO)
        with pytest.raises(openai.PermissionDeniedError, match="may not ask for task 'draft'"):
            sdk.chat.completions.create(model="task:draft", messages=HELLO)
    trace = gateway.trace(answer.id.removeprefix("chatcmpl-"))
    assert trace["caller"]["key"].startswith("key_")
    assert secret not in json.dumps(trace)


@pytest.mark.parametrize(
    ("step", "kind", "said"),
    [
        (Fail(503), openai.InternalServerError, "primary/here: overloaded"),
        (Fail(401), openai.InternalServerError, "primary/here: auth"),
        (Say(""), openai.InternalServerError, "primary/here: empty"),
    ],
)
def test_a_providers_failure_is_not_the_callers_mistake(
    serve: Serve, step: Any, kind: Any, said: str
) -> None:
    gateway = serve(step)
    with client(gateway) as sdk, pytest.raises(kind, match=said) as error:
        sdk.chat.completions.create(model="primary", messages=HELLO)
    assert "127.0.0.1" not in str(error.value)
    trace = gateway.trace(error.value.response.headers["x-mesh-trace-id"])
    assert trace["status"] == "failed"


def test_a_stream_that_breaks_off_for_good_raises(serve: Serve) -> None:
    gateway = serve(Say("One two three", break_after=1), Fail(503))
    heard: list[Any] = []
    with client(gateway) as sdk:
        stream = sdk.chat.completions.create(model="primary", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="the answer broke off"):
            heard.extend(stream)
    assert [c.choices[0].finish_reason for c in heard] == [None] * len(heard)
    assert "".join(c.choices[0].delta.content or "" for c in heard) == "One"


def test_the_client_tries_again_what_may_pass(serve: Serve) -> None:
    patient = "calls: {breaker: {failures: 50, error_rate: 0.95}}"
    gateway = serve(Fail(503), Fail(503), Say("Hello."), mesh=patient)
    with client(gateway, max_retries=1) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(model="primary", messages=HELLO)
    assert raw.retries_taken == 1
    assert raw.parse().choices[0].message.content == "Hello."


def test_the_client_waits_as_long_as_a_limit_says(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("openai._base_client.time.sleep", waits.append)
    limit = "\nlimits: [{per: user, requests_per_minute: 1}]"
    gateway = serve(Say("Hello."), policy=f"objective: {{maximize: quality}}{limit}")
    with client(gateway, max_retries=1) as sdk:
        sdk.chat.completions.create(model="auto", messages=HELLO, user="ana")
        with pytest.raises(openai.RateLimitError, match="1 call a minute") as error:
            sdk.chat.completions.create(model="auto", messages=HELLO, user="ana")
        sdk.chat.completions.create(model="auto", messages=HELLO, user="bob")
    assert waits
    # Locks of this process are waited for too, some hundredths of a second.
    assert max(waits) == pytest.approx(float(error.value.response.headers["retry-after"]), abs=2)


def test_a_budget_that_is_used_up_is_not_tried_again(serve: Serve) -> None:
    budget = "\nbudgets: [{per: user, usd: 0.000001, window: day}]"
    gateway = serve(Say("Hello."), policy=f"objective: {{maximize: quality}}{budget}")
    with client(gateway, max_retries=2) as sdk, pytest.raises(openai.APIStatusError) as error:
        sdk.chat.completions.create(model="auto", messages=HELLO, user="ana")
    assert (error.value.status_code, error.value.code) == (402, "budget_exceeded")
    assert error.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_client_that_does_not_wait_stops_the_work_upstream(serve: Serve) -> None:
    gateway = serve(Say("Awake."), Hang())
    with client(gateway) as sdk:
        sdk.chat.completions.create(model="primary", messages=HELLO)
        with pytest.raises(openai.APITimeoutError):
            sdk.with_options(timeout=0.5).chat.completions.create(model="primary", messages=HELLO)
    eventually(lambda: [seen.gone for seen in gateway.upstream.seen] == [False, True])


def test_a_deadline_of_the_request_is_kept(serve: Serve) -> None:
    gateway = serve(Hang())
    needs = {"mesh": {"deadline_ms": 2000}}
    with client(gateway) as sdk, pytest.raises(openai.InternalServerError) as error:
        sdk.chat.completions.create(model="auto", messages=HELLO, extra_body=needs)
    assert (error.value.status_code, error.value.code) == (504, "providers_timed_out")
    assert "tried primary/here: " in str(error.value)
