"""Idempotency keys: the same request under the same key is answered once.

Kept by this process alone, in memory: with several workers, a repetition that comes to another one
is answered anew, and so is one after a restart. Failures are not kept, so that another try is one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.gateway.chat.wanted import Answer
from orchestrator.gateway.errors import ApiError

DAY_S = 86_400.0
MOST = 4096
"""Answers that are kept; the oldest goes first."""
MOST_CHARACTERS = 16_000_000
"""Of all texts together."""

Mark = tuple[str, str]
"""The id of the virtual key, and the idempotency key."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered."""

    answers: tuple[Answer, ...]
    trace_id: str
    created: int

    @property
    def size(self) -> int:
        return sum(len(a.text) + sum(len(c.arguments) for c in a.tool_calls) for a in self.answers)


@dataclass(slots=True)
class _Entry:
    digest: bytes
    begun: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    kept: Kept | None = None


class Replays:
    """What was answered under which key.

    Args:
        now: seconds that never run backwards.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: OrderedDict[Mark, _Entry] = OrderedDict()
        self._size = 0

    async def claim(self, mark: Mark, digest: bytes) -> Kept | None:
        """The answer that was given; `None`: it is to be made now, and then `keep` or `drop`.

        Waits for one that is being made.

        Raises:
            ApiError: 422: under this key another request was made.
        """
        while (entry := self._entries.get(mark)) is not None:
            if entry.kept is not None and self._now() - entry.begun > DAY_S:
                self._remove(mark)
                break
            if entry.digest != digest:
                raise ApiError(
                    422,
                    "this idempotency key was used for another request; take a new key for a new "
                    "request",
                    code="idempotency_key_reused",
                    param="mesh.idempotency_key",
                )
            if entry.kept is not None:
                return entry.kept
            await entry.over.wait()
        self._entries[mark] = _Entry(digest, self._now())
        return None

    def keep(self, mark: Mark, kept: Kept) -> None:
        """The claimed request was answered."""
        entry = self._entries[mark]
        entry.kept = kept
        entry.over.set()
        self._size += kept.size
        while len(self._entries) > MOST or self._size > MOST_CHARACTERS:
            oldest = next((m for m, e in self._entries.items() if e.kept is not None), None)
            if oldest is None:
                break
            self._remove(oldest)

    def drop(self, mark: Mark) -> None:
        """The claimed request was not answered; whoever waits makes the next try."""
        entry = self._entries.pop(mark)
        entry.over.set()

    def _remove(self, mark: Mark) -> None:
        entry = self._entries.pop(mark)
        self._size -= entry.kept.size if entry.kept else 0
