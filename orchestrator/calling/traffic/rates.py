"""Requests and tokens a minute: of a deployment, and of a caller.

Tokens are reserved before a call, its prompt and what the answer may take, and corrected
afterwards by what was used. With `pools`, several processes keep each limit together.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.calling.callers import holds_for, said_by
from orchestrator.calling.traffic.meters import Meter, Taken
from orchestrator.errors import RateLimitedError, StorageError
from orchestrator.project.protocols import Allotments, Clock
from orchestrator.records import Attempt
from orchestrator.sharing.pools import Need, Pools
from orchestrator.types import Caller, Deployment, digest

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import CallerLimit

ROUNDS = 4
"""How often a call asks for more that others were quicker to take."""
REMEMBERED = 4096
"""Callers whose limits are looked up once."""


class Rates:
    """What is asked of each deployment, counted against its `limits`. Thread-safe."""

    def __init__(self, clock: Clock, pools: Pools | None = None) -> None:
        self._clock, self._pools = clock, pools
        self._lock = _lock(pools)
        self._meters: dict[str, Meter] = {}

    def reconfigure(self, deployments: Mapping[str, Deployment]) -> None:
        """Go on by the limits of `deployments`, by id; what was counted stays."""
        with self._lock:
            for id, meter in self._meters.items():
                if id in deployments:
                    limits = deployments[id].limits
                    meter.limit_to(limits.requests_per_minute, limits.tokens_per_minute)

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

    def needs(self, deployment: Deployment, tokens: int) -> list[Need]:
        """What to ask of those who share its limits; see `Meter.needs`."""
        if self._pools is None:
            return []
        with self._lock:
            return self._meter(deployment).needs(tokens, self._clock.monotonic())

    def why_refused(self, deployment: Deployment) -> str:
        """Why nothing passes, where its limits cannot be counted; else empty."""
        with self._lock:
            return self._meter(deployment).why_refused

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
            found = Meter(
                f"deployment:{deployment.id}",
                limits.requests_per_minute,
                limits.tokens_per_minute,
                self._pools,
            )
            self._meters[deployment.id] = found
        return found


@dataclass(slots=True)
class CallerCall:
    """One call as the limits of its caller count it."""

    taken: tuple[Taken, ...] = ()
    counted: int = 0
    """Tokens: those reserved, from the first attempt on those used."""
    used: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Limit:
    """One limit, with a name that is the same in every process and after a reload."""

    limit: CallerLimit
    name: str


class CallerRates:
    """What each caller asks for, counted against the policy's `limits`. Thread-safe.

    What nobody has asked for in the last minute is forgotten.

    Args:
        allotments: limits of single callers, besides those of the policy.
        pools: what several processes share; `None`: this one counts alone.
    """

    def __init__(
        self,
        limits: Sequence[CallerLimit],
        clock: Clock,
        *,
        allotments: Allotments | None = None,
        pools: Pools | None = None,
    ) -> None:
        self._clock, self._allotments, self._pools = clock, allotments, pools
        self._lock = _lock(pools)
        self._meters: OrderedDict[tuple[str, str], tuple[Meter, _Limit]] = OrderedDict()
        self._fresh = 0
        """Meters that came anew since the last look for idle ones."""
        self._limits: tuple[_Limit, ...] = ()
        self._own: dict[int, _Limit] = {}
        """Of allotments, by the identity of the limit, which is kept alive here."""
        self._found: dict[tuple[Caller, Sequence[str]], tuple[_Limit, ...]] = {}
        self.reconfigure(limits)

    def reconfigure(self, limits: Sequence[CallerLimit]) -> None:
        """Go on by other limits; one on the same callers as before keeps what it counted."""
        with self._lock:
            self._limits = _named(limits)
            self._found.clear()

    async def take(self, caller: Caller, tags: Sequence[str], tokens: int) -> CallerCall:
        """Reserve one call of so many tokens with every limit that holds, or with none of them.

        Suspends only where several processes share a limit and this one needs more of it.

        Raises:
            RateLimitedError: a limit has no room now; says which, whose, and when it has.
            StorageError: a shared limit cannot be counted now, and the project says `refuse`.
        """
        limits = self._holding(caller, tags)
        if not limits:
            return CallerCall()
        for round in range(ROUNDS):
            taken = self._try(limits, caller, tokens, last=round == ROUNDS - 1)
            if isinstance(taken, CallerCall):
                return taken
            assert self._pools is not None
            await self._pools.answer(taken)
        raise AssertionError("the last round takes or raises")

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
        if not call.taken:
            return
        with self._lock:
            now = self._clock.monotonic()
            for one in call.taken:
                one.meter.give_back(one, now)

    def _try(
        self, limits: Sequence[_Limit], caller: Caller, tokens: int, *, last: bool
    ) -> CallerCall | list[Need]:
        """The call as it was counted; or what is missing, and may be had from others."""
        with self._lock:
            now = self._clock.monotonic()
            meters = [self._meter(limit, caller) for limit in limits]
            for meter in meters:
                if meter.free_in_s(tokens, now) > 0.0:
                    return self._missing(limits, meters, caller, tokens, now, last=last)
            taken = tuple([meter.take(tokens, now) for meter in meters])
            if self._fresh:
                self._forget(now)
        return CallerCall(taken, tokens)

    def _missing(
        self,
        limits: Sequence[_Limit],
        meters: Sequence[Meter],
        caller: Caller,
        tokens: int,
        now: float,
        *,
        last: bool,
    ) -> list[Need]:
        """What to ask of others; raises where they have no more."""
        longest, needs = 0.0, []
        for limit, meter in zip(limits, meters, strict=True):
            wait_s = meter.free_in_s(tokens, now)
            if wait_s <= 0.0:
                continue
            asked = [] if self._pools is None else meter.needs(tokens, now)
            needs += asked
            if not (asked and not last) and wait_s > longest:
                longest, tightest, full = wait_s, limit, meter
        if longest:
            raise _refused(tightest.limit, caller, full.why_refused, longest)
        return needs

    def _holding(self, caller: Caller, tags: Sequence[str]) -> tuple[_Limit, ...]:
        """The limits that hold for this call."""
        found: tuple[_Limit, ...] = ()
        if self._limits:
            key = (caller, tuple(tags))
            known = self._found.get(key)
            if known is None:
                known = tuple(
                    one for one in self._limits if holds_for(one.limit.match, caller, tags)
                )
                if len(self._found) >= REMEMBERED:
                    self._found.clear()
                self._found[key] = known
            found = known
        own = () if self._allotments is None else self._allotments.limits(caller)
        return (*found, *(self._known(limit) for limit in own)) if own else found

    def _known(self, limit: CallerLimit) -> _Limit:
        found = self._own.get(id(limit))
        if found is None:
            if len(self._own) >= REMEMBERED:
                self._own.clear()
            found = _Limit(limit, f"own:{_name(limit)}")
            self._own[id(limit)] = found
        return found

    def _meter(self, found: _Limit, caller: Caller) -> Meter:
        limit = found.limit
        who = said_by(caller, limit.per)
        key = (found.name, who)
        known = self._meters.get(key)
        if known is not None and known[1] is found:
            self._meters.move_to_end(key)
            return known[0]
        if known is not None:
            meter = known[0]
            meter.limit_to(limit.requests_per_minute, limit.tokens_per_minute)
        else:
            self._fresh += 1
            name = f"caller:{found.name}:{digest(who)}"
            meter = Meter(name, limit.requests_per_minute, limit.tokens_per_minute, self._pools)
        self._meters[key] = (meter, found)
        self._meters.move_to_end(key)
        return meter

    def _forget(self, now: float) -> None:
        """Of those that were not asked for the longest, two for each that came anew.

        Not before the call is counted: a meter that is in use must not look idle.
        """
        most, self._fresh = 2 * self._fresh, 0
        for _ in range(most):
            key, known = next(iter(self._meters.items()), (None, None))
            if key is None or known is None or not known[0].is_idle(now):
                return
            del self._meters[key]


def _lock(pools: Pools | None) -> AbstractContextManager[object]:
    """Who finds room in a pool must have taken it before anybody else looks."""
    return threading.Lock() if pools is None else pools.lock


def _named(limits: Sequence[CallerLimit]) -> tuple[_Limit, ...]:
    """Two on the same callers are told apart by their order."""
    found: list[_Limit] = []
    seen: dict[str, int] = {}
    for limit in limits:
        name = _name(limit)
        seen[name] = seen.get(name, 0) + 1
        found.append(_Limit(limit, name if seen[name] == 1 else f"{name}-{seen[name]}"))
    return tuple(found)


def _name(limit: CallerLimit) -> str:
    """Whom it holds for and what it counts, but not how much: that may change."""
    whose = limit.model_dump(mode="json", include={"per", "match"})
    counted = (limit.requests_per_minute is not None, limit.tokens_per_minute is not None)
    return digest([whose, counted])


def _refused(limit: CallerLimit, caller: Caller, why: str, wait_s: float) -> Exception:
    if why:
        text = f"a rate limit cannot be counted now: {why}; come back in {wait_s:.1f} s"
        return StorageError(text, retry_after_s=wait_s)
    return RateLimitedError(_refusal(limit, caller, wait_s), retry_after_s=wait_s)


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
