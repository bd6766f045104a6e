"""How long `mesh --help` and `import orchestrator` take, in processes of their own.

    make bench-start
    .venv/bin/python scripts/bench_start.py --runs 20

The first run of each warms the disk cache and compiles; it is shown, and not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LIMITS = {"mesh --help": 0.3, "import orchestrator": 0.2}
COMMANDS = {
    "mesh --help": [str(Path(sys.executable).parent / "mesh"), "--help"],
    "import orchestrator": [sys.executable, "-c", "import orchestrator"],
}


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of one process from its start to its end."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - begin


def commit() -> str:
    """The commit that is measured, marked where the folder holds other changes."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return done.stdout.strip() or "no commit"


def processor() -> str:
    """The processor's name where Linux tells it, else what Python knows."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def measure(runs: int) -> dict[str, Any]:
    """The record of one measurement; times in seconds."""
    results: dict[str, Any] = {}
    for name, command in COMMANDS.items():
        first, *samples = [seconds(command) for _ in range(runs + 1)]
        results[name] = {
            "median_s": round(statistics.median(samples), 4),
            "limit_s": LIMITS[name],
            "first_s": round(first, 4),
            "samples_s": [round(sample, 4) for sample in samples],
        }
    return {
        "commit": commit(),
        "python": platform.python_version(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "runs": runs,
        "results": results,
    }


def main() -> int:
    """Print the record as JSON; exit code 1 where a median is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=10, help="runs that count (default 10)")
    record = measure(parser.parse_args().runs)
    print(json.dumps(record, indent=2))
    over = [r for r in record["results"].values() if r["median_s"] > r["limit_s"]]
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
