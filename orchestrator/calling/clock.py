"""The clock of the machine; tests inject another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """Satisfies `protocols.Clock` with the time of this machine."""

    # Read dozens of times a call: the functions themselves, without one of ours around each.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Wait; nothing happens where `seconds` is not positive but a turn of the loop."""
        await asyncio.sleep(max(seconds, 0.0))

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], object]:
        """Call `ring` in the running loop after so long; calling what is returned prevents it."""
        return asyncio.get_running_loop().call_later(max(seconds, 0.0), ring).cancel
