"""Windows, and the meters that count requests and tokens in them.

A limit is a sliding window: no 60 seconds, wherever they begin, hold more than it allows. That
keeps within a provider's limit however the provider counts. A fixed minute is one of these
windows. A bucket that holds a minute's worth and fills evenly grants more: in t seconds
n + n·t/60, a sliding window at most n·⌈t/60⌉. The smoother GCRA (ITU-T I.371, annex A) with a
minute's tolerance would let almost twice the limit through in the minute after a pause.

What this process alone counts is a `Window`, exact to a tenth of a second. What several share is a
`sharing.pool.Pool`, where a minute takes up to 1.5 s longer, so that the windows still hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from orchestrator.sharing.pool import Pool
from orchestrator.sharing.pools import Need, Pools

WINDOW_S = 60.0
SLOT_S = 0.1
"""What came within such a time leaves the window together, when the last of it is old enough."""


class Window:
    """At most `limit` in any 60 seconds. Knows 601 numbers at most. For one thread at a time."""

    __slots__ = ("_leaves", "_slots", "_sum", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._slots: dict[int, int] = {}
        self._sum = 0
        self._leaves = inf
        """When the oldest slot leaves, on the clock's monotonic scale."""

    def wait_s(self, amount: int, now: float) -> float:
        """Seconds until there is room for `amount`, 0.0 where there is now.

        Each limit's worth beyond the first takes a minute more.
        """
        if now >= self._leaves:
            self._forget(now)
        if amount <= 0 or self._sum + amount <= self.limit:
            return 0.0
        minutes = (amount - 1) // self.limit
        excess = self._sum + amount - minutes * self.limit - self.limit
        until = now
        for slot, held in self._slots.items():
            if excess <= 0:
                break
            excess -= held
            until = _leaves(slot)
        return until - now + minutes * WINDOW_S

    def take(self, amount: int, now: float) -> int:
        """Count `amount`; the slot that it is counted in."""
        slot = int(now / SLOT_S)
        slots = self._slots
        if slot in slots:
            slots[slot] += amount
        else:
            if not slots:
                self._leaves = _leaves(slot)
            slots[slot] = amount
        self._sum += amount
        return slot

    def correct(self, slot: int, change: int, now: float) -> None:
        """What was counted in `slot` was less by so much; or more, which is counted now."""
        if change > 0:
            self.take(change, now)
        elif slot in self._slots:
            self._slots[slot] += change
            self._sum += change

    def left(self, now: float) -> float:
        """The share of the limit that is free, in 0..1."""
        self._forget(now)
        return max(0.0, 1.0 - self._sum / self.limit)

    def is_idle(self, now: float) -> bool:
        """Whether nothing is counted any more."""
        self._forget(now)
        return not self._sum

    def _forget(self, now: float) -> None:
        slots = self._slots
        while slots and _leaves(slot := next(iter(slots))) <= now:
            self._sum -= slots.pop(slot)
        self._leaves = _leaves(next(iter(slots))) if slots else inf


def _leaves(slot: int) -> float:
    return (slot + 1) * SLOT_S + WINDOW_S


@dataclass(slots=True)
class Taken:
    """What one call has reserved. Nothing changes it."""

    meter: Meter
    request: int
    """Its slot among the requests, as `reserved` among the tokens."""
    reserved: int
    tokens: int


class Meter:
    """The requests and the tokens a minute of one deployment or caller. For one thread at a time.

    Where one of the two has no room nothing is taken of either.

    Args:
        name: of what is counted, for all who share it.
        pools: what several processes share; `None`: this one counts alone.
    """

    __slots__ = ("_name", "_pools", "_requests", "_tokens")

    def __init__(
        self, name: str, requests: int | None, tokens: int | None, pools: Pools | None = None
    ) -> None:
        self._name, self._pools = name, pools
        self._requests = self._window(None, "requests", requests)
        self._tokens = self._window(None, "tokens", tokens)

    def limit_to(self, requests: int | None, tokens: int | None) -> None:
        """Other limits from now on; what was counted under the earlier ones counts."""
        self._requests = self._window(self._requests, "requests", requests)
        self._tokens = self._window(self._tokens, "tokens", tokens)

    def free_in_s(self, tokens: int, now: float) -> float:
        """Seconds until one request of so many tokens may pass, 0.0 where it may now.

        One that is larger than the whole limit may pass alone, or it never could.
        """
        in_requests, in_tokens = self._requests, self._tokens
        wait_s = 0.0 if in_requests is None else in_requests.wait_s(1, now)
        if in_tokens is None:
            return wait_s
        limit = in_tokens.limit
        wait_tokens_s = in_tokens.wait_s(tokens if tokens < limit else limit, now)
        return wait_tokens_s if wait_tokens_s > wait_s else wait_s

    def queue_s(self, requests: int, tokens: int, now: float) -> float:
        """Seconds until so many requests, of so many tokens together, have had room."""
        return max(
            0.0 if self._requests is None else self._requests.wait_s(requests, now),
            0.0 if self._tokens is None else self._tokens.wait_s(tokens, now),
        )

    def needs(self, tokens: int, now: float) -> list[Need]:
        """What to ask of those who share the limits, for one request of so many tokens.

        Empty where nothing is missing, or where nobody can have more.
        """
        most = tokens if self._tokens is None else min(tokens, self._tokens.limit)
        wanted = ((self._requests, 1), (self._tokens, most))
        return [(w, n) for w, n in wanted if isinstance(w, Pool) and w.asks(n, now)]

    @property
    def why_refused(self) -> str:
        """Why nothing passes, where the limits cannot be counted; else empty."""
        for window in (self._requests, self._tokens):
            if isinstance(window, Pool) and window.why_refused:
                return window.why_refused
        return ""

    def take(self, tokens: int, now: float) -> Taken:
        """Count one request of so many tokens, whether there is room or not."""
        request = 0 if self._requests is None else self._requests.take(1, now)
        reserved = 0 if self._tokens is None else self._tokens.take(tokens, now)
        return Taken(self, request, reserved, tokens)

    def correct(self, taken: Taken, change: int, now: float) -> None:
        """The call needs so many tokens more than were counted, or fewer."""
        if self._tokens is not None and change:
            self._tokens.correct(taken.reserved, change, now)

    def give_back(self, taken: Taken, now: float) -> None:
        """The call was never made."""
        self.correct(taken, -taken.tokens, now)
        if self._requests is not None:
            self._requests.correct(taken.request, -1, now)

    def left(self, now: float) -> float:
        """The share that is free of the scarcer of the two, in 0..1."""
        windows = [w for w in (self._requests, self._tokens) if w is not None]
        return min((w.left(now) for w in windows), default=1.0)

    def is_idle(self, now: float) -> bool:
        """Whether nothing is counted any more."""
        return all(w is None or w.is_idle(now) for w in (self._requests, self._tokens))

    def _window(
        self, before: Window | Pool | None, what: str, limit: int | None
    ) -> Window | Pool | None:
        if limit is None:
            return None
        if before is not None:
            before.limit = limit
            return before
        if self._pools is None:
            return Window(limit)
        return self._pools.window(f"{self._name}:{what}", limit, WINDOW_S)
