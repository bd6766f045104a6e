"""Whatever a caller sends: OpenAI's error shape, a sentence that helps, and no 5xx."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.gateway.keys.values import Key
from orchestrator.types import Caller
from tests.calling.server import Fail, Say, StandIn
from tests.gateway.serving import POLICY, Ring, Served, serving, write_served
from tests.gateway.test_chat_completions import HELLO, WEATHER

FINE: dict[str, Any] = {"model": "auto", "messages": HELLO}
PARTS = "messages[0].content[0]"


def with_part(part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


WRONG: list[tuple[dict[str, Any], int, str | None, str]] = [
    ({"model": 5}, 400, "model", "found a whole number; allowed: a string"),
    ({"model": ""}, 400, "model", "length >= 1"),
    ({"model": "autoo"}, 404, "model", "did you mean 'auto'"),
    ({"model": "task:chatt"}, 404, "model", "did you mean 'task:chat'"),
    ({"model": "graph:nothing"}, 404, "model", "graph:"),
    ({"model": "primary/here"}, 404, "model", "ask for 'primary'"),
    ({"messages": []}, 400, "messages", "length >= 1"),
    ({"messages": "hello"}, 400, "messages", "found a string; allowed: an array"),
    ({"messages": [{"content": "x"}]}, 400, "messages[0].role", "missing"),
    ({"messages": [{"role": "usr", "content": "x"}]}, 400, "messages[0].role", "'usr'"),
    ({"messages": [{"role": "user"}]}, 400, "messages[0].content", "missing"),
    ({"messages": [{"role": "user", "content": 5}]}, 400, "messages[0].content", "array"),
    ({"messages": [{"role": "user", "content": []}]}, 400, "messages[0].content", "no part"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0].tool_call_id", "name"),
    (with_part({"type": "video"}), 400, f"{PARTS}.type", "allowed: text, image_url"),
    (with_part({"type": {}}), 400, f"{PARTS}.type", "allowed: text, image_url"),
    (with_part({"type": "image_url"}), 400, f"{PARTS}.image_url", "an object"),
    (
        with_part({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
        400,
        f"{PARTS}.image_url.url",
        "https://",
    ),
    (with_part({"type": "text"}), 400, f"{PARTS}.text", "a string"),
    ({"temperature": 3}, 400, "temperature", "<= 2"),
    ({"temperature": "hot"}, 400, "temperature", "allowed: a number"),
    ({"max_tokens": 0}, 400, "max_tokens", ">= 1"),
    ({"max_tokens": 2**40}, 400, "max_tokens", "<="),
    ({"n": 17}, 400, "n", "<= 16"),
    ({"seed": 2**64}, 400, "seed", "<="),
    ({"stop": [""]}, 400, "stop[0]", "length >= 1"),
    ({"stream": "yes"}, 400, "stream", "true or false"),
    ({"logprobs": True}, 400, "logprobs", "leave it out"),
    ({"store": True}, 400, "store", "policy"),
    ({"modalities": ["audio"]}, 400, "modalities", "texts"),
    ({"functions": []}, 400, "functions", "'tools'"),
    ({"tools": [{"type": "web_search"}]}, 400, "tools[0].type", "'function'"),
    ({"tools": [{"type": "function"}]}, 400, "tools[0].function", "an object"),
    ({"tools": [WEATHER], "tool_choice": "wether"}, 400, "tool_choice", "allowed: auto"),
    (
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "wether"}}},
        400,
        "tool_choice",
        "did you mean 'weather'",
    ),
    ({"tools": [WEATHER, WEATHER]}, 400, "tools[1].function.name", "stands twice"),
    ({"tool_choice": "required"}, 400, "tool_choice", "offers none"),
    ({"response_format": {"type": "xml"}}, 400, "response_format", "json_object"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "objekt"}}}},
        400,
        "response_format.json_schema.schema",
        "objekt",
    ),
    ({"mesh": {"data_clas": "pii"}}, 400, "mesh.data_clas", "did you mean 'data_class'"),
    ({"mesh": {"data_class": "piii"}}, 400, "mesh.data_class", "did you mean 'pii'"),
    ({"mesh": {"task": "chatt"}}, 400, "mesh.task", "did you mean 'chat'"),
    ({"mesh": {"risk": "huge"}}, 400, "mesh.risk", "'huge'"),
    ({"mesh": {"tags": "a"}}, 400, "mesh.tags", "an array"),
    ({"mesh": {"quality_floor": 2}}, 400, "mesh.quality_floor", "<= 1"),
    ({"mesh": {"thread": "t"}}, 400, "mesh.thread", "graph:NAME"),
    ({"model": "task:embed"}, 404, "model", "unknown model"),
    ({"api_base": "http://evil"}, 400, "api_base", "never passed on"),
    ({"extra_headers": {"x": "y"}}, 400, "extra_headers", "never passed on"),
    ({"custom_llm_provider": "x"}, 400, "custom_llm_provider", "never passed on"),
    ({"aws_bedrock_runtime_endpoint": "x"}, 400, "aws_bedrock_runtime_endpoint", "never"),
    ({"options": {"baseURL": "x"}}, 400, "baseURL", "never passed on"),
    ({"hf_token": "x"}, 400, "hf_token", "never passed on"),
    ({"fallbacks": ["other"]}, 400, "fallbacks", "never passed on"),
]


@pytest.fixture
async def stand_in() -> Any:
    return StandIn(Say("Fine."))


async def test_wrong_bodies(tmp_path: Path, stand_in: StandIn) -> None:
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        for changes, expected, param, words in WRONG:
            status, _, body = await gateway.post({**FINE, **changes})
            error = body["error"]
            said = f"{changes}: {status} {error}"
            assert set(error) == {"message", "type", "param", "code"}, said
            assert (status, error["param"]) == (expected, param), said
            assert words in error["message"], said
            assert error["type"] == "invalid_request_error", said
            assert error["code"], said
        assert not stand_in.seen
        status, _, _ = await gateway.post(FINE)
        assert status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b'{"model": "auto",\n "messages": oops}', "line 2, column 14"),
        (b'{"model": "auto"', "truncated"),
        (b'{"model": "\xff"}', "UTF-8"),
        (b'{"model": "\\ud800"}', "line 1"),
        (b"[" * 100_000, "an object"),
        (
            b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "a": '
            + b"[" * 5000,
            "",
        ),
        (b"null", "found null"),
        (b'{"model": "auto", "model_": NaN}', "line 1"),
    ],
)
async def test_what_is_no_json(tmp_path: Path, stand_in: StandIn, body: bytes, words: str) -> None:
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, answer = await raw(gateway, body)
    assert status == 400
    assert words in answer["error"]["message"]


async def raw(
    gateway: Served, body: bytes, kind: str = "application/json", **headers: str
) -> tuple[int, Any]:
    async with gateway.http.post(
        f"{gateway.url}/v1/chat/completions", data=body, headers={"Content-Type": kind, **headers}
    ) as response:
        return response.status, json.loads(await response.read())


async def test_another_content_type(tmp_path: Path, stand_in: StandIn) -> None:
    sent = json.dumps(FINE).encode()
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            status, answer = await raw(gateway, sent, kind)
            assert status == 415
            assert "application/json" in answer["error"]["message"]
        status, _ = await raw(gateway, sent, "Application/JSON; charset=utf-8")
        assert status == 200
        status, _ = await raw(gateway, sent, "application/json", **{"Content-Encoding": "gzip"})
        assert status == 415


async def test_a_body_that_is_too_large_is_not_read(tmp_path: Path, stand_in: StandIn) -> None:
    write_served(tmp_path, mesh="gateway: {body_mb: 1}")
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\n"
            "Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n"
        )
        answer = await talk(gateway, head.encode())
        assert answer.startswith(b"HTTP/1.1 413 ")  # without a 100 before it
        assert b"gateway.body_mb" in answer
        big = json.dumps({**FINE, "pad": "x" * 1_100_000}).encode()
        chunked = head.replace(
            "Content-Length: 50000000\r\nExpect: 100-continue", "Transfer-Encoding: chunked"
        )
        answer = await talk(gateway, chunked.encode() + b"%x\r\n%b\r\n" % (len(big), big))
        assert answer.startswith(b"HTTP/1.1 413 ")
        status, _, _ = await gateway.post(
            {**FINE, "messages": [{"role": "user", "content": "x" * 900}]}
        )
        assert status == 200


async def talk(gateway: Served, sent: bytes, enough: bytes = b'"}}') -> bytes:
    """What comes back over a plain socket, up to the end of an error."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(sent)
        await writer.drain()
        got = b""
        while enough not in got and (more := await asyncio.wait_for(reader.read(65536), 10)):
            got += more
        return got
    finally:
        writer.close()


