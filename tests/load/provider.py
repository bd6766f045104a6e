"""A provider whose every answer is another one, and known: it says the number that it was asked.

    python -m tests.load.provider --pieces 24 --gap-ms 100

Prints its base URL, and serves until it is ended. `GET /served` tells what it has served. It is a
process of its own, so that its work and memory are nobody else's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web


def question(number: int) -> str:
    """What the request with that number says."""
    return f"Count for request {number}"


def answer(number: int, pieces: int) -> str:
    """What it is answered: `17.0 17.1 17.2 …`."""
    return " ".join(f"{number}.{n}" for n in range(pieces))


@dataclass
class Served:
    """What a provider has served."""

    by_number: Counter[int] = field(default_factory=Counter)
    """How often each number was asked."""
    by_model: Counter[str] = field(default_factory=Counter)
    left: int = 0
    """Callers that went away before the end."""
    under_way: int = 0

    @property
    def requests(self) -> int:
        return self.by_number.total()


class Provider:
    """Answers word by word, as a stream. Whoever asks for a whole answer is refused."""

    def __init__(self, pieces: int, gap_s: float) -> None:
        self.served = Served()
        self._pieces, self._gap_s = pieces, gap_s

    def app(self) -> web.Application:
        """As `aiohttp` serves it."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", lambda _: _json({"object": "list", "data": []}))
        app.router.add_get("/served", lambda _: _json(vars(self.served)))
        return app

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        number = int(body["messages"][-1]["content"].rpartition(" ")[2])
        self.served.by_number[number] += 1
        self.served.by_model[body["model"]] += 1
        self.served.under_way += 1
        try:
            return await self._say(request, answer(number, self._pieces).split(" "))
        except (asyncio.CancelledError, ConnectionResetError):
            self.served.left += 1
            raise
        finally:
            self.served.under_way -= 1

    async def _say(self, request: web.Request, words: list[str]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for place, word in enumerate(words):
            await asyncio.sleep(self._gap_s)
            await response.write(_event({"content": f" {word}" if place else word}))
        usage = {
            "prompt_tokens": 5,
            "completion_tokens": len(words),
            "total_tokens": 5 + len(words),
        }
        last = _event({}, "stop") + _event(None, usage=usage) + b"data: [DONE]\n\n"
        await response.write(last)
        return response


def _event(delta: dict[str, str] | None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "1", "created": 1, "model": "counter", "choices": [choice] if delta else []}
    if finish:
        chunk["choices"] = [choice]
    return (
        b"data: "
        + json.dumps({"object": "chat.completion.chunk", **chunk, **more}).encode()
        + b"\n\n"
    )


async def _json(value: Any) -> web.Response:
    return web.json_response(value)


@dataclass(frozen=True)
class Running:
    """A provider in another process."""

    url: str
    """`http://127.0.0.1:…/v1`"""

    async def served(self) -> Served:
        """So far."""
        async with (
            aiohttp.ClientSession() as client,
            client.get(self.url.removesuffix("/v1") + "/served") as response,
        ):
            said = await response.json()
        numbers = Counter({int(number): times for number, times in said["by_number"].items()})
        return Served(numbers, Counter(said["by_model"]), said["left"], said["under_way"])


@asynccontextmanager
async def running(pieces: int, gap_ms: int) -> AsyncIterator[Running]:
    """One that answers, as long as the block runs."""
    options = ("--pieces", str(pieces), "--gap-ms", str(gap_ms))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.provider", *options), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        yield Running(line.decode().strip())
    finally:
        process.kill()
        await process.wait()


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--gap-ms", type=int, default=100)
    said = parser.parse_args()
    provider = Provider(said.pieces, said.gap_ms / 1000)
    runner = web.AppRunner(provider.app(), handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
