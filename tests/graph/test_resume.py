"""A run killed with `kill -9` and resumed gives the same answer; nothing recorded runs twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.graph.journal import JournalStore

from .small import calls, write_project

GRAPH = """
    input: {question: text}
    nodes:
      plan: {agent: planner, of: question}
      work: {each: plan, agent: echo}
      done: {function: collect, of: work}
    output: done
"""
START = """
import asyncio, sys
from orchestrator import Mesh

async def main():
    async with Mesh.load(sys.argv[1], env={}) as mesh:
        await mesh.run(question=sys.argv[2])

print("ready", flush=True)
asyncio.run(main())
"""


def random_plan(seed: int) -> str:
    chance = random.Random(seed)
    names = [f"t{i}" for i in range(8)]
    plan = [
        {
            "id": name,
            "description": name,
            "task": "chat",
            "needs": chance.sample(names[:i], k=min(i, chance.randint(0, 2))),
        }
        for i, name in enumerate(names)
    ]
    return json.dumps(plan)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_run_resumes_to_the_same_answer(tmp_path: Path, seed: int) -> None:
    question = random_plan(seed)
    whole = write_project(tmp_path / "whole", GRAPH)
    expected = Mesh.load(whole, env={}).run_sync(question=question)

    folder = write_project(tmp_path / "killed", GRAPH)
    environment = {**os.environ, "ECHO_SECONDS": "0.05"}
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(folder), question],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    wanted = random.Random(seed).randint(1, 7)
    limit = time.monotonic() + 60
    while len(calls(folder)) < wanted and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.005)
    assert process.poll() is None, "the run ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()

    before = len(calls(folder))
    store = JournalStore(folder / ".mesh")
    run = store.read("SELECT id FROM runs")[0][0]
    recorded = {
        node
        for (node,) in store.read("SELECT node FROM entries WHERE value NOT NULL")
        if node.startswith("work/")
    }
    store.close()

    answer = Mesh.load(folder, env={}).run_sync(resume=run)
    assert answer.text == expected.text
    rerun = {json.loads(line)["text"].split("(")[0] for line in calls(folder)[before:]}
    assert rerun.isdisjoint(name.removeprefix("work/") for name in recorded)
    assert {h.node for h in answer.hops if h.role == "echo"} == {
        h.node for h in expected.hops if h.role == "echo"
    }
    in_flight = [a for h in answer.hops for a in h.attempts if a.outcome == "unknown"]
    # What was begun may or may not have reached the model before the kill.
    assert 8 <= len(calls(folder)) <= 8 + len(in_flight)


async def test_a_cancelled_run_is_on_record_and_can_be_resumed(tmp_path: Path) -> None:
    folder = write_project(tmp_path, GRAPH)
    os.environ["ECHO_SECONDS"] = "0.2"
    try:
        async with Mesh.load(folder, env={}) as mesh:
            task = asyncio.create_task(mesh.run(question=random_plan(1)))
            while not calls(folder):
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            mesh.store.flush()
            trace = mesh.store.traces(limit=1)[0]
            assert trace.status == "cancelled"
    finally:
        del os.environ["ECHO_SECONDS"]
    async with Mesh.load(folder, env={}) as mesh:
        answer = await mesh.run(resume=trace.id)
        mesh.store.flush()
        assert mesh.store.trace(trace.id).status == "ok"
    assert answer.text.startswith("<t0()>")


async def test_the_trace_of_a_resumed_run_is_whole_also_without_what_was_not_yet_flushed(
    tmp_path: Path,
) -> None:
    """The trace is written in batches; the journal restores what a kill took from the last one."""
    folder = write_project(tmp_path, GRAPH)
    async with Mesh.load(folder, env={}) as mesh:
        answer = await mesh.run(question=random_plan(2))
    for name in ("traces.sqlite", "traces.sqlite-wal", "traces.sqlite-shm"):
        (folder / ".mesh" / name).unlink(missing_ok=True)
    async with Mesh.load(folder, env={}) as mesh:
        again = await mesh.run(resume=answer.trace_id)
    steps = [(hop.node, hop.role, hop.id) for hop in answer.hops]
    assert [(hop.node, hop.role, hop.id) for hop in again.hops] == steps
