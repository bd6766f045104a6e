"""What this process was granted of each shared limit, and how it gets more.

A call takes from what is at hand, in memory. Only where that does not suffice the limit's counters
are asked, for all that wait at that moment together, and for as much beyond as the present pace
needs in a quarter of a second; the counters give that only as long as much is left. What is not
used goes back after a moment, so that nothing lies idle here that is missed elsewhere.

Where the counters are gone (`when_gone: local`) each process goes on with its fair share, counted
on from what was last known; see `Pool.alone`. When they are back it states what it has used.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal
from weakref import WeakValueDictionary

from orchestrator.errors import StorageError
from orchestrator.project.protocols import Clock, Counted, SharedCounters
from orchestrator.sharing.pool import Pool

BEAT_S = 1.0
"""Between two signs of life."""
TICK_S = 0.05
"""Between two looks for what lies idle."""
AT_ONCE = 200
"""Limits that are stated in one exchange, beyond those that something waits for."""
WhenGone = Literal["local", "refuse"]
Need = tuple[Pool, int]


@dataclass(slots=True, eq=False)
class _Waiter:
    needs: Sequence[Need]
    then: Callable[[], None]
    comes: bool = False
    """It comes for what it waited for in a later turn of the loop; nobody may be quicker."""
    reserved: bool = False
    again: bool = False
    """Its second exchange, after others had time to give back."""


class Pools:
    """The shared limits of one process. Thread-safe; talks to the counters in one event loop.

    May be made before a fork, if it is used after it.

    Args:
        counters: keeps the limits of all processes.
        when_gone: see `shared.when_gone` of mesh.yaml.
        copies: how many processes take part at least, for as long as it is not known better.
    """

    def __init__(
        self,
        counters: SharedCounters,
        clock: Clock,
        *,
        when_gone: WhenGone = "local",
        copies: int = 1,
    ) -> None:
        self._counters, self._clock, self._when_gone = counters, clock, when_gone
        self._least_copies = copies
        self.lock = threading.RLock()
        """Over all pools: whoever looks whether there is room holds it until it is taken."""
        self._pools: WeakValueDictionary[str, Pool] = WeakValueDictionary()
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._member = secrets.token_hex(6)
        self._home: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._due: dict[Pool, None] = {}
        self._waiters: list[_Waiter] = []
        self._copies, self._rank = self._least_copies, 0
        self._beat_at = float("-inf")
        self.problem: str | None = None
        """Why the counters cannot be used, in words; `None` where they can."""

    def window(self, name: str, limit: int, lasts_s: float) -> Pool:
        """A limit on what is granted within so many seconds."""
        return self._pool(name, limit, lasts_s)

    def held(self, name: str, limit: int) -> Pool:
        """A limit on what is held at once."""
        return self._pool(name, limit, None)

    async def join(self) -> None:
        """Take part from now on, so that others count on it; best before the first call."""
        self._at_home()
        if self._task is None:
            self._start()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def answer(self, needs: Sequence[Need]) -> None:
        """Ask for more, and return when there is an answer. Takes about a quarter second at most.

        Somebody else may have taken it by then.
        """
        loop = asyncio.get_running_loop()
        answered = loop.create_future()

        def then() -> None:
            if self._home is loop:
                _resolve(answered)
                return
            try:
                loop.call_soon_threadsafe(_resolve, answered)
            except RuntimeError:  # its loop has ended, and nobody comes
                self._comes_not(waiter)

        waiter = _Waiter(needs, then, comes=True)
        self._wait_for(waiter)
        try:
            await answered
        finally:  # it has come; or was cancelled, and never will
            self._comes_not(waiter)

    def ask(self, needs: Sequence[Need], then: Callable[[], None]) -> None:
        """The same for who does not wait: `then` is called in the home loop, and must be quick."""
        self._wait_for(_Waiter(needs, then))

    def _wait_for(self, waiter: _Waiter) -> None:
        home, now = self._at_home(), self._clock.monotonic()
        with self.lock:
            soon_s = max((pool.soon_s(amount, now) for pool, amount in waiter.needs), default=0.0)
            if soon_s <= 0:
                self._want(waiter)
        if soon_s <= 0:
            self._kick(home)
        else:  # just refused, and others may give back
            waiter.again = True
            self._call(home, lambda: self._later(soon_s, waiter))

    def _reserve(self, waiter: _Waiter) -> None:
        with self.lock:
            if waiter.comes:
                waiter.reserved = True
                for pool, amount in waiter.needs:
                    pool.reserved += amount

    def _comes_not(self, waiter: _Waiter) -> None:
        with self.lock:
            waiter.comes = False
            if waiter.reserved:
                waiter.reserved = False
                for pool, amount in waiter.needs:
                    pool.reserved -= amount

    def said(self, pool: Pool) -> None:
        """Something was given back that others may miss."""
        if self._home is None or self._pid != os.getpid():
            return
        with self.lock:
            self._due[pool] = None
        self._kick(self._home)

    def returned(self) -> None:
        """The counters may be back: look at once, not with the next sign of life."""
        if self._home is not None and self._pid == os.getpid():
            self._beat_at = float("-inf")
            self._call(self._home, self._tick)

    async def close(self) -> None:
        """Give everything back that is not used, and take part no more."""
        self._closed = True
        if self._home is None or self._pid != os.getpid() or self._home.is_closed():
            return
        work = self._close()
        if self._home is asyncio.get_running_loop():
            await work
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._home))

    async def _close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._task is not None:
            await self._task
        with self.lock:
            for pool in self._known():
                pool.give_back()
                self._due[pool] = None
        await self._flush()
        try:
            await self._counters.leave(self._member)
            await self._counters.close()
        except StorageError:
            return  # what this process had is forgotten by itself

    # ── in the home loop ─────────────────────────────────────────────────────────────────

    def _pool(self, name: str, limit: int, lasts_s: float | None) -> Pool:
        with self.lock:
            found = self._pools.get(name)
            if found is None:
                offset = self._clock.now() - self._clock.monotonic()
                found = Pool(name, limit, lasts_s, offset)
                self._pools[name] = found
                if self.problem is not None:
                    self._leave_alone(found)
            found.limit = limit
        return found

    def _known(self) -> list[Pool]:
        return list(self._pools.values())

    def _at_home(self) -> asyncio.AbstractEventLoop:
        """The loop that talks to the counters; the present one where the last one has ended."""
        home = self._home
        if home is None or self._pid != os.getpid() or home.is_closed():
            if self._pid != os.getpid():
                self._begin()
            self._home = home = asyncio.get_running_loop()
            self._task = self._alarm = None
            self._wait(TICK_S)
        return home

    def _kick(self, home: asyncio.AbstractEventLoop) -> None:
        if self._task is None:
            self._call(home, self._start)

    def _call(self, home: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is home:
            what()
        elif not home.is_closed():
            home.call_soon_threadsafe(what)

    def _start(self) -> None:
        """What else comes up in this turn of the loop goes with it, since a task begins later."""
        if self._task is None and self._home is not None:
            self._task = self._home.create_task(self._flush())
            self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if self._due and not self._closed and not task.cancelled():
            self._start()

    def _wait(self, seconds: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._home is not None and not self._closed:
            self._alarm = self._home.call_later(seconds, self._tick)

    def _tick(self) -> None:
        """Give back what lies idle; and once a second a sign of life, with all that is counted."""
        now, busy = self._clock.monotonic(), False
        with self.lock:
            beats = now >= self._beat_at + BEAT_S
            if beats:
                self._beat_at = now
            for pool in self._known():
                if pool.tidy(now):
                    self._due[pool] = None
                busy = busy or pool.at_hand > 0
            if beats:
                counted = (pool for pool in self._known() if pool.counts)
                self._due.update(dict.fromkeys(islice(counted, AT_ONCE)))
        if beats or self._due:
            self._start()
        self._wait(TICK_S if busy else max(min(self._beat_at + BEAT_S - now, BEAT_S), TICK_S))

    async def _flush(self) -> None:
        """At least one exchange, if only to be one of those who take part."""
        while True:
            with self.lock:
                wanted = sorted(self._due, key=lambda pool: not pool.is_wanted)
                pools = [p for i, p in enumerate(wanted) if i < AT_ONCE or p.is_wanted]
                for pool in pools:
                    del self._due[pool]
            await self._exchange(pools)
            if not self._due:
                return

    async def _exchange(self, pools: list[Pool]) -> None:
        sent = self._clock.monotonic()
        with self.lock:
            waiters, self._waiters = self._waiters, []
            asks = [pool.say(sent) for pool in pools]
        try:
            counted = await self._counters.exchange(self._member, asks)
            if counted.anew:
                self._state_all(waiters)
                waiters = []
            else:
                self._answered(pools, counted, sent)
        except StorageError as error:
            self._lost(str(error))
        finally:
            self._tell(waiters)

    def _state_all(self, waiters: list[_Waiter]) -> None:
        """What was stated is lost: say all of it, and ask again."""
        with self.lock:
            for pool in self._known():
                pool.state_all()
                self._due[pool] = None
            for waiter in waiters:
                self._want(waiter)

    def _answered(self, pools: list[Pool], counted: Counted, sent: float) -> None:
        now = self._clock.monotonic()
        with self.lock:
            back, self.problem = self.problem is not None, None
            self._copies, self._rank = counted.copies, counted.rank
            for pool, answer in zip(pools, counted.answers, strict=True):
                pool.answered(answer, counted.now, sent, now)
            if back:
                self._due.update(dict.fromkeys(p for p in self._known() if p.is_alone))
            at_hand = any(pool.at_hand for pool in pools)
        if at_hand:
            self._wait(TICK_S)

    def _lost(self, why: str) -> None:
        with self.lock:
            self.problem = why
            for pool in self._known():
                self._leave_alone(pool)

    def _leave_alone(self, pool: Pool) -> None:
        copies, rank = self._copies, self._rank
        if copies < self._least_copies:  # not all of them are known, so no rank is sure
            copies, rank = self._least_copies, self._least_copies - 1
        refused = self._when_gone == "refuse"
        pool.alone(copies, rank, self._clock.monotonic(), self.problem or "", refused)

    def _tell(self, waiters: list[_Waiter]) -> None:
        now = self._clock.monotonic()
        for waiter in waiters:
            soon_s = 0.0
            if not waiter.again:
                soon_s = max((pool.soon_s(amount, now) for pool, amount in waiter.needs), default=0)
            if soon_s > 0 and self._home is not None and not self._closed:
                waiter.again = True
                self._later(soon_s, waiter)
            else:
                self._reserve(waiter)
                waiter.then()

    def _later(self, seconds: float, waiter: _Waiter) -> None:
        if self._home is not None:
            self._home.call_later(seconds, self._ask_again, waiter)

    def _ask_again(self, waiter: _Waiter) -> None:
        with self.lock:
            self._want(waiter)
        self._start()

    def _want(self, waiter: _Waiter) -> None:
        for pool, amount in waiter.needs:
            pool.wants(amount)
            self._due[pool] = None
        self._waiters.append(waiter)


def _resolve(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)
