"""A clock that jumps: whenever nothing in the loop can go on, time moves to the next sleeper.

    async with FakeClock() as clock: ...

The wait for input of the event loop is where it looks: if no socket is ready, everybody waits for
time. What runs in threads is not seen, so nothing under such a clock may use one.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import Any

from orchestrator.testing.clock import AlarmBySleep

GRACE_S = 0.005
"""Real seconds for the kernel to hand over what was written on loopback."""


class FakeClock(AlarmBySleep):
    """Satisfies `protocols.Clock`; `slept` holds every pause that ran to its end."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start = start
        self._time = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self.slept: list[float] = []

    def now(self) -> float:
        return self._start + self._time

    def monotonic(self) -> float:
        return self._time

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._time + max(seconds, 0.0), self._count, woken))
        await woken
        self.slept.append(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass for those who only look at it."""
        self._time += seconds

    def jump(self) -> bool:
        """Move to the next sleeper and wake it; false where nobody sleeps."""
        while self._sleepers:
            at, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self._time = max(self._time, at)
                woken.set_result(None)
                return True
        return False

    async def __aenter__(self) -> FakeClock:
        loop: Any = asyncio.get_running_loop()
        self._selector, self._select = loop._selector, loop._selector.select

        def select(timeout: float | None = None) -> list[Any]:
            if timeout is not None and timeout <= 0:
                return list(self._select(timeout))
            ready = self._select(GRACE_S)
            if not ready and not self.jump():
                ready = self._select(timeout)
            return list(ready)

        self._selector.select = select
        return self

    async def __aexit__(self, *exc: object) -> None:
        del self._selector.select
