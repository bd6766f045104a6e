"""A provider of vectors or images on loopback, of OpenAI's shape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

NOWHERE = "http://127.0.0.1:9/v1"
Answer = Callable[[dict[str, Any]], "dict[str, Any] | int"]


def vectors(body: dict[str, Any]) -> dict[str, Any]:
    """A vector for each text: its length, its place, and 0.25."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    rows = [[float(len(text)), float(n), 0.25] for n, text in enumerate(texts)]
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
    used = sum(len(text) for text in texts)
    return {
        "object": "list",
        "data": data[::-1],  # a provider may keep no order but that of `index`
        "model": f"{body['model']}-as-it-says",
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def images(body: dict[str, Any]) -> dict[str, Any]:
    """As many images as were asked for, paid for by the image."""
    made = [{"b64_json": "aW1hZ2U=", "revised_prompt": f"{body['prompt']}!"}]
    return {"created": 1, "data": made * body["n"]}


class Provider:
    """The server. `answer` makes the body of an answer, or the status of a failure."""

    def __init__(self, answer: Answer = vectors) -> None:
        self.seen: list[dict[str, Any]] = []
        self._answer = answer

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append(body)
        found = self._answer(body)
        if isinstance(found, int):
            return web.json_response({"error": {"message": "it went wrong"}}, status=found)
        return web.json_response(found)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The base URL."""
        app = web.Application()
        app.router.add_post("/v1/embeddings", self._handle)
        app.router.add_post("/v1/images/generations", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}/v1"
        finally:
            await runner.cleanup()
