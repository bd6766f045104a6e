"""Whether recorded runs of the demo graphs come out again as they were, without a call.

    python scripts/bench_replay.py [--traces 200] [--keep-journal] [--small-model] [--json]

Requests to the shipped graphs and to those of the examples are answered on this machine, by code
and with `--small-model` also by a model of 135 million weights, and recorded. Then every trace is
replayed by a mesh that is loaded anew and whose transports count who touches them; the journals of
the runs are deleted before, so that the trace is all that is left, unless `--keep-journal` is
given. `output` counts the traces whose answer is the recorded one byte for byte, `hops` the steps
with the same request, result and output, `decisions` those that `decide` makes again from their
record, as JSON. `calls` counts who touched a transport. `failed` runs come to the same error;
`kept out` are those whose texts a route hides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench_start import commit, processor

from orchestrator import Mesh
from orchestrator.cli._show import Screen
from orchestrator.errors import RunError
from tests.replay.demo import Demo, demos, project_of, record


@dataclass(slots=True)
class Row:
    """What came of the traces of one graph."""

    graph: str
    traces: int = 0
    failed: int = 0
    kept_out: int = 0
    output: int = 0
    same: int = 0
    hops: int = 0
    hops_same: int = 0
    decisions: int = 0
    decisions_same: int = 0
    calls: int = 0
    recorded_s: float = 0.0
    replayed_s: float = 0.0


@dataclass(frozen=True)
class Recorded:
    """One request that was made."""

    demo: Demo
    trace: str
    seconds: float


async def recorded(folder: Path, wanted: list[Demo], *, model: bool) -> list[Recorded]:
    """All of them, one project after the other, as their programs would be."""
    found: list[Recorded] = []
    for project in dict.fromkeys(demo.project for demo in wanted):
        async with Mesh.load(project_of(project, folder), env={}) as mesh:
            for demo in [demo for demo in wanted if demo.project == project]:
                start = time.perf_counter()
                trace = await record(mesh, demo, fast=not model)
                found.append(Recorded(demo, trace, time.perf_counter() - start))
                say(f"recorded {len(found)} of {len(wanted)}")
    return found


async def replayed(folder: Path, found: list[Recorded]) -> list[Row]:
    """What came of going through them again."""
    rows: dict[str, Row] = {}
    for project in dict.fromkeys(one.demo.project for one in found):
        async with Mesh.load(project_of(project, folder), env={}) as mesh:
            for one in [one for one in found if one.demo.project == project]:
                row = rows.setdefault(one.demo.graph, Row(one.demo.graph))
                await again(mesh, one, row)
                say(f"replayed {sum(row.traces for row in rows.values())} of {len(found)}")
    return list(rows.values())


async def again(mesh: Mesh, one: Recorded, row: Row) -> None:
    """Replay it, and count what came of it."""
    row.traces += 1
    row.recorded_s += one.seconds
    start = time.perf_counter()
    try:
        found = await mesh.replay(one.trace)
    except RunError as error:
        row.kept_out += 1
        say(f"{error}\n")
        return
    row.replayed_s += time.perf_counter() - start
    row.failed += found.trace.status == "failed"
    came, was = found.again, found.trace
    row.output += (came.answer, came.error) == (was.answer, was.error)
    row.same += found.same
    row.hops += len(found.diff.pairs)
    row.hops_same += sum(status == "same" for _, status, _ in found.statuses)
    row.decisions += found.decisions.total
    row.decisions_same += found.decisions.same
    row.calls += found.calls
    for said in found.differences:
        say(f"{row.graph} {one.trace}: {said}\n")


def say(text: str) -> None:
    """How far it is; where a person looks on."""
    if sys.stderr.isatty() or text.endswith("\n"):
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)


def total(rows: Iterable[Row]) -> Row:
    """All together."""
    every = [asdict(row) for row in rows]
    names = [name for name in Row.__dataclass_fields__ if name != "graph"]
    return Row("all", **{name: sum(row[name] for row in every) for name in names})


def show(rows: list[Row]) -> None:
    """The table."""
    screen = Screen(width=140)
    right = {"justify": "right"}
    titles = ("traces", "failed", "kept out", "output", "hops", "decisions", "calls")
    seconds = ("recorded s", "replayed s")
    table = screen.table("graph", *((title, right) for title in (*titles, *seconds)))
    for row in (*rows, total(rows)):
        went = row.traces - row.kept_out
        table.add_row(
            row.graph,
            str(row.traces),
            str(row.failed),
            str(row.kept_out),
            f"{row.output}/{went}",
            f"{row.hops_same}/{row.hops}",
            f"{row.decisions_same}/{row.decisions}",
            str(row.calls),
            f"{row.recorded_s:.1f}",
            f"{row.replayed_s:.1f}",
        )
    screen.show(table, indent=0)


def main() -> None:
    """Record, replay, print."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--traces", type=int, default=200)
    given.add_argument("--keep-journal", action="store_true")
    given.add_argument("--small-model", action="store_true")
    given.add_argument("--json", action="store_true")
    wanted = given.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = asyncio.run(recorded(folder, demos(wanted.traces), model=wanted.small_model))
        if not wanted.keep_journal:
            for file in folder.glob("*/.mesh/journal.*"):
                file.unlink()
        rows = asyncio.run(replayed(folder, found))
    about = {"commit": commit(), "processor": processor(), "python": platform.python_version()}
    if wanted.json:
        every = [asdict(row) for row in (*rows, total(rows))]
        print(json.dumps({**about, "traces": wanted.traces, "rows": every}, indent=2))
        return
    show(rows)
    kept = "with" if wanted.keep_journal else "without"
    print(f"{', '.join(about.values())}; {wanted.traces} traces, {kept} the journals")


if __name__ == "__main__":
    main()
