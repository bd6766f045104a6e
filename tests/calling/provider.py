"""A provider that answers with the bytes that a test writes, in any dialect.

async with Provider(sse(*OPENAI)) as url: ...
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from orchestrator.types import Deployment
from tests.calling.samples import deployment

DONE = "data: [DONE]\n\n"


def sse(*events: Mapping[str, Any] | str) -> str:
    """The events as they are sent; a text stands for itself."""
    return "".join(e if isinstance(e, str) else f"data: {json.dumps(e)}\n\n" for e in events)


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m-2026"}
    return {**head, "system_fingerprint": "fp_1", "choices": [choice], **more}


def said(*words: str) -> list[dict[str, Any]]:
    return [chunk({"role": "assistant", "content": ""}), *(chunk({"content": w}) for w in words)]


class Provider:
    """Answers every POST with `body`; `asked` holds the requests' bodies."""

    def __init__(
        self,
        body: str | Callable[[dict[str, Any]], str],
        *,
        content_type: str = "text/event-stream",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._body, self._type, self._status = body, content_type, status
        self._headers = dict(headers or {})
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.paths.append(request.path)
        body = self._body if isinstance(self._body, str) else self._body(self.asked[-1])
        return web.Response(
            text=body, content_type=self._type, status=self._status, headers=self._headers
        )


def reached(url: str, model: str, **changes: Any) -> Deployment:
    """The deployment at `url`: `openai/…` stands for the transport, other names for litellm's."""
    provider, _, name = model.partition("/")
    if provider == "direct":
        return deployment("m/d", target=name, endpoint=f"{url}/v1", key="THE_KEY", **changes)
    own = provider in ("anthropic", "gemini")
    return deployment(
        "m/d",
        via="litellm",
        target=model,
        provider=provider,
        endpoint=url if own else f"{url}/v1",
        key="THE_KEY",
        **changes,
    )
