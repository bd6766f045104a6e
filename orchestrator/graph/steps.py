"""The steps of a graph: an agent, an agent for each subtask, a tool, a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.errors import MeshError, RunError, UnknownNameError, WaitingError
from orchestrator.evidence.selecting.orders import GIVES_ORDERS
from orchestrator.evidence.sources.documents import Document
from orchestrator.evidence.sources.library import Library
from orchestrator.evidence.values import Passage
from orchestrator.graph.acting import may_act
from orchestrator.graph.ahead import Turn
from orchestrator.graph.pace import rounds_left, subtask_course
from orchestrator.graph.pack import pack
from orchestrator.graph.schedule import run_dag
from orchestrator.graph.sourcing import on_orders, tell_orders
from orchestrator.graph.state import Recorded, Run, journaled
from orchestrator.money import MICRO_USD
from orchestrator.project.schema import Agent, Graph
from orchestrator.project.tools_schema import Tools
from orchestrator.records import Hop
from orchestrator.roles.bounds import Bounds, Purse
from orchestrator.roles.conversation import in_context, turns_in
from orchestrator.roles.hop import HopWork
from orchestrator.roles.place import Place, standing
from orchestrator.roles.rising import brought, meets
from orchestrator.roles.transcript import raised
from orchestrator.roles.values import Result, Routing, Subtask
from orchestrator.tooling.box import declared_sources
from orchestrator.types import OnInjection, TaskProfile, digest, from_json


@dataclass(slots=True)
class Toolbox:
    """What a tool may use."""

    library: Library
    root: Path
    sent_back: Any = None
    """In a later round of a loop: what the function has said that sent the run back."""
    notes: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    """The hash of each document that was looked into, by its path."""
    declared: Tools = field(default_factory=Tools)
    """The part `tools` of mesh.yaml."""
    readable: tuple[str, ...] = ()
    """The sources that a tool which a model calls may look into."""
    injection: OnInjection = "fence"
    """What is done about orders in sources; where it is not `off`, they are left out at least."""

    def __post_init__(self) -> None:
        self.library = _Watched(self.library, self.sources)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def kept(self, value: Any) -> dict[str, Any]:
        """What a replay needs of what the tool brought."""
        return {"value": pack(value), **({"sources": self.sources} if self.sources else {})}


class _Watched(Library):
    """A library that says which documents were looked into."""

    def __init__(self, library: Library, sources: dict[str, str]) -> None:
        self._library, self._sources = library, sources

    async def retrieve(
        self, query: str, documents: Sequence[Document], k: int = 8
    ) -> tuple[Passage, ...]:
        self._sources.update({document.file: document.hash for document in documents})
        return await self._library.retrieve(query, documents, k)


async def agent_node(
    run: Run, name: str, turn: Turn, inputs: Mapping[str, Any], families: tuple[str, ...]
) -> Recorded:
    """One agent, named by the node or by what it reads (`route.specialist`)."""
    agent, extra, assigned = _agent(run, run.graph.nodes[name].agent or "", inputs)
    run.begin(name, turn, agent.name)
    asked, note = in_context(run.request.question, turns_in(inputs))
    work = HopWork(
        services=run.services,
        request=run.request,
        agent=agent,
        node=name,
        round=turn.round,
        inputs={**inputs, **extra},
        bounds=_bounds(run, name, turn),
        asked=asked,
        definition=run.definitions[name],
        families=families,
        assigned=assigned,
        notes=[note] if note else [],
    )
    return await _carried_out(run, work)


async def each_node(
    run: Run, name: str, turn: Turn, inputs: Mapping[str, Any], families: tuple[str, ...]
) -> Recorded:
    """An agent for each subtask, every one as soon as the subtasks that it needs are done."""
    node = run.graph.nodes[name]
    head, _, attribute = (node.each or "").partition(".")
    subtasks: tuple[Subtask, ...] = getattr(inputs[head], attribute, inputs[head])
    by_id = {subtask.id: subtask for subtask in subtasks}
    needs = {subtask.id: subtask.needs for subtask in subtasks}
    routing = inputs[head] if isinstance(inputs[head], Routing) else None
    shared = {key: value for key, value in inputs.items() if key != head}
    bounds, course = _bounds(run, name, turn), subtask_course(needs)
    answered: list[str] = []
    waiting: dict[str, WaitingError] = {}

    async def one(subtask_id: str, needed: Mapping[str, Result]) -> Result:
        subtask = by_id[subtask_id]
        if not waiting.keys().isdisjoint(subtask.needs):
            waiting[subtask_id] = next(waiting[n] for n in subtask.needs if n in waiting)
            return _unfinished(subtask)
        place = f"{name}/{subtask_id}"
        wanted = subtask.specialist if "." in (node.agent or "") else (node.agent or "")
        given = {**shared, "subtask": subtask, "needs": tuple(needed.values())}

        async def work() -> Recorded:
            agent = find_agent(run, wanted)
            run.begin(place, turn, agent.name)
            now = run.services.clock.monotonic()
            share = course.share(subtask_id, (bounds.deadline - now) * 1000)
            step = HopWork(
                services=run.services,
                request=run.request,
                agent=agent,
                node=place,
                round=turn.round,
                inputs=given,
                bounds=replace(bounds, deadline=now + share / 1000),
                definition=run.definitions[name],
                families=families,
                assigned=_assigned(routing, subtask_id) if routing else None,
            )
            return await _carried_out(run, step)

        try:
            _, recorded = await journaled(run, place, turn, given, work)
        except WaitingError as error:  # the others go on meanwhile
            waiting[subtask_id] = error
            return _unfinished(subtask)
        answered.extend(recorded.families)
        result: Result = recorded.value
        return result

    results = await run_dag(needs, one)
    if waiting:
        raise next(iter(waiting.values()))
    return Recorded(value=results, families=tuple(sorted(set(answered))))


def _unfinished(subtask: Subtask) -> Result:
    """Stands for a result that nobody sees: its node waits for a person."""
    return Result(subtask=subtask.id, specialist="", task=subtask.task, failed="it waits")


async def _carried_out(run: Run, work: HopWork) -> Recorded:
    clock = run.services.clock
    started_at, start = clock.now(), clock.monotonic()
    where = f"agent '{work.agent.name}'"
    carry_out = run.registry.get("role", work.agent.role, where)
    with own_code(work.node, f"role {work.agent.role}"):
        value = await carry_out(work)
    hops = work.record_step(value, started_at, (clock.monotonic() - start) * 1000)
    return Recorded(value=value, families=work.answered_by, hops=hops)


def _looking(run: Run, name: str, turn: Turn) -> HopWork:
    """For a model that looks at what a tool of the graph is about to do."""
    return HopWork(
        services=run.services,
        request=run.request,
        agent=Agent(name=name, description="A node of the graph.", task="check"),
        node=name,
        round=turn.round,
        inputs={},
        bounds=_bounds(run, name, turn),
        definition=run.definitions[name],
    )


def _place(run: Run, name: str, turn: Turn) -> Place:
    """For a chat model that the project's own code calls here."""
    return Place(
        services=run.services,
        request=run.request,
        node=name,
        round=turn.round,
        bounds=_bounds(run, name, turn),
        definition=run.definitions[name],
    )


