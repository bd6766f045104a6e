"""Posts JSON to an OpenAI-compatible endpoint and reads the answer whole: no stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.calling.transports.wire.connections import from_connection, new_session
from orchestrator.calling.transports.wire.outcomes import error_of, from_event, from_status, without
from orchestrator.calling.transports.wire.sse import MIB
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.types import Outcome

if TYPE_CHECKING:
    import aiohttp

ANSWER_BYTES = 256 * MIB
"""Ten large images in base64, or 2048 vectors of 4096 numbers, and room to spare."""
_ERROR_BYTES = 64 * 1024


class JsonClient:
    """Connections for one event loop, opened at the first call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, key: str | None, body: Mapping[str, Any], *, connect_s: float
    ) -> Any:
        """The answer, parsed.

        Args:
            connect_s: how long it may take to resolve the name, connect and encrypt.

        Raises:
            AttemptError: whatever goes wrong, with its outcome.
        """
        import aiohttp

        if self._session is None:
            self._session = new_session()
        opened = False
        try:
            async with self._session.post(
                url,
                json=body,
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_s),
                allow_redirects=False,
            ) as response:
                opened = response.status == 200
                return await self._answer(response)
        except AttemptError as error:
            raise without(key, error) from error.__cause__
        except (aiohttp.ClientError, OSError) as error:
            found = from_connection(error, opened=opened)
            assert found is not None  # it is one of those that are looked for
            raise found from error

    async def _answer(self, response: aiohttp.ClientResponse) -> Any:
        if response.status != 200:
            text = await _start(response, _ERROR_BYTES)
            raise from_status(response.status, response.headers, text, self._clock.now())
        text = await _start(response, ANSWER_BYTES + 1)
        if len(text) > ANSWER_BYTES:
            limit = ANSWER_BYTES // MIB
            raise AttemptError(Outcome.MALFORMED, f"the answer is larger than {limit} MiB")
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
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _start(response: aiohttp.ClientResponse, limit: int) -> str:
    """At most `limit` bytes of the body, as text; the rest is not read."""
    data = bytearray()
    async for piece in response.content.iter_any():
        data += piece
        if len(data) >= limit:
            break
    return bytes(data[:limit]).decode("utf-8", "replace")
