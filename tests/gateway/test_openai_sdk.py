"""OpenAI's own client, as programs use it: only its `base_url` is another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from orchestrator.gateway.keys.values import Key
from tests.calling.server import Call, Fail, Say, StandIn
from tests.gateway.serving import Ring, Served, serving, write_served
from tests.gateway.test_chat_completions import WEATHER
from tests.gateway.test_chat_stream import ONE

HELLO: Any = [{"role": "user", "content": "Say hello."}]
RING = Ring({"mesh-good": Key(id="key_1")})


class Person(BaseModel):
    name: str
    age: int


def client(gateway: Served, key: str = "mesh-good") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)


async def test_a_completion_and_what_the_mesh_says_of_it(tmp_path: Path) -> None:
    async with (
        StandIn(Say("Hello.")) as upstream,
        serving(tmp_path, upstream, keys=RING) as gateway,
        client(gateway) as sdk,
    ):
        raw = await sdk.chat.completions.with_raw_response.create(
            model="auto", messages=HELLO, extra_body={"mesh": {"task": "chat"}}, user="anna"
        )
        answer = raw.parse()
        models = [model.id async for model in sdk.models.list()]
    assert answer.choices[0].message.content == "Hello."
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    assert answer.model == raw.headers["x-mesh-model"] == "primary"
    assert (answer.model_extra or {})["mesh"]["ending"] == "complete"
    assert "auto" in models


async def test_the_blocking_client(tmp_path: Path) -> None:
    stand_in = StandIn(Say("Hello you."))

    def ask(url: str) -> list[str]:
        with OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as sdk:
            whole = sdk.chat.completions.create(model="auto", messages=HELLO)
            parts = sdk.chat.completions.create(model="auto", messages=HELLO, stream=True)
            text = "".join(c.choices[0].delta.content or "" for c in parts)
        return [whole.choices[0].message.content or "", text]

    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        assert await asyncio.to_thread(ask, gateway.url) == ["Hello you.", "Hello you."]


async def test_a_stream_with_tools_as_the_client_puts_it_together(tmp_path: Path) -> None:
    calls = (Call("weather", '{"town": "Oslo"}', id="call_9"),)
    tools: Any = [{**WEATHER, "function": {**WEATHER["function"], "strict": True}}]
    async with (
        StandIn(Say("One moment.", calls=calls)) as upstream,
        serving(tmp_path, upstream) as gateway,
        client(gateway) as sdk,
        sdk.chat.completions.stream(
            model="auto", messages=HELLO, tools=tools, stream_options={"include_usage": True}
        ) as events,
    ):
        final = await events.get_final_completion()
    message = final.choices[0].message
    assert message.content == "One moment."
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == '{"town": "Oslo"}'
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.usage is not None
    assert final.usage.completion_tokens == 5


async def test_structured_output(tmp_path: Path) -> None:
    stand_in = StandIn(Say('{"name": "Ada"}'), Say('{"name": "Ada", "age": 36}'))
    async with (
        stand_in as upstream,
        serving(tmp_path, upstream) as gateway,
        client(gateway) as sdk,
    ):
        parsed = await sdk.chat.completions.parse(
            model="auto", messages=HELLO, response_format=Person
        )
    assert parsed.choices[0].message.parsed == Person(name="Ada", age=36)
    assert len(stand_in.seen) == 2


async def test_errors_are_those_of_the_client(tmp_path: Path) -> None:
    write_served(tmp_path, fleet=ONE)
    stand_in = StandIn(Fail(503))
    async with stand_in as upstream, serving(tmp_path, upstream, keys=RING) as gateway:
        async with client(gateway, "mesh-bad") as sdk:
            with pytest.raises(openai.AuthenticationError):
                await sdk.chat.completions.create(model="auto", messages=HELLO)
        async with client(gateway) as sdk:
            with pytest.raises(openai.NotFoundError) as unknown:
                await sdk.chat.completions.create(model="gpt-9", messages=HELLO)
            assert unknown.value.code == "model_not_found"
            with pytest.raises(openai.BadRequestError) as wrong:
                await sdk.chat.completions.create(model="auto", messages=HELLO, temperature=9)
            assert wrong.value.param == "temperature"
            with pytest.raises(openai.InternalServerError, match="primary/here: overloaded"):
                await sdk.chat.completions.create(model="auto", messages=HELLO)


async def test_a_stream_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    write_served(tmp_path, fleet=ONE)
    stand_in = StandIn(Say("One two three", break_after=1), Fail(503))
    async with (
        stand_in as upstream,
        serving(tmp_path, upstream) as gateway,
        client(gateway) as sdk,
    ):
        parts = await sdk.chat.completions.create(model="auto", messages=HELLO, stream=True)
        heard: list[str] = []
        with pytest.raises(openai.APIError):
            await listen(parts, heard)
    assert "".join(heard) == "One"


async def listen(parts: Any, heard: list[str]) -> None:
    async for chunk in parts:
        heard.append(chunk.choices[0].delta.content or "")
