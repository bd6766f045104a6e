"""What every clock must do; and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator.project.protocols import Clock
from orchestrator.testing._loop import in_a_loop


class AlarmBySleep:
    """Gives a clock that can sleep its alarms: a task that sleeps, and then rings."""

    async def sleep(self, seconds: float) -> None:
        """Wait until so much of the clock's time has passed."""
        raise NotImplementedError

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], object]:
        """See `protocols.Clock`."""

        async def sleep_and_ring() -> None:
            await self.sleep(seconds)
            ring()

        return asyncio.ensure_future(sleep_and_ring()).cancel


class ManualClock(AlarmBySleep):
    """Stands still until `advance`; sleeping advances it at once."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now, self._passed = start, 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now + self._passed

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        """Passes the time and returns."""
        self.advance(max(0.0, seconds))


class ClockConformance:
    """Say how the clock is made."""

    def make(self) -> Clock:
        """A new clock."""
        raise NotImplementedError

    def test_it_never_runs_backwards(self) -> None:
        """`monotonic` is for durations, so it only grows."""
        clock = self.make()
        seen = [clock.monotonic() for _ in range(100)]
        assert seen == sorted(seen)

    def test_it_tells_seconds_since_the_epoch(self) -> None:
        """`now` is for records that people read: after the year 2000, before 2200."""
        assert 946_684_800 < self.make().now() < 7_258_118_400

    @in_a_loop
    async def test_who_sleeps_wakes_up_later(self) -> None:
        """A sleep takes at least its time on the clock's own scale; none and less are at once."""
        clock = self.make()
        before = clock.monotonic()
        await clock.sleep(0)
        await clock.sleep(-1)
        await clock.sleep(0.01)
        assert clock.monotonic() - before >= 0.0099

    @in_a_loop
    async def test_an_alarm_rings_once_and_not_before_its_time(self) -> None:
        """What is cancelled does not ring."""
        clock = self.make()
        rung: list[float] = []
        before = clock.monotonic()
        cancel = clock.alarm(0.005, lambda: rung.append(-1.0))
        clock.alarm(0.01, lambda: rung.append(clock.monotonic() - before))
        cancel()
        for _ in range(20):
            await clock.sleep(0.005)
            await asyncio.sleep(0)  # a turn for who rings, where sleeping takes none
        assert len(rung) == 1
        assert rung[0] >= 0.0099
