"""What a node declares bounds its calls: time and money, beside what the request has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import NoCandidateError
from orchestrator.graph.answer import RunOptions
from orchestrator.graph.edges import find_edges
from orchestrator.graph.pace import course_of
from orchestrator.project.schema import Graph
from orchestrator.records import Hop
from tests.calling.server import Say, StandIn, Tokens

from .served import ONE, TWO, write_served
from .small import write_project

# A call is expected to cost about 200 tokens of output at 1000 dollars a million: 0.2 dollars.
SAID = Say("<fine>")


def limited(graph: str, **limits: float) -> str:
    keys = "".join(f", {key}: {value}" for key, value in limits.items())
    return graph.replace("of: question}", f"of: question{keys}}}")


async def hops_of(folder: Path, options: RunOptions = RunOptions()) -> list[Hop]:
    async with Mesh.load(folder, env={}) as mesh:
        return list((await mesh.run(question="q", options=options)).hops)


async def test_a_node_whose_model_is_too_slow_says_so(tmp_path: Path) -> None:
    async with StandIn(SAID) as url:
        write_served(tmp_path, limited(ONE, latency_ms=200), url)
        with pytest.raises(NoCandidateError, match=r"latency_ms.*200"):
            await hops_of(tmp_path)
        write_served(tmp_path, limited(ONE, latency_ms=2000), url)
        (hop,) = await hops_of(tmp_path)
    assert hop.profile is not None
    assert hop.profile.constraints.latency_ms == 2000


async def test_a_node_whose_model_is_too_expensive_says_so(tmp_path: Path) -> None:
    async with StandIn(SAID) as url:
        write_served(tmp_path, limited(ONE, usd=0.1), url)
        with pytest.raises(NoCandidateError, match=r"0\.1"):
            await hops_of(tmp_path)
        write_served(tmp_path, limited(ONE, usd=0.5), url)
        (hop,) = await hops_of(tmp_path)
    assert hop.profile is not None
    assert hop.profile.constraints.max_cost_usd == 0.5


async def test_all_calls_of_a_node_share_its_money(tmp_path: Path) -> None:
    """The first of two may cost what is left for it; the second finds too little."""
    twice = """
@role("twice")
async def twice(work):
    for _ in range(2):
        reply = await work.call(variables={}, inputs={"text": "x"})
    return reply.text
"""
    async with StandIn(Say("<fine>", usage=Tokens(output=200))) as url:
        write_served(tmp_path, limited(ONE, usd=0.3), url, price="{input: 0, output: 1000}")
        with (tmp_path / "functions.py").open("a") as file:
            file.write(twice)
        agent = tmp_path / "agents" / "echo.md"
        agent.write_text(agent.read_text().replace("role: echo", "role: twice"))
        async with Mesh.load(tmp_path, env={}) as mesh:
            with pytest.raises(NoCandidateError, match="budget_usd"):
                await mesh.run(question="q")
            run = mesh.store.traces(1)[0]
            hops = mesh.store.hops(run.id)
    assert [hop.status for hop in hops] == ["ok", "failed"]


async def test_the_tighter_of_two_limits_holds(tmp_path: Path) -> None:
    from orchestrator.types import Constraints

    async with StandIn(SAID) as url:
        write_served(tmp_path, limited(ONE, latency_ms=5000, usd=0.9), url)
        options = RunOptions(constraints=Constraints(latency_ms=3000, max_cost_usd=2.0))
        (hop,) = await hops_of(tmp_path, options)
    assert hop.profile is not None
    assert hop.profile.constraints.latency_ms == 3000
    assert hop.profile.constraints.max_cost_usd == 0.9


SHARES = """

@role("share")
async def share(work):
    now = work.services.clock.monotonic()
    part = (work.bounds.deadline - now) / (work.request.deadline - now)
    return f"{work.inputs.get('first', '')} {part:.2f}".strip()
"""


@pytest.mark.parametrize(
    ("graph", "shares"),
    [
        (TWO, "0.50 1.00"),
        (limited(TWO, latency_ms=3000), "0.01 1.00"),
    ],
)
async def test_the_time_left_is_shared_with_what_is_still_to_come(
    tmp_path: Path, graph: str, shares: str
) -> None:
    """The request has five minutes: the first of two equal steps may take half of them."""
    write_project(tmp_path, graph)
    with (tmp_path / "functions.py").open("a") as file:
        file.write(SHARES)
    agent = tmp_path / "agents" / "echo.md"
    agent.write_text(agent.read_text().replace("role: echo", "role: share"))
    async with Mesh.load(tmp_path, env={}) as mesh:
        assert (await mesh.run(question="q")).text == shares


def test_what_usually_takes_long_gets_more() -> None:
    graph = Graph.model_validate(
        {
            "name": "g",
            "input": {"question": "text"},
            "nodes": {
                "found": {"tool": "search", "with": {"query": "question"}},
                "draft": {"agent": "writer", "of": "found"},
                "judge": {"function": "judge", "of": "draft", "to": {"no": "draft", "yes": "ok"}},
                "ok": {"ask": "Well?", "of": "judge"},
                "end": {"agent": "other", "of": "ok"},
            },
            "output": "end",
        }
    )
    course = course_of(graph, find_edges(graph), {"writer": 8000.0, "other": None}.get)
    assert course.share("end", 60_000) == pytest.approx(60_000)
    assert course.share("draft", 9_050) == pytest.approx(8_000)
    assert course.share("draft", 9_050 + 8_050, {"judge": 1}) == pytest.approx(8_000)
    assert course.share("ok", 60_000) == 0, "nobody bounds a person"
