"""The mesh inside LangGraph: declared graphs in others, chat models in nodes, events in streams."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from orchestrator.graph.answer import RunOptions
from orchestrator.mesh import Mesh
from orchestrator.types import Constraints
from tests.calling.server import Fail, Say
from tests.chat.brain import Brain
from tests.chat.held import HELD
from tests.chat.served import open_mesh, standing_in, write_fleet
from tests.graph.small import calls, write_project

GRAPH = """
    input: {question: text}
    nodes:
      loud: {tool: shout, with: {text: question, times: 1}}
      reply: {agent: echo, of: loud}
      verdict: {function: judge, of: reply, to: {again: reply, ok: last}, at_most: 1}
      last: {agent: echo, of: verdict}
    output: last
"""


class Mine(TypedDict, total=False):
    question: str
    output: str
    final: str


def somebody_elses(inner: Any, **compiled: Any) -> Any:
    builder = StateGraph(Mine)
    builder.add_node("mesh", inner)
    builder.add_node("after", lambda state: {"final": state["output"].upper()})
    builder.add_edge(START, "mesh")
    builder.add_edge("mesh", "after")
    builder.add_edge("after", END)
    return builder.compile(**compiled)


# ── declared graphs ──────────────────────────────────────────────────────────────────────


async def test_each_hop_of_a_declared_graph_is_a_custom_event(tmp_path: Path) -> None:
    async with Mesh.load(write_project(tmp_path, GRAPH), env={}) as mesh:
        stream = mesh.graph("small").astream({"question": "stop"}, stream_mode="custom")
        events = [event async for event in stream]
    seen = [(e["mesh"], e["node"]) for e in events]
    assert seen == [
        ("hop", "loud"),
        ("decision", "reply"),
        ("hop", "reply"),
        ("hop", "verdict"),
        ("decision", "last"),
        ("hop", "last"),
    ]
    decision, hop = events[1], events[2]
    assert decision["chosen"] == "echo/here"
    assert "echo/here was chosen" in decision["why"]
    assert decision["alternatives"] == []
    assert (hop["outcome"], hop["cost_usd"], hop["deployment"]) == ("ok", 0.0, "echo/here")
    assert hop["ms"] >= 0
    assert not any("stop" in str(event).lower() for event in events), "texts are in no event"


async def test_it_streams_and_checkpoints_inside_somebody_elses_graph(tmp_path: Path) -> None:
    async with Mesh.load(write_project(tmp_path, GRAPH), env={}) as mesh:
        mine = somebody_elses(mesh.graph("small"), checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        modes: Any = ["custom", "updates"]
        events, updates = [], []
        # `subgraphs`: or LangGraph keeps what happens in a graph inside of a graph to itself.
        stream = mine.astream({"question": "stop"}, config, stream_mode=modes, subgraphs=True)
        async for path, mode, item in stream:
            if mode == "custom":
                events.append(item)
            elif not path:
                updates.append(item)
        state = await mine.aget_state(config)
    assert [e["chosen"] for e in events if e["mesh"] == "decision"] == ["echo/here", "echo/here"]
    assert [list(update) for update in updates] == [["mesh"], ["after"]]
    assert state.values["final"] == "<0:<STOP>>"


async def test_it_can_be_called_from_a_node(tmp_path: Path) -> None:
    async with Mesh.load(write_project(tmp_path, GRAPH), env={}) as mesh:
        inner = mesh.graph("small")

        async def node(state: Mine) -> Mine:
            found = await inner.ainvoke({"question": state["question"]})
            return {"output": found["output"]}

        mine = somebody_elses(node)
        stream = mine.astream({"question": "stop"}, stream_mode="custom", subgraphs=True)
        events = [event async for _, event in stream]
    assert [e["node"] for e in events if e["mesh"] == "decision"] == ["reply", "last"]


# ── chat models in nodes of one's own ────────────────────────────────────────────────────


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Mesh]:
    with standing_in(Brain()) as (url, _), open_mesh(write_fleet(tmp_path, url)) as mesh:
        yield mesh


def talking(model: Any, *, sync: bool) -> Any:
    def node(state: MessagesState) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    async def anode(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("talk", node if sync else anode)
    builder.add_edge(START, "talk")
    builder.add_edge("talk", END)
    return builder.compile()


MODES: Any = ["custom", "messages"]
ASKED: Any = {"messages": [HumanMessage("Hello")]}


def check(found: list[tuple[str, Any]], mesh: Mesh) -> None:
    # A fast answer may be over before its first word is handed on, so the hop has no fixed place.
    assert found[0][0] == "custom", "the decision comes before a word"
    decision, hop = (item for mode, item in found if mode == "custom")
    assert (decision["mesh"], decision["node"]) == ("decision", "talk")
    lost = {a["deployment"]: a["reason"] for a in decision["alternatives"]}
    assert lost == {
        "second/b": "ranked lower",
        "small/c": "its region is not stated, required is eu or us",
    }
    assert (hop["mesh"], hop["outcome"], hop["attempts"]) == (
        "hop",
        "ok",
        [{"deployment": "first/a", "outcome": "ok"}],
    )
    assert hop["cost_usd"] > 0
    pieces = [item[0] for mode, item in found if mode == "messages"]
    assert all(isinstance(piece, AIMessageChunk) for piece in pieces)
    assert "".join(piece.text for piece in pieces) == "Hello to you! You said: Hello"
    (recorded,) = mesh.store.hops(hop["trace_id"])
    assert recorded.node == "talk"


def test_decisions_and_tokens_are_in_the_stream_of_a_sync_graph(served: Mesh) -> None:
    model = served.chat_model(constraints=Constraints(regions=("eu", "us")))
    graph = talking(model, sync=True)
    check(list(graph.stream(ASKED, stream_mode=MODES)), served)


async def test_decisions_and_tokens_are_in_the_stream_of_an_async_graph(served: Mesh) -> None:
    model = served.chat_model(constraints=Constraints(regions=("eu", "us")))
    graph = talking(model, sync=False)
    check([item async for item in graph.astream(ASKED, stream_mode=MODES)], served)


def test_a_graph_that_asks_for_no_events_gets_none(served: Mesh) -> None:
    updates = list(talking(served.chat_model(), sync=True).stream(ASKED, stream_mode="updates"))
    assert [list(update) for update in updates] == [["talk"]]


async def test_a_failed_hop_is_told_as_well(tmp_path: Path) -> None:
    with standing_in(Fail(401, "no")) as (url, _), open_mesh(write_fleet(tmp_path, url)) as mesh:
        graph = talking(mesh.chat_model(model="first"), sync=False)
        events: list[Any] = []
        with pytest.raises(Exception, match="auth"):
            await _collect(graph.astream(ASKED, stream_mode="custom"), events)
    assert [e["mesh"] for e in events] == ["decision", "hop"]
    assert (events[1]["status"], events[1]["outcome"]) == ("failed", "auth")


async def _collect(stream: Any, found: list[Any]) -> None:
    async for item in stream:
        found.append(item)


def test_outside_of_langgraph_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    code = f"""
import sys
from orchestrator import Mesh
mesh = Mesh.load({str(tmp_path)!r}, env={{}})
print(mesh.chat_model(model="extractive-chat").invoke("Hello").text)
print("LOADED", any(name.split(".")[0] == "langgraph" for name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED False"
    assert done.stderr == ""


# ── chat models inside a declared graph ──────────────────────────────────────────────────

FUNCTIONS = """
from langchain_core.messages import HumanMessage
from orchestrator import function
from tests.chat.held import HELD


@function("ask_twice")
async def ask_twice(inputs):
    model = HELD["model"]
    return [(await model.ainvoke(inputs["question"])).text for _ in range(2)]


@function("ask")
def ask(inputs):
    return HELD["model"].invoke(inputs["question"]).text


@function("maybe")
def maybe(inputs):
    if HELD.get("broken"):
        raise ValueError("broken")
    return f"{inputs['asked']}"
"""


def asking(folder: Path, url: str, function: str) -> Path:
    write_fleet(folder, url)
    (folder / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: ask\n")
    (folder / "functions.py").write_text(FUNCTIONS)
    (folder / "graphs").mkdir()
    (folder / "graphs" / "ask.yaml").write_text(
        "input: {question: text}\n"
        "nodes:\n"
        f"  asked: {{function: {function}, of: question}}\n"
        "  done: {function: maybe, of: asked}\n"
        "output: done\n"
    )
    return folder


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    yield
    HELD.clear()


@pytest.mark.parametrize("function", ["ask", "ask_twice"])
async def test_a_model_that_a_function_calls_is_a_hop_of_its_run(
    tmp_path: Path, function: str
) -> None:
    with standing_in(Brain()) as (url, _):
        async with Mesh.load(asking(tmp_path, url, function), env={}) as mesh:
            HELD["model"] = mesh.chat_model(data_class="public")
            options = RunOptions(data_class="confidential")
            answer = await mesh.run("ask", question="Hello", options=options)
            hops = mesh.store.hops(answer.trace_id)
            traces = mesh.store.traces()
    chats = [hop for hop in hops if hop.node == "asked/chat"]
    assert [t.graph for t in traces] == ["ask"], "it has no trace of its own"
    assert len(chats) == (1 if function == "ask" else 2)
    assert len({hop.id for hop in chats}) == len(chats)
    assert chats[0].profile is not None
    assert chats[0].profile.data_class == "confidential", "the stricter of both"
    assert answer.cost_usd == pytest.approx(sum(h.cost_micro_usd or 0 for h in chats) / 1e6)


async def test_a_resumed_run_does_not_ask_again(tmp_path: Path) -> None:
    with standing_in(Brain()) as (url, server):
        folder = asking(tmp_path, url, "ask_twice")
        async with Mesh.load(folder, env={}) as mesh:
            HELD.update(model=mesh.chat_model(), broken=True)
            with pytest.raises(Exception, match="broken"):
                await mesh.run("ask", question="Hello")
            trace = mesh.store.traces()[0].id
        HELD["broken"] = False
        async with Mesh.load(folder, env={}) as mesh:
            HELD["model"] = mesh.chat_model()
            await mesh.run(resume=trace)
    assert len(server.seen) == 2


async def test_a_hop_of_a_chat_model_is_replayed_with_its_tool_calls(tmp_path: Path) -> None:
    """The journal keeps the calls; the node is killed after its first model call."""
    tool = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    with standing_in(Brain()) as (url, server):
        folder = asking(tmp_path, url, "ask")
        (folder / "functions.py").write_text(
            FUNCTIONS.replace(
                'return HELD["model"].invoke(inputs["question"]).text',
                'called = HELD["model"].invoke(inputs["question"]).tool_calls\n'
                '    if HELD.get("broken"):\n'
                '        raise ValueError("broken")\n'
                '    return called[0]["name"] + called[0]["id"]',
            )
        )
        async with Mesh.load(folder, env={}) as mesh:
            HELD.update(model=mesh.chat_model().bind_tools([tool]), broken=True)
            with pytest.raises(Exception, match="broken"):
                await mesh.run("ask", question="Please look")
            trace = mesh.store.traces()[0].id
        HELD["broken"] = False
        async with Mesh.load(folder, env={}) as mesh:
            HELD["model"] = mesh.chat_model().bind_tools([tool])
            answer = await mesh.run(resume=trace)
    assert answer.text == "lookcall_1"
    assert len(server.seen) == 1


async def test_a_runs_budget_binds_the_models_that_its_functions_call(tmp_path: Path) -> None:
    with standing_in(Say("one two three")) as (url, _):
        async with Mesh.load(asking(tmp_path, url, "ask"), env={}) as mesh:
            HELD["model"] = mesh.chat_model()
            answer = await mesh.run("ask", question="Hello", options=RunOptions(budget_usd=0.0))
            (chat,) = [h for h in mesh.store.hops(answer.trace_id) if h.node == "asked/chat"]
    assert chat.attempts[-1].deployment == "small/c", "the only one that costs nothing"
    assert not calls(tmp_path)
