"""A provider on loopback that costs next to nothing: one known answer, whole or as a stream.

    python scripts/_upstream.py PORT

A protocol on the event loop, without a framework: what is measured is the gateway before it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, cast

WORDS = ("Hello there, ", "all is well.")
USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
BASE: dict[str, Any] = {"id": "chatcmpl-1", "created": 1, "model": "mock"}


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**BASE, "object": "chat.completion.chunk", "choices": [choice]}


def _answer(kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _whole() -> bytes:
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {**BASE, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return _answer("application/json", json.dumps(body).encode())


def _stream() -> bytes:
    chunks = [_chunk({"role": "assistant", "content": WORDS[0]}), _chunk({"content": WORDS[1]})]
    usage = {**BASE, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    events = [json.dumps(chunk) for chunk in (*chunks, _chunk({}, "stop"), usage)]
    body = "".join(f"data: {event}\n\n" for event in (*events, "[DONE]")).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head.encode() + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


WHOLE, STREAM = _whole(), _stream()


class Upstream(asyncio.Protocol):
    """One connection: any POST gets the answer, as a stream where it asks for one."""

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            _, found, rest = head.partition(b"content-length:")
            total = end + 4 + (int(rest.split(b"\r\n", 1)[0]) if found else 0)
            if len(self._read) < total:
                return
            body, self._read = self._read[end + 4 : total], self._read[total:]
            asked = b'"stream":true' in body or b'"stream": true' in body
            self._transport.write(STREAM if asked else WHOLE)


async def serve(port: int) -> None:
    """Until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
