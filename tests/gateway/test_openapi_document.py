"""The document, and a fuzzer that holds the service to it: no 5xx, no answer that it lacks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.calling.server import Say, StandIn
from tests.gateway.serving import serving, write_served

OURS = ("/openapi.json", "/v1/chat/completions", "/v1/models", "/v1/models/{model}")
# What JSON Schema says of a request is not all that is asked of it: a tool's message names a call.
LEFT_OUT = [positive_data_acceptance]
few = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway in a thread of its own: the fuzzer blocks."""
    folder = tmp_path_factory.mktemp("served")
    write_served(folder, mesh="gateway: {body_mb: 1}\ndeadline_ms: 5000")
    found: list[str] = []
    begun, over = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, found, begun, over)))
    thread.start()
    assert begun.wait(30)
    yield found[0]
    over.set()
    thread.join()


async def _serve(
    folder: Path, found: list[str], begun: threading.Event, over: threading.Event
) -> None:
    async with StandIn(Say('{"a": 1}')) as upstream, serving(folder, upstream) as gateway:
        found.append(gateway.url)
        begun.set()
        await asyncio.to_thread(over.wait)


@pytest.fixture(scope="module")
def document(url: str) -> Any:
    return schemathesis.openapi.from_url(f"{url}/openapi.json")


def test_every_endpoint_is_described(document: Any) -> None:
    paths = document.raw_schema["paths"]
    assert set(OURS) <= set(paths)
    bare = [
        (path, method)
        for path, described in paths.items()
        for method, operation in described.items()
        if path in OURS[1:] and "default" in operation["responses"]
    ]
    assert bare == []
    properties = document.raw_schema["components"]["schemas"]["Completions"]["properties"]
    assert {"messages", "tools", "mesh", "stream_options"} <= set(properties)


@pytest.mark.parametrize("path", OURS)
def test_what_the_document_allows(document: Any, path: str) -> None:
    method = "POST" if "completions" in path else "GET"
    _hold(document[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))


def test_what_the_document_forbids(document: Any) -> None:
    operation = document["/v1/chat/completions"]["POST"]
    statuses = _hold(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    assert 200 not in statuses


def test_requests_that_get_as_far_as_a_model(document: Any) -> None:
    def mended(case: Any) -> Any:
        body = case.body
        if isinstance(body, dict):
            body["model"] = "auto"
            body["messages"] = [{"role": "user", "content": "x"}]
            for name in ("mesh", "logprobs", "top_logprobs", "store", "modalities", "audio"):
                body.pop(name, None)
            for name in ("functions", "function_call", "tools", "tool_choice", "response_format"):
                body.pop(name, None)
        case.headers.clear()
        return case

    statuses = _hold(
        document["/v1/chat/completions"]["POST"].as_strategy(
            generation_mode=GenerationMode.POSITIVE
        ),
        mended,
    )
    assert statuses.count(200) > len(statuses) / 4


def _hold(
    cases: st.SearchStrategy[Any], mended: Callable[[Any], Any] = lambda case: case
) -> list[int]:
    """Send them, and hold each answer to the document; the statuses."""
    statuses: list[int] = []

    @few
    @given(case=cases)
    def send(case: Any) -> None:
        response = mended(case).call_and_validate(excluded_checks=LEFT_OUT)
        statuses.append(response.status_code)

    send()
    assert not [status for status in statuses if status >= 500]
    return statuses
