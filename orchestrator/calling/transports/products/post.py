"""Posts JSON to an OpenAI-compatible endpoint and reads the answer whole: no stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.calling.transports.wire.http import ChatClient, Posted
from orchestrator.calling.transports.wire.outcomes import error_of, from_event, from_status, without
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.types import Outcome

_ERROR_BYTES = 64 * 1024


class JsonClient:
    """Connections for one event loop, opened at the first call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client = ChatClient(clock)

    async def post(
        self,
        endpoint: str,
        path: str,
        key: str | None,
        body: Mapping[str, Any],
        *,
        connect_s: float,
    ) -> Any:
        """The answer, parsed.

        Args:
            path: below the endpoint, with its slash.
            connect_s: how long it may take to resolve the name, connect and encrypt.

        Raises:
            AttemptError: whatever goes wrong, with its outcome.
        """
        posted = await self._client.post_json(endpoint, path, key, body, connect_s)
        try:
            return self._read(posted)
        except AttemptError as error:
            raise without(key, error) from error.__cause__

    def _read(self, posted: Posted) -> Any:
        if posted.status != 200:
            text = posted.body[:_ERROR_BYTES].decode("utf-8", "replace")
            raise from_status(posted.status, posted.headers, text, self._clock.now())
        text = posted.body.decode("utf-8", "replace")
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            start = " ".join(text[:200].split())
            raise AttemptError(Outcome.MALFORMED, f"no JSON in the answer: {start}") from None
        error = error_of(body)
        if error is not None:
            raise from_event(error)
        return body

    async def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        await self._client.close()
