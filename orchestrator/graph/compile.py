"""A declared graph as an ordinary LangGraph graph.

The state is small and JSON-like: the run's id, the round, and for each node the journal key of
its result. Texts stay in the journal, so they never reach a checkpoint file. `admission` opens
the run (or finds the one that the `Mesh` opened) and `finish` hands the result out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypedDict

from orchestrator.errors import RunError
from orchestrator.graph.ahead import Turn
from orchestrator.graph.asking import acted, ask
from orchestrator.graph.edges import Edges, find_edges
from orchestrator.graph.execute import execute
from orchestrator.graph.hiding import shown
from orchestrator.graph.state import Run, recall
from orchestrator.project.schema import Graph
from orchestrator.types import as_json

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

State = dict[str, Any]
OpenRun = Callable[[Graph, Mapping[str, Any]], Awaitable[Run]]
"""Opens a run for inputs that somebody else's graph brought, or finds it by `_run`."""
CloseRun = Callable[[Run, Any], Awaitable[Any]]
"""Takes the output node's value, and returns what the caller may have of it."""


def compile_graph(
    graph: Graph, open_run: OpenRun, close_run: CloseRun, checkpointer: Any = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile `graph`.

    Args:
        graph: checked, as `load_project` returns it.
        open_run: called by `admission` with the graph's inputs, or with `{"_run": id}`.
        close_run: called by `finish` with the run and its output.
        checkpointer: any LangGraph checkpointer; `None` where the embedding graph has its own.

    Returns:
        A graph whose input is the declared inputs and whose output is `{"output": value}`.
    """
    from langgraph.graph import END, START, StateGraph

    edges = find_edges(graph)
    state, given, produced = _schemas(graph)
    builder: Any = StateGraph(state, input_schema=given, output_schema=produced)

    async def admission(state: State) -> State:
        known = {name: state[name] for name in graph.input if state.get(name) is not None}
        run = await open_run(graph, {"_run": state["_run"]} if state.get("_run") else known)
        return {"_run": run.request.trace_id, "_rounds": {}, "_values": {}, "_sent_back_by": {}}

    async def finish(state: State) -> State:
        run = await open_run(graph, {"_run": state["_run"]})
        values = {node: (await recall(run, key)).value for node, key in state["_values"].items()}
        value = shown(run, values[graph.output])
        value = await close_run(run, value)
        return {"output": as_json(value) if run.embedded else None}

    builder.add_node("admission", admission)
    builder.add_node("finish", finish)
    for name in graph.nodes:
        # A partial, into which LangGraph does not look for graphs; that would take a millisecond.
        builder.add_node(name, partial(_step, graph, edges, name, open_run))
    _connect(builder, graph, edges, START, END)
    limit = 10 + len(graph.nodes) * (1 + sum(n.at_most or 0 for n in graph.nodes.values()))
    compiled: CompiledStateGraph[Any, Any, Any, Any] = builder.compile(
        checkpointer=checkpointer, name=graph.name
    ).with_config(recursion_limit=limit)
    return compiled


async def _step(graph: Graph, edges: Edges, name: str, open_run: OpenRun, state: State) -> State:
    """One node's turn."""
    choices = edges.choices.get(name, {})
    run = await open_run(graph, {"_run": state["_run"]})
    turn = Turn(
        rounds=state["_rounds"], values=state["_values"], sent_back_by=state["_sent_back_by"]
    )
    if graph.nodes[name].ask:
        await ask(run, name, turn)
    step = partial(run.ahead.step, name, turn, partial(execute, run))
    key, recorded = await acted(run, name, step)
    changes: State = {"_values": {name: key}}
    if not choices:
        return changes
    target = choices[recorded.label]
    changes["_next"] = {name: target}
    if edges.order.index(target) <= edges.order.index(name):
        times = turn.rounds.get(name, 0) + 1
        at_most = graph.nodes[name].at_most or 0
        if times > at_most:
            raise RunError(
                f"node '{name}' wants to send the run back to '{target}' {times} times; "
                f"at_most is {at_most}"
            )
        # Each node knows its own, since loops that stand side by side go back on their own.
        sent_back = dict.fromkeys(edges.bodies[name], name)
        changes |= {"_rounds": {name: times}, "_sent_back_by": sent_back}
    return changes


def _connect(builder: Any, graph: Graph, edges: Edges, start: str, end: str) -> None:
    builder.add_edge(start, "admission")
    for name in edges.entries:
        builder.add_edge("admission", name)
    for name, alternatives in edges.alternatives.items():
        for sources in alternatives:
            builder.add_edge(list(sources) if len(sources) > 1 else sources[0], name)
    for name, labels in edges.choices.items():

        def follow(state: State, name: str = name) -> str:
            return str(state["_next"][name])

        builder.add_conditional_edges(name, follow, sorted(set(labels.values())))
    builder.add_edge(graph.output, "finish")
    builder.add_edge("finish", end)


def _merge(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    return {**left, **right}


def _schemas(graph: Graph) -> tuple[Any, Any, Any]:
    # The functional form, because the inputs' names are known only now.
    given: dict[str, Any] = dict.fromkeys(graph.input, NotRequired[Any])
    inner: dict[str, Any] = {
        "_run": NotRequired[str],
        "_rounds": Annotated[dict[str, int], _merge],
        "_values": Annotated[dict[str, str], _merge],
        "_next": Annotated[dict[str, str], _merge],
        "_sent_back_by": Annotated[dict[str, str], _merge],
        "output": NotRequired[Any],
    }
    make: Any = TypedDict
    return (
        make("State", {**given, **inner}),
        make("Input", {**given, "_run": NotRequired[str]}),
        make("Output", {"output": NotRequired[Any]}),
    )
