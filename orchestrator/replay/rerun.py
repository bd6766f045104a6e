"""A recorded request again from one of its steps on, with live models: what comes of it then?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.errors import (
    InternalError,
    RunError,
    UnknownNameError,
    UserError,
)
from orchestrator.graph.active import Caller as RunCaller
from orchestrator.graph.answer import check_inputs
from orchestrator.graph.asking import HumanAnswer, Question
from orchestrator.graph.edges import find_edges
from orchestrator.graph.opening import Opening
from orchestrator.graph.runs import Runs
from orchestrator.project.policy_schema import CallDeclaration
from orchestrator.project.registry import Kind
from orchestrator.project.schema import Agent, Graph
from orchestrator.records import Hop
from orchestrator.replay.calls import agent_of, call_in
from orchestrator.replay.one_run import OneRun
from orchestrator.replay.recorded import Record, is_call, read_record
from orchestrator.replay.repeating import match, taken_from
from orchestrator.replay.replayer import Replayer, run_record
from orchestrator.replay.stand_ins import Overlaid
from orchestrator.roles.events import RunEvent
from orchestrator.roles.hop import HopWork
from orchestrator.roles.place import here
from orchestrator.roles.services import Asking
from orchestrator.roles.single import Ask, SingleCalls
from orchestrator.tracing.diff import TraceDiff, diff_traces
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Constraints

_SETTINGS = ("temperature", "max_tokens", "reasoning_effort")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From which step on a request is to be carried out again, and what is to be other."""

    hop: str
    """A node, `node/subtask`, or a hop's id; of a node its first round."""
    model: str | None = None
    """Only this one may answer at that step."""
    prompt: str | None = None
    """In the place of the agent's own there."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """In the place of the run's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What became of it."""

    diff: TraceDiff
    """The recorded trace beside the new one."""
    step: Hop
    """The step from which on it was carried out."""
    taken: int
    """How many calls were taken from the record."""
    made: int
    """How many were made."""
    error: str | None = None
    """What it failed with."""


@dataclass(slots=True)
class Partly:
    """Satisfies `services.Repeated`: what stands before a step is taken from the record."""

    record: Record
    start: Hop
    change: Change
    after: frozenset[str]
    """The nodes that come after it in its round."""
    again: frozenset[str]
    """Those that come after it in later rounds."""
    run: str
    """The id of the new run."""
    taken: dict[str, Asking] = field(default_factory=dict)

    @property
    def trace_id(self) -> str:
        return self.record.trace.id

    def is_live(self, node: str, round: int) -> bool:
        """Whether what happens there depends on the step."""
        first, name = self.start.round, node.split("/")[0]
        if round < first:
            return False
        if self.is_start(node, round) or name in self.after:
            return True
        return name in self.again and round > first

    def is_start(self, node: str, round: int) -> bool:
        """Whether that is the step itself; in later rounds it is carried out likewise."""
        return node == self.start.node and round >= self.start.round

    async def find(self, asking: Asking) -> Mapping[str, Any] | None:
        """What is on record of this call; `None` where it is to be made."""
        if self.is_live(asking.node, asking.round):
            return None
        hop = match(self.record, asking, self.taken)
        beside = asking.node.split("/")[0] == self.start.node.split("/")[0]
        exact = hop is not None and hop.id == f"{self.trace_id}.{asking.key}"
        if hop is None or hop.status != "ok" or (beside and not exact):
            return None  # a subtask beside the step that was given something of it, or a failure
        self.taken[hop.id] = asking
        value = self.record.value(hop)
        return {**value, "hop": self._moved(value["hop"], asking.key)}

    async def brought(self, node: str, round: int, key: str) -> Mapping[str, Any] | None:
        """What is on record of a tool's call; `None` where it is to be made."""
        if self.is_live(node, round):
            return None
        found = self.record.act(f"{self.trace_id}.{key}")
        return found and {**found, "hops": [self._moved(hop, key) for hop in found["hops"]]}

    def _moved(self, hop: Mapping[str, Any], key: str) -> dict[str, Any]:
        """The hop as one of the new run. It cost what it cost then, and nothing now."""
        attempts = [{**attempt, "cost_micro_usd": 0} for attempt in hop["attempts"]]
        notes = [*hop["notes"], f"taken from trace {self.trace_id}"]
        moved = {"id": f"{self.run}.{key}", "trace_id": self.run, "notes": notes}
        return {**hop, **moved, "attempts": attempts}

    # ── around the project's own names ───────────────────────────────────────────────────

    @property
    def around(self) -> Mapping[Kind, Callable[[str, Any], Any]]:
        """What stands around the project's own names."""
        return {"tool": self.tool, "role": self.role}

    def tool(self, _name: str, tool: Any) -> Callable[..., Any]:
        """The tool; before the step what it has brought."""

        def either(box: Any, **parameters: Any) -> Any:
            place = here()
            if place is None:
                raise InternalError("a tool was called outside of a node")
            if not self.is_live(place.node, place.round):
                hop = self.record.at(place.node, place.round, "tool")
                if hop is not None and hop.id in self.record.brought:
                    return taken_from(self.record, hop, box)
            return tool(box, **parameters)

        return either

    def role(self, _name: str, role: Any) -> Callable[[HopWork], Any]:
        """The role; at the step with what is to be other."""

        def changed(work: HopWork) -> Any:
            if self.is_start(work.node, work.round):
                if self.change.prompt is not None:
                    work.agent = work.agent.model_copy(update={"prompt": self.change.prompt})
                if self.change.model is not None:
                    limits = forced(work.request.constraints, self.change.model)
                    work.request = replace(work.request, constraints=limits)
            return role(work)

        return changed

    async def answer(self, question: Question) -> HumanAnswer:
        """What a person has answered there; nobody is asked a second time."""
        hop = self.record.person(question.node, question.round)
        if hop is None:
            raise RunError(
                f"node '{question.node}' asks a person, and no answer of that round is on record"
            )
        return HumanAnswer(text=hop.output or "", by=hop.agent or "")


