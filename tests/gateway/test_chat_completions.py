"""What a chat request says reaches the model, and what the model says reaches the caller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.calling.server import Call, Fail, Say, StandIn, Tokens
from tests.gateway.serving import serving, write_served

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Say hello to my friend."}]
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town.",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
        },
    },
}


async def test_the_answer_says_who_gave_it_and_what_it_cost(tmp_path: Path) -> None:
    stand_in = StandIn(Say("Hello there.", usage=Tokens(input=11, output=3, cached=4)))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, headers, body = await gateway.post({"model": "auto", "messages": HELLO})
    assert status == 200
    choice = body["choices"][0]
    assert choice["message"]["content"] == "Hello there."
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert (body["object"], body["model"]) == ("chat.completion", "primary")
    assert body["usage"]["prompt_tokens"] == 11
    assert body["usage"]["total_tokens"] == 14
    assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == 4
    assert headers["x-mesh-model"] == "primary"
    assert headers["x-mesh-deployment"] == "primary/here"
    assert headers["x-mesh-cost-usd"] == "0.000017"
    assert headers["x-mesh-attempts"] == "1"
    assert headers["x-mesh-ending"] == "complete"
    assert body["id"] == f"chatcmpl-{headers['x-mesh-trace-id']}"
    assert body["mesh"]["cost_usd"] == pytest.approx(0.000017)


async def test_parameters_reach_the_provider(tmp_path: Path) -> None:
    stand_in = StandIn(Say("Fine."))
    asked = {
        "model": "task:chat",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "How"}, {"type": "text", "text": "?"}],
            },
        ],
        "temperature": 0.3,
        "max_completion_tokens": 55,
        "stop": "END",
        "seed": 7,
        "top_p": 0.5,
        "presence_penalty": 0.1,
        "top_k": 3,
        "chat_template_kwargs": {"enable_thinking": False},
        "stop_token_ids": [7],
        "guided_json": {"properties": {"url": {"type": "string"}}},
        "user": "anna",
        "metadata": {"team": "blue"},
        "n": None,
    }
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, headers, _ = await gateway.post(asked)
        trace = gateway.trace(headers["x-mesh-trace-id"])
    assert status == 200
    sent = stand_in.seen[0].body
    assert sent["model"] == "primary-1"
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How\n?"},
    ]
    assert (sent["temperature"], sent["max_tokens"], sent["seed"]) == (0.3, 55, 7)
    assert (sent["stop"], sent["top_p"], sent["presence_penalty"]) == (["END"], 0.5, 0.1)
    assert (sent["top_k"], sent["chat_template_kwargs"]) == (3, {"enable_thinking": False})
    assert "user" not in sent
    assert "metadata" not in sent
    assert trace.graph == "gateway"
    assert trace.caller.user == "anna"
    assert trace.tags == ("team:blue",)


async def test_the_model_that_is_named_is_the_only_one_asked(tmp_path: Path) -> None:
    async with StandIn(Say("I am second.")) as upstream, serving(tmp_path, upstream) as gateway:
        _, headers, _ = await gateway.post({"model": "fallback", "messages": HELLO})
    assert headers["x-mesh-model"] == "fallback"


async def test_another_model_takes_over_and_is_named(tmp_path: Path) -> None:
    broken, fine = StandIn(Fail(503)), StandIn(Say("I took over."))
    async with broken as upstream, fine as other, serving(tmp_path, upstream, other) as gateway:
        _, headers, body = await gateway.post({"model": "auto", "messages": HELLO})
    assert body["choices"][0]["message"]["content"] == "I took over."
    assert body["model"] == headers["x-mesh-model"] == "fallback"
    assert int(headers["x-mesh-attempts"]) == body["mesh"]["attempts"] > 1


async def test_tools_and_their_results(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Say:
        if body["messages"][-1]["role"] == "tool":
            return Say(f"It is {body['messages'][-1]['content']}.")
        return Say("", calls=(Call("weather", '{"town": "Oslo"}', id="call_7"),))

    stand_in = StandIn(answer)
    asked: dict[str, Any] = {"model": "auto", "messages": HELLO, "tools": [WEATHER]}
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        _, _, first = await gateway.post(asked)
        message = first["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": "call_7", "content": "sunny"}
        _, _, second = await gateway.post({**asked, "messages": [*HELLO, message, result]})
    assert first["choices"][0]["finish_reason"] == "tool_calls"
    assert message["content"] is None
    assert message["tool_calls"] == [
        {
            "id": "call_7",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"town": "Oslo"}'},
        }
    ]
    assert second["choices"][0]["message"]["content"] == "It is sunny."
    assert stand_in.seen[1].body["messages"][1]["tool_calls"][0]["id"] == "call_7"


async def test_an_answer_that_breaks_its_schema_is_asked_again(tmp_path: Path) -> None:
    stand_in = StandIn(Say('{"age": "old"}'), Say('```json\n{"age": 7}\n```'))
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer"}},
        "required": ["age"],
        "additionalProperties": False,
    }
    asked = {
        "model": "auto",
        "messages": HELLO,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "person", "schema": schema, "strict": True},
        },
    }
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, headers, body = await gateway.post(asked)
    assert status == 200
    assert body["choices"][0]["message"]["content"] == '{"age": 7}'
    assert headers["x-mesh-attempts"] == "2"
    form = stand_in.seen[0].body["response_format"]["json_schema"]
    assert (form["schema"], form["strict"]) == (schema, True)


async def test_json_object(tmp_path: Path) -> None:
    stand_in = StandIn(Say("no json"), Say('{"a": 1}'))
    asked = {"model": "auto", "messages": HELLO, "response_format": {"type": "json_object"}}
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        _, _, body = await gateway.post(asked)
    assert body["choices"][0]["message"]["content"] == '{"a": 1}'
    assert stand_in.seen[0].body["response_format"] == {"type": "json_object"}


async def test_several_answers(tmp_path: Path) -> None:
    stand_in = StandIn(lambda body: Say(f"seed {body['seed']}", usage=Tokens(input=4, output=2)))
    asked = {"model": "auto", "messages": HELLO, "n": 3, "seed": 10}
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        _, headers, body = await gateway.post(asked)
        gateway.mesh.store.flush()
        stem = headers["x-mesh-trace-id"][:-1]
        traces = [t for t in gateway.mesh.store.traces(10) if t.id.startswith(stem)]
    assert [c["index"] for c in body["choices"]] == [0, 1, 2]
    texts = [c["message"]["content"] for c in body["choices"]]
    assert texts == ["seed 10", "seed 11", "seed 12"]
    assert body["usage"]["total_tokens"] == 18
    assert headers["x-mesh-attempts"] == "3"
    assert len(traces) == 3


async def test_images_go_to_a_model_that_sees(tmp_path: Path) -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    stand_in = StandIn(Say("A cat."))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        messages = [{"role": "user", "content": parts}]
        _, headers, _ = await gateway.post({"model": "auto", "messages": messages})
        status, _, refused = await gateway.post({"model": "fallback", "messages": messages})
    assert headers["x-mesh-model"] == "primary"
    assert stand_in.seen[0].body["messages"][0]["content"] == parts
    assert (status, refused["error"]["code"]) == (422, "no_model_for_needs")
    assert "request.models" in refused["error"]["message"]


async def test_unknown_parameters_are_refused_where_the_project_says_so(tmp_path: Path) -> None:
    write_served(tmp_path, mesh="gateway: {unknown_parameters: refuse}")
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream) as gateway:
        status, _, body = await gateway.post(
            {"model": "auto", "messages": HELLO, "temprature": 0.5}
        )
    assert status == 400
    assert body["error"]["param"] == "temprature"
    assert "did you mean 'temperature'" in body["error"]["message"]
