"""Declared graphs run: nodes, loops, conditions, choices, embedding, and clear failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh, RunError, UserError
from orchestrator.errors import UnknownNameError
from orchestrator.graph.answer import RunOptions
from orchestrator.records import Hop
from orchestrator.roles.events import HopStarted, RunEvent

from .small import calls, write_project

CHAIN = """
    input: {question: text, sources: "paths?"}
    nodes:
      loud: {tool: shout, with: {text: question, times: 2}}
      first: {agent: echo, of: loud}
      quiet: {agent: echo, of: first, when: never}
      second: {agent: echo, from: [quiet, question]}
    output: second
"""
LOOP = """
    input: {question: text}
    nodes:
      reply: {agent: echo, of: question}
      verdict: {function: judge, of: reply, to: {again: reply, ok: last}, at_most: 2}
      last: {agent: echo, of: verdict}
    output: last
"""


async def run(folder: Path, **inputs: Any) -> str:
    async with Mesh.load(folder, env={}) as mesh:
        answer = await mesh.run(**inputs)
    return answer.text


async def test_a_chain_of_tool_agent_and_skipped_node(tmp_path: Path) -> None:
    write_project(tmp_path, CHAIN)
    assert await run(tmp_path, question="hi") == "<hi+<HIHI>>"
    assert len(calls(tmp_path)) == 2


async def test_a_loop_goes_back_as_often_as_it_may_and_sees_the_verdict(tmp_path: Path) -> None:
    write_project(tmp_path, LOOP)
    text = await run(tmp_path, question="q")
    assert text == "<2:<q+1:<q+0:<q>>>>"
    assert len(calls(tmp_path)) == 4


async def test_a_function_that_insists_is_stopped_at_its_bound(tmp_path: Path) -> None:
    write_project(tmp_path, LOOP.replace("judge", "stubborn"))
    with pytest.raises(RunError, match=r"'reply' 3 times; at_most is 2"):
        await run(tmp_path, question="q")


async def test_an_unknown_label_is_an_error_and_not_a_silent_end(tmp_path: Path) -> None:
    write_project(tmp_path, LOOP.replace("judge", "typo"))
    with pytest.raises(RunError, match=r"'typo' must return .*again, ok.*agian"):
        await run(tmp_path, question="q")


async def test_a_failing_function_names_its_node_and_leaves_a_trace(tmp_path: Path) -> None:
    write_project(tmp_path, LOOP.replace("judge", "broken"))
    async with Mesh.load(tmp_path, env={}) as mesh:
        with pytest.raises(RunError, match=r"'verdict': function broken failed: KeyError"):
            await mesh.run(question="q")
        mesh.store.flush()
        trace = mesh.store.traces(limit=1)[0]
        hops = mesh.store.hops(trace.id)
    assert trace.status == "failed"
    assert [h.status for h in hops if h.node == "verdict"] == ["failed"]


async def test_subtasks_get_the_results_of_what_they_need(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        """
        input: {question: text}
        nodes:
          plan: {agent: planner, of: question}
          work: {each: plan, agent: echo}
          done: {function: collect, of: work}
        output: done
        """,
    )
    subtasks = [
        {"id": "c", "description": "c", "task": "chat", "needs": ["a", "b"]},
        {"id": "a", "description": "a", "task": "chat"},
        {"id": "b", "description": "b", "task": "chat", "needs": ["a"]},
    ]
    text = await run(tmp_path, question=json.dumps(subtasks))
    assert text == "<c(<a()>,<b(<a()>)>)> <a()> <b(<a()>)>"


async def test_a_finished_run_gives_its_answer_again_for_nothing(tmp_path: Path) -> None:
    write_project(tmp_path, LOOP)
    async with Mesh.load(tmp_path, env={}) as mesh:
        first = await mesh.run(question="q")
    ran = len(calls(tmp_path))
    async with Mesh.load(tmp_path, env={}) as mesh:
        again = await mesh.run(resume=first.trace_id[:12])
    assert (again.text, again.trace_id) == (first.text, first.trace_id)
    assert len(calls(tmp_path)) == ran
    assert [h.id for h in again.hops] == [h.id for h in first.hops]


async def test_each_step_is_told_as_it_begins_with_its_model_and_when_it_ends(
    tmp_path: Path,
) -> None:
    told: list[str] = []

    def tell(event: RunEvent) -> None:
        match event:
            case HopStarted(node=node, agent=agent, deployment=deployment):
                told.append(f"{node} by {agent} with {deployment}")
            case Hop(node=node, status=status):
                told.append(f"{node} {status}")

    async with Mesh.load(write_project(tmp_path, CHAIN), env={}) as mesh:
        await mesh.run(question="hi", on_event=tell)
    assert told == [
        "loud by shout with None",
        "loud ok",
        "first by echo with None",
        "first by echo with echo/here",
        "first ok",
        "quiet skipped",
        "second by echo with None",
        "second by echo with echo/here",
        "second ok",
    ]


async def test_texts_of_a_restricted_route_stay_nowhere(tmp_path: Path) -> None:
    planted = "IBAN DE89370400440532013000"
    write_project(
        tmp_path,
        LOOP,
        policy=(
            "routes:\n  - name: personal\n    match: {data_class: pii}\n"
            "    store_prompts: none\n    store_outputs: none\n"
        ),
    )
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(question=planted, options=RunOptions(data_class="pii"))
        assert planted in answer.text
    (tmp_path / "calls.log").unlink()
    found = [p for p in tmp_path.rglob("*") if p.is_file() and planted.encode() in p.read_bytes()]
    assert found == []
    async with Mesh.load(tmp_path, env={}) as mesh:
        with pytest.raises(UserError, match="not to be kept"):
            await mesh.run(resume=answer.trace_id)


async def test_a_compiled_graph_is_a_node_of_somebody_elses_graph(tmp_path: Path) -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from typing_extensions import TypedDict

    class Mine(TypedDict, total=False):
        question: str
        output: str
        final: str

    write_project(tmp_path, LOOP)
    async with Mesh.load(tmp_path, env={}) as mesh:
        builder = StateGraph(Mine)
        builder.add_node("mesh", mesh.graph("small"))
        builder.add_node("after", lambda state: {"final": state["output"].upper()})
        builder.add_edge(START, "mesh")
        builder.add_edge("mesh", "after")
        builder.add_edge("after", END)
        mine = builder.compile(checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        state = await mine.ainvoke({"question": "stop"}, config)
        mesh.store.flush()
        traces = mesh.store.traces(limit=5)
    assert state["final"] == "<0:<STOP>>"
    assert [t.status for t in traces] == ["ok"]


async def test_langgraph_has_exactly_the_edges_that_are_drawn(tmp_path: Path) -> None:
    from orchestrator.graph.edges import find_edges

    async with Mesh.load(write_project(tmp_path, LOOP), env={}) as mesh:
        for name in mesh.project.graphs:
            drawn = find_edges(mesh.project.graphs[name])
            compiled = mesh.graph(name).get_graph()
            inner = set(mesh.project.graphs[name].nodes)
            real = {(e.source, e.target) for e in compiled.edges if {e.source, e.target} <= inner}
            assert real == drawn.all, name


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "needs the input 'question'"),
        ({"question": "  "}, "must be text; found an empty text"),
        ({"question": 3}, "must be text; found int"),
        ({"question": "q", "sorces": ["a"]}, "did you mean 'sources'"),
        ({"question": "q", "sources": 7}, "must be paths; found int"),
    ],
)
async def test_wrong_inputs_are_refused_before_anything_runs(
    tmp_path: Path, inputs: dict[str, Any], message: str
) -> None:
    write_project(tmp_path, CHAIN)
    with pytest.raises(UserError, match=message):
        await run(tmp_path, **inputs)
    assert calls(tmp_path) == []


async def test_an_unknown_graph_has_a_near_name(tmp_path: Path) -> None:
    async with Mesh.load(write_project(tmp_path, LOOP), env={}) as mesh:
        with pytest.raises(UnknownNameError, match="did you mean 'small'"):
            await mesh.run("smal", question="q")


FAULTY = """

@condition("faulty")
def faulty(inputs):
    return {}["missing"]


@role("faulty")
async def run_faulty(work):
    return {}["missing"]
"""


@pytest.mark.parametrize(
    ("node", "what"),
    [
        ("{agent: echo, of: question, when: faulty}", "condition faulty"),
        ("{agent: faulty, of: question}", "role faulty"),
    ],
)
async def test_what_the_projects_own_code_raises_is_a_failure_of_its_node(
    tmp_path: Path, node: str, what: str
) -> None:
    graph = f"""
        input: {{question: text}}
        nodes:
          first: {node}
        output: first
    """
    write_project(tmp_path, graph)
    (tmp_path / "agents" / "faulty.md").write_text(
        "---\ndescription: Breaks.\nrole: faulty\ntask: chat\n---\nBreak.\n"
    )
    with (tmp_path / "functions.py").open("a") as file:
        file.write(FAULTY)
    async with Mesh.load(tmp_path, env={}) as mesh:
        with pytest.raises(RunError, match=f"node 'first': {what} failed: KeyError: 'missing'"):
            await mesh.run(question="q")
        assert [trace.status for trace in mesh.store.traces()] == ["failed"]
        assert mesh.journals.runs(1)[0].state == "failed"
