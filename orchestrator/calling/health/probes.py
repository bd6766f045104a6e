"""One probe at a time of a deployment that is out of order, over all processes that share."""

from __future__ import annotations

import asyncio

from orchestrator.project.protocols import Clock
from orchestrator.sharing.pool import Pool
from orchestrator.sharing.pools import Pools

KNOWN_S = 1.5
"""After a probe nobody else sends one, until all know what it has brought."""
ROUNDS = 2
"""How often to ask for a claim that might be free."""


class Probes:
    """Claims to the probe of each deployment. A process that dies loses its claims in seconds.

    Where the counters are gone each process goes by what it knows itself.
    """

    def __init__(self, pools: Pools, clock: Clock) -> None:
        self._pools, self._clock = pools, clock
        self._claims: dict[str, Pool] = {}

    async def claim(self, deployment: str) -> bool:
        """Whether the probe may go; then `ended` must be told."""
        with self._pools.lock:
            pool = self._claims.get(deployment)
            if pool is None:
                pool = self._claims[deployment] = self._pools.held(f"probe:{deployment}", 1)
        for _ in range(ROUNDS):
            with self._pools.lock:
                now = self._clock.monotonic()
                if pool.is_alone or pool.wait_s(1, now) <= 0.0:
                    pool.take(1, now)
                    return True
                if not pool.asks(1, now):
                    return False
            await self._pools.answer([(pool, 1)])
        return False

    def ended(self, deployment: str, *, sent: bool) -> None:
        """The probe is over, or was never sent. Called in a running loop."""
        if sent:
            asyncio.get_running_loop().call_later(KNOWN_S, self._free, deployment)
        else:
            self._free(deployment)

    def _free(self, deployment: str) -> None:
        pool = self._claims[deployment]
        with self._pools.lock:
            pool.correct(0, -1, self._clock.monotonic())
            pool.give_back()
        self._pools.said(pool)
