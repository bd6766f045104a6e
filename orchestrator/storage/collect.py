"""Things that are put together in batches by a thread of their own, off the path of a request."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_LOG = logging.getLogger("orchestrator.storage")

SECONDS = 0.02
"""How long things wait for others at most."""
PIECE = 64
"""How many things are taken at a time: about half a millisecond's work, in which no other thread of
this process can go on."""
_BREATH_S = 0.0005
"""Between two pieces others have their turn."""
_LINGER = 50
"""Rounds without anything after which the thread sleeps until it is woken."""


class Collector(Generic[T]):
    """Hands what was `put` to `take`, in order and in batches. `put` costs about a microsecond.

    Args:
        take: gets each batch, in this object's thread or in one that calls `flush`, never in two
            at once. What it raises is logged, and the batch is lost.
        name: of the thread, for people.
        piece: how many things are handed on at a time, at most.
        most: how many things wait at most; what comes then is `lost`, and counted.
    """

    def __init__(
        self,
        take: Callable[[list[T]], None],
        name: str,
        *,
        seconds: float = SECONDS,
        piece: int = PIECE,
        most: int = 100_000,
    ) -> None:
        self._take, self._name, self._seconds, self._most = take, name, seconds, most
        self._piece = piece
        self._waiting: deque[T] = deque()
        self._taking = threading.RLock()
        self._starting = threading.Lock()
        self._wake = threading.Event()
        self._awake = self._closed = False
        self._thread: threading.Thread | None = None
        self.lost = 0

    def put(self, thing: T) -> None:
        """Add one, from any thread. After `close` it is taken at once."""
        if len(self._waiting) >= self._most:
            self.lost += 1
            return
        self._waiting.append(thing)
        if not self._awake:
            self._rouse()

    def flush(self, *, gently: bool = False) -> None:
        """Take all that waits now, in this thread; returns when it was taken.

        Args:
            gently: nobody waits for it, so let the other threads go on in between.
        """
        waiting, most = self._waiting, self._piece
        with self._taking:
            while waiting:
                # Not a swap of lists: another thread may hold the old one in its hand.
                things = [waiting.popleft() for _ in range(min(len(waiting), most))]
                try:
                    self._take(things)
                except Exception:  # noqa: BLE001 - those that come later are not to be lost too
                    self.lost += len(things)
                    _LOG.exception("%s: a batch of %d was lost", self._name, len(things))
                if gently and waiting:
                    time.sleep(_BREATH_S)

    def close(self) -> None:
        """Take what is left and end the thread; waits for that, some milliseconds."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()
        atexit.unregister(self.flush)

    def _rouse(self) -> None:
        if self._closed:
            # Whoever takes things now sees this one too; to wait for him might be for ever.
            if self._taking.acquire(blocking=False):
                try:
                    self.flush()
                finally:
                    self._taking.release()
            return
        with self._starting:
            self._awake = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
                atexit.register(self.flush)  # for a program that forgets to close
        self._wake.set()

    def _work(self) -> None:
        quiet = 0
        while not self._closed:
            if quiet >= _LINGER:
                self._awake = False
                if not self._waiting:  # what came in between has seen it asleep, or is here
                    self._wake.wait()
                self._wake.clear()
                self._awake = True
                quiet = 0
            time.sleep(self._seconds)
            quiet = 0 if self._waiting else quiet + 1
            self.flush(gently=not self._closed)
        self._awake = False
        self.flush()
