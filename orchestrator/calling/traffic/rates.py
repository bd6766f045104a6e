"""Requests and tokens a minute: of a deployment, and of a caller.

A limit is a sliding window: no 60 seconds, wherever they begin, hold more than it allows. That
keeps within a provider's limit however the provider counts. A fixed minute is one of these
windows. A bucket that holds a minute's worth and fills evenly grants more: in t seconds
n + n·t/60, a sliding window at most n·⌈t/60⌉. The smoother GCRA (ITU-T I.371, annex A) with a
minute's tolerance would let almost twice the limit through in the minute after a pause.

Tokens are reserved before a call, its prompt and what the answer may take, and corrected
afterwards by what was used.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.calling.callers import holds_for, said_by
from orchestrator.errors import RateLimitedError
from orchestrator.project.protocols import Clock
from orchestrator.records import Attempt
from orchestrator.types import Caller, Deployment

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import CallerLimit

WINDOW_S = 60.0
SLOT_S = 0.1
"""What came within such a time leaves the window together, when the last of it is old enough."""


class Window:
    """At most `limit` in any 60 seconds. Knows 601 numbers at most. For one thread at a time."""

    __slots__ = ("_slots", "_sum", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._slots: dict[int, int] = {}
        self._sum = 0

    def wait_s(self, amount: int, now: float) -> float:
        """Seconds until there is room for `amount`, 0.0 where there is now.

        Each limit's worth beyond the first takes a minute more.
        """
        self._forget(now)
        if amount <= 0:
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
        self._slots[slot] = self._slots.get(slot, 0) + amount
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

    def _forget(self, now: float) -> None:
        while self._slots and _leaves(slot := next(iter(self._slots))) <= now:
            self._sum -= self._slots.pop(slot)


def _leaves(slot: int) -> float:
    return (slot + 1) * SLOT_S + WINDOW_S


@dataclass(frozen=True, slots=True)
class Taken:
    """What one call has reserved."""

    meter: Meter
    request: int
    """Its slot among the requests, as `reserved` among the tokens."""
    reserved: int
    tokens: int


class Meter:
    """The requests and the tokens a minute of one deployment or caller. For one thread at a time.

    Where one of the two has no room nothing is taken of either.
    """

    __slots__ = ("_requests", "_tokens")

    def __init__(self, requests: int | None, tokens: int | None) -> None:
        self._requests = None if requests is None else Window(requests)
        self._tokens = None if tokens is None else Window(tokens)

    def free_in_s(self, tokens: int, now: float) -> float:
        """Seconds until one request of so many tokens may pass, 0.0 where it may now.

        One that is larger than the whole limit may pass alone, or it never could.
        """
        most = self._tokens.limit if self._tokens is not None else tokens
        return self.queue_s(1, min(tokens, most), now)

    def queue_s(self, requests: int, tokens: int, now: float) -> float:
        """Seconds until so many requests, of so many tokens together, have had room."""
        return max(
            0.0 if self._requests is None else self._requests.wait_s(requests, now),
            0.0 if self._tokens is None else self._tokens.wait_s(tokens, now),
        )

    def take(self, tokens: int, now: float) -> Taken:
        """Count one request of so many tokens, whether there is room or not."""
        request = 0 if self._requests is None else self._requests.take(1, now)
        reserved = 0 if self._tokens is None else self._tokens.take(tokens, now)
        return Taken(self, request, reserved, tokens)

    def correct(self, taken: Taken, change: int, now: float) -> None:
        """The call needs so many tokens more than were counted, or fewer."""
        if self._tokens is not None:
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


class Rates:
    """What is asked of each deployment, counted against its `limits`. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._meters: dict[str, Meter] = {}

    def take(self, deployment: Deployment, tokens: int) -> Taken | None:
        """Reserve one request of so many tokens; `None` where there is no room now."""
        with self._lock:
            meter, now = self._meter(deployment), self._clock.monotonic()
            return meter.take(tokens, now) if meter.free_in_s(tokens, now) <= 0 else None

    def settle(self, taken: Taken, used: int) -> None:
        """The call is over and has used so many tokens."""
        with self._lock:
            taken.meter.correct(taken, used - taken.tokens, self._clock.monotonic())

    def give_back(self, taken: Taken) -> None:
        """The call was never made."""
        with self._lock:
            taken.meter.give_back(taken, self._clock.monotonic())

    def free_in_s(self, deployment: Deployment, tokens: int) -> float:
        """Seconds until one request of so many tokens may pass, 0.0 where it may now."""
        with self._lock:
            return self._meter(deployment).free_in_s(tokens, self._clock.monotonic())

    def queue_s(self, deployment: Deployment, requests: int, tokens: int) -> float:
        """Seconds until so many requests, of so many tokens together, have had room."""
        with self._lock:
            return self._meter(deployment).queue_s(requests, tokens, self._clock.monotonic())

    def left(self, deployment: Deployment) -> float:
        """The share that is free of the scarcer of requests and tokens, in 0..1."""
        with self._lock:
            return self._meter(deployment).left(self._clock.monotonic())

    def _meter(self, deployment: Deployment) -> Meter:
        found = self._meters.get(deployment.id)
        if found is None:
            limits = deployment.limits
            found = Meter(limits.requests_per_minute, limits.tokens_per_minute)
            self._meters[deployment.id] = found
        return found


