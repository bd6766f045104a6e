"""What the gateway refuses of every request, around another application."""

from __future__ import annotations

from typing import Any

from orchestrator.gateway.arriving import refusal
from orchestrator.gateway.errors import send_error


class Guarded:
    """An application that is served alone, with what the gateway refuses of every request.

    Args:
        is_open: no key is asked for, so that only names of this machine are answered.
    """

    def __init__(self, app: Any, *, is_open: bool) -> None:
        self._app, self._is_open = app, is_open

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the ASGI specification."""
        wrong = refusal(scope.get("headers", ()), is_open=self._is_open)
        if wrong is not None and scope["type"] == "http":
            await send_error(send, wrong, [])
        else:
            await self._app(scope, receive, send)
