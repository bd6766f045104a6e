from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from orchestrator.gateway.keys.values import Key
from orchestrator.gateway.telemetry import logs
from orchestrator.types import Caller
from tests.calling.server import Fail, Say, StandIn
from tests.gateway.serving import Ring

from .watched import CHAT, watched

PLANTED = "zanzibar-4711"


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


async def test_a_request_is_one_line_without_its_texts(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = Ring({"good": Key(id="key_1", caller=Caller(key="key_1"))})
    asked = CHAT | {"messages": [{"role": "user", "content": PLANTED}]}
    stand_in = StandIn(Fail(503), Say(f"It is {PLANTED}."))
    async with (
        stand_in as upstream,
        watched(tmp_path, upstream, keys=keys, style="json") as gateway,
    ):
        _, headers, _ = await gateway.post(asked, Authorization="Bearer good")
        await gateway.post(asked, Authorization=f"Bearer {PLANTED}")
        gateway.telemetry.flush()
    text = capfd.readouterr().err
    assert PLANTED not in text
    good, bad = [json.loads(line) for line in text.splitlines()]
    assert good.pop("ms") > 0
    assert good.pop("at").endswith("Z")
    assert good == {
        "level": "info",
        "event": "request",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "model": "primary",
        "deployment": "primary/here",
        "attempts": 2,
        "cost_usd": pytest.approx(float(headers["x-mesh-cost-usd"])),
        "outcome": "ok",
        "key": "key_1",
        "trace_id": headers["x-mesh-trace-id"],
    }
    assert (bad["status"], bad.get("trace_id"), bad.get("model")) == (401, None, None)


async def test_for_a_person_it_is_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with (
        StandIn(Say("Hello.")) as upstream,
        watched(tmp_path, upstream, style="text") as gateway,
    ):
        await gateway.post(CHAT)
    (line,) = capfd.readouterr().err.splitlines()
    assert " POST /v1/chat/completions 200 " in line
    assert " primary primary/here 1 attempt $0.0000" in line


async def test_off_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with StandIn(Say("Hello.")) as upstream, watched(tmp_path, upstream) as gateway:
        await gateway.post(CHAT)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_path_cannot_pretend_to_be_a_line(style: logs.Style) -> None:
    facts = {"path": "/x\n00:00:00 GET /admin 200\x1b[2J\ud800", "status": 404}
    line = logs.line(style, 0.0, "info", facts)
    assert line.count(b"\n") == 1
    assert b"\x1b" not in line


def test_what_our_loggers_say_has_the_same_form_and_no_secret(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logs.install("json")
    logs.install("json")  # of a process that is forked from one that has
    try:
        log = logging.getLogger("orchestrator.somewhere")
        log.warning("no %s: sk-abcdefghijklm", "answer", extra={"trace_id": "01m"})
        try:
            raise ValueError("a\nb")
        except ValueError:
            log.exception("broke")
    finally:
        logs.install("off")
    first, second = lines(capfd)
    assert (first["level"], first["event"]) == ("warning", "orchestrator.somewhere")
    assert (first["message"], first["trace_id"]) == ("no answer: <key-1>", "01m")
    assert "ValueError: a\nb" in second["message"]


def test_auto_is_text_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert logs.style_of("auto") == "json"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert logs.style_of("auto") == "text"
    assert logs.style_of("off") == "off"
