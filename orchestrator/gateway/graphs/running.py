"""Answers a chat request with a run of a declared graph.

What goes on is told while it goes on; the text comes when the run has ended, since nothing of it
holds before its verdict. A client who leaves cancels the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.call_types import text_of
from orchestrator.errors import KeyRefusedError, UserError, WaitingError
from orchestrator.gateway.chat import wanted as wire
from orchestrator.gateway.chat.asking import caller_of
from orchestrator.gateway.errors import bad_request
from orchestrator.gateway.graphs.documents import kept
from orchestrator.gateway.graphs.inputs import given_by, last_words
from orchestrator.gateway.graphs.telling import answer_of, question_of, told
from orchestrator.gateway.keys.scope import models_of, permit_contents
from orchestrator.gateway.needs import unknown
from orchestrator.graph.answer import RunOptions
from orchestrator.graph.journal import RunRecord
from orchestrator.project.schema import Graph
from orchestrator.records import Hop
from orchestrator.roles.events import RunEvent
from orchestrator.types import as_json, risk_of

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh

PREFIX = "graph"
"""What stands before the colon in `model`."""
OnEvent = Callable[[RunEvent], None]


async def run_graph(call: wire.Call, name: str, tell: wire.Tell) -> wire.Answer:
    """The answer of the graph of that name; a `wanted.Runner`.

    A graph that asks a person is answered with its question, and goes on when a request with
    `mesh.resume` brings the answer.

    Raises:
        ApiError: 404 for an unknown graph, 400 for what it cannot take.
        KeyRefusedError: the key is not for this graph.
        MeshError: as `Mesh.run`, but never `WaitingError`.
    """
    graph = _graph(call.serving.mesh, name)
    options = _options(call, graph)
    hops: dict[str, Hop] = {}

    def on_event(event: RunEvent) -> None:
        if isinstance(event, Hop):
            hops[event.id] = event
        tell.progress(told(event))

    try:
        if call.wanted.needs.resume is not None:
            return await _resumed(call, graph, options, on_event)
        return await _run(call, graph, options, on_event)
    except WaitingError as waiting:
        return question_of(name, waiting, tuple(hops.values()))


async def _run(
    call: wire.Call, graph: Graph, options: RunOptions, on_event: OnEvent
) -> wire.Answer:
    mesh, needs = call.serving.mesh, call.wanted.needs
    given = given_by(call.wanted, graph, mesh.project)
    with kept(needs.documents or ()) as files:
        inputs = given.inputs
        if given.documents is not None:
            inputs = {**inputs, given.documents: list(files)}
        answer = await mesh.run(
            graph.name, options=options, on_event=on_event, thread=_thread(call), **inputs
        )
    return answer_of(graph.name, answer, files, given.ignored)


async def _resumed(
    call: wire.Call, graph: Graph, options: RunOptions, on_event: OnEvent
) -> wire.Answer:
    """Go on with a run of the same caller that waits, with what the last message says."""
    mesh, run = call.serving.mesh, call.wanted.needs.resume or ""
    waiting = await asyncio.to_thread(_waiting, mesh, graph, options, run)
    # Who asks for an act is not who agrees to it: that is said elsewhere, and the run goes on.
    asks = not waiting.waiting.get("approval")
    said = last_words(call.wanted.messages) if asks else None
    answer = await mesh.run(resume=waiting.id, answer=said, on_event=on_event)
    return answer_of(graph.name, answer, {}, ())


def _waiting(mesh: Mesh, graph: Graph, options: RunOptions, run: str) -> RunRecord:
    """The run. Those of other callers do not exist for this one."""
    try:
        record = mesh.journals.find(run)
        options_then = record.request["options"]
    except UserError:
        record, options_then = None, {}
    mine = as_json(options.caller) == options_then.get("caller")
    if record is None or record.id != run or record.graph != graph.name or not mine:
        raise bad_request(f"mesh.resume: graph '{graph.name}' has no such run", "mesh.resume")
    if record.state != "waiting":
        said = f"mesh.resume: the run does not wait for an answer: it is {record.state}"
        raise bad_request(said, "mesh.resume")
    return record


def _graph(mesh: Mesh, name: str) -> Graph:
    graphs = mesh.project.graphs
    if name not in graphs:
        known = [f"{PREFIX}:{graph}" for graph in graphs]
        error = unknown("model", f"{PREFIX}:{name}", known, "model", 404)
        error.code = "model_not_found"
        raise error
    return graphs[name]


def _options(call: wire.Call, graph: Graph) -> RunOptions:
    """How the run is carried out, within what the key allows.

    A key that names the graph among its models may run it whole: which models its steps take is
    for the project to say.
    """
    key, needs, project = call.key, call.wanted.needs, call.serving.mesh.project
    named = f"{PREFIX}:{graph.name}"
    models_of(key, (named,))
    if key.tasks is not None and named not in (key.models or ()):
        raise KeyRefusedError(
            f"the key is for single tasks; it may run '{named}' where its models name it",
            status=403,
            code="not_allowed",
        )
    known = project.policy.data_classes
    if needs.data_class is not None and needs.data_class not in known:
        raise unknown("data class", needs.data_class, list(known), "mesh.data_class")
    stated = needs.data_class or project.policy.default_data_class
    texts = [text_of(m) for m in call.wanted.messages]
    texts += [v for v in (needs.inputs or {}).values() if isinstance(v, str)]
    permit_contents(key, stated, texts, call.serving.calls.services.detectors)
    if needs.task is not None or needs.quality_floor is not None:
        where = "mesh.task" if needs.task is not None else "mesh.quality_floor"
        raise bad_request(f"{where}: graph '{graph.name}' has its own; leave it out", where)
    limits = [ms for ms in (needs.deadline_ms, needs.max_latency_ms) if ms is not None]
    return RunOptions(
        data_class=needs.data_class,
        risk=risk_of(needs.risk),
        tags=(*(needs.tags or ()), *call.wanted.tags),
        budget_usd=needs.max_cost_usd,
        deadline_ms=min(limits, default=None),
        caller=caller_of(key, needs, call.wanted.user),
        priority=needs.priority or 0,
        trace_id=call.trace_id,
        parent=call.parent,
    )


def _thread(call: wire.Call) -> str | None:
    """Conversations of different keys are different, whatever they are called."""
    thread = call.wanted.needs.thread
    return thread if thread is None or not call.key.id else f"{call.key.id}:{thread}"
