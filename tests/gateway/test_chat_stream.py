"""Streams: each word as it comes, and never an end that was not one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.calling.server import Call, Fail, Hang, Say, StandIn
from tests.gateway.serving import Served, serving, write_served
from tests.gateway.test_chat_completions import HELLO, WEATHER

ONE = """
models:
  primary:
    family: first
    tier: mid
    context: 8000
    tasks: {"*": 0.9}
    can: [tools, json, stream]
    deployments:
      - {id: here, via: openai, model: primary-1, endpoint: "${PRIMARY_URL}", hosting: self}
"""


async def stream(gateway: Served, **asked: Any) -> tuple[int, Mapping[str, str], list[Any]]:
    """Status, headers, and the events: JSON, or the word that stands there."""
    body = {"model": "auto", "messages": HELLO, "stream": True, **asked}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as response:
        text = await response.text()
        if response.status != 200:
            return response.status, response.headers, [json.loads(text)]
        found = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
        return (
            response.status,
            response.headers,
            [json.loads(one) if one.startswith("{") else one for one in found],
        )


def text_of(events: list[Any], index: int = 0) -> str:
    choices = [c for e in events if isinstance(e, dict) for c in e.get("choices", ())]
    return "".join(c["delta"].get("content") or "" for c in choices if c["index"] == index)


async def test_the_parts_of_a_stream(tmp_path: Path) -> None:
    stand_in = StandIn(Say("One two three.", gap_s=0.02))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, headers, events = await stream(gateway, stream_options={"include_usage": True})
    assert status == 200
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    first, *words, finish, usage, done = events
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert [e["choices"][0]["delta"]["content"] for e in words] == ["One", " two", " three."]
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 12
    assert usage["mesh"]["deployment"] == "primary/here"
    assert usage["mesh"]["trace_id"] == headers["x-mesh-trace-id"]
    assert done == "[DONE]"
    assert {e["id"] for e in events[:-1]} == {f"chatcmpl-{headers['x-mesh-trace-id']}"}
    assert finish["model"] == "primary"


async def test_without_usage_no_chunk_is_without_a_choice(tmp_path: Path) -> None:
    async with StandIn(Say("One.")) as upstream, serving(tmp_path, upstream) as gateway:
        _, _, events = await stream(gateway)
    assert all(e["choices"] for e in events[:-1])
    assert events[-2]["mesh"]["model"] == "primary"
    assert "usage" not in events[-2]


async def test_the_first_word_comes_before_the_last_is_written(tmp_path: Path) -> None:
    stand_in = StandIn(Say("First and then silence", break_after=1, broken="hang"))
    body = {"model": "auto", "messages": HELLO, "stream": True}
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        url = f"{gateway.url}/v1/chat/completions"
        async with gateway.http.post(url, json=body) as response:
            while b"First" not in await response.content.readline():
                pass
        # The client has left; so does the gateway.
        await asyncio.wait_for(stand_in.seen[0].ended.wait(), 5)
    assert stand_in.seen[0].gone


async def test_a_client_that_leaves_before_any_answer(tmp_path: Path) -> None:
    stand_in = StandIn(Hang())
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        asking = asyncio.create_task(gateway.post({"model": "auto", "messages": HELLO}))
        await asyncio.wait_for(stand_in.arrived.wait(), 5)
        asking.cancel()
        await asyncio.wait_for(stand_in.seen[0].ended.wait(), 5)
        assert stand_in.seen[0].gone
        while gateway.app.state.serving.requests:
            await asyncio.sleep(0.01)


async def test_tool_calls_come_whole_before_the_end(tmp_path: Path) -> None:
    calls = (
        Call("weather", '{"town": "Oslo"}', id="a"),
        Call("weather", '{"town": "Rome"}', id="b"),
    )
    async with (
        StandIn(Say("Let me see.", calls=calls)) as upstream,
        serving(tmp_path, upstream) as gateway,
    ):
        _, _, events = await stream(gateway, tools=[WEATHER])
    deltas = [e["choices"][0]["delta"] for e in events[:-1]]
    told = next(d["tool_calls"] for d in deltas if "tool_calls" in d)
    assert [(c["index"], c["id"], c["function"]["arguments"]) for c in told] == [
        (0, "a", '{"town": "Oslo"}'),
        (1, "b", '{"town": "Rome"}'),
    ]
    assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert text_of(events) == "Let me see."


async def test_what_is_checked_comes_after_its_check(tmp_path: Path) -> None:
    stand_in = StandIn(Say("no json at all"), Say('{"a": 1}'))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        _, _, events = await stream(gateway, response_format={"type": "json_object"})
    assert text_of(events) == '{"a": 1}'
    assert events[-1] == "[DONE]"


async def test_several_answers_side_by_side(tmp_path: Path) -> None:
    stand_in = StandIn(lambda body: Say(f"this is seed {body['seed']}", gap_s=0.01))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        _, _, events = await stream(gateway, n=2, seed=1, stream_options={"include_usage": True})
    assert [text_of(events, index) for index in (0, 1)] == ["this is seed 1", "this is seed 2"]
    reasons = [
        (c["index"], c["finish_reason"])
        for e in events[:-1]
        for c in e["choices"]
        if c["finish_reason"]
    ]
    assert sorted(reasons) == [(0, "stop"), (1, "stop")]
    assert events[-2]["usage"]["total_tokens"] == 24


async def test_a_failure_before_the_first_word_is_a_plain_error(tmp_path: Path) -> None:
    async with StandIn(Fail(503)) as upstream, serving(tmp_path, upstream) as gateway:
        status, headers, (body,) = await stream(gateway)
    assert status == 503
    assert headers["content-type"] == "application/json"
    assert body["error"]["code"] == "providers_unavailable"


async def test_a_stream_that_breaks_off_ends_in_an_error(tmp_path: Path) -> None:
    write_served(tmp_path, fleet=ONE)
    stand_in = StandIn(Say("One two three four", break_after=2), Fail(503))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, headers, events = await stream(gateway)
    assert status == 200
    assert text_of(events) == "One two"
    assert events[-1]["error"]["type"] == "api_error"
    assert events[-1]["mesh"]["trace_id"] == headers["x-mesh-trace-id"]
    assert "[DONE]" not in events
    reasons = [c["finish_reason"] for e in events[:-1] for c in e["choices"]]
    assert set(reasons) == {None}


async def test_signs_of_life_while_nothing_comes(tmp_path: Path) -> None:
    stand_in = StandIn(Say("One two", gap_s=0.2))
    async with stand_in as upstream, serving(tmp_path, upstream, quiet_s=0.05) as gateway:
        body = {"model": "auto", "messages": HELLO, "stream": True}
        async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as response:
            text = await response.text()
    assert "\n\n: waiting\n\n" in text
    assert text.endswith("data: [DONE]\n\n")


async def test_streams_side_by_side_are_not_mixed_up(tmp_path: Path) -> None:
    def echo(body: dict[str, Any]) -> Say:
        return Say(" ".join([body["messages"][-1]["content"]] * 8), gap_s=0.002)

    async with StandIn(echo) as upstream, serving(tmp_path, upstream) as gateway:
        asked = [[{"role": "user", "content": f"word{number}"}] for number in range(60)]
        found = await asyncio.gather(
            *(stream(gateway, model="task:chat", messages=messages) for messages in asked)
        )
    for number, (status, _, events) in enumerate(found):
        assert status == 200
        assert text_of(events) == " ".join([f"word{number}"] * 8)
        assert events[-1] == "[DONE]"
    assert len({events[0]["id"] for _, _, events in found}) == 60
