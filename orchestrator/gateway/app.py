"""The ASGI application. Chat completions take the short way, everything else goes by Starlette."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.gateway.arriving import refusal
from orchestrator.gateway.errors import send_error

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from orchestrator.gateway.state import State

CHAT = "/v1/chat/completions"


class Gateway:
    """Callable by any ASGI server.

    Args:
        state: what the endpoints share.
        chat: the endpoint of `POST /v1/chat/completions`, an ASGI application of its own.
        rest: all other endpoints.
    """

    def __init__(self, state: State, chat: Any, rest: Starlette) -> None:
        self.state, self._chat, self._rest = state, chat, rest

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the ASGI specification."""
        telemetry = self.state.telemetry
        if telemetry is None:
            await self._serve(scope, receive, send)
            return
        seen = telemetry.begin(scope, send)
        try:
            await self._serve(scope, receive, seen)
        finally:
            telemetry.end(seen)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        wrong = refusal(scope.get("headers", ()), is_open=self.state.keys is None)
        if wrong is not None:
            await send_error(send, wrong, [])
        elif scope["type"] == "http" and scope["path"] == CHAT and scope["method"] == "POST":
            await self._chat(scope, receive, send)
        else:
            await self._rest(scope, receive, send)
