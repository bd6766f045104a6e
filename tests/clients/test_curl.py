"""`curl`, as people type it: whole, streamed, with headers, and with what is wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.calling.server import Fail, Say
from tests.clients.gateway import Gateway, make_key

Serve = Callable[..., Gateway]
BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Hello."}]}
JSON = ("-H", "Content-Type: application/json")


def curl(gateway: Gateway, *options: str, path: str = "/v1/chat/completions") -> str:
    """What it prints."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "20", *options, gateway.url + path],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(gateway: Gateway, *options: str, **body: Any) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of an answer."""
    printed = curl(gateway, "-i", *JSON, *options, "-d", json.dumps(BODY | body))
    *_, head, text = printed.split("\n\n")  # before it there may be a `100 Continue`
    first, *lines = head.splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(text)


def test_an_answer_and_its_headers(serve: Serve) -> None:
    gateway = serve(Say("Hello there."))
    options = ("-H", "x-mesh-task: draft", "-H", "x-mesh-tags: team:blue, nightly")
    status, headers, body = asked(gateway, *options)
    assert status == 200
    assert body["choices"][0]["message"]["content"] == "Hello there."
    assert headers["x-mesh-model"] == body["model"] == "primary"
    assert headers["x-mesh-deployment"] == "primary/here"
    assert headers["x-mesh-cost-usd"] == "0.000017"
    assert headers["x-mesh-attempts"] == "1"
    assert body["usage"]["total_tokens"] == 12
    trace = gateway.trace(headers["x-mesh-trace-id"])
    assert (trace["tags"], trace["cost_micro_usd"]) == (["team:blue", "nightly"], 17)
    assert trace["hops"][0]["profile"]["task"] == "draft"


def test_a_stream_line_by_line(serve: Serve) -> None:
    gateway = serve(Say("One two three.", gap_s=0.02))
    printed = curl(gateway, "-N", *JSON, "-d", json.dumps(BODY | {"stream": True}))
    *events, done = [line.removeprefix("data: ") for line in printed.splitlines() if line]
    assert done == "[DONE]"
    said = [json.loads(event)["choices"][0]["delta"].get("content") for event in events]
    assert [text for text in said if text] == ["One", " two", " three."]
    last = json.loads(events[-1])
    assert last["choices"][0]["finish_reason"] == "stop"
    assert gateway.trace(last["mesh"]["trace_id"])["answer"] == "One two three."


def test_a_stream_that_breaks_off_ends_in_an_error(serve: Serve) -> None:
    gateway = serve(Say("One two three", break_after=1), Fail(503))
    body = json.dumps(BODY | {"model": "primary", "stream": True})
    printed = curl(gateway, "-N", *JSON, "-d", body)
    last = json.loads(printed.splitlines()[-2].removeprefix("data: "))
    assert "the answer broke off" in last["error"]["message"]
    assert "[DONE]" not in printed
    assert "stop" not in printed


def test_what_is_no_json(serve: Serve) -> None:
    gateway = serve(Say("Never asked."))
    said = json.loads(curl(gateway, *JSON, "-d", '{"model": "auto", oops}'))["error"]
    assert "line 1, column 19" in said["message"]
    assert said["type"] == "invalid_request_error"
    # What curl sends unless told otherwise.
    said = json.loads(curl(gateway, "-d", json.dumps(BODY)))["error"]
    assert "application/json" in said["message"]
    assert not gateway.upstream.seen


def test_a_body_that_is_too_large(serve: Serve, tmp_path: Path) -> None:
    gateway = serve(Say("Never asked."), mesh="gateway: {body_mb: 1}")
    (tmp_path / "large.json").write_text(json.dumps(BODY | {"pad": "x" * 50_000_000}))
    # Above 1 MB curl asks first (`Expect: 100-continue`), and nothing is sent in vain.
    options = (*JSON, "-w", " %{http_code} %{size_upload}", "--data-binary")
    printed = curl(gateway, *options, f"@{tmp_path}/large.json")
    body, status, sent = printed.rsplit(" ", 2)
    assert (status, sent) == ("413", "0")
    assert "gateway.body_mb" in json.loads(body)["error"]["message"]


def test_a_body_that_is_asked_for_first(serve: Serve) -> None:
    gateway = serve(Say("Hello there."))
    expecting = (*JSON, "-i", "-H", "Expect: 100-continue", "-d", json.dumps(BODY))
    first, second, body = curl(gateway, *expecting).split("\n\n")
    assert (first, second.splitlines()[0]) == ("HTTP/1.1 100 Continue", "HTTP/1.1 200 OK")
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hello there."


def test_a_key_that_is_missing_wrong_or_good(serve: Serve, tmp_path: Path) -> None:
    secret = make_key(tmp_path)
    gateway = serve(Say("Hello."), keys=True)
    status, headers, body = asked(gateway)
    assert (status, body["error"]["code"]) == (401, "missing_key")
    assert headers["www-authenticate"] == 'bearer realm="mesh"'
    assert "Authorization: Bearer mesh-…" in body["error"]["message"]
    status, _, body = asked(gateway, "-H", "Authorization: Bearer mesh-wrong")
    assert (status, body["error"]["type"]) == (401, "authentication_error")
    status, _, _ = asked(gateway, "-H", f"Authorization: Bearer {secret}")
    assert status == 200


def test_what_is_there(serve: Serve) -> None:
    gateway = serve(Say("Hello."))
    models = json.loads(curl(gateway, path="/v1/models"))["data"]
    assert {"auto", "primary", "fallback"} <= {model["id"] for model in models}
    missing = json.loads(curl(gateway, path="/v1/chat/completion"))["error"]
    assert "did you mean '/v1/chat/completions'" in missing["message"]
    wrong = json.loads(curl(gateway))["error"]
    assert wrong["message"].endswith("does not take GET; allowed: POST")
