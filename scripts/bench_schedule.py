"""How close a run comes to its critical path, beside plain LangGraph.

    python scripts/bench_schedule.py [--graphs 100] [--json]

Random graphs of 4 to 14 nodes, each node with a fake latency of 50 to 250 ms. The critical path
is the longest sum of latencies along any path: no schedule can be faster. Each graph is run by

  declared   a declared graph of functions, through the Mesh, journal and trace included
  subtasks   the same as the subtasks of one plan (`each`)
  langgraph  a plain StateGraph with the same edges and no checkpointer

Compiling a graph is not counted, here and there. `within 1.05` is the share of graphs that took at
most 1.05 times their critical path. The last column is a case in which supersteps are known to be
bad: two chains side by side, each with its slow nodes where the other one has its fast ones.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import operator
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from bench_start import commit, processor

from orchestrator import Mesh

PYTHON = """
import asyncio

from orchestrator import function, role
from orchestrator.roles.values import Result, Subtask


def sleeper(ms):
    async def run(inputs):
        await asyncio.sleep(ms / 1000)
        return ms

    return run


for ms in range(50, 260, 10):
    function(f"wait-{ms}")(sleeper(ms))


@function("plan")
def plan(inputs):
    return tuple(
        Subtask(id=name, description=str(ms), task="chat", needs=tuple(needs))
        for name, (ms, needs) in inputs["dag"].items()
    )


@function("last")
def last(inputs):
    return "done"


@role("sleeper")
async def sleep(work):
    subtask = work.inputs["subtask"]
    await asyncio.sleep(int(subtask.description) / 1000)
    return Result(subtask=subtask.id, specialist="sleeper", task="chat", text=subtask.id)
"""
FLEET = """
models:
  nobody:
    tier: nano
    tasks: {"*": 1.0}
    deployments: [{id: here, via: builtin, function: calculator, hosting: self}]
"""
SUBTASKS = """
input: {dag: json}
nodes:
  plan: {function: plan, from: [dag]}
  work: {each: plan, agent: sleeper}
  last: {function: last, from: [work]}
output: last
"""
AGENT = "---\ndescription: Sleeps.\nrole: sleeper\ntask: chat\n---\nSleep.\n"


class Done(TypedDict):
    """The plain graph's state."""

    done: Annotated[list[int], operator.add]


WAYS = ("declared", "subtasks", "langgraph")


@dataclass(frozen=True, slots=True)
class Dag:
    """Latencies in milliseconds and needs, by node; needs stand before those that need them."""

    ms: Mapping[str, int]
    needs: Mapping[str, tuple[str, ...]]

    @property
    def critical_ms(self) -> int:
        """The longest sum of latencies along any path."""
        ends: dict[str, int] = {}
        for name, needs in self.needs.items():
            ends[name] = self.ms[name] + max((ends[n] for n in needs), default=0)
        return max(ends.values())

    @property
    def sinks(self) -> list[str]:
        needed = {n for needs in self.needs.values() for n in needs}
        return [name for name in self.needs if name not in needed]


def random_dag(rng: random.Random) -> Dag:
    names = [f"n{i}" for i in range(rng.randint(4, 12))]
    needs = {
        name: tuple(sorted(rng.sample(names[:i], rng.randint(0, min(i, 3)))))
        for i, name in enumerate(names)
    }
    return Dag(ms={name: rng.randrange(50, 260, 10) for name in names}, needs=needs)


def known_bad() -> Dag:
    """Two chains whose slow and fast nodes alternate, out of step with each other."""
    ms, needs = {}, {}
    for chain, slow_first in (("a", True), ("b", False)):
        for i in range(6):
            name = f"{chain}{i}"
            ms[name] = 250 if (i % 2 == 0) == slow_first else 50
            needs[name] = (f"{chain}{i - 1}",) if i else ()
    return Dag(ms=ms, needs=needs)


def declared(dag: Dag) -> str:
    """The graph file of `dag`."""
    lines = ["input: {dag: json}", "nodes:"]
    for name, needs in dag.needs.items():
        read = ", ".join(needs) or "dag"
        lines.append(f"  {name}: {{function: wait-{dag.ms[name]}, from: [{read}]}}")
    lines += [f"  last: {{function: last, from: [{', '.join(dag.sinks)}]}}", "output: last"]
    return "\n".join(lines) + "\n"


