"""Runs random graphs, kills them with `kill -9`, resumes them, and prints what it saw.

    python -m tests.graph.kill_driver FOLDER FIRST COUNT

One line of JSON for each graph. The project is loaded once; each run is a forked process of its
own, so a kill costs milliseconds and not a start of Python. This process itself starts no thread
and opens no database, hence it can be forked.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator import Mesh
from orchestrator.graph.journal import JournalStore

PYTHON = """
import asyncio
import json
import random
from pathlib import Path

from orchestrator import builtin, function, role
from orchestrator.roles.values import Result, Subtask

HERE = Path(__file__).parent


def log(graph, what):
    with (HERE / f"{graph}.log").open("a") as file:
        file.write(what + "\\n")


def pause(graph, name):
    # Known from the name alone, so a second run has the same; no order of launching survives it.
    return random.Random(f"{graph}/{name}").uniform(0, 0.02)


def mixed(name, inputs):
    return f"{name}({','.join(f'{k}={v}' for k, v in sorted(inputs.items()))})"


def step(name):
    async def run(inputs):
        graph = inputs["label"]
        held = {k: v for k, v in inputs.items() if k.startswith("n")}
        log(graph, f"start {name}")
        await asyncio.sleep(pause(graph, name))
        log(graph, f"end {name}")
        return mixed(name, held)

    return run


for index in range(12):
    function(f"step-{index}")(step(f"n{index}"))


@builtin("slow-echo")
async def echo(request):
    graph, name = request.inputs["label"], request.inputs["name"]
    log(graph, f"start {name}")
    await asyncio.sleep(pause(graph, name))
    log(graph, f"end {name}")
    return request.inputs["text"]


@role("asker")
async def ask(work):
    graph = work.inputs["label"]
    subtask = work.inputs.get("subtask")
    if subtask is None:
        held = {k: v for k, v in work.inputs.items() if k.startswith("n")}
        name = work.node
    else:
        held = {result.subtask: result.text for result in work.inputs["needs"]}
        name = work.node
    text = mixed(name, held)
    reply = await work.call(variables={}, inputs={"label": graph, "name": name, "text": text})
    if subtask is None:
        return reply.text
    return Result(subtask=subtask.id, specialist="asker", task="chat", text=reply.text)


@function("plan")
def plan(inputs):
    return tuple(
        Subtask(id=name, description=name, task="chat", needs=tuple(needs))
        for name, needs in inputs["dag"].items()
    )


@function("gather")
def gather(inputs):
    held = {k: v for k, v in inputs.items() if k.startswith("n")}
    work = {result.subtask: result.text for result in inputs.get("work", ())}
    return mixed("gather", held | work)
"""
FLEET = """
models:
  echo:
    tier: nano
    tasks: {"*": 1.0}
    deployments: [{id: here, via: builtin, function: slow-echo, hosting: self}]
"""
AGENT = "---\ndescription: Repeats.\nrole: asker\ntask: chat\n---\nRepeat.\n"
WARM = (
    "cryptography.fernet",
    "filelock",
    "langgraph.graph",
    "langgraph.checkpoint.memory",
    "networkx",
    "orchestrator.calling.carry_out",
    "orchestrator.calling.transports.builtin",
    "orchestrator.graph.runs",
    "orchestrator.roles.hop",
    "orchestrator.routing.predict",
    "orchestrator.tracing._database",
)
DECLARED_OF_THREE = 2
"""Of three graphs, so many are declared nodes, the others subtasks of one plan."""


def random_dag(seed: int) -> dict[str, list[str]]:
    """Node → what it needs; needs stand before those that need them."""
    rng = random.Random(seed)
    names = [f"n{i}" for i in range(rng.randint(3, 12))]
    return {
        name: sorted(rng.sample(names[:i], rng.randint(0, min(i, 3))))
        for i, name in enumerate(names)
    }


def declared(seed: int, dag: dict[str, list[str]]) -> str:
    lines = ["input: {label: text, dag: json}", "nodes:"]
    if seed % 3 >= DECLARED_OF_THREE:
        lines += [
            "  plan: {function: plan, from: [dag]}",
            "  work: {each: plan, agent: asker, from: [label]}",
            "  last: {function: gather, from: [work]}",
        ]
    else:
        rng = random.Random(seed)
        for name, needs in dag.items():
            kind = rng.choice((f"function: step-{name[1:]}", "agent: asker"))
            lines.append(f"  {name}: {{{kind}, from: [{', '.join(['label', *needs])}]}}")
        needed = {n for needs in dag.values() for n in needs}
        sinks = ", ".join(name for name in dag if name not in needed)
        lines.append(f"  last: {{function: gather, from: [{sinks}]}}")
    return "\n".join([*lines, "output: last", ""])


def write_project(folder: Path, seeds: range) -> None:
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: g0\n")
    (folder / "functions.py").write_text(PYTHON)
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "policy.yaml").write_text("objective: {minimize: cost}\n")
    (folder / "agents" / "asker.md").write_text(AGENT)
    for seed in {0, *seeds}:
        (folder / "graphs" / f"g{seed}.yaml").write_text(declared(seed, random_dag(seed)))


def in_child(work: Callable[[], dict[str, Any]], report: Path) -> int:
    """Do `work` in a forked process, whose result goes to the file `report`."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        partial = report.with_suffix(".part")
        partial.write_text(json.dumps(work()))
        partial.rename(report)
        code = 0
    except Exception:  # noqa: BLE001 - a fork must never go on as its parent would
        traceback.print_exc()
    finally:
        os._exit(code)