async def test_a_body_that_does_not_come(tmp_path: Path, stand_in: StandIn) -> None:
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{"
    )
    async with stand_in as upstream, serving(tmp_path, upstream, body_s=0.2) as gateway:
        answer = await talk(gateway, head)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()
        # Who leaves in the middle of it is no failure of anybody.
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(head)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        while gateway.app.state.serving.requests:
            await asyncio.sleep(0.01)


async def test_a_client_that_waits_to_be_asked(tmp_path: Path, stand_in: StandIn) -> None:
    body = json.dumps(FINE).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(head.encode())
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert await reader.readline() == b"\r\n"
        writer.write(body)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()


async def test_headers_that_hold_more_than_one_line(tmp_path: Path, stand_in: StandIn) -> None:
    body = json.dumps({**FINE, "user": "a\r\nx-evil: 1", "mesh": {"tags": ["b\r\nx-evil: 1"]}})
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\n"
        f"X-Mesh-Feature: c\rx-evil: 1\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        answer = await talk(gateway, head.encode(), b"\r\n\r\n")
        assert b" 400 " in answer.partition(b"\r\n")[0]
        status, headers, _ = await gateway.post(json.loads(body))
    assert status == 200
    assert "x-evil" not in headers


async def test_lengths_that_contradict_each_other(tmp_path: Path, stand_in: StandIn) -> None:
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        for lengths in ("Content-Length: 5\r\nContent-Length: 50", "Content-Length: many"):
            head = (
                "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/json\r\n{lengths}\r\n\r\n{{}}"
            )
            answer = await talk(gateway, head.encode(), b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 ")


async def test_unknown_paths_and_wrong_methods(tmp_path: Path, stand_in: StandIn) -> None:
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, _, body = await gateway.get("/v1/chat/completion")
        assert (status, body["error"]["code"]) == (404, "not_found")
        assert "did you mean '/v1/chat/completions'" in body["error"]["message"]
        status, headers, body = await gateway.get("/v1/chat/completions")
        assert (status, headers["allow"], body["error"]["code"]) == (405, "POST", "wrong_method")
        status, _, body = await gateway.post(FINE, "/v1/models")
        assert status == 405


# ── keys ─────────────────────────────────────────────────────────────────────────────────

KEYS = Ring(
    {
        "mesh-all": Key(id="key_all", caller=Caller(key="key_all")),
        "mesh-read": Key(id="key_read", access=frozenset({"read"})),
        "mesh-chat": Key(id="key_chat", tasks=frozenset({"chat"})),
        "mesh-second": Key(id="key_second", models=frozenset({"fallback"})),
        "mesh-public": Key(id="key_public", data_classes=frozenset({"public"})),
        "mesh-blue": Key(id="key_blue", caller=Caller(key="key_blue", workspace="blue", user="bo")),
    }
)


async def test_without_a_key_there_is_no_answer(tmp_path: Path, stand_in: StandIn) -> None:
    async with stand_in as upstream, serving(tmp_path, upstream, keys=KEYS) as gateway:
        for authorization, code in (
            (None, "missing_key"),
            ("Basic bWVzaA==", "invalid_key"),
            ("Bearer mesh-wrong-one", "invalid_key"),
            ("Bearer ", "invalid_key"),
            ("Bearer schl\u00fcssel", "invalid_key"),
        ):
            headers = {} if authorization is None else {"authorization": authorization}
            status, answered, body = await gateway.post(FINE, **headers)
            assert (status, body["error"]["code"]) == (401, code)
            assert body["error"]["type"] == "authentication_error"
            assert answered["www-authenticate"].startswith("Bearer")
            assert "wrong-one" not in body["error"]["message"]
        assert not stand_in.seen


async def test_a_key_opens_what_its_scope_holds(tmp_path: Path, stand_in: StandIn) -> None:
    async with stand_in as upstream, serving(tmp_path, upstream, keys=KEYS) as gateway:

        async def ask(name: str, **changes: Any) -> tuple[int, Any, Any]:
            return await gateway.post({**FINE, **changes}, authorization=f"Bearer mesh-{name}")

        for name, changes in (
            ("read", {}),
            ("chat", {"model": "task:summarize"}),
            ("second", {"model": "primary"}),
            ("public", {}),
            ("public", {"mesh": {"data_class": "pii"}}),
        ):
            status, _, body = await ask(name, **changes)
            assert (status, body["error"]["type"]) == (403, "permission_error"), body
        assert not stand_in.seen
        assert (await ask("chat", model="task:chat"))[0] == 200
        _, headers, _ = await ask("second")
        assert headers["x-mesh-model"] == "fallback"
        assert (await ask("public", mesh={"data_class": "public"}))[0] == 200


async def test_what_a_key_fixes_cannot_be_changed(tmp_path: Path, stand_in: StandIn) -> None:
    said = {"user": "eve", "mesh": {"workspace": "red", "feature": "search"}}
    async with stand_in as upstream, serving(tmp_path, upstream, keys=KEYS) as gateway:
        _, headers, _ = await gateway.post({**FINE, **said}, authorization="Bearer mesh-blue")
        caller = gateway.trace(headers["x-mesh-trace-id"]).caller
    assert (caller.key, caller.workspace, caller.user) == ("key_blue", "blue", "bo")
    assert caller.feature == "search"


# ── what the policy and the providers say ────────────────────────────────────────────────


async def test_data_that_nobody_may_be_sent(tmp_path: Path, stand_in: StandIn) -> None:
    policy = POLICY + (
        "routes:\n  - {name: far, match: {data_class: pii}, require: {hosting: hosted}}\n"
    )
    write_served(tmp_path, policy=policy)
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, _, body = await gateway.post({**FINE, "mesh": {"data_class": "pii"}})
    assert (status, body["error"]["code"]) == (403, "no_model_allowed")
    assert "route:far.require.hosting" in body["error"]["message"]
    assert not stand_in.seen


async def test_limits_say_when_there_is_room_again(tmp_path: Path, stand_in: StandIn) -> None:
    write_served(tmp_path, policy=POLICY + "limits:\n  - {per: user, requests_per_minute: 1}\n")
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        assert (await gateway.post({**FINE, "user": "anna"}))[0] == 200
        status, headers, body = await gateway.post({**FINE, "user": "anna"})
        assert (await gateway.post({**FINE, "user": "bert"}))[0] == 200
    assert (status, body["error"]["type"]) == (429, "rate_limit_error")
    assert 1 <= int(headers["retry-after"]) <= 61


async def test_a_budget_that_is_used_up(tmp_path: Path, stand_in: StandIn) -> None:
    budget = "budgets: [{per: user, usd: 0.00001, window: day}]\n"
    write_served(tmp_path, policy=POLICY + budget)
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, _, body = await gateway.post({**FINE, "user": "anna"})
    assert (status, body["error"]["type"]) == (402, "insufficient_quota")
    assert "user" in body["error"]["message"]


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        (Fail(503, "http://10.0.0.7:9000 is down"), 503, "providers_unavailable"),
        (Fail(401, "bad key sk-123 at http://10.0.0.7"), 502, "providers_failed"),
        (Say(""), 502, "providers_failed"),
        (Fail(400, "too long", code="context_length_exceeded"), 400, "context_length_exceeded"),
        (Fail(400, "not allowed here", code="content_policy_violation"), 400, "content_filter"),
        (Fail(400, "top_p is odd, see http://10.0.0.7/docs"), 400, "invalid_request"),
    ],
)
async def test_what_providers_say(tmp_path: Path, step: Any, status: int, code: str) -> None:
    async with StandIn(step) as upstream, serving(tmp_path, upstream) as gateway:
        found, headers, body = await gateway.post(FINE)
        trace = gateway.trace(headers["x-mesh-trace-id"])
    message = body["error"]["message"]
    assert (found, body["error"]["code"]) == (status, code), message
    assert "primary/here" in message
    assert "10.0.0.7" not in message
    assert "sk-123" not in message
    assert "127.0.0.1" not in message
    assert trace.status == "failed"


async def test_a_service_that_is_being_stopped(tmp_path: Path, stand_in: StandIn) -> None:
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        gateway.app.state.draining = True
        status, headers, body = await gateway.post(FINE)
    assert (status, body["error"]["code"], headers["retry-after"]) == (503, "draining", "1")