def plain(dag: Dag) -> Any:
    """The same graph as anybody would write it in LangGraph."""
    from langgraph.graph import END, START, StateGraph

    builder: Any = StateGraph(Done)

    def node(ms: int) -> Any:
        async def run(_: Done) -> Done:
            await asyncio.sleep(ms / 1000)
            return {"done": [ms]}

        return run

    for name, needs in dag.needs.items():
        builder.add_node(name, node(dag.ms[name]))
        builder.add_edge(list(needs) if needs else START, name)
    builder.add_node("last", node(0))
    builder.add_edge(dag.sinks, "last")
    builder.add_edge("last", END)
    return builder.compile()


async def timed(work: Awaitable[Any]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def measure(dags: list[Dag]) -> list[dict[str, float]]:
    """For each graph: its critical path, and each way's time as a multiple of it."""
    rows = []
    with tempfile.TemporaryDirectory() as temp:
        root = Path(temp)
        write_project(root, dags)
        async with Mesh.load(root, env={}) as mesh:
            warm = {name: [dags[0].ms[name], needs] for name, needs in dags[0].needs.items()}
            await mesh.run("subtasks", dag=warm)
            for index, dag in enumerate(dags):
                plan = {name: [dag.ms[name], needs] for name, needs in dag.needs.items()}
                graph = plain(dag)
                await mesh.run(f"g{index}", dag=plan)  # compiles it, as `plain` has done above
                gc.collect()
                gc.freeze()  # what was loaded before is not looked through while we measure
                took = {
                    "declared": await timed(mesh.run(f"g{index}", dag=plan)),
                    "subtasks": await timed(mesh.run("subtasks", dag=plan)),
                    "langgraph": await timed(graph.ainvoke({"done": []})),
                }
                rows.append(
                    {"critical_ms": dag.critical_ms}
                    | {way: took[way] / dag.critical_ms for way in WAYS}
                )
                print(f"\r{index + 1} of {len(dags)}", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    return rows


def write_project(root: Path, dags: list[Dag]) -> None:
    for folder in ("agents", "graphs"):
        (root / folder).mkdir()
    (root / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: subtasks\n")
    (root / "functions.py").write_text(PYTHON)
    (root / "fleet.yaml").write_text(FLEET)
    (root / "policy.yaml").write_text("objective: {minimize: cost}\n")
    (root / "agents" / "sleeper.md").write_text(AGENT)
    (root / "graphs" / "subtasks.yaml").write_text(SUBTASKS)
    for index, dag in enumerate(dags):
        (root / "graphs" / f"g{index}.yaml").write_text(declared(dag))


def summary(rows: list[dict[str, float]], way: str) -> dict[str, float]:
    ratios = sorted(row[way] for row in rows)
    return {
        "median": statistics.median(ratios),
        "p95": ratios[min(len(ratios) - 1, int(0.95 * len(ratios)))],
        "max": ratios[-1],
        "within_1.05": sum(ratio <= 1.05 for ratio in ratios) / len(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="How close a run comes to its critical path.")
    parser.add_argument("--graphs", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rng = random.Random(7)
    dags = [random_dag(rng) for _ in range(arguments.graphs)]
    *rows, bad = asyncio.run(measure([*dags, known_bad()]))
    found = {
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "graphs": len(rows),
        "times_the_critical_path": {way: summary(rows, way) for way in WAYS},
        "known_bad_case": {way: bad[way] for way in WAYS},
    }
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{len(rows)} random graphs; commit {found['commit']}; {found['machine']}")
    print("times the critical path     median     p95     max  within 1.05  known bad case")
    for way in WAYS:
        of = summary(rows, way)
        numbers = f"{of['median']:10.3f}{of['p95']:8.3f}{of['max']:8.3f}{of['within_1.05']:13.0%}"
        print(f"  {way:20s}      {numbers}{bad[way]:16.3f}")


if __name__ == "__main__":
    main()
