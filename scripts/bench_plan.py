"""Whether `mesh plan` tells what a run will cost, held against runs that are then carried out.

    python scripts/bench_plan.py [--warm 100] [--runs 200] [--seed 1] [--json]

A graph of plan, work on each subtask, draft, check, revise and aggregate is served by three priced
models on loopback. Lengths of requests, plans and answers are random; answers are refused and fall
back to a dearer model, checks send the draft back, servers fail now and then. After `--warm` runs
on record each of `--runs` requests is planned first and then carried out; what the ledger says is
held against the plan. `cold` is the same plan made without any record.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench_start import commit, processor  # noqa: E402

from orchestrator import Mesh  # noqa: E402
from orchestrator.replay.planning.values import GraphPlan, Range  # noqa: E402
from tests.calling.server import StandIn  # noqa: E402
from tests.replay.planned import GRAPH, World, question, write_planned  # noqa: E402

LIMITS = {"in range": 0.9, "median high/low": 3.0, "median |likely/true - 1|": 0.2}


@dataclass(frozen=True)
class Held:
    """A plan, and what came true: US dollars and milliseconds."""

    plan: GraphPlan
    usd: float
    ms: float
    planned_s: float


async def measure(folder: Path, warm: int, runs: int, seed: int) -> dict[str, list[Held]]:
    """The plans with what came true, by how much was on record."""
    held: dict[str, list[Held]] = {"warm": [], "cold": []}
    async with StandIn(World(seed)) as url:
        cold = Mesh.load(write_planned(folder / "cold", url), env={})
        async with Mesh.load(write_planned(folder / "warm", url), env={}) as mesh, cold:
            for number in range(warm + runs):
                asked = question(number, seed)
                if number < warm:
                    await mesh.run(GRAPH, question=asked)
                    continue
                begin = time.perf_counter()
                plans = {"warm": await mesh.plan(GRAPH, question=asked)}
                took = time.perf_counter() - begin
                plans["cold"] = await cold.plan(GRAPH, question=asked)
                before = _ledger(mesh)
                answer = await mesh.run(GRAPH, question=asked)
                usd = _ledger(mesh) - before
                for name, plan in plans.items():
                    held[name].append(Held(plan, usd, answer.ms, took))
                _tell(number - warm + 1, runs)
    return held


def _ledger(mesh: Mesh) -> float:
    found = [c.cost_usd for _, c in mesh.costs(()).rows]
    assert None not in found
    return sum(usd or 0.0 for usd in found)


def _tell(done: int, whole: int) -> None:
    if sys.stderr.isatty() or done % 50 == 0:
        print(f"\r{done}/{whole} runs", end="", file=sys.stderr, flush=True)


def summary(held: list[Held]) -> dict[str, float]:
    """How good the plans were, of cost and of time."""
    pairs = [(h.plan.cost, h.usd) for h in held]
    found = _summary([(r, true) for r, true in pairs if r is not None])
    found |= {f"time: {k}": v for k, v in _summary([(h.plan.time, h.ms) for h in held]).items()}
    worst = [h.plan.cost.worst for h in held if h.plan.cost]
    found["under worst"] = statistics.fmean(
        w is not None and h.usd <= w for w, h in zip(worst, held, strict=True)
    )
    found["median planning s"] = statistics.median(h.planned_s for h in held)
    return found


def _summary(pairs: list[tuple[Range, float]]) -> dict[str, float]:
    return {
        "in range": statistics.fmean(r.low <= true <= r.high for r, true in pairs),
        "median high/low": statistics.median(r.high / r.low for r, _ in pairs),
        "median |likely/true - 1|": statistics.median(abs(r.likely / t - 1) for r, t in pairs),
    }


def main() -> None:
    """Measure, print, and fail where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warm", type=int, default=100)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        held = asyncio.run(measure(Path(folder), options.warm, options.runs, options.seed))
    found = {name: summary(rows) for name, rows in held.items()}
    usd = [h.usd for h in held["warm"]]
    record: dict[str, Any] = {
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} processors",
        "warm": options.warm,
        "runs": options.runs,
        "seed": options.seed,
        "usd": {"median": statistics.median(usd), "least": min(usd), "most": max(usd)},
        "found": found,
    }
    print(json.dumps(record, indent=2) if options.json else _table(record))
    warm = found["warm"]
    met = warm["in range"] >= LIMITS["in range"]
    met &= all(warm[name] <= limit for name, limit in LIMITS.items() if name != "in range")
    sys.exit(0 if met else 1)


def _table(record: dict[str, Any]) -> str:
    spent = record["usd"]
    lines = [
        f"commit {record['commit']}, {record['machine']}, seed {record['seed']}",
        f"{record['runs']} runs after {record['warm']} on record; a run costs "
        f"${spent['median']:.4f} in the median, ${spent['least']:.4f} to ${spent['most']:.4f}",
        "",
        f"{'':34}{'warm':>10}{'cold':>10}{'wanted':>10}",
    ]
    for name, warm in record["found"]["warm"].items():
        limit = LIMITS.get(name)
        sign = "" if limit is None else (">= " if name == "in range" else "<= ") + f"{limit:g}"
        lines.append(f"{name:34}{warm:>10.3f}{record['found']['cold'][name]:>10.3f}{sign:>10}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
