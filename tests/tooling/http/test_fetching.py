"""Pages of a real server on loopback, fetched with all that a hostile one may try."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.project.tools_schema import HttpGet
from orchestrator.tooling.http.fetching import fetch
from orchestrator.tooling.values import ToolFailure


@dataclass
class Server:
    """Answers each path with what stands there, byte by byte."""

    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.asked.append(head)
        path = head.split(" ")[1]
        try:
            if path == "/silent":
                await reader.read()
            elif path == "/endless":
                writer.write(page(b"", length=None))
                while not writer.is_closing():
                    writer.write(b"x" * 65_536)
                    await writer.drain()
            else:
                writer.write(self.pages[path])
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def declared(self, **more: Any) -> HttpGet:
        """This server allowed, as a test must say it."""
        host = f"127.0.0.1:{self.port}"
        given: dict[str, Any] = {
            "hosts": (host,),
            "plain_http": (host,),
            "loopback": True,
            "timeout_s": 5,
        }
        return HttpGet(**given | more)

    def url(self, path: str) -> str:
        """The address of that page."""
        return f"http://127.0.0.1:{self.port}{path}"


def page(
    body: bytes,
    kind: str = "text/plain",
    *more: str,
    status: str = "200 OK",
    length: int | None = -1,
) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close", *more]
    if length is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def moved(to: str) -> bytes:
    """A redirect."""
    return page(b"", "text/plain", f"Location: {to}", status="302 Found")


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server on a free port of loopback."""
    server = Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


async def test_a_page() -> None:
    async with serving() as server:
        server.pages["/a?b=c"] = page("Grüße".encode("latin-1"), "text/html; charset=latin-1")
        found = await fetch(server.url("/a?b=c#d"), server.declared())
    assert found == {
        "url": server.url("/a?b=c"),
        "status": 200,
        "type": "text/html",
        "text": "Grüße",
    }


async def test_a_page_that_is_not_there_says_so() -> None:
    async with serving() as server:
        server.pages["/"] = page(b"no", status="404 Not Found")
        found = await fetch(server.url("/"), server.declared())
    assert isinstance(found, dict)
    assert (found["status"], found["text"]) == (404, "no")


async def test_nothing_of_ours_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password planted\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving() as server:
        server.pages["/a"] = page(
            b"", "text/plain", "Set-Cookie: s=1; Path=/", "Location: /b", status="302 Found"
        )
        server.pages["/b"] = page(b"there")
        found = await fetch(server.url("/a"), server.declared())
    assert isinstance(found, dict)
    assert found["text"] == "there"
    heads = "".join(server.asked).lower()
    assert "cookie" not in heads
    assert "authorization" not in heads
    assert len(server.asked) == 2


async def test_loopback_is_refused_where_nobody_declared_it() -> None:
    async with serving() as server:
        found = await fetch(server.url("/"), server.declared(loopback=False))
    assert isinstance(found, ToolFailure)
    assert "this machine" in found.message
    assert server.asked == []


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not allowed"),
        ("http://127.0.0.1:1/", "not allowed"),
        ("//evil.com/", "not allowed"),
        ("https://user@evil.com/", "a user or password"),
        ("file:///etc/passwd", "no web address"),
        ("/again", "more than 4 redirects"),
    ],
)
async def test_no_redirect_leads_out_of_what_is_allowed_or_round_for_ever(
    to: str, why: str
) -> None:
    async with serving() as server:
        server.pages["/"] = server.pages["/again"] = moved(to)
        found = await fetch(server.url("/"), server.declared())
    assert isinstance(found, ToolFailure)
    assert why in found.message


async def test_a_name_that_points_elsewhere_a_moment_later_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: checked as public, then connected to as private, would be a second look-up."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(2, 1, 6, "", (address, port))]

    async with serving() as server:
        host = f"pages.example.com:{server.port}"
        server.pages["/"] = page(b"the first address")
        monkeypatch.setattr("socket.getaddrinfo", look_up)
        declared = server.declared(hosts=(host,), plain_http=(host,))
        found = await fetch(f"http://{host}/", declared)
        assert isinstance(found, dict), found
        assert found["text"] == "the first address"
        assert asked == ["pages.example.com"]
        again = await fetch(f"http://{host}/", declared)
    assert isinstance(again, ToolFailure)
    assert "private network" in again.message
    assert len(server.asked) == 1


async def test_a_page_that_never_ends_is_given_up_at_its_limit() -> None:
    async with serving() as server:
        found = await fetch(server.url("/endless"), server.declared(max_kb=100))
    assert isinstance(found, ToolFailure)
    assert found.message == "http-get: the page is larger than 100 kB"


async def test_what_is_packed_is_not_unpacked() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    async with serving() as server:
        server.pages["/"] = page(bomb, "text/plain", "Content-Encoding: gzip")
        found = await fetch(server.url("/"), server.declared())
    assert isinstance(found, ToolFailure)
    assert "packed (gzip)" in found.message


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with serving() as server:
        found = await fetch(server.url("/silent"), server.declared(timeout_s=0.2))
    assert isinstance(found, ToolFailure)
    assert found.kind == "timeout"


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/zip"])
async def test_what_is_no_text_is_not_read(kind: str) -> None:
    async with serving() as server:
        server.pages["/"] = page(b"\x89PNG", kind)
        found = await fetch(server.url("/"), server.declared())
    assert isinstance(found, ToolFailure)
    assert kind in found.message


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
async def test_a_server_that_speaks_no_http(answer: bytes) -> None:
    async with serving() as server:
        server.pages["/"] = answer
        found = await fetch(server.url("/"), server.declared())
    assert isinstance(found, ToolFailure)
    assert found.kind == "unreachable"
