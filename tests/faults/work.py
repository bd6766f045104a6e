"""Runs some cells of the table on real clocks, side by side; one line of JSON for each.

    python -m tests.faults.work [--quick | --serve] 0 1 2 …

`scripts/faults.py` starts it, once for each processor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import time

from tests.faults.catalogue import SCENARIOS
from tests.faults.run import Cell, cells, no_such_host, run_cell, served, warm_up

AT_A_TIME = 3
"""Of the short cells: they mostly work, and would keep each other waiting."""
LONG_S = 8.0
"""Longer cells mostly wait, so all of them run side by side, begun one after the other."""
APART_S, LATE_S = 0.4, 0.1
"""So long after the one before, and not while this loop comes later than so to what is due."""


async def work(numbers: list[int], every: list[Cell], *, quick: bool) -> None:
    """Run these of the cells: those that wait, then those that work, the heaviest at the end."""
    order = sorted(numbers, key=lambda n: (every[n].scenario.heavy, -every[n].scenario.seconds))
    if quick:
        for number in order:
            await _one(number, every[number], quick=True)
        return
    with no_such_host():
        await warm_up({(cell.way, cell.via) for cell in (every[n] for n in numbers)})
        free = asyncio.Semaphore(AT_A_TIME)

        async def short(number: int) -> None:
            async with free:
                await _one(number, every[number], quick=False)

        light = [number for number in order if not every[number].scenario.heavy]
        waiting = [number for number in light if _waits(every[number])]
        async with asyncio.TaskGroup() as group:
            for number in waiting:
                group.create_task(_one(number, every[number], quick=False))
                await _calm()
        async with asyncio.TaskGroup() as group:
            for number in (n for n in light if n not in waiting):
                group.create_task(short(number))
        for number in (n for n in order if n not in light):
            await _one(number, every[number], quick=False)


def _waits(cell: Cell) -> bool:
    """Whether it does little else. A process has to start and to end, which is work."""
    return not cell.process and cell.scenario.seconds >= LONG_S


async def _calm() -> None:
    """Wait until those that have begun only wait: on a busy machine they would time out."""
    late = LATE_S
    while late >= LATE_S:
        begun = time.monotonic()
        await asyncio.sleep(APART_S)
        late = time.monotonic() - begun - APART_S


async def _one(number: int, cell: Cell, *, quick: bool) -> None:
    found = await run_cell(cell, quick=quick)
    line = {"cell": number, "status": found.status, "seconds": round(found.seconds, 2)}
    print(json.dumps({**line, "why": found.why, "seen": found.seen}), flush=True)


if __name__ == "__main__":
    logging.disable()  # of servers whose callers leave, as they are meant to
    parser = argparse.ArgumentParser()
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true")
    which.add_argument("--serve", action="store_true", help="of the cells of `run.served`")
    parser.add_argument("cells", nargs="+", type=int)
    given = parser.parse_args()
    every = served(SCENARIOS) if given.serve else cells(SCENARIOS)
    asyncio.run(work(given.cells, every, quick=given.quick))
