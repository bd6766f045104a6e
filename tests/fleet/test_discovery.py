"""Real servers on loopback, well-behaved and not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orchestrator.fleet.discovery import chat_model, is_loopback, probe_all, probe_models


@contextmanager
def server(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[Any]:
    """A loopback server that gives one answer to every GET; `.asked` are the paths."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield type("Server", (), {"url": f"http://127.0.0.1:{httpd.server_port}", "asked": asked})
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def listing(*names: str) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": n} for n in names]}).encode()


def test_a_server_lists_its_models_and_is_asked_once() -> None:
    with server(200, listing("nomic-embed-text", "qwen3:4b")) as here:
        assert probe_models(f"{here.url}/v1") == ("nomic-embed-text", "qwen3:4b")
        assert probe_models(f"{here.url}/v1") == ("nomic-embed-text", "qwen3:4b")
        assert here.asked == ["/v1/models"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"{}"),
        (401, listing("m")),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"data": 3}'),
        (200, b"\xff"),
    ],
)
def test_any_other_server_is_nobody(status: int, body: bytes) -> None:
    with server(status, body) as here:
        assert probe_models(f"{here.url}/v1") is None


def test_a_redirect_is_not_followed() -> None:
    with (
        server(200, listing("elsewhere")) as other,
        server(302, b"", {"Location": f"{other.url}/v1/models"}) as here,
    ):
        assert probe_models(f"{here.url}/v1") is None
        assert other.asked == []


def test_a_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(200, listing("a")) as here, server(200, listing("proxied")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert probe_models(f"{here.url}/v1") == ("a",)
        assert proxy.asked == []


def test_nobody_answers_at_a_closed_port() -> None:
    with server(200, b"") as here:
        url = here.url
    assert probe_models(f"{url}/v1") is None


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.8.8.8/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://localhost/v1", True),
        ("http://0.0.0.0:11434/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://10.0.0.1/v1", False),
        ("https://api.example.com/v1", False),
        ("http://[broken/v1", False),
        ("", False),
    ],
)
def test_loopback(endpoint: str, expected: bool) -> None:
    assert is_loopback(endpoint) is expected
    if not expected:
        assert probe_models(endpoint) is None


def test_a_port_that_is_none() -> None:
    assert probe_models("http://127.0.0.1:port/v1") is None


def test_all_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    def probe(endpoint: str) -> tuple[str, ...] | None:
        together.wait()  # passes only when three are asking at once
        return (endpoint,)

    assert probe_all(["c", "a", "b", "a"], probe) == {"a": ("a",), "b": ("b",), "c": ("c",)}
    assert probe_all([], probe) == {}


def test_the_first_chat_model() -> None:
    assert chat_model(("nomic-EMBED-text", "bge-reranker", "qwen3:4b", "llama")) == "qwen3:4b"
    assert chat_model(("nomic-embed-text",)) == ""
