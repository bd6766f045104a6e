"""Every demo graph comes out again as it was recorded; `scripts/bench_replay.py` takes more."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh

from .demo import SHIPPED, Demo, demos, project_of, record
from .small import forget_journal

# One of each graph, by the project that it belongs to; the suites of the examples take longer.
_SOME = {(demo.project, demo.graph): demo for demo in demos(42)}
_SLOW = ("review", "software-engineering")


def wanted(project: str) -> list[Demo]:
    return [d for (name, graph), d in _SOME.items() if name == project and graph not in _SLOW]


@pytest.mark.parametrize("project", sorted({name for name, _ in _SOME} - {"banking"}))
async def test_it_comes_out_as_it_was_recorded(tmp_path: Path, project: str) -> None:
    folder, asked = project_of(project, tmp_path), wanted(project)
    assert asked
    async with Mesh.load(folder, env={}) as mesh:
        traces = [await record(mesh, demo, fast=True) for demo in asked]
    forget_journal(folder)
    async with Mesh.load(folder, env={}) as mesh:
        found = [await mesh.replay(trace) for trace in traces]
    assert [one.differences for one in found] == [()] * len(asked)
    assert [one.again.answer for one in found] == [one.trace.answer for one in found]
    assert [one.calls for one in found] == [0] * len(asked)
    made = [(one.decisions.same, one.decisions.total) for one in found]
    assert all(same == total for same, total in made)


def test_all_shipped_graphs_are_among_them() -> None:
    graphs = {path.stem for path in (Path(__file__).parents[2] / "graphs").glob("*.yaml")}
    assert {demo.graph for demo in wanted(SHIPPED)} == graphs
