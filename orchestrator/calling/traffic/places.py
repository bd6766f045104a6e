"""Places: how many calls run at a deployment at once, and the queue of those that wait there.

Each limited deployment has one line. Its head goes in as soon as a place is free *and* the rate
limits have room, so that nothing is reserved for a call that does not begin. Who would wait longer
than the caller's deadline is sent away at once, and so is the last in line when it grows too long.

Where several processes share the limits (`pools`), a place here is also one of theirs. What is at
hand is given out at once; else whoever comes waits for the answer of those who count, also where it
would not wait for a place.

Callers come from several threads and event loops. All state of a line changes under its lock; a
waiting caller is woken in its own loop and looks again.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from bisect import insort
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from math import inf

from orchestrator.calling.traffic.meters import Taken
from orchestrator.calling.traffic.rates import ROUNDS, Rates
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Asking, Clock
from orchestrator.sharing.pool import ASK_S, Pool
from orchestrator.sharing.pools import Need, Pools
from orchestrator.types import Capacity, Deployment, Outcome

OWN_SLOTS = {"llamacpp": 1}
"""Transports that run on this machine and serve so many calls at once. Whoever comes to one waits
for its turn: another model would not be the better choice only because this one is at work."""
ASSUMED_S = 1.0
"""How long a call takes at a deployment where none has ended yet."""
LEAST_S = 0.1
"""Nobody is told to come back sooner."""
WEIGHT = 0.2
"""Of the last call in the moving average of how long calls take."""


class Places:
    """The lines of all deployments. Thread-safe.

    Args:
        longest: how many may wait at one deployment.
        pools: what several processes share; `None`: this one counts alone.
    """

    def __init__(
        self, clock: Clock, rates: Rates, *, longest: int, pools: Pools | None = None
    ) -> None:
        self._clock, self._rates, self._longest = clock, rates, longest
        self._pools = pools
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}

    def reconfigure(self, deployments: Mapping[str, Deployment], *, longest: int) -> None:
        """Go on by other limits; who waits or is inside stays so."""
        self._rates.reconfigure(deployments)
        with self._lock:
            self._longest = longest
            lines = dict(self._lines)
        for id, line in lines.items():
            if id in deployments:
                line.reconfigure(deployments[id], longest)

    def enter(self, deployment: Deployment, asking: Asking) -> Place | Turn | None:
        """A place there, with its part of the rate limits; or a turn in line, for who waits.

        `None` where nothing limits the deployment. A turn must be awaited at once (`come`).

        Raises:
            AttemptError: `BUSY`, with an estimate of when there is room.
        """
        own = deployment.limits.concurrent is None and deployment.via in OWN_SLOTS
        if deployment.limits == Capacity() and not own:
            return None
        with self._lock:
            line = self._lines.get(deployment.id)
            if line is None:
                line = _Line(deployment, self._clock, self._rates, self._longest, self._pools)
                self._lines[deployment.id] = line
        return line.enter(asking, waits=asking.waits or own)

    def leave(self, place: Place, used: int | None) -> None:
        """The call is over and has used so many tokens; `None`: nobody knows, so as reserved."""
        if used is not None:
            self._rates.settle(place.taken, used)
        place.line.leave(place)

    def give_back(self, place: Place) -> None:
        """The call was never made."""
        place.line.give_back(place)

    def room(self) -> Mapping[str, float]:
        """What is left of the declared limits of each deployment that was asked, in 0..1."""
        with self._lock:
            lines = dict(self._lines)
        return {id: line.room() for id, line in lines.items()}


@dataclass(slots=True, eq=False)
class Place:
    """One call's place at a deployment, and what it has reserved of the rate limits."""

    line: _Line
    since: float
    taken: Taken


class Turn:
    """One caller in line. Under the line's lock, `place` or `refused` is set, then it is woken."""

    __slots__ = (
        "_line",
        "_loop",
        "asking",
        "asleep",
        "place",
        "rank",
        "refused",
        "rounds",
        "waits",
        "woken",
    )

    def __init__(self, line: _Line, asking: Asking, arrival: int, *, waits: bool) -> None:
        self.asking, self.waits = asking, waits
        self.rounds = 0
        """How often those who share the limits were asked for it."""
        self.rank = (-asking.priority, arrival)
        """Who has the least is first: the highest priority, then who came first."""
        self.place: Place | None = None
        self.refused: AttemptError | None = None
        self.asleep = False
        self.woken = asyncio.Event()
        self._line, self._loop = line, asyncio.get_running_loop()

    async def come(self) -> Place:
        """The place, when it is this caller's turn.

        Raises:
            AttemptError: `BUSY`: its turn did not come in time, or others went before it.
        """
        try:
            while not isinstance(found := self._line.look(self), Place):
                await self._line.pause(self, found)
        except GeneratorExit:
            # Its loop was closed: `wake` will find that. The lock may be this thread's already.
            raise
        except BaseException:  # refused, cancelled, or a bug: it never keeps what it was given
            self._line.give_up(self)
            raise
        return found

    def wake(self) -> bool:
        """From any thread. False where its loop has ended, and nobody waits any more."""
        if not self.asleep:
            return True
        try:
            self._loop.call_soon_threadsafe(self.woken.set)
        except RuntimeError:
            return False
        return True


