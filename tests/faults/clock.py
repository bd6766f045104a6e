"""A clock that jumps, shared by several event loops: server, runs, and the chat models' thread.

    async with SharedClock() as clock: ...

Inside the block, whenever nothing can go on, time moves to the next sleeper. Nothing can go on
where every event loop waits in its selector with no socket ready, and no loop waits for work that
it gave to a thread. So a test takes no longer than its work, and a slow machine only takes
longer: no deadline passes because a thread was late. Loops that are made inside the block belong
to it.
"""

from __future__ import annotations

import asyncio
import heapq
import select
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self
from unittest import mock

from anyio._backends._asyncio import AsyncIOBackend

from orchestrator.testing.clock import AlarmBySleep

LOOK_S = 0.002
"""How often a waiting loop looks whether all are at rest, in real seconds."""
GRACE_S = 0.05
"""How long all are at rest before time moves by ten seconds or more, in real seconds; less for
less. A busy kernel may be so late with what was written on loopback."""


class SharedClock(AlarmBySleep):
    """Satisfies `protocols.Clock`. Its times start at zero, its epoch seconds in 2023."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start = start
        self._time = 0.0
        self._count = 0
        self._lock = threading.Lock()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._loops: weakref.WeakSet[_Watched] = weakref.WeakSet()
        self._jobs = 0
        """Work given to anyio's threads that has not come back."""
        self._patches = ExitStack()
        self._quiet_since: float | None = None
        """In real seconds; `None` while somebody works."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._start + self._time

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._time

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved that far."""
        woken = asyncio.get_running_loop().create_future()
        with self._lock:
            self._count += 1
            until = self._time + max(seconds, 0.0)
            heapq.heappush(self._sleepers, (until, self._count, woken))
        await woken

    def step(self, seconds: float) -> None:
        """Let the wall clock jump, as a correction does; what is monotonic does not see it."""
        self._start += seconds

    async def __aenter__(self) -> Self:
        make = asyncio.new_event_loop
        # litellm gives work to threads of anyio, which are none of asyncio's.
        give = AsyncIOBackend.run_sync_in_worker_thread

        def new_event_loop() -> asyncio.AbstractEventLoop:
            loop = make()
            self._watch(loop)
            return loop

        async def counted(_: type, *arguments: Any, **options: Any) -> Any:
            self._count_jobs(1)
            try:
                return await give(*arguments, **options)
            finally:
                self._count_jobs(-1)

        for place, name, put in (
            (asyncio, "new_event_loop", new_event_loop),
            (AsyncIOBackend, "run_sync_in_worker_thread", classmethod(counted)),
        ):
            self._patches.enter_context(mock.patch.object(place, name, put))
        self._watch(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._patches.close()
        for watched in list(self._loops):
            watched.release()

    def _count_jobs(self, more: int) -> None:
        with self._lock:
            self._jobs += more

    def _watch(self, loop: asyncio.AbstractEventLoop) -> _Watched:
        watched = _Watched(loop, self._jump, self._stir)
        self._loops.add(watched)
        watched.hold()
        return watched

    def _jump(self) -> None:
        """Move to the next sleeper if all loops have been at rest for long enough."""
        with self._lock:
            if self._jobs or not all(watched.rests() for watched in list(self._loops)):
                self._quiet_since = None
                return
            while self._sleepers and _is_gone(self._sleepers[0][2]):
                heapq.heappop(self._sleepers)
            if not self._sleepers:
                return
            until, _, woken = self._sleepers[0]
            now = time.monotonic()
            self._quiet_since = since = self._quiet_since or now
            if now - since < GRACE_S * min((until - self._time) / 10, 1.0):
                return
            heapq.heappop(self._sleepers)
            self._time, self._quiet_since = max(self._time, until), None
            woken.get_loop().call_soon_threadsafe(_wake, woken)

    def _stir(self) -> None:
        self._quiet_since = None


def _is_gone(woken: asyncio.Future[None]) -> bool:
    """Nobody sleeps there any more."""
    return woken.done() or woken.get_loop().is_closed()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


class _Watched:
    """An event loop whose waits are seen. A loop that was closed rests for ever."""

    def __init__(self, loop: Any, jump: Callable[[], None], stir: Callable[[], None]) -> None:
        self._loop, self._jump, self._stir = loop, jump, stir
        self._waits = False
        """In its selector, with nothing to do but wait."""
        self._jobs = 0
        """Work given to threads that has not come back."""

    def hold(self) -> None:
        """Look at each wait for input from now on."""
        self._select, self._run = self._loop._selector.select, self._loop.run_in_executor
        self._loop._selector.select, self._loop.run_in_executor = self._wait, self._give
        self._loop.__dict__["watched"] = self  # lives as long as the loop does

    def release(self) -> None:
        """Leave the loop as it was."""
        if self._loop._selector is not None:
            del self._loop._selector.select
        del self._loop.run_in_executor
        del self._loop.__dict__["watched"]

    def rests(self) -> bool:
        """Whether it can only go on when time does. May be asked from another thread."""
        if self._loop.is_closed():
            return True
        if not self._waits or self._jobs:
            return False
        # What arrived and was not yet taken: the loop's thread may only wait for a processor.
        poll = select.poll()
        poll.register(self._loop._selector.fileno(), select.POLLIN)
        return not poll.poll(0)

    def _give(self, executor: Any, work: Callable[..., Any], *arguments: Any) -> Any:
        self._jobs += 1
        future = self._run(executor, work, *arguments)
        future.add_done_callback(self._taken)
        return future

    def _taken(self, _future: object) -> None:
        self._jobs -= 1

    def _wait(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout <= 0:
            return list(self._select(timeout))
        self._waits = True
        try:
            waited = 0.0
            while timeout is None or waited < timeout:
                step = LOOK_S if timeout is None else min(LOOK_S, timeout - waited)
                ready = self._select(step)
                if ready:
                    self._stir()
                    return list(ready)
                waited += step
                self._jump()
            return []
        finally:
            self._waits = False
