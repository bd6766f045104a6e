"""What `mesh whatif` says of other policies, against what they would really have brought.

    python scripts/bench_whatif.py [--seeds 31 32 33] [--requests 2000] [--policies 200] [--json]

Six priced models on loopback always answer a request alike (`tests/replay/truth.py`), so that what
any policy would have cost and how many of its answers would have been right is known. Requests
are served under one policy, with a check that says right or wrong, and recorded; then random
policies are compared with it. Counted is how often the stated interval holds the true sum of the
cost and the true share of right answers, how wide it is beside the true value, and how many of the
hops that are called exact are not.

All policies of a seed share what is not known of its models, so they are held or missed together:
one seed says little, and `all` counts the policies of every seed. What was tuned was tuned on the
seeds 1 to 6; 11, 12, 21 and 22 were looked at on the way.
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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench_start import commit, processor

from orchestrator.cli._show import Screen, print_json
from orchestrator.mesh import Mesh
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.traffic import Traffic, read_traffic
from orchestrator.replay.whatif import (
    Comparison,
    Interval,
    as_recorded,
    chooser,
    compare,
)
from orchestrator.replay.whatif_world import World as Learned
from tests.replay.truth import World, random_policy

COVERED, WIDTH = 0.90, 0.20
"""What is to be reached."""


@dataclass(frozen=True)
class Value:
    """What was said of one value, and what is true."""

    mean: float
    low: float
    high: float
    true: float

    @property
    def held(self) -> bool:
        return self.low - 1e-9 <= self.true <= self.high + 1e-9

    @property
    def width(self) -> float:
        return (self.high - self.low) / max(self.true, 1e-9)

    @property
    def off(self) -> float:
        return abs(self.mean / max(self.true, 1e-9) - 1)


@dataclass(frozen=True)
class Told:
    """One policy."""

    cost: Value
    quality: Value
    exact: int
    exact_wrong: int
    moved: float


async def recorded(world: World, folder: Path) -> Traffic:
    """The traffic, served and recorded where it is not yet."""
    if not (folder / ".mesh").exists():
        await world.serve(folder)
    mesh = Mesh.load(folder, env={})
    try:
        return read_traffic(mesh.store, since=0.0, fleet=mesh.fleet())
    finally:
        await mesh.close()


def judge(world: World, comparison: Comparison) -> Told:
    """What was said, beside the truth."""
    cost, good, wrong = 0, 0.0, 0
    for one in comparison.hops:
        if one.after is not None:
            number = world.number_of(one.one.trace.id)
            truth = world.truth(number, one.after.decision, one.after.deployments)
            if one.standing == "exact":
                was = one.one.cost_micro_usd, float(bool(one.one.hop.validated))
                if one.one.decision.strategy == "single":
                    wrong += was != truth
                else:
                    truth = was  # type: ignore[assignment]
            cost += truth[0]
            good += truth[1]
    total = comparison.total
    assert total.cost is not None
    assert total.quality is not None
    return Told(
        cost=_value(total.cost.after, cost / 1e6),
        quality=_value(total.quality.after, good / len(comparison.hops)),
        exact=comparison.count("exact"),
        exact_wrong=wrong,
        moved=comparison.moved / len(comparison.hops),
    )


def _value(interval: Interval, true: float) -> Value:
    return Value(interval.mean, interval.low, interval.high, true)


def measure(world: World, traffic: Traffic, policies: int) -> list[Told]:
    learned = Learned(traffic)
    random = np.random.default_rng([world.seed, 77])
    found: list[Told] = []
    while len(found) < policies:
        policy = Policy.model_validate(random_policy(random))
        comparison = compare(learned, chooser(policy, as_recorded))
        found.append(judge(world, comparison))
    return found


def summary(told: Sequence[Told]) -> dict[str, float]:
    """Coverage and width of cost and quality, and errors of exact hops."""
    found: dict[str, float] = {"policies": len(told)}
    for name, values in (
        ("cost", [t.cost for t in told]),
        ("quality", [t.quality for t in told]),
    ):
        found[f"{name}_held"] = sum(v.held for v in values) / len(values)
        found[f"{name}_width"] = statistics.median(v.width for v in values)
        found[f"{name}_off"] = statistics.median(v.off for v in values)
    found["moved"] = statistics.median(t.moved for t in told)
    found["exact"] = sum(t.exact for t in told)
    found["exact_wrong"] = sum(t.exact_wrong for t in told)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33, 34, 35])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="a folder in which the traffic is kept")
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    every: list[Told] = []
    with tempfile.TemporaryDirectory() as made:
        for seed in said.seeds:
            begin = time.perf_counter()
            world = World(seed, said.requests)
            folder = (said.keep or Path(made)) / f"traffic-{seed}-{said.requests}"
            traffic = asyncio.run(recorded(world, folder))
            print(f"seed {seed}: {len(traffic.hops):,} hops", file=sys.stderr, flush=True)
            told = measure(world, traffic, said.policies)
            every += told
            results[f"seed {seed}"] = {**summary(told), "seconds": time.perf_counter() - begin}
            if said.keep:
                (said.keep / f"told-{seed}.json").write_text(json.dumps([asdict(t) for t in told]))
    seconds = sum(one["seconds"] for one in results.values())
    results["all"] = {**summary(every), "seconds": seconds}
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    head = {"commit": commit(), "machine": machine, "requests": said.requests}
    if said.json:
        print_json({**head, "results": results})
    else:
        show(head, results)


def show(head: dict[str, object], results: dict[str, dict[str, float]]) -> None:
    screen = Screen(sys.stdout)
    right = {"justify": "right"}
    table = screen.table("", *((name, right) for name in results), ("to be", right))
    rows = (
        ("cost within its interval", "cost_held", "{:.1%}", f">= {COVERED:.0%}"),
        ("width beside the value, median", "cost_width", "{:.1%}", f"< {WIDTH:.0%}"),
        ("off by, median", "cost_off", "{:.1%}", ""),
        ("quality within its interval", "quality_held", "{:.1%}", f">= {COVERED:.0%}"),
        ("width beside the value, median", "quality_width", "{:.1%}", f"< {WIDTH:.0%}"),
        ("off by, median", "quality_off", "{:.2%}", ""),
        ("hops that move, median", "moved", "{:.0%}", ""),
        ("hops called exact", "exact", "{:,}", ""),
        ("of them wrong", "exact_wrong", "{}", "0"),
        ("policies", "policies", "{}", ""),
        ("seconds", "seconds", "{:.0f}", ""),
    )
    for title, name, form, bar in rows:
        table.add_row(title, *(form.format(one[name]) for one in results.values()), bar)
    screen.show(table, indent=0)
    screen.print("", screen.text(screen.facts([f"{k} {v}" for k, v in head.items()]), "quiet"))


if __name__ == "__main__":
    main()
