"""Copies of a service, as far as limits go, with what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.traffic.file_counters import FileCounters
from orchestrator.calling.traffic.rates import CallerRates, Rates
from orchestrator.errors import RateLimitedError
from orchestrator.project.policy_schema import CallerLimit
from orchestrator.project.protocols import SharedCounters
from orchestrator.sharing.client import Shared
from orchestrator.sharing.counters import SharedServerCounters
from orchestrator.sharing.pools import Pools, WhenGone
from orchestrator.types import Caller

ANA = Caller(user="ana")


class Copy:
    """One copy: its connection or file, its pools, and the limits of its callers."""

    def __init__(
        self,
        where: str | Path,
        limits: Sequence[CallerLimit] = (),
        *,
        when_gone: WhenGone = "local",
        copies: int = 1,
    ) -> None:
        clock = SystemClock()
        self.shared = Shared(where, project="test") if isinstance(where, str) else None
        counters: SharedCounters
        if isinstance(where, Path):
            counters = FileCounters(where)
        else:
            assert self.shared is not None
            counters = SharedServerCounters(self.shared)
        self.pools = Pools(counters, clock, when_gone=when_gone, copies=copies)
        if self.shared is not None:
            self.shared.on_change(lambda back: self.pools.returned() if back else None)
        self.rates = CallerRates(limits, clock, pools=self.pools)
        self.deployments = Rates(clock, self.pools)

    async def ask(self, caller: Caller = ANA, tokens: int = 10) -> bool:
        """Whether one more call of the caller may pass."""
        try:
            await self.rates.take(caller, (), tokens)
        except RateLimitedError:
            return False
        return True

    async def ask_often(self, times: int) -> int:
        """How many of so many calls at once may pass."""
        return sum(await asyncio.gather(*(self.ask() for _ in range(times))))

    async def close(self) -> None:
        await self.pools.close()
        if self.shared is not None:
            await self.shared.close()


async def close(*copies: Copy) -> None:
    for copy in copies:
        await copy.close()


async def until(true: object, limit_s: float = 10.0) -> None:
    """Wait until `true()` is."""
    assert callable(true)
    async with asyncio.timeout(limit_s):
        while not true():
            await asyncio.sleep(0.01)
