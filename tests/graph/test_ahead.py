"""Nodes start as soon as what they wait for is done, and run exactly as often as they must."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from orchestrator import Mesh, RunError
from orchestrator.graph.asking import Question

from .small import calls, write_project

PYTHON = """
import asyncio
from pathlib import Path

from orchestrator import function

LOG = Path(__file__).parent / "order.log"
NODES = ("a", "b", "c", "d", "x", "xa", "xb", "xc", "again", "too")
SLOW_MAY_END = asyncio.Event()


def log(what):
    with LOG.open("a") as file:
        file.write(what + "\\n")


def noted(name, then=None):
    async def run(inputs):
        log(f"start {name}")
        if then is not None:
            await then()
        log(f"end {name}")
        held = [value for key, value in sorted(inputs.items()) if key in NODES]
        return f"{name}({','.join(held)})"

    function(name)(run)


async def wait():
    await asyncio.wait_for(SLOW_MAY_END.wait(), 20)


async def let_go():
    SLOW_MAY_END.set()


async def forever():
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        log("cancelled")
        raise


async def fail():
    await asyncio.sleep(0.05)
    raise ValueError("no")


for name in ("a", "b", "c", "d", "x"):
    noted(name)
noted("slow", wait)
noted("release", let_go)
noted("endless", forever)
noted("failing", fail)


@function("again")
def again(inputs):
    label = "again" if inputs["round"] < inputs["at_most"] else "ok"
    return label, f"{inputs['round']}"
"""


def project(folder: Path, graph: str) -> Path:
    write_project(folder, graph)
    (folder / "mesh.yaml").write_text("python: [functions.py, steps.py]\ndefault_graph: small\n")
    (folder / "steps.py").write_text(PYTHON)
    return folder


def order(folder: Path) -> list[str]:
    return (folder / "order.log").read_text().splitlines()


async def test_a_declared_chain_does_not_wait_for_its_slow_sibling(tmp_path: Path) -> None:
    graph = """
        input: {question: text}
        nodes:
          a: {function: slow, of: question}
          b: {function: b, of: question}
          c: {function: c, of: b}
          d: {function: release, of: c}
          x: {function: x, from: [a, d]}
        output: x
    """
    project(tmp_path, graph)
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(question="q")
    # `a` could end only because `d`, three steps on, ran while `a` was still at work.
    assert answer.text == "x(slow(),release(c(b())))"
    assert all(times == 1 for times in Counter(order(tmp_path)).values())


async def test_a_loop_and_a_branch_beside_it_run_as_often_as_they_must(tmp_path: Path) -> None:
    graph = """
        input: {question: text}
        nodes:
          a: {function: a, of: question}
          b: {function: b, of: a}
          c: {function: c, of: b}
          again: {function: again, of: c, to: {again: b, ok: d}, at_most: 2}
          d: {function: d, of: again}
          xa: {function: x, of: a}
          xb: {function: x, of: xa}
          xc: {function: x, of: xb}
          last: {function: x, from: [d, xc]}
        output: last
    """
    project(tmp_path, graph)
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(question="q")
    ran = Counter(line for line in order(tmp_path) if line.startswith("start"))
    assert ran == {"start a": 1, "start b": 3, "start c": 3, "start d": 1, "start x": 4}
    rounds = {(hop.node, hop.round) for hop in answer.hops}
    assert {r for node, r in rounds if node == "c"} == {0, 1, 2}
    assert {r for node, r in rounds if node.startswith("x")} == {0}


async def test_a_failure_stops_what_was_started_ahead(tmp_path: Path) -> None:
    graph = """
        input: {question: text}
        nodes:
          a: {function: slow, of: question}
          b: {function: b, of: question}
          c: {function: endless, of: b}
          d: {function: failing, of: question}
          x: {function: x, from: [a, c, d]}
        output: x
    """
    project(tmp_path, graph)
    async with Mesh.load(tmp_path, env={}) as mesh:
        with pytest.raises(RunError, match="failing failed: ValueError: no"):
            await mesh.run(question="q")
    assert "cancelled" in order(tmp_path)
    assert "start x" not in order(tmp_path)


async def test_two_loops_side_by_side_keep_their_rounds_and_remarks_apart(tmp_path: Path) -> None:
    graph = """
        input: {question: text}
        nodes:
          a: {function: a, of: question}
          b: {function: b, of: a}
          again: {function: again, of: b, to: {again: b, ok: d}, at_most: 2}
          d: {function: d, of: again}
          x: {function: x, of: a}
          xa: {agent: echo, of: x}
          too: {function: again, of: xa, to: {again: x, ok: xb}, at_most: 1}
          xb: {function: d, from: [too, xa]}
          last: {function: d, from: [d, xb]}
        output: last
    """
    project(tmp_path, graph)
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(question="q")
    # The value of `too` stays with its loop, though `again` sends the run back in between.
    assert answer.text == "d(d(2),d(1,<0+x(a())>))"
    ran = Counter(line for line in order(tmp_path) if line.startswith("start"))
    assert ran == {"start a": 1, "start b": 3, "start x": 2, "start d": 3}
    assert len(calls(tmp_path)) == 2


async def test_two_loops_may_send_the_run_back_at_the_same_moment(tmp_path: Path) -> None:
    graph = """
        input: {question: text}
        nodes:
          a: {function: a, of: question}
          b: {function: b, of: a}
          again: {function: again, of: b, to: {again: b, ok: xa}, at_most: 2}
          xa: {function: d, from: [again, b]}
          x: {function: x, of: a}
          too: {function: again, of: x, to: {again: x, ok: xb}, at_most: 2}
          xb: {function: d, from: [too, x]}
          last: {function: d, from: [xa, xb]}
        output: last
    """
    project(tmp_path, graph)
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(question="q")
    assert answer.text == "d(d(2,b(a())),d(2,x(a())))"


async def test_a_cancel_between_two_steps_stops_what_was_started_ahead(tmp_path: Path) -> None:
    graph = """
        input: {question: text}
        nodes:
          a: {ask: "Go on?"}
          b: {function: b, of: question}
          c: {function: endless, of: b}
          x: {function: x, from: [a, c]}
        output: x
    """
    project(tmp_path, graph)

    async def leave(_: Question) -> str:
        await asyncio.sleep(0)  # `c` begins
        raise asyncio.CancelledError

    async with Mesh.load(tmp_path, env={}) as mesh:
        with pytest.raises(asyncio.CancelledError):
            await mesh.run(question="q", on_question=leave)
        assert order(tmp_path)[-2:] == ["start endless", "cancelled"]


async def test_what_reads_a_loop_from_outside_sees_its_last_round_and_runs_once(
    tmp_path: Path,
) -> None:
    graph = """
        input: {question: text}
        nodes:
          a: {function: a, of: question}
          b: {function: b, of: a}
          again: {function: again, of: b, to: {again: b, ok: d}, at_most: 2}
          d: {function: d, of: again}
          x: {function: x, from: [b, again]}
          last: {function: d, from: [d, x]}
        output: last
    """
    project(tmp_path, graph)
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(question="q")
    assert answer.text == "d(d(2),x(2,b(a())))"
    ran = Counter(line for line in order(tmp_path) if line.startswith("start"))
    assert ran == {"start a": 1, "start b": 3, "start d": 2, "start x": 1}
