"""Tools through the transports: what is sent, what is read, who refuses."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.call_types import CallRequest, ToolCall, ToolCallDelta
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.tool_calls import ToolCalls
from orchestrator.calling.transports import Transports
from orchestrator.calling.transports.wire.chat import Chunks, payload
from orchestrator.errors import AttemptError
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.types import Outcome
from tests.calling.samples import deployment, events, finishes, request, text_of
from tests.calling.server import Call, Say, StandIn

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]

LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
ASKED: tuple[dict[str, Any], ...] = (
    {"role": "user", "content": "Look at it."},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "x", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "content": "a fox", "tool_call_id": "x"},
)


@pytest.mark.parametrize("via", ["openai", "litellm"])
async def test_calls_stream_in_pieces_and_messages_keep_their_shape(via: str) -> None:
    step = Say("Once more.", calls=(Call("look", '{"at": "äöü"}', "a"), Call("look", id="b")))
    transports = Transports(BUILTINS, {}, SystemClock())
    stand_in = StandIn(step)
    messages: Any = ASKED
    sent = CallRequest(
        messages=messages, tools=(LOOK,), tool_choice="look", parallel_tool_calls=True
    )
    async with stand_in as url:
        target = "openai/stand-in" if via == "litellm" else "stand-in"
        to = deployment("m/d", via=via, target=target, endpoint=url)
        heard = await events(transports.get(via), to, sent)
    await transports.close()
    calls = ToolCalls()
    for event in heard:
        if isinstance(event, ToolCallDelta):
            calls.take(event)
    assert text_of(heard) == "Once more."
    assert calls.whole() == (
        ToolCall(id="a", name="look", arguments='{"at": "äöü"}'),
        ToolCall(id="b", name="look", arguments="{}"),
    )
    assert finishes(heard) == ["tool_calls"]
    body = stand_in.seen[-1].body
    assert body["tools"] == [LOOK]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "look"}}
    assert body["parallel_tool_calls"] is True
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool"]
    assert body["messages"][1]["tool_calls"] == ASKED[1]["tool_calls"]
    assert body["messages"][2]["tool_call_id"] == "x"


async def test_a_deterministic_model_refuses_tools() -> None:
    registry = Registry(BUILTINS)
    registry.add("builtin", "answer", lambda _: "Hello.")
    transport = Transports(registry, {}, SystemClock()).get("builtin")
    to = deployment("m/d", via="builtin", target="answer", family=None)
    with pytest.raises(AttemptError, match="calls no tools") as caught:
        await events(transport, to, request(tools=(LOOK,)))
    assert caught.value.outcome is Outcome.INVALID_REQUEST
    assert text_of(await events(transport, to, request())) == "Hello."


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("look", {"type": "function", "function": {"name": "look"}}),
    ],
)
def test_a_choice_as_it_is_sent(choice: str | None, sent: Any) -> None:
    body = payload(deployment("m/d"), request(tools=(LOOK,), tool_choice=choice))
    assert body.get("tool_choice") == sent


def test_without_tools_nothing_of_them_is_sent() -> None:
    body = payload(deployment("m/d"), request(tool_choice="auto", parallel_tool_calls=False))
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)


def test_a_schema_that_says_nothing_is_json_mode() -> None:
    body = payload(deployment("m/d"), request(schema={"type": "object"}))
    assert body["response_format"] == {"type": "json_object"}
    strict = request(schema={"type": "object", "properties": {}}, strict=True)
    assert payload(deployment("m/d"), strict)["response_format"]["json_schema"]["strict"] is True


def read(delta: dict[str, Any], part: str = "delta") -> list[ToolCallDelta]:
    chunk = {"choices": [{"index": 0, part: delta, "finish_reason": None}]}
    answer = Chunks()
    answer.read(chunk, part)
    return [e for e in answer.events() if isinstance(e, ToolCallDelta)]


def test_calls_of_an_answer_in_one_piece_have_no_index() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        {"id": "b", "type": "function", "function": {"name": "look", "arguments": {"at": "ä"}}},
    ]
    assert read({"content": None, "tool_calls": calls}, "message") == [
        ToolCallDelta(index=0, id="a", name="look", arguments="{}"),
        ToolCallDelta(index=1, id="b", name="look", arguments='{"at": "ä"}'),
    ]


@pytest.mark.parametrize("broken", ["no list", [None], [{"index": 0}], [{"function": "x"}]])
def test_odd_calls_break_nothing(broken: Any) -> None:
    assert all(not d.name and not d.arguments for d in read({"tool_calls": broken}))
