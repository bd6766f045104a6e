"""Every fault of a provider, in every way to call, over every transport: what comes of it.

    python scripts/faults.py [NUMBER ...] [--via openai] [--quick] [--json] [--jobs 2]
    python scripts/faults.py --serve [NUMBER ...] [--json] [--jobs 2]

A server on loopback injects each fault by name. A cell is passed where the caller got exactly the
right text once, or an error that says what happened, in time, and where trace, ledger and provider
agree with it. Real clocks, so it takes some minutes; with `--quick` time is injected, as in the
tests. With `--serve` the first sixteen faults, which a public benchmark of gateways has as well,
meet `mesh serve` in processes of its own, asked over HTTP as that benchmark asks: one fake provider
is primary and fallback, nothing is cached, a call has 30 s. Exit code 1 where a cell fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_start import commit, processor  # noqa: E402

from orchestrator.cli._show import Screen, print_json, terminal  # noqa: E402
from tests.faults.bench import VIAS, WAYS  # noqa: E402
from tests.faults.catalogue import SCENARIOS  # noqa: E402
from tests.faults.run import Cell, cells, served  # noqa: E402

if TYPE_CHECKING:
    from rich.text import Text

Found = dict[str, Any]
"""A line of `tests.faults.work`."""
ORDER = ("failed", "passed", "n/a")
"""What a cell of several variants shows is the first of these that one of them came to."""
LINE_BYTES = 16 * 1024 * 1024


async def run(
    weights: Mapping[int, float],
    jobs: int,
    options: Sequence[str],
    tell: Callable[[Found], None],
) -> list[Found]:
    """Run cells in so many processes; `tell` hears of each as it ends.

    Args:
        weights: how long each cell takes, by its number.
        options: of `tests.faults.work`.
    """
    found: list[Found] = []

    async def one(share: Sequence[int]) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.work", *options),
            *map(str, share),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        assert process.stdout is not None
        missing = set(share)
        async for line in process.stdout:
            found.append(json.loads(line))
            missing.discard(found[-1]["cell"])
            tell(found[-1])
        code = await process.wait()
        for number in missing:
            why = f"the process that was to run it ended with {code}"
            found.append({"cell": number, "status": "failed", "seconds": 0, "why": why, "seen": ""})

    weighed = sorted(weights, key=lambda n: -weights[n])
    shares = [weighed[job::jobs] for job in range(jobs)]
    await asyncio.gather(*(one(share) for share in shares if share))
    return sorted(found, key=lambda f: f["cell"])


def progress(count: int) -> Callable[[Found], None]:
    """Tells on standard error how far it is: a line that changes, or one every ten seconds."""
    begun = last = time.monotonic()
    done = bad = 0

    def tell(found: Found) -> None:
        nonlocal done, bad, last
        done, bad = done + 1, bad + (found["status"] == "failed")
        now = time.monotonic()
        live = terminal(sys.stderr)
        if not live and done < count and now - last < 10:
            return
        last = now
        text = f"{done} of {count} cells, {bad} failed, {now - begun:.0f} s"
        ends = "\n" if not live or done == count else ""
        print(f"\r\033[K{text}" if live else text, end=ends, file=sys.stderr, flush=True)

    return tell


def show(found: Sequence[Found], every: Sequence[Cell], note: str) -> None:
    """A table for each transport, a row a fault, what is behind each failure, and the sum.

    Args:
        note: where and how it was found.
    """
    screen = Screen()
    for via in VIAS:
        here = [one for one in found if every[one["cell"]].via == via]
        if here:
            _show_table(screen, via, here, every)
    reasons = {(every[f["cell"]].scenario.name, f["why"]) for f in found if f["status"] == "n/a"}
    if reasons:
        screen.heading("Does not apply")
        for name, why in sorted(reasons):
            screen.prose(f"{name}: {why}", 2)
    _show_failed(screen, [f for f in found if f["status"] == "failed"], every)
    sum_of = [f"{n} {status}" for status, n in counted(found).items()]
    screen.print("", f"{', '.join(sum_of)}; {note}")


def counted(found: Sequence[Found]) -> dict[str, int]:
    """How many cells came to what."""
    statuses = [one["status"] for one in found]
    return {status: statuses.count(status) for status in ("passed", "failed", "n/a")}


def _cell(screen: Screen, here: Sequence[Found]) -> Text:
    """What the variants of a fault came to, with the longest of their times in seconds."""
    status = next((s for s in ORDER if any(one["status"] == s for one in here)), "n/a")
    longest = max((one["seconds"] for one in here), default=0)
    seconds = f" {longest:.1f}" if longest < 10 else f" {longest:.0f}"
    if status == "n/a":
        return screen.text("n/a", "quiet")
    if status == "failed":
        return screen.join((screen.sign("no"), "bad"), seconds)
    return screen.join((screen.sign("yes"), "good"), seconds)


def _show_table(screen: Screen, via: str, found: Sequence[Found], every: Sequence[Cell]) -> None:
    by_fault: dict[tuple[int, str], list[Found]] = {}
    for one in found:
        scenario = every[one["cell"]].scenario
        by_fault.setdefault((scenario.number, scenario.fault), []).append(one)
    ways = [way for way in WAYS if any(every[one["cell"]].way == way for one in found)]
    narrow = {"no_wrap": True, "min_width": 9}
    titles = ("\n".join(way.split()) for way in ways)
    table = screen.table("#", f"fault, via {via}", *((title, narrow) for title in titles))
    for (number, fault), rows in by_fault.items():
        held = [[one for one in rows if every[one["cell"]].way == way] for way in ways]
        table.add_row(str(number), fault, *(_cell(screen, here) for here in held))
    screen.show(table, 0)


def _show_failed(screen: Screen, failed: Sequence[Found], every: Sequence[Cell]) -> None:
    for one in failed:
        screen.heading(every[one["cell"]].name)
        screen.prose(one["why"], 2, "bad")
        screen.prose(one["seen"], 2, "quiet")


def as_json(found: Sequence[Found], every: Sequence[Cell]) -> list[Found]:
    """The results with the names of their cells."""
    return [
        {
            "number": (cell := every[one["cell"]]).scenario.number,
            "fault": cell.scenario.fault,
            "variant": cell.scenario.variant,
            "way": cell.way,
            "via": cell.via,
            "process": cell.process,
            **{key: value for key, value in one.items() if key != "cell"},
        }
        for one in found
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("numbers", nargs="*", type=int, help="faults of the catalogue; else all")
    parser.add_argument("--via", choices=VIAS, help="over this transport alone")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="inject time, as the tests do")
    which.add_argument("--serve", action="store_true", help="the first sixteen, by `mesh serve`")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4))
    given = parser.parse_args()
    every = served(SCENARIOS) if given.serve else cells(SCENARIOS)
    known = {cell.scenario.number for cell in every}
    if unknown := sorted(set(given.numbers) - known):
        print(f"no fault {unknown[0]}; there are {min(known)} to {max(known)}", file=sys.stderr)
        return 2
    chosen = {
        number: cell.scenario.seconds
        for number, cell in enumerate(every)
        if cell.scenario.number in (given.numbers or known) and given.via in (None, cell.via)
    }
    begun = time.monotonic()
    options = [f"--{name}" for name in ("quick", "serve") if getattr(given, name)]
    found = asyncio.run(run(chosen, given.jobs, options, progress(len(chosen))))
    clocks = "injected time" if given.quick else "real clocks"
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if given.json:
        facts = {"commit": commit(), "machine": machine, "clocks": clocks}
        print_json({**facts, "counts": counted(found), "cells": as_json(found, every)})
    else:
        note = f"{clocks}, {time.monotonic() - begun:.0f} s; {commit()}; {machine}"
        show(found, every, note)
    return 1 if any(one["status"] == "failed" for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
