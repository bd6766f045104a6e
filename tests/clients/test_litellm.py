"""`litellm` as a client: `litellm.completion(model="openai/auto", api_base=…)`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calling.server import Call, Say
from tests.clients.gateway import Gateway, opened, words

PROGRAM = Path(__file__).with_name("litellm_calls.py")


def answer(body: dict[str, Any]) -> Say:
    if body["messages"][-1]["role"] == "tool":
        return Say(f"It is {words(body)}.")
    if "tools" in body:
        return Say("", calls=(Call("weather", '{"town": "Oslo"}', id="call_7"),))
    return Say(f"You said: {words(body)}", gap_s=0.005)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with opened(tmp_path_factory.mktemp("litellm"), answer) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def told(gateway: Gateway) -> dict[str, Any]:
    """What the program was told."""
    done = subprocess.run(
        [sys.executable, PROGRAM, gateway.base_url],
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_completion_and_what_its_headers_say(gateway: Gateway, told: dict[str, Any]) -> None:
    said = told["completion"]
    assert (said["text"], said["usage"]) == ("You said: hello", 12)
    assert (said["model"], said["cost"]) == ("primary", "0.000017")
    trace = gateway.trace(said["trace"])
    assert (trace["answer"], trace["tags"]) == ("You said: hello", ["team:blue"])
    assert trace["hops"][0]["profile"]["task"] == "draft"


def test_acompletion_many_at_once(told: dict[str, Any]) -> None:
    assert told["acompletion"] == [f"You said: number {n}" for n in range(8)]


def test_streams(told: dict[str, Any]) -> None:
    assert told["stream"] == ["You", " said:", " stream"]
    assert told["astream"] == "You said: stream"


def test_tools(told: dict[str, Any]) -> None:
    assert told["tools"] == ['{"town": "Oslo"}', "It is sunny."]


def test_embedding(told: dict[str, Any]) -> None:
    assert told["embedding"] == [[1.0, 0.0, 0.25], [3.0, 1.0, 0.25]]


def test_errors_are_those_of_litellm_with_our_sentences(told: dict[str, Any]) -> None:
    (unknown, said), (wrong, why) = told["errors"]
    assert unknown == "NotFoundError"
    assert "did you mean 'primary'" in said
    assert wrong == "BadRequestError"
    assert "temperature: " in why
