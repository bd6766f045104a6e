"""Which deployments somebody has taken out of use, as a running process sees it.

The file is looked at when a snapshot of the fleet is made, at most once a second, and read only
where somebody has written to it. Copies of a service on several machines exchange what their files
say through the server that they share; of two words on one deployment the later counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError
from orchestrator.project.protocols import Clock
from orchestrator.sharing.client import Script
from orchestrator.storage.operations import Drain, Operations
from orchestrator.types import as_json

if TYPE_CHECKING:
    from orchestrator.sharing.client import Shared

LOOK_S = 0.2
"""Between two looks at the file; the server is asked where it has changed."""
ASK_S = 1.0
"""Between two questions to the server where no hint came."""
TOPIC = "drains"
_LOG = logging.getLogger("orchestrator.fleet")
_EXCHANGE = Script("""
local news = false
for deployment, one in pairs(cjson.decode(ARGV[1])) do
  local known = redis.call('HGET', KEYS[1], deployment)
  if not known or tonumber(cjson.decode(known).changed) < tonumber(one.changed) then
    redis.call('HSET', KEYS[1], deployment, one.text)
    news = true
  end
end
if news then redis.call('PUBLISH', KEYS[2], '') end
return redis.call('HVALS', KEYS[1])
""")


class Drains:
    """What is drained now. A file that cannot be read costs the news, never a call."""

    def __init__(self, operations: Operations, clock: Clock) -> None:
        self._operations, self._clock = operations, clock
        self._stamp: tuple[int, ...] = ()
        self._known: Mapping[str, Drain] = {}
        self._failed = False

    def now(self) -> Mapping[str, Drain]:
        """By deployment, without those whose time is over."""
        stamp = self._operations.stamp()
        if stamp != self._stamp:
            try:
                self._known, self._stamp = self._operations.drains(), stamp
            except StorageError as error:
                if not self._failed:
                    self._failed = True
                    _LOG.warning("what is drained from now on is not heard of: %s", error)
        now = self._clock.now()
        return {name: drain for name, drain in self._known.items() if drain.holds(now)}


class SharedDrains:
    """Keeps the file of this machine and those of other machines the same.

    Where the server is gone, each machine goes by its own file, and tells what it missed when the
    server is back.
    """

    def __init__(self, operations: Operations, shared: Shared) -> None:
        self._operations, self._shared = operations, shared
        self._stamp: tuple[int, ...] = ()
        self._own: Mapping[str, Drain] = {}
        self._hinted = asyncio.Event()
        shared.subscribe(TOPIC, lambda _: self._hinted.set())

    async def run(self) -> None:
        """Go on until it is cancelled."""
        since = ASK_S
        while True:
            if since >= ASK_S or self._hinted.is_set() or self._operations.stamp() != self._stamp:
                self._hinted.clear()
                since = 0.0
                try:
                    await self.exchange()
                except StorageError as error:  # told by who reads: the client, `Drains`
                    _LOG.debug("drains were not exchanged: %s", error)
            await asyncio.sleep(LOOK_S)
            since += LOOK_S

    async def exchange(self) -> None:
        """Tell what the file says, and write what others have said later.

        Raises:
            StorageError: the server cannot be asked, or the file not be read or written.
        """
        stamp = self._operations.stamp()
        if stamp != self._stamp:
            self._own = await asyncio.to_thread(self._operations.drains)
        # As text: Lua would shorten the times.
        rows = {
            name: {"changed": one.changed, "text": json.dumps(as_json(one))}
            for name, one in self._own.items()
        }
        found = await self._shared.run(_EXCHANGE, ["drains", TOPIC], [json.dumps(rows)])
        theirs = [Drain(**json.loads(text)) for text in found]
        later = [
            one
            for one in theirs
            if (own := self._own.get(one.deployment)) is None or own.changed < one.changed
        ]
        if later:
            await asyncio.to_thread(self._operations.take, later)
        self._stamp = stamp  # what was written just now is read once more, and tells nothing new
