"""A client that leaves while its answer is made: the work is stopped, upstream as well."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

PATIENCE_S = 0.05
"""An answer that takes no longer needs nobody who watches: a task costs more than most of them."""


class Presence:
    """Cancels the task that it was made in when the client leaves.

    A context; who is cancelled by it sees `left`. Nothing else may read from `receive` inside.
    """

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self.left = False

    def __enter__(self) -> Presence:
        work = asyncio.current_task()
        assert work is not None
        self._work = work
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._begin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self.left:
            self._work.uncancel()

    def _begin(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        self._work.cancel("the client left")