class _Line:
    """The places of one deployment and who waits for one, in order."""

    def __init__(
        self,
        deployment: Deployment,
        clock: Clock,
        rates: Rates,
        longest: int,
        pools: Pools | None,
    ) -> None:
        self._deployment, self._clock, self._rates = deployment, clock, rates
        self._pools, self._longest = pools, longest
        self._places: int | None = None
        self._held: Pool | None = None
        """The places that this process has of those that all share."""
        self._limit_to(deployment)
        self._lock: AbstractContextManager[object] = (
            threading.Lock() if pools is None else pools.lock
        )
        self._arrivals = itertools.count()
        self._inside = 0
        self._waiting: list[Turn] = []
        self._took_s: float | None = None

    def reconfigure(self, deployment: Deployment, longest: int) -> None:
        """See `Places.reconfigure`. Where there are more places now, the next ones go in."""
        with self._lock:
            self._deployment, self._longest = deployment, longest
            self._limit_to(deployment)
            self._serve()

    def _limit_to(self, deployment: Deployment) -> None:
        declared = deployment.limits.concurrent
        self._places = declared or OWN_SLOTS.get(deployment.via)
        if declared is None or self._pools is None:
            self._held = None
        else:
            self._held = self._pools.held(f"deployment:{deployment.id}:places", declared)

    def enter(self, asking: Asking, *, waits: bool) -> Place | Turn:
        """See `Places.enter`."""
        with self._lock:
            if not self._waiting and self._has_place():
                taken = self._rates.take(self._deployment, asking.tokens)
                if taken is not None:
                    return self._let_in(taken)
            turn = Turn(self, asking, next(self._arrivals), waits=waits)
            insort(self._waiting, turn, key=lambda one: one.rank)
            self._serve()
            if turn.place is not None:
                return turn.place
            if self._ask(turn):
                return turn
            try:
                self._judge(turn)
            except AttemptError:
                self._waiting.remove(turn)
                raise
            return turn

    def look(self, turn: Turn) -> Place | float:
        """The caller's place, or after how many seconds to look again if nobody wakes it.

        Raises:
            AttemptError: `BUSY`: it waits in vain.
        """
        with self._lock:
            turn.asleep = False
            self._serve()
            if turn.place is not None:
                return turn.place
            left_s = turn.asking.deadline - self._clock.monotonic()
            if turn.refused is None and left_s <= 0:
                turn.refused = self._busy("its turn did not come in time", turn)
            if turn.refused is not None:
                raise turn.refused
            if self._pools is not None and turn is self._waiting[0]:
                self._ask(turn)
            turn.asleep = True
            turn.woken.clear()
            return min(left_s, self._kept_s(turn))

    async def pause(self, turn: Turn, seconds: float) -> None:
        """Return when it is woken, or after so many seconds."""
        both = {
            asyncio.ensure_future(turn.woken.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def give_up(self, turn: Turn) -> None:
        """It waits no longer; what it may have been given in this moment goes to the next."""
        with self._lock:
            turn.asleep = False
            if turn.place is not None:
                self._give_back(turn.place)
            with suppress(ValueError):
                self._waiting.remove(turn)
            self._serve()

    def leave(self, place: Place) -> None:
        """The call is over."""
        with self._lock:
            took_s = self._clock.monotonic() - place.since
            before_s = took_s if self._took_s is None else self._took_s
            self._took_s = before_s + WEIGHT * (took_s - before_s)
            self._step_out()
            self._next()

    def give_back(self, place: Place) -> None:
        """The call was never made."""
        with self._lock:
            self._give_back(place)
            self._next()

    def room(self) -> float:
        """What is left of the declared limits, in 0..1; 0 where somebody waits already."""
        with self._lock:
            most = self._deployment.limits.concurrent
            if self._waiting and self._deployment.limits != Capacity():
                return 0.0
            free = 1.0 if most is None else 1.0 - self._inside / most
            if self._held is not None:
                free = min(free, self._held.left(self._clock.monotonic()))
            return min(self._rates.left(self._deployment), free)

    # ── under the lock ───────────────────────────────────────────────────────────────────

    def _serve(self) -> None:
        """Let in, from the head on, who can go in now."""
        while self._waiting and self._has_place():
            head = self._waiting[0]
            taken = self._rates.take(self._deployment, head.asking.tokens)
            if taken is None:
                # To see how long the rates keep it: nobody else would call it then.
                if head.wake():
                    return
                del self._waiting[0]  # its loop has ended, and the next one is to watch them
                continue
            del self._waiting[0]
            head.place = self._let_in(taken)
            if not head.wake():
                self._give_back(head.place)

    def _let_in(self, taken: Taken) -> Place:
        now = self._clock.monotonic()
        self._inside += 1
        if self._held is not None:
            self._held.take(1, now)
        return Place(self, now, taken)

    def _give_back(self, place: Place) -> None:
        self._step_out()
        self._rates.give_back(place.taken)

    def _step_out(self) -> None:
        self._inside -= 1
        if self._held is not None:
            self._held.correct(0, -1, self._clock.monotonic())

    def _next(self) -> None:
        """A place is free: for who waits here, or else for who waits elsewhere."""
        self._serve()
        if self._held is not None and self._held.is_tight and self._held.at_hand:
            assert self._pools is not None
            self._held.give_back()
            self._pools.said(self._held)

    def _ask(self, turn: Turn) -> bool:
        """Ask those who share the limits for what it lacks; false where they have no more."""
        if self._pools is None:
            return False
        needs: list[Need] = list(self._rates.needs(self._deployment, turn.asking.tokens))
        if self._held is not None and self._held.asks(1, self._clock.monotonic()):
            needs.append((self._held, 1))
        if not needs:
            return False
        turn.rounds += 1
        self._pools.ask(needs, lambda: self._answered(turn))
        return True

    def _answered(self, turn: Turn) -> None:
        """Those who share the limits have answered."""
        with self._lock:
            self._serve()
            if turn.place is not None or turn.refused is not None or turn not in self._waiting:
                return
            if turn.rounds < ROUNDS and self._ask(turn):
                return
            try:
                self._judge(turn)
            except AttemptError as error:
                turn.refused = error
                self._waiting.remove(turn)
            turn.wake()

    def _judge(self, turn: Turn) -> None:
        """Raise where this one cannot wait; else make sure that the line is not too long."""
        if not turn.waits:
            raise self._busy("there is no room now", turn)
        wait_s = self._estimate_s(turn, assumed_s=0.0)
        if self._clock.monotonic() + wait_s > turn.asking.deadline:
            raise self._busy("its turn would come too late", turn)
        if len(self._waiting) > self._longest:
            last = self._waiting[-1]
            full = self._busy(f"{self._longest} calls wait already", last)
            if last is turn:
                raise full
            self._waiting.remove(last)
            last.refused = full
            last.wake()

    def _has_place(self) -> bool:
        if self._places is None or self._inside >= self._places:
            return self._places is None
        return self._held is None or self._held.wait_s(1, self._clock.monotonic()) <= 0.0

    def _kept_s(self, turn: Turn) -> float:
        """How long it need not look by itself. Who gives a place back hands it to the head."""
        if turn is not self._waiting[0]:
            return inf
        if not self._has_place():
            return inf if self._held is None else ASK_S  # another process may leave
        return self._rates.free_in_s(self._deployment, turn.asking.tokens)

    def _estimate_s(self, turn: Turn, *, assumed_s: float = ASSUMED_S) -> float:
        """Seconds until its turn.

        With all of c places taken by calls of T seconds one becomes free every T/c seconds.
        """
        up_to_it = self._waiting[: self._waiting.index(turn) + 1]
        tokens = sum(one.asking.tokens for one in up_to_it)
        rates_s = self._rates.queue_s(self._deployment, len(up_to_it), tokens)
        if self._places is None or self._has_place():
            return rates_s
        took_s = assumed_s if self._took_s is None else self._took_s
        return max(rates_s, len(up_to_it) * took_s / self._places)

    def _busy(self, why: str, turn: Turn) -> AttemptError:
        refused = self._held.why_refused if self._held is not None else ""
        refused = refused or self._rates.why_refused(self._deployment)
        if refused:
            why = f"its limits cannot be counted now: {refused}"
        wait_s = max(self._estimate_s(turn), LEAST_S)
        return AttemptError(
            Outcome.BUSY, f"{why}; come back in {wait_s:.1f} s", retry_after_s=wait_s
        )