def _bounds(run: Run, name: str, turn: Turn) -> Bounds:
    """The node's limits: its share of the time that is left, and what it declares."""
    node, now = run.graph.nodes[name], run.services.clock.monotonic()
    left_ms = (run.request.deadline - now) * 1000
    share = run.course.share(name, left_ms, rounds_left(run.graph, turn.rounds))
    return Bounds(
        deadline=now + share / 1000,
        latency_ms=node.latency_ms,
        purse=Purse(limit=None if node.usd is None else round(node.usd * MICRO_USD)),
    )


def _agent(
    run: Run, reference: str, inputs: Mapping[str, Any]
) -> tuple[Agent, dict[str, Any], TaskProfile | None]:
    if "." not in reference:
        return find_agent(run, reference), {}, None
    head, attribute = reference.split(".", 1)
    value = inputs.get(head)
    agent = find_agent(run, str(getattr(value, attribute)))
    if not isinstance(value, Routing) or not value.subtasks:
        return agent, {}, None
    subtask = value.subtasks[-1]
    return agent, {"subtask": subtask}, _assigned(value, subtask.id)


def find_agent(run: Run, name: str) -> Agent:
    """The agent of that name. Raises `UnknownNameError` with the near name."""
    agents = run.services.project.agents
    if name not in agents:
        raise UnknownNameError("agent", name, tuple(agents), f"graph '{run.graph.name}'")
    return agents[name]