@dataclass(slots=True)
class CallerCall:
    """One call as the limits of its caller count it."""

    taken: tuple[Taken, ...] = ()
    counted: int = 0
    """Tokens: those reserved, from the first attempt on those used."""
    used: int = 0


class CallerRates:
    """What each caller asks for, counted against the policy's `limits`. Thread-safe.

    Counts in this process; what nobody has asked for in the last minute is forgotten.
    """

    def __init__(self, limits: Sequence[CallerLimit], clock: Clock) -> None:
        self._limits = tuple(limits)
        self._clock = clock
        self._lock = threading.Lock()
        self._meters: OrderedDict[tuple[int, str], Meter] = OrderedDict()

    def take(self, caller: Caller, tags: Sequence[str], tokens: int) -> CallerCall:
        """Reserve one call of so many tokens with every limit that holds, or with none of them.

        Raises:
            RateLimitedError: a limit has no room now; says which, whose, and when it has.
        """
        places = [i for i, limit in enumerate(self._limits) if holds_for(limit.match, caller, tags)]
        if not places:
            return CallerCall()
        with self._lock:
            now = self._clock.monotonic()
            self._forget(now)
            meters = [self._meter(place, caller) for place in places]
            waits = [meter.free_in_s(tokens, now) for meter in meters]
            longest = max(waits)
            if longest > 0:
                limit = self._limits[places[waits.index(longest)]]
                raise RateLimitedError(_refusal(limit, caller, longest), retry_after_s=longest)
            return CallerCall(tuple(meter.take(tokens, now) for meter in meters), tokens)

    def ended(self, call: CallerCall, attempt: Attempt) -> None:
        """An attempt of the call is over: what was used counts instead of what was reserved."""
        if not call.taken:
            return
        with self._lock:
            now = self._clock.monotonic()
            call.used += attempt.usage.input + attempt.usage.output
            change, call.counted = call.used - call.counted, call.used
            for one in call.taken:
                one.meter.correct(one, change, now)

    def give_back(self, call: CallerCall) -> None:
        """Nothing was sent for the call."""
        with self._lock:
            now = self._clock.monotonic()
            for one in call.taken:
                one.meter.give_back(one, now)

    def _meter(self, place: int, caller: Caller) -> Meter:
        limit = self._limits[place]
        key = (place, said_by(caller, limit.per))
        if key not in self._meters:
            self._meters[key] = Meter(limit.requests_per_minute, limit.tokens_per_minute)
        self._meters.move_to_end(key)
        return self._meters[key]

    def _forget(self, now: float) -> None:
        """Of those that were not asked for the longest; as many as may come anew, and one."""
        for _ in range(len(self._limits) + 1):
            key, meter = next(iter(self._meters.items()), (None, None))
            if key is None or meter is None or meter.left(now) < 1.0:
                return
            del self._meters[key]


def _refusal(limit: CallerLimit, caller: Caller, wait_s: float) -> str:
    what = limit.per.replace("_", " ")
    who = said_by(caller, limit.per)
    if limit.per == "project":
        subject = "the project"
    else:
        subject = f"{what} '{who}'" if who else f"callers who name no {what}"
    amounts = ((limit.requests_per_minute, "call"), (limit.tokens_per_minute, "token"))
    allowed = " and ".join(
        f"{most} {unit}{'' if most == 1 else 's'}" for most, unit in amounts if most is not None
    )
    return (
        f"rate limit of {subject} ({allowed} a minute) is used up; "
        f"come back in {max(wait_s, 0.1):.1f} s"
    )
