"""Many streams at once against a service, each of which must bring the answer to its own question.

load = Load(service.url, at_once=500, pieces=24)
async with load.going():
    await asyncio.sleep(60)
load.ends                       # {"whole": 7500}
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

import aiohttp

from tests.load.provider import answer, question

End = Literal["whole", "cut", "other", "lost", "failed", "refused"]
"""`whole`: word by word its own answer, with its end. `cut`: no end, or an error in its place.
`other`: an answer that is not its own. `lost`: taken, and nothing came back. `failed`: an error
instead of an answer. `refused`: never taken, since the service ends."""
_QUIET_S = 60.0
"""So long without a byte, and it is lost."""


@dataclass(frozen=True, slots=True)
class Told:
    """How one request ended."""

    number: int
    end: End
    trace_id: str = ""
    why: str = ""


class Load:
    """Askers that ask one thing after the other, until they are stopped or refused."""

    def __init__(self, url: str, *, at_once: int, pieces: int) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._at_once, self._pieces = at_once, pieces
        self._numbers = count()
        self._stopped = False
        self.told: list[Told] = []
        self.begun = 0

    @property
    def ends(self) -> Counter[str]:
        """How many ended how."""
        return Counter(one.end for one in self.told)

    @property
    def wrong(self) -> list[Told]:
        """Those that should have been answered and were not."""
        return [one for one in self.told if one.end not in ("whole", "refused")]

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Under load inside; at its end nobody asks anew, and what was asked is waited for."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_QUIET_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client:
            askers = [asyncio.create_task(self._keep_asking(client)) for _ in range(self._at_once)]
            try:
                yield
            finally:
                self._stopped = True
                await asyncio.gather(*askers)

    async def until(self, more: int) -> None:
        """Wait for so many further answers."""
        wanted = len(self.told) + more
        while len(self.told) < wanted:
            await asyncio.sleep(0.05)

    async def _keep_asking(self, client: aiohttp.ClientSession) -> None:
        while not self._stopped:
            number = next(self._numbers)
            self.begun += 1
            self.told.append(told := await self._ask(client, number))
            if told.end == "refused":
                return

    async def _ask(self, client: aiohttp.ClientSession, number: int) -> Told:
        body = {
            "model": "auto",
            "messages": [{"role": "user", "content": question(number)}],
            "stream": True,
            "user": f"u{number % 10}",
            "mesh": {"task": "chat", "tags": ["load"]},
        }
        try:
            response = await client.post(self._url, json=body)
        except aiohttp.ClientConnectorError:
            return Told(number, "refused")
        except (aiohttp.ClientError, TimeoutError) as error:
            return Told(number, "lost", why=repr(error))
        async with response:
            trace_id = response.headers.get("x-mesh-trace-id", "")
            if response.status != 200:
                said = await response.text()
                refused = response.status == 503 and '"draining"' in said
                return Told(number, "refused" if refused else "failed", trace_id, said)
            return await self._listen(response, number, trace_id)

    async def _listen(self, response: Any, number: int, trace_id: str) -> Told:
        words, ended, done, ids = "", False, False, {f"chatcmpl-{trace_id}"}
        try:
            async for line in response.content:
                if line.startswith(b"data: [DONE]"):
                    done = True
                elif line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    if "error" in event:
                        return Told(number, "cut", trace_id, event["error"]["message"])
                    ids.add(event["id"])
                    for choice in event["choices"]:
                        words += choice["delta"].get("content") or ""
                        ended = ended or choice["finish_reason"] == "stop"
        except (aiohttp.ClientError, TimeoutError) as error:
            return Told(number, "cut", trace_id, repr(error))
        if not (ended and done):
            return Told(number, "cut", trace_id, f"no end after {words!r}")
        if words != answer(number, self._pieces) or len(ids) != 1:
            return Told(number, "other", trace_id, f"{ids}: {words!r}")
        return Told(number, "whole", trace_id)