def _assigned(routing: Routing, subtask: str) -> TaskProfile | None:
    for assignment in routing.assignments:
        if assignment.subtask == subtask and assignment.profile:
            return from_json(TaskProfile, assignment.profile)
    return None


async def tool_node(run: Run, name: str, turn: Turn, inputs: Mapping[str, Any]) -> Recorded:
    """A tool, with the parameters that the node names."""
    node = run.graph.nodes[name]
    parameters = {
        key: inputs.get(str(value)) if _is_reference(run.graph, value) else value
        for key, value in node.with_.items()
    }
    sent_back = [inputs[by] for by in turn.sent_back_by.values() if by in inputs]
    box = Toolbox(
        library=run.library,
        root=Path.cwd(),
        sent_back=next(iter(sent_back), None),
        declared=run.services.project.settings.tools,
        readable=declared_sources(run.services.project),
        injection=on_orders(run, looking := _looking(run, name, turn)),
    )
    tool = run.registry.get("tool", node.tool or "")
    what = f"tool {node.tool}"
    agreed = await may_act(run, name, turn, parameters, looking)
    try:
        value, hop = await _step(run, name, turn, what, lambda: tool(box, **agreed), box)
    finally:
        tell_orders(run, name, box.injection, box.notes)
    services, request, at = run.services, run.request, turn.round
    await brought(services, request, value, what=f"the {what}", node=name, round=at)
    if any(GIVES_ORDERS in note for note in box.notes):
        why = "the sources give orders to who reads them"
        await meets(services, request, "injection", why, node=name, round=at)
    return Recorded(value=value, hops=(hop,))


async def function_node(run: Run, name: str, turn: Turn, inputs: Mapping[str, Any]) -> Recorded:
    """A function, which may say where the run goes on."""
    node = run.graph.nodes[name]
    given = {**run.inputs, **inputs, "round": turn.rounds.get(name, 0)}
    given["at_most"] = node.at_most or 0
    function = run.registry.get("function", node.function or "")
    value, hop = await _step(run, name, turn, f"function {node.function}", lambda: function(given))
    if not node.to:
        return Recorded(value=value, hops=(hop,))
    if not (isinstance(value, tuple) and len(value) == 2 and value[0] in node.to):
        allowed = ", ".join(node.to)
        raise RunError(
            f"node '{name}': function '{node.function}' must return (label, value) with one of "
            f"the labels {allowed}; it returned {value!r:.120}"
        )
    return Recorded(value=value[1], label=value[0], hops=(hop,))


def _is_reference(graph: Graph, value: object) -> bool:
    return isinstance(value, str) and (value in graph.input or value in graph.nodes)


@contextmanager
def own_code(node: str, what: str) -> Iterator[None]:
    """Inside the block whatever the project's own code raises is a `RunError` that names it.

    Args:
        what: its kind and name.
    """
    try:
        yield
    except MeshError:
        raise
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
        raise RunError(f"node '{node}': {what} failed: {error}") from failure


async def _step(
    run: Run,
    name: str,
    turn: Turn,
    what: str,
    call: Callable[[], Any],
    box: Toolbox | None = None,
) -> tuple[Any, Hop]:
    """Call a tool or function (`what`: its kind and name) and put it on the trace."""
    clock = run.services.clock
    started_at, start = clock.now(), clock.monotonic()
    kind, _, called = what.partition(" ")
    run.begin(name, turn, called)

    def record(error: str | None = None, replay: dict[str, Any] | None = None) -> Hop:
        hop = Hop(
            id=f"{run.request.trace_id}.{digest([name, turn.round, what])}",
            trace_id=run.request.trace_id,
            node=name,
            round=turn.round,
            role=kind,
            agent=called,
            status="failed" if error else "ok",
            error=error,
            notes=tuple(box.notes) if box else (),
            replay=replay,
            started_at=started_at,
            ms=(clock.monotonic() - start) * 1000,
        )
        return run.record(hop)

    try:
        with standing(_place(run, name, turn)):
            value = call()
            value = await value if inspect.isawaitable(value) else value
    except MeshError as failure:
        record(str(failure), raised(failure))
        raise
    except Exception as failure:  # the project's own code: whatever it raises is its failure
        error = f"{type(failure).__name__}: {failure}"
        record(error, raised(failure))
        raise RunError(f"node '{name}': {what} failed: {error}") from failure
    return value, record(replay=box.kept(value) if box else None)
