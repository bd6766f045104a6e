"""Hundreds of streams at once against a real `mesh serve`: left alone, told to end, reloaded.

    python scripts/soak_gateway.py [--at-once 500] [--seconds 60] [--workers 2] [--json]

Every answer is another one, and known: the provider, a process of its own, counts in as many
chunks as are asked for, with a pause before each, and says the number of the request with every
word. Three scenes (`tests/load/scenes.py`), each with a service of its own:

  left alone            for so many seconds: nothing lost, mixed up or cut; a ledger line, a trace
                        and a count in /metrics for each; no open lease; memory does not grow
  told to end           SIGTERM in the midst: whatever was accepted is answered whole
  given other projects  SIGHUP with nothing changed, with a bad file, with a good one: nothing is
                        dropped, the bad one is refused, and by the good one another model answers

Exit code 1 where one of them does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench_start import ROOT, commit, processor

from orchestrator.cli._show import Screen, print_json

sys.path.insert(0, str(ROOT))

from tests.load.scenes import SCENES, Size


async def play(size: Size) -> list[dict[str, Any]]:
    """Each scene, with its checks and the seconds that it took."""
    played = []
    for name, scene in SCENES.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            checks = await scene(Path(folder) / "project", size)
        seconds = round(time.perf_counter() - begin, 1)
        played.append({"scene": name, "seconds": seconds, "checks": [vars(c) for c in checks]})
    return played


def show(result: dict[str, Any]) -> None:
    """A table a scene, and the conditions below them."""
    screen = Screen(sys.stdout)
    for one in result["scenes"]:
        screen.print(screen.join((one["scene"], "strong"), f", {one['seconds']} s"))
        table = screen.table(("check", {"no_wrap": True}), "", "found")
        for check in one["checks"]:
            word = screen.text("holds", "good") if check["holds"] else screen.text("FAILS", "bad")
            table.add_row(check["name"], word, check["found"])
        screen.show(table)
    facts = "{at_once} streams at once, {pieces} chunks each, {gap_ms} ms between them, {workers} "
    facts += "workers; {commit}; {machine}"
    screen.prose(facts.format(**result), 0, "quiet")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--at-once", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--gap-ms", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    said = vars(parser.parse_args())
    as_json = said.pop("json")
    result = {
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        **said,
        "scenes": asyncio.run(play(Size(**said))),
    }
    if as_json:
        print_json(result)
    else:
        show(result)
    sys.exit(not all(check["holds"] for one in result["scenes"] for check in one["checks"]))


if __name__ == "__main__":
    main()
