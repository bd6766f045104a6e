"""One event loop in a thread of its own, so that a call works with and without a running loop.

Connections belong to one event loop. A chat model is called from threads, from one `asyncio.run`
after another, and from several loops at once; here all of its calls meet in one that stays.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from orchestrator.errors import UserError

T = TypeVar("T")


class Background:
    """Runs coroutines for every thread. The thread starts with the first one."""

    def __init__(self, on_close: Callable[[], Awaitable[None]]) -> None:
        self._on_close = on_close
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin `work`, in the caller's context. Cancelling the future cancels it."""
        with self._starting:  # not while it is closed: what comes after the end never runs
            return asyncio.run_coroutine_threadsafe(work, self._running())

    def refuse_itself(self) -> None:
        """Raises `UserError` where the caller is work of this loop, which would wait for itself."""
        if threading.current_thread() is self._thread:
            raise UserError(
                "a model that is called by the mesh cannot call the mesh's chat model without "
                "`await`: use `ainvoke` or `astream`"
            )

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, for a caller that may block and is no work of this loop."""
        future = self.submit(work)
        try:
            return future.result()
        except BaseException:  # an interrupted caller: nobody waits for the answer any more
            future.cancel()
            raise

    def close(self) -> None:
        """Stop what runs, and the thread. Nothing happens where it never started."""
        with self._starting:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            if loop is None or thread is None:
                return
            end = asyncio.run_coroutine_threadsafe(self._end(), loop)
        atexit.unregister(self.close)
        end.result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="mesh-chat", daemon=True
            )
            self._thread.start()
            atexit.register(self.close)  # for a program that forgets it
        return self._loop

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._on_close()