def carry(mesh: Mesh, begun: Path, **arguments: Any) -> dict[str, Any]:
    async def whole() -> dict[str, Any]:
        async with mesh:
            begun.touch()
            marks: list[float] = []
            answer = await mesh.run(**arguments, on_event=lambda _: marks.append(time.monotonic()))
            steps = sorted((hop.node, hop.role) for hop in answer.hops)
            return {
                "text": answer.text,
                "steps": steps,
                "seconds": time.monotonic() - marks[0] if marks else 0.0,
            }

    return asyncio.run(whole())


def read_log(folder: Path, graph: str) -> list[list[str]]:
    path = folder / f"{graph}.log"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def out_of_order(lines: list[list[str]]) -> bool:
    """Whether something ended before what had started earlier."""
    starts = [name for what, name in lines if what == "start"]
    ends = [name for what, name in lines if what == "end"]
    return [name for name in starts if name in ends] != ends


def one(mesh: Mesh, folder: Path, seed: int) -> dict[str, Any]:
    """Run graph `seed` whole, once more until it is killed, and from there to its end."""
    graph = f"g{seed}"
    inputs = {"label": graph, "dag": random_dag(seed)}
    begun, report = folder / "begun", folder / f"{graph}.json"

    def finished(**arguments: Any) -> dict[str, Any]:
        report.unlink(missing_ok=True)
        os.waitpid(in_child(lambda: carry(mesh, begun, **arguments), report), 0)
        found: dict[str, Any] = json.loads(report.read_text())
        return found

    whole = finished(graph=graph, **inputs)
    in_order = not out_of_order(read_log(folder, graph))
    (folder / f"{graph}.log").unlink()

    begun.unlink()
    report.unlink()
    moment = random.Random(seed).uniform(0, whole["seconds"])
    # One in eight dies at its very beginning, the others while steps are on their way.
    awaited = begun if seed % 8 == 0 else folder / f"{graph}.log"
    child = in_child(lambda: carry(mesh, begun, graph=graph, **inputs), report)
    while not awaited.exists():
        time.sleep(0.0005)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    killed = not report.exists()

    before = Counter(name for what, name in read_log(folder, graph) if what == "start")
    recorded, run = _recorded(folder, graph)
    resumed = finished(resume=run) if run else finished(graph=graph, **inputs)
    after = Counter(name for what, name in read_log(folder, graph) if what == "start")
    return {
        "graph": graph,
        "killed": killed,
        "recorded": len(recorded),
        "out_of_order": not in_order,
        "same": [resumed["text"], resumed["steps"]] == [whole["text"], whole["steps"]],
        "ran_again": sorted(name for name in recorded if after[name] > before[name]),
        "missing": sorted(name for name in _steps(seed) if after[name] == 0),
        "thrice": sorted(name for name in after if after[name] > 2),
    }


def _steps(seed: int) -> list[str]:
    dag = random_dag(seed)
    return [f"work/{name}" for name in dag] if seed % 3 >= DECLARED_OF_THREE else list(dag)


def _recorded(folder: Path, graph: str) -> tuple[set[str], str | None]:
    """The nodes whose result was in the journal at the kill, and the run."""
    store = JournalStore(folder / ".mesh")
    try:
        runs = store.read("SELECT id FROM runs WHERE graph = ? AND done = 0", (graph,))
        if not runs:
            return set(), None
        rows = store.read(
            "SELECT node FROM entries WHERE run = ? AND value NOT NULL", (runs[0][0],)
        )
        return {row[0] for row in rows} & set(_steps(int(graph[1:]))), runs[0][0]
    finally:
        store.close()


def main() -> None:
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    seeds = range(first, first + count)
    write_project(folder, seeds)
    mesh = Mesh.load(folder, env={})
    # What each run would otherwise import and read by itself, which takes longer than the run.
    for module in WARM:
        importlib.import_module(module)
    mesh.profile("warm")
    mesh.fleet()
    for seed in seeds:
        print(json.dumps(one(mesh, folder, seed)), flush=True)


if __name__ == "__main__":
    main()
