"""What a hedge brings under a provider with a long tail, and what it costs.

    python scripts/bench_hedge.py [--calls 3000] [--at-once 32] [--json]

Two deployments of two models answer with the same log-normal times to the first word: half within
50 ms, one in a hundred after 3 s. The same calls are made three times: to the first alone
(`single`), with the second asked where the first takes longer than its live p95 (`hedged`), and
with both asked at once (`race`). The first tenth of the calls is not counted: a live p95 must be
known before anything is hedged.

Extra calls are requests that reached the provider beyond one for each call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _provider import Provider, provider
from bench_start import commit, processor

from orchestrator import Mesh
from orchestrator.cli._show import Screen, print_json
from tests.faults.server import Given
from tests.faults.steps import LongTail, Say

MEDIAN_S, P99_S = 0.05, 3.0
STRATEGIES: Mapping[str, Any] = {
    "single": "single",
    "hedged": {"kind": "race", "models": 2, "start": "after_p95"},
    "race": {"kind": "race", "models": 2, "start": "together"},
}


def scripts() -> Mapping[str, Given]:
    return {
        name: LongTail(Say(f"It is {name}."), median_s=MEDIAN_S, p99_s=P99_S, seed=seed)
        for seed, name in enumerate(("first", "second"))
    }


def write_project(folder: Path, served: Provider, strategy: Any) -> None:
    models = {
        name: served.model(name, price, first_token_ms=60_000)
        for price, name in enumerate(("first", "second"), 1)
    }
    route = {"name": "all", "strategy": strategy}
    (folder / "fleet.yaml").write_text(json.dumps({"models": models}))
    (folder / "policy.yaml").write_text(
        json.dumps({"objective": {"minimize": "cost"}, "routes": [route]})
    )


async def measure(strategy: str, calls: int, at_once: int) -> dict[str, float]:
    """Latencies in milliseconds, and the share of extra calls."""
    with provider(scripts) as served, tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), served, STRATEGIES[strategy])
        mesh = Mesh.load(folder)
        model, numbers, took = mesh.chat_model(task="chat"), iter(range(calls)), list[float]()
        warm = calls // 10
        early = 0

        async def worker() -> None:
            nonlocal early
            for number in numbers:
                if number == warm:
                    early = requests(served)
                begin = time.perf_counter()
                await model.ainvoke("Say something.")
                if number >= warm:
                    took.append((time.perf_counter() - begin) * 1000)

        try:
            await asyncio.gather(*(worker() for _ in range(at_once)))
        finally:
            await mesh.close()
        cut = statistics.quantiles(took, n=1000, method="inclusive")
        return {
            "p50_ms": round(cut[499], 1),
            "p95_ms": round(cut[949], 1),
            "p99_ms": round(cut[989], 1),
            "max_ms": round(max(took), 1),
            "extra_calls": round((requests(served) - early) / (calls - warm) - 1, 4),
        }


def requests(served: Provider) -> int:
    return sum(total.requests for total in served.totals().values())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    for strategy in STRATEGIES:
        print(f"{strategy}: {said.calls} calls", file=sys.stderr, flush=True)
        found[strategy] = asyncio.run(measure(strategy, said.calls, said.at_once))
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    result = {"commit": commit(), "machine": machine, "calls": said.calls, "strategies": found}
    if said.json:
        print_json(result)
        return
    screen = Screen(sys.stdout)
    right = {"justify": "right"}
    names = ("p50", "p95", "p99", "max", "extra calls")
    table = screen.table("strategy", *((name, right) for name in names))
    for strategy, line in found.items():
        times = [f"{line[name]:.0f} ms" for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")]
        table.add_row(strategy, *times, f"{line['extra_calls']:.1%}")
    screen.show(table)
    note = f"{said.calls} calls each, {said.at_once} at once; {commit()}; {machine}"
    screen.prose(note, 0, "quiet")


if __name__ == "__main__":
    main()
