"""What one node of a declared graph does when its turn comes.

Each finished node is a journal entry under a key of its name, round, inputs and policy; the
graph's state holds only those keys. A node that the journal holds is not run again.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.errors import InternalError, MeshError, RunError, UnknownNameError
from orchestrator.evidence.library import Library
from orchestrator.graph.ahead import Ahead, Turn
from orchestrator.graph.edges import reads
from orchestrator.graph.journal import RunJournal
from orchestrator.graph.pack import pack, unpack
from orchestrator.graph.schedule import run_dag
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph, Node
from orchestrator.roles.hop import HopWork, Request, Services
from orchestrator.roles.values import Result, Routing, Subtask
from orchestrator.types import Hop, TaskProfile, as_json, digest, from_json


@dataclass(slots=True, kw_only=True)
class Run:
    """A run in this process."""

    request: Request
    services: Services
    journal: RunJournal
    graph: Graph
    registry: Registry
    library: Library
    inputs: Mapping[str, Any]
    embedded: bool = False
    """True where the run was started by somebody else's LangGraph."""
    done: dict[str, Recorded] = field(default_factory=dict)
    ahead: Ahead[Recorded]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A finished node: its value, who answered for it, and where its function sends the run."""

    value: Any
    families: tuple[str, ...] = ()
    label: str = ""
    hops: tuple[Hop, ...] = ()
    """What it put on the trace besides its model calls, which are journaled on their own."""


@dataclass(slots=True)
class Toolbox:
    """What a tool may use."""

    library: Library
    root: Path
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)


async def execute(run: Run, name: str, turn: Turn) -> tuple[str, Recorded]:
    """Run node `name`, or find it in the journal. Returns its journal key and result."""
    node = run.graph.nodes[name]
    inputs = await _inputs(run, node, turn)
    families = await _families(run, node, turn)

    async def work() -> Recorded:
        if node.when and not run.registry.get("condition", node.when)(inputs):
            passed = await _passed_through(run, node, turn)
            return replace(passed, hops=(_skipped(run, name, node, turn),))
        if node.tool:
            return await _tool(run, name, node, turn, inputs)
        if node.function:
            return await _function(run, name, node, turn, inputs)
        if node.each:
            return await _each(run, name, node, turn, inputs, families)
        agent, extra, assigned = _agent(run, node, inputs)
        return await _agent_step(run, name, agent, turn, {**inputs, **extra}, families, assigned)

    return await _journaled(run, name, turn, [inputs, families], work)


async def recall(run: Run, key: str) -> Recorded:
    """The result recorded under `key`. Raises `InternalError` where there is none."""
    if key not in run.done:
        held = await run.journal.get(key)
        if held is None:
            raise InternalError(f"the journal of run '{run.request.trace_id}' misses '{key}'")
        run.done[key] = Recorded(
            value=unpack(held["value"]), families=tuple(held["families"]), label=held["label"]
        )
    return run.done[key]


async def _journaled(
    run: Run, name: str, turn: Turn, inputs: Any, work: Callable[[], Awaitable[Recorded]]
) -> tuple[str, Recorded]:
    policy = run.services.project.policy_hash
    key = digest(["node", name, turn.round, pack(inputs), policy])
    if await run.journal.get(key) is not None:
        return key, await recall(run, key)
    recorded = await work()
    await run.journal.begin(key, node=name)
    value = {
        "value": pack(recorded.value),
        "families": list(recorded.families),
        "label": recorded.label,
        "hops": as_json(recorded.hops),
    }
    await run.journal.put(key, value)
    # What the next node sees is what a resume would see.
    run.done.pop(key, None)
    return key, await recall(run, key)


async def _inputs(run: Run, node: Node, turn: Turn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in reads(node):
        if name in run.graph.nodes:
            if name in turn.values:
                found[name] = (await recall(run, turn.values[name])).value
        elif name in run.graph.input:
            found[name] = run.inputs.get(name)
    if turn.sent_back_by and turn.sent_back_by in turn.values and not node.function:
        found.setdefault(
            turn.sent_back_by, (await recall(run, turn.values[turn.sent_back_by])).value
        )
    return found


async def _families(run: Run, node: Node, turn: Turn) -> tuple[str, ...]:
    if not node.family:
        return ()
    other = node.family.removeprefix("other-than ")
    return (await recall(run, turn.values[other])).families if other in turn.values else ()


async def _passed_through(run: Run, node: Node, turn: Turn) -> Recorded:
    source = node.of or (node.from_[0] if node.from_ else "")
    if source in turn.values:
        return await recall(run, turn.values[source])
    return Recorded(value=run.inputs.get(source))


def _skipped(run: Run, name: str, node: Node, turn: Turn) -> Hop:
    now = run.services.clock.now()
    hop = Hop(
        id=f"{run.request.trace_id}.{digest([name, turn.round, 'skipped'])}",
        trace_id=run.request.trace_id,
        node=name,
        round=turn.round,
        role="agent" if node.agent else "tool" if node.tool else "function",
        agent=node.agent or node.tool or node.function,
        status="skipped",
        notes=(f"passed through: the condition {node.when} does not hold",),
        started_at=now,
    )
    return _record(run, hop)


def _record(run: Run, hop: Hop) -> Hop:
    run.services.recorder.hop(hop)
    if run.request.on_hop:
        run.request.on_hop(hop)
    return hop


def _agent(
    run: Run, node: Node, inputs: Mapping[str, Any]
) -> tuple[Agent, dict[str, Any], TaskProfile | None]:
    reference = node.agent or ""
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


async def _agent_step(
    run: Run,
    name: str,
    agent: Agent,
    turn: Turn,
    inputs: Mapping[str, Any],
    families: tuple[str, ...],
    assigned: TaskProfile | None,
) -> Recorded:
    work = HopWork(
        services=run.services,
        request=run.request,
        agent=agent,
        node=name,
        round=turn.round,
        inputs=inputs,
        families=families,
        assigned=assigned,
    )
    clock = run.services.clock
    started_at, start = clock.now(), clock.monotonic()
    value = await run.registry.get("role", agent.role, f"agent '{agent.name}'")(work)
    hops = work.record_step(value, started_at, (clock.monotonic() - start) * 1000)
    return Recorded(value=value, families=work.answered_by, hops=hops)


async def _each(
    run: Run,
    name: str,
    node: Node,
    turn: Turn,
    inputs: Mapping[str, Any],
    families: tuple[str, ...],
) -> Recorded:
    head, _, attribute = (node.each or "").partition(".")
    subtasks: tuple[Subtask, ...] = getattr(inputs[head], attribute, inputs[head])
    by_id = {subtask.id: subtask for subtask in subtasks}
    routing = inputs[head] if isinstance(inputs[head], Routing) else None
    shared = {key: value for key, value in inputs.items() if key != head}
    answered: list[str] = []

    async def one(subtask_id: str, needed: Mapping[str, Result]) -> Result:
        subtask = by_id[subtask_id]
        place = f"{name}/{subtask_id}"
        wanted = subtask.specialist if "." in (node.agent or "") else (node.agent or "")
        given = {**shared, "subtask": subtask, "needs": tuple(needed.values())}

        async def work() -> Recorded:
            agent = find_agent(run, wanted)
            assigned = _assigned(routing, subtask_id) if routing else None
            return await _agent_step(run, place, agent, turn, given, families, assigned)

        _, recorded = await _journaled(run, place, turn, given, work)
        answered.extend(recorded.families)
        result: Result = recorded.value
        return result

    needs = {subtask.id: subtask.needs for subtask in subtasks}
    results = await run_dag(needs, one)
    return Recorded(value=results, families=tuple(sorted(set(answered))))


async def _tool(run: Run, name: str, node: Node, turn: Turn, inputs: Mapping[str, Any]) -> Recorded:
    parameters = {
        key: inputs.get(str(value)) if _is_reference(run.graph, value) else value
        for key, value in node.with_.items()
    }
    box = Toolbox(library=run.library, root=Path.cwd())
    tool = run.registry.get("tool", node.tool or "")
    what = f"tool {node.tool}"
    value, hop = await _step(run, name, turn, what, lambda: tool(box, **parameters), box)
    return Recorded(value=value, hops=(hop,))


async def _function(
    run: Run, name: str, node: Node, turn: Turn, inputs: Mapping[str, Any]
) -> Recorded:
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

    def record(error: str | None = None) -> Hop:
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
            started_at=started_at,
            ms=(clock.monotonic() - start) * 1000,
        )
        return _record(run, hop)

    try:
        value = call()
        value = await value if inspect.isawaitable(value) else value
    except MeshError as failure:
        record(str(failure))
        raise
    except Exception as failure:  # the project's own code: whatever it raises is its failure
        error = f"{type(failure).__name__}: {failure}"
        record(error)
        raise RunError(f"node '{name}': {what} failed: {error}") from failure
    return value, record()
