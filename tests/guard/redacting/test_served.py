"""Placeholders behind the gateway: streams, tool calls, structured answers, and the cache."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.calling.server import Call, Say, StandIn
from tests.gateway.serving import FLEET, Served, serving, write_served

ANN, BOB = "ann.muster@example.org", "bob.beispiel@example.net"
POLICY = """
data_classes: [public, internal, confidential, pii]
objective: {maximize: quality}
routes:
  - {name: covered, redact: hosted, cache: exact}
"""


def parrot(body: Mapping[str, Any]) -> Say:
    """Repeats the last message; calls a tool or writes JSON where it is asked to."""
    said = str(body["messages"][-1]["content"])
    if body.get("tools"):
        return Say("", calls=(Call("send", json.dumps({"to": ["[email_1]"], "text": said})),))
    if body.get("response_format"):
        return Say('{"to": "[EMAIL_1]"}')
    return Say(f"As you wrote: {said}")


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Served, StandIn]]:
    write_served(folder, fleet=FLEET.replace("hosting: self", "hosting: hosted"), policy=POLICY)
    upstream = StandIn(parrot)
    async with upstream as url, serving(folder, url) as gateway:
        yield gateway, upstream


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": text}], **more}


async def test_a_stream_holds_values_and_the_provider_saw_none(tmp_path: Path) -> None:
    async with served(tmp_path) as (gateway, upstream):
        body = asked(f"Write to {ANN}, not to {BOB}.", stream=True)
        told = ""
        async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    choices = json.loads(line[6:])["choices"]
                    told += (choices[0]["delta"].get("content") or "") if choices else ""
        assert told == f"As you wrote: Write to {ANN}, not to {BOB}."
        sent = json.dumps(upstream.seen[0].body)
        assert "Write to [EMAIL_1], not to [EMAIL_2]." in sent
        assert ANN not in sent


async def test_a_tool_call_holds_values_as_json(tmp_path: Path) -> None:
    async with served(tmp_path) as (gateway, upstream):
        tool = {"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}
        _, _, answer = await gateway.post(asked(f"Write to {ANN}.", tools=[tool]))
        call = answer["choices"][0]["message"]["tool_calls"][0]["function"]
        assert json.loads(call["arguments"]) == {"to": [ANN], "text": f"Write to {ANN}."}
        assert ANN not in json.dumps(upstream.seen[0].body)


async def test_a_structured_answer_is_checked_as_it_is_given(tmp_path: Path) -> None:
    """A pattern that an address satisfies and a placeholder does not."""
    schema = {
        "type": "object",
        "properties": {"to": {"type": "string", "pattern": "^[a-z.]+@[a-z.]+$"}},
        "required": ["to"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "letter", "schema": schema}}
    async with served(tmp_path) as (gateway, upstream):
        _, _, answer = await gateway.post(asked(f"Write to {ANN}.", response_format=form))
        assert json.loads(answer["choices"][0]["message"]["content"]) == {"to": ANN}
        assert len(upstream.seen) == 1


async def test_the_trace_says_what_was_replaced(tmp_path: Path) -> None:
    async with served(tmp_path) as (gateway, _):
        _, headers, _ = await gateway.post(asked(f"Write to {ANN}."))
        hop = gateway.hops(headers["x-mesh-trace-id"])[0]
        assert hop.notes == ("1 value replaced before hosted models (email 1)",)


async def test_what_holds_values_is_neither_kept_nor_given_to_others(tmp_path: Path) -> None:
    async with served(tmp_path) as (gateway, upstream):
        for text, calls in ((f"Write to {ANN}.", 2), ("Write to nobody.", 1)):
            before = len(upstream.seen)
            for _ in range(2):
                status, _, answer = await gateway.post(asked(text))
                assert status == 200
                assert answer["choices"][0]["message"]["content"] == f"As you wrote: {text}"
            assert len(upstream.seen) - before == calls
