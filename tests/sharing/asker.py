"""A copy in a process of its own.

asker WHERE LIMIT TIMES     asks so often at once, and prints how many may pass
asker WHERE PLACES          holds so many places until it is killed
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from orchestrator.calling.clock import SystemClock
from orchestrator.project.policy_schema import CallerLimit
from tests.sharing.copies import Copy, close


async def ask(where: str | Path, limit: int, times: int) -> None:
    copy = Copy(where, [CallerLimit(per="project", requests_per_minute=limit)])
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(await copy.ask_often(times), flush=True)
    await close(copy)


async def hold(where: str | Path, places: int) -> None:
    copy = Copy(where)
    held = copy.pools.held("places", places)
    await copy.pools.answer([(held, places)])
    with copy.pools.lock:
        held.take(places, SystemClock().monotonic())
    print("held", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    place = Path(sys.argv[1]) if sys.argv[1].startswith("/") else sys.argv[1]
    numbers = [int(argument) for argument in sys.argv[2:]]
    asyncio.run(ask(place, *numbers) if len(numbers) > 1 else hold(place, *numbers))
