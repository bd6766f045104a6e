"""Calls a minute of each tool, kept together by all processes that share limits."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from orchestrator.calling.traffic.meters import Meter
from orchestrator.project.protocols import Clock
from orchestrator.sharing.pools import Pools

_ROUNDS = 4
"""How often a call asks for more that others were quicker to take."""


class ToolRates:
    """What is asked of each tool. Thread-safe.

    Args:
        pools: what several processes share; `None`: this one counts alone.
    """

    def __init__(self, clock: Clock, pools: Pools | None = None) -> None:
        self._clock, self._pools = clock, pools
        self._lock: AbstractContextManager[object] = (
            threading.Lock() if pools is None else pools.lock
        )
        self._meters: dict[str, Meter] = {}

    async def take(self, tool: str, calls_per_minute: int) -> float:
        """Count one call where there is room for it.

        Returns:
            0.0 where it was counted; else the seconds until there is room.
        """
        for _ in range(_ROUNDS):
            with self._lock:
                meter, now = self._meter(tool, calls_per_minute), self._clock.monotonic()
                wait_s = meter.free_in_s(0, now)
                if wait_s <= 0.0:
                    meter.take(0, now)
                    return 0.0
                needs = [] if self._pools is None else meter.needs(0, now)
            if not needs or self._pools is None:
                return wait_s
            await self._pools.answer(needs)
        return wait_s

    def _meter(self, tool: str, limit: int) -> Meter:
        found = self._meters.get(tool)
        if found is None:
            found = self._meters[tool] = Meter(f"tool:{tool}", limit, None, self._pools)
        else:
            found.limit_to(limit, None)
        return found