def forced(limits: Constraints, model: str) -> Constraints:
    """The limits with no other model than this; what they forbid stays forbidden."""
    allowed = limits.models is None or model in limits.models
    return replace(limits, models=(model,) if allowed else ())


async def rerun(
    replayer: Replayer,
    wanted: str,
    change: Change,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Rerun:
    """Carry a recorded request out again from a step on, as a trace of its own.

    What stands before the step comes from the record, the step itself and all that depends on it
    from live models, under policy, budgets and limits as they are now.

    Raises:
        UnknownNameError, UserError: no such trace, step, model or input.
        RunError: what is needed is not on record.
    """
    record = read_record(replayer.store, replayer.journals(), wanted)
    models = replayer.services.project.fleet.models
    if change.model is not None and change.model not in models:
        raise UnknownNameError("model", change.model, tuple(models))
    start = step_of(record.hops, change.hop)
    if record.is_call:
        return await _call(replayer, record, start, change)
    return await _run(replayer, record, start, change, on_event)


def step_of(hops: Sequence[Hop], wanted: str) -> Hop:
    """The first hop of that name.

    Raises:
        UnknownNameError: there is none; tells the near one.
        UserError: it asked no model, or several nodes have that name.
    """
    calls = [hop for hop in hops if is_call(hop)]
    found = [hop for hop in calls if wanted in (hop.id, hop.id.partition(".")[2], hop.node)]
    if found:
        return min(found, key=lambda hop: hop.round)
    others = [hop for hop in hops if wanted in (hop.id, hop.node)]
    if others:
        inside = sorted({h.node for h in calls if h.node.startswith(f"{wanted}/")})
        also = f"; its parts do: {', '.join(inside)}" if inside else ""
        raise UserError(f"step '{wanted}' of the trace asked no model{also}")
    inside = sorted({hop.node for hop in calls if hop.node.startswith(f"{wanted}/")})
    if inside:
        raise UserError(f"step '{wanted}' has several parts; name one: {', '.join(inside)}")
    raise UnknownNameError("step", wanted, sorted({hop.node for hop in calls}))


async def _run(
    replayer: Replayer,
    record: Record,
    start: Hop,
    change: Change,
    on_event: Callable[[RunEvent], None] | None,
) -> Rerun:
    project = replayer.services.project
    if record.trace.graph not in project.graphs:
        raise UnknownNameError("graph", record.trace.graph, tuple(project.graphs))
    graph = project.graphs[record.trace.graph]
    if start.node.split("/")[0] not in graph.nodes:
        raise UnknownNameError("node", start.node, tuple(graph.nodes), f"graph '{graph.name}'")
    if change.prompt is not None or change.model is not None:
        _agent_at(start)
    inputs = check_inputs(graph, {**_given(record), **change.inputs})
    run = new_trace_id()
    node = start.node.split("/")[0]
    after, again = _after(graph, node, loops=False), _after(graph, node, loops=True)
    partly = Partly(record, start, change, after, again, run)
    request = {**record.request, "inputs": inputs}
    made = run_record(replace(record, request=request), project, run)
    runs = Runs(
        opening=Opening(
            services=replayer.services,
            registry=Overlaid(replayer.registry, partly.around),
            journals=OneRun(replace(made, started_at=replayer.services.clock.now())),
            library=replayer.library(),
            store=replayer.store,
            repeats=partly,
            origin=record.trace.id,
        )
    )
    error: str | None = None
    try:
        await runs.resume(run, RunCaller(on_event=on_event, on_question=partly.answer))
    except RunError as failure:
        error = str(failure)
    return _beside(replayer, record, start, run, len(partly.taken), error)


async def _call(replayer: Replayer, record: Record, start: Hop, change: Change) -> Rerun:
    """A single call once more."""
    if change.prompt is not None:
        raise UserError("the prompt of a single call is its caller's; give another --model")
    if change.inputs:
        raise UserError(f"trace '{record.trace.id}' is a single call, which has no inputs")
    request, agent = call_in(record), agent_of(record, replayer.services)
    if isinstance(agent, str):
        raise UserError(agent)
    profile = start.profile
    if profile is None:
        raise UserError(f"trace '{record.trace.id}' asked no model")
    limits = profile.constraints
    ask = Ask(
        request=request,
        agent=agent or _nobodys(start),
        declared=agent is not None,
        node=start.node,
        data_class=profile.data_class,
        risk=profile.risk,
        tags=profile.tags,
        constraints=limits if change.model is None else forced(limits, change.model),
        caller=record.trace.caller,
        needs=profile.needs,
        check=None if request.schema is None else _satisfying(request.schema),
        graph=record.trace.graph,
        trace_id=new_trace_id(),
        origin=record.trace.id,
    )
    error: str | None = None
    try:
        await SingleCalls(replayer.services).answer(ask)
    except RunError as failure:
        error = str(failure)
    return _beside(replayer, record, start, ask.trace_id, 0, error)


def _beside(
    replayer: Replayer, record: Record, start: Hop, run: str, taken: int, error: str | None
) -> Rerun:
    trace, hops = replayer.store.trace(run), replayer.store.hops(run)
    counted = Counter(hop.resumed for hop in hops if is_call(hop))
    return Rerun(
        diff=diff_traces(record.trace, record.hops, trace, hops),
        step=start,
        taken=taken,
        made=counted[False],
        error=error,
    )


def _given(record: Record) -> dict[str, Any]:
    given = record.request.get("inputs") or {}
    return {name: value for name, value in given.items() if value is not None}


def _agent_at(start: Hop) -> None:
    if start.node.endswith("/chat"):
        raise UserError(
            f"step '{start.node}' is a call of the project's own code, which names its model itself"
        )


def _after(graph: Graph, node: str, *, loops: bool) -> frozenset[str]:
    """The nodes that come after that one. `loops`: also by a way back."""
    edges = find_edges(graph)
    rank = {name: place for place, name in enumerate(edges.order)}
    ways = [(one, to) for one, to in edges.all if loops or rank[to] > rank[one]]
    found, waiting = set[str](), {node}
    while waiting:
        current = waiting.pop()
        following = {to for one, to in ways if one == current} - found
        waiting |= following
        found |= following
    return frozenset(found)


def _nobodys(start: Hop) -> Agent:
    """An agent that is only a name, with the settings of the call."""
    context = start.decision.context if start.decision else None
    known = context.settings if context else {}
    said = {name: known[name].value for name in _SETTINGS if name in known}
    return Agent(
        name=start.agent or "chat_model",
        description="Asked again.",
        task=start.profile.task if start.profile else "chat",
        call=CallDeclaration(**said),
    )


def _satisfying(schema: Mapping[str, Any]) -> Callable[[str], Any]:
    from orchestrator.validation.json_schema import satisfying

    return satisfying(schema)
