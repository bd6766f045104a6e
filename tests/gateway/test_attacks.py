"""Requests that are meant to do harm: to other callers, to this machine, or to the process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.gateway.keys.values import Key
from tests.calling.server import Fail, Say, StandIn
from tests.gateway.serving import Ring, Served, serving
from tests.gateway.telemetry.watched import watched

HELLO = [{"role": "user", "content": "hello"}]
FINE: dict[str, Any] = {"model": "auto", "messages": HELLO}
CHAT = "/v1/chat/completions"


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"not": found}
    return found


def form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


def with_file(**file: str) -> dict[str, Any]:
    part = {"type": "file", "file": file}
    return {"messages": [{"role": "user", "content": [part]}]}


def function(name: str, **said: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **said}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tools": [function("f", parameters=nested(800))]}, "nested too deeply"),
        ({"response_format": form(nested(300))}, "nested too deeply"),
        ({"response_format": form({"enum": ["a" * 200_000]})}, "allowed: 100000"),
        ({"tools": [function(f"f{n}") for n in range(2000)]}, "tools: found 2000"),
        ({"messages": HELLO * 10_001}, "length <= 10000"),
        ({"x": {str(n): n for n in range(10_001)}}, "more than 10000 names"),
        ({"n_predict": 100_000}, "max_tokens"),
        ({"best_of": 20}, "'n'"),
        ({"lora": [{"id": 0}]}, "never passed on"),
        (with_file(file_id="http://169.254.169.254/latest"), "the id of a file"),
        (with_file(file_data="http://169.254.169.254/latest"), "data:"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
async def test_what_would_take_too_much_or_reach_elsewhere_is_the_callers_mistake(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    stand_in = StandIn(Say("Hello."))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, _, answer = await gateway.post(FINE | change)
        assert (status, stand_in.seen) == (400, []), answer
        assert says in answer["error"]["message"]


async def test_a_long_name_is_not_compared_with_what_is_known(tmp_path: Path) -> None:
    async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream) as gateway:
        status, _, answer = await gateway.post(FINE | {"mesh": {"task" * 100_000: 1}})
        assert status == 400
        assert "did you mean" not in answer["error"]["message"]


async def test_a_form_that_takes_for_ever_to_judge_is_given_up(tmp_path: Path) -> None:
    laughs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    schema = {"$defs": {**laughs, "d60": {}}, "$ref": "#/$defs/d0"}
    async with StandIn(Say("{}")) as upstream, serving(tmp_path, upstream) as gateway:
        status, _, answer = await gateway.post(FINE | {"response_format": form(schema)})
        assert (status, answer["error"]["code"]) == (502, "providers_failed")
        assert "invalid_output" in answer["error"]["message"]


async def test_short_deadlines_of_one_caller_put_no_model_out_of_use_for_others(
    tmp_path: Path,
) -> None:
    slow = StandIn(lambda body: Say("Hello.", delay_s=1 if "slow" in str(body) else 0))
    async with slow as upstream, serving(tmp_path, upstream) as gateway:
        hurried = FINE | {"messages": [{"role": "user", "content": "slow"}]}
        for _ in range(12):
            status, *_ = await gateway.post(hurried | {"mesh": {"deadline_ms": 20}})
            assert status == 504
        status, _, answer = await gateway.post(FINE)
        assert (status, answer["mesh"]["attempts"]) == (200, 1), answer
        assert answer["model"] == "primary"


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/admin/keys", "/v1/embeddings"])
async def test_two_keys_are_none(tmp_path: Path, path: str) -> None:
    keys = Ring({"good": Key(id="key_1", access=frozenset({"admin"}))})
    async with (
        StandIn(Say("Hello.")) as upstream,
        serving(tmp_path, upstream, keys=keys) as gateway,
    ):
        for order in (("good", "bad"), ("bad", "good")):
            twice = [("Authorization", f"Bearer {word}") for word in order]
            asked = gateway.http.request(
                "POST" if path.startswith(("/v1/c", "/v1/e")) else "GET",
                gateway.url + path,
                headers=[*twice, ("Content-Type", "application/json")],
                data=json.dumps(FINE) if path.startswith(("/v1/c", "/v1/e")) else None,
            )
            async with asked as response:
                assert response.status == 400
                assert "twice" in (await response.json())["error"]["message"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8700", 200),
        ("localhost", 200),
        ("[::1]:8700", 200),
        ("evil.example", 403),
        ("evil.example:8700", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:80", 403),
    ],
)
async def test_where_no_key_is_asked_for_a_page_of_the_web_cannot_ask_by_another_name(
    tmp_path: Path, host: str, status: int
) -> None:
    async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream) as gateway:
        assert (await gateway.post(FINE, Host=host))[0] == status
        assert (await gateway.get("/v1/models", Host=host))[0] == status
    keys = Ring({"good": Key(id="key_1")})
    async with (
        StandIn(Say("Hello.")) as upstream,
        serving(tmp_path, upstream, keys=keys) as gateway,
    ):
        asked = await gateway.post(FINE, Host=host, Authorization="Bearer good")
        assert asked[0] == 200


async def test_what_a_provider_repeats_of_a_secret_reaches_nobody(tmp_path: Path) -> None:
    said = "no such key: sk-planted0123456789 at http://user:planted@10.0.0.7/v1"
    async with StandIn(Fail(400, said)) as upstream, serving(tmp_path, upstream) as gateway:
        status, _, answer = await gateway.post(FINE)
        assert status == 400
        assert "no such key: <key-1> at …" in answer["error"]["message"]
        _, _, targets = await gateway.get("/health/targets")
        assert "planted" not in json.dumps(targets)
        assert "no such key" in json.dumps(targets)
        assert_nowhere(gateway, tmp_path, b"planted")


def assert_nowhere(gateway: Served, folder: Path, planted: bytes) -> None:
    gateway.mesh.store.flush()
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if planted in path.read_bytes()] == []


async def test_a_key_that_stands_in_a_path_is_not_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "mesh-abcdefghij" + "A1" * 24 + "x"
    async with (
        StandIn(Say("Hello.")) as upstream,
        watched(tmp_path, upstream, style="json") as gateway,
    ):
        await gateway.get(f"/v1/models/{secret}")
        gateway.telemetry.flush()
    logged = capfd.readouterr().err
    assert "/v1/models/" in logged
    assert secret not in logged
