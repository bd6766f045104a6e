"""How many calls may be made a second time because the first is slow."""

from __future__ import annotations

import threading
from collections import deque

RECENT = 200
"""Calls over which the share is counted."""


class Hedges:
    """At most `share` of any 200 calls in a row, and none before there were enough. Thread-safe."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._lock = threading.Lock()
        self._calls = 0
        self._taken: deque[int] = deque()
        """After how many calls each of the recent hedges was taken."""

    def count(self) -> None:
        """One call is over."""
        with self._lock:
            self._calls += 1

    def take(self) -> bool:
        """Whether one more is within the share; counts it."""
        with self._lock:
            while self._taken and self._taken[0] <= self._calls - RECENT:
                self._taken.popleft()
            if len(self._taken) + 1 > self.share * min(self._calls, RECENT):
                return False
            self._taken.append(self._calls)
            return True
