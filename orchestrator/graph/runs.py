"""The life of a run: opened, carried through LangGraph, finished, stopped, or taken up again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.errors import (
    CancelledRunError,
    ChangedProjectError,
    MeshError,
    RunError,
    UnknownNameError,
    UserError,
    WaitingError,
)
from orchestrator.graph.active import NOBODY, Active, Caller, Status
from orchestrator.graph.answer import (
    Answer,
    RunOptions,
    check_inputs,
    failure,
    make_answer,
    turn_of_answer,
)
from orchestrator.graph.asking import Asked, HumanAnswer, checked, decision, take_answer
from orchestrator.graph.changes import changes, outdated
from orchestrator.graph.check import refuse_unservable
from orchestrator.graph.compile import compile_graph
from orchestrator.graph.edges import find_edges
from orchestrator.graph.journal import RunRecord
from orchestrator.graph.opening import Opening
from orchestrator.graph.sealing import keeps_less, sealed
from orchestrator.graph.state import Run
from orchestrator.graph.threads import Threads
from orchestrator.graph.withholding import given_out
from orchestrator.project.schema import Graph
from orchestrator.project.vocabulary import check_request
from orchestrator.roles.values import PastTurn, Plan, Routing
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import as_json, risk_of

POLL_S = 0.5
"""How often a run looks whether another process wants it cancelled."""


@dataclass(slots=True, kw_only=True)
class Runs:
    """All runs of one `Mesh`."""

    opening: Opening
    _active: dict[str, Active] = field(default_factory=dict)
    _graphs: dict[str, Any] = field(default_factory=dict)
    _memory: Any = None

    @property
    def threads(self) -> Threads:
        """The conversations."""
        return Threads(self.opening.journals)

    def graph(self, name: str) -> Graph:
        """The declared graph. Raises `UnknownNameError` with the near name."""
        graphs = self.opening.services.project.graphs
        if name not in graphs:
            raise UnknownNameError("graph", name, tuple(graphs))
        return graphs[name]

    def compiled(self, name: str, checkpointer: Any) -> Any:
        """The graph for embedding: its admission opens a run, its finish closes it."""
        if keeps_less(self.opening.services.project.policy):
            checkpointer = sealed(checkpointer, self.opening.journals.cipher)
        return compile_graph(self.graph(name), self._open, self._close_embedded, checkpointer)

    async def run(
        self,
        name: str,
        inputs: Mapping[str, Any],
        options: RunOptions,
        caller: Caller = NOBODY,
        thread: str | None = None,
    ) -> Answer:
        """Run a graph from its beginning; `thread`: as the next turn of that conversation."""
        graph = self.graph(name)
        with self.threads.holding(thread):
            if thread is not None:
                inputs = {**inputs, **self._conversation(graph, thread)}
            return await self._carry(self._record(graph, inputs, options, thread), caller)

    async def resume(self, run: str, caller: Caller = NOBODY) -> Answer:
        """Take up a run that was cut off; one that is done gives its answer again.

        Raises:
            ChangedProjectError: the project was edited since, and the caller does not accept it.
            UserError: another process carries it out, or it does not wait for an answer.
        """
        record = self.opening.journals.find(run)
        if caller.answer:
            if record.state != "waiting":
                raise UserError(
                    f"run '{record.id}' does not wait for an answer: it is {record.state}"
                )
            asked = record.waiting
            text = checked(asked["question"], asked["allowed"], caller.answer.text)
            if asked.get("approval"):
                said = decision(text, caller.answer, "run")
                approvals = self.opening.kept_approvals()
                await asyncio.to_thread(approvals.decide, asked["approval"], said)
                caller = replace(caller, answer=None)
        renewed = self._accepted(record, caller)
        with self.threads.holding(record.thread):
            return await self._carry(renewed or record, caller, edited=renewed is not None)

    async def cancel(self, run: str, wait_s: float = 10.0) -> bool:
        """Stop a run of this process or of another one; what it has recorded stays.

        Returns:
            Whether it has stopped within `wait_s` seconds.

        Raises:
            UserError: it has ended already, or nobody carries it out.
        """
        journals = self.opening.journals
        record = journals.find(run)
        if record.state == "waiting":
            self.opening.forget_question(record)
            return True
        if record.state != "running":
            raise UserError(f"run '{record.id}' does not go on: it is {record.state}")
        active = self._active.get(record.id)
        if active is not None:
            active.stopped = True
            active.stop()
        else:
            journals.request_cancel(record.id)
        for _ in range(round(wait_s / 0.1)):
            if not journals.is_held(record.id):
                return True
            await asyncio.sleep(0.1)
        return False

    async def close(self) -> None:
        """Let go of every run."""
        for active in self._active.values():
            active.run.journal.close()
        self._active.clear()

    def _conversation(self, graph: Graph, thread: str) -> dict[str, Any]:
        names = [name for name, kind in graph.input.items() if kind == "turns?"]
        if not names:
            raise UserError(
                f"graph '{graph.name}' cannot continue a conversation: declare an input for it, "
                "for example 'conversation: turns?', and let nodes read it"
            )
        return {names[0]: self.threads.turns(thread)}

    def _record(
        self, graph: Graph, inputs: Mapping[str, Any], options: RunOptions, thread: str | None
    ) -> RunRecord:
        project = self.opening.services.project
        checked = check_inputs(graph, inputs)
        options = replace(options, risk=risk_of(options.risk))
        check_request(project, data_class=options.data_class, risk=options.risk)
        fleet = self.opening.services.fleet()
        refuse_unservable(project, self.opening.registry, fleet.deployments, graph, options)
        return RunRecord(
            id=options.trace_id or new_trace_id(),
            graph=graph.name,
            project_hash=project.hash,
            started_at=self.opening.services.clock.now(),
            request={
                "inputs": checked,
                "options": as_json(options),
                "thread": thread,
                "project": self.opening.description(graph),
            },
        )

    def _accepted(self, record: RunRecord, caller: Caller) -> RunRecord | None:
        """The run under the project as it is now; `None` where nothing changed that it uses."""
        project, graph = self.opening.services.project, self.graph(record.graph)
        if record.project_hash == project.hash:
            return None
        old, new = record.request.get("project") or {}, self.opening.description(graph)
        found = changes(old, new)
        if not found:
            return None
        if not caller.accept_changes:
            out = outdated(old, new, find_edges(graph))
            recorded = self.opening.journals.nodes(record.id)
            kept = [name for name in graph.nodes if name in recorded and name not in out]
            anew = [name for name in graph.nodes if name not in kept]
            raise ChangedProjectError(record.id, found, kept, anew)
        inputs = check_inputs(graph, record.request["inputs"])
        request = {**record.request, "inputs": inputs, "project": new}
        return replace(record, project_hash=project.hash, request=request)

    async def _carry(self, record: RunRecord, caller: Caller, *, edited: bool = False) -> Answer:
        active = self._start(record, caller, edited=edited)
        task = asyncio.ensure_future(self._to_its_end(active, caller))
        active.stop = task.cancel
        watch = asyncio.create_task(self._watch(active))
        try:
            await task
            self._finish(active, "ok")
            return self._answer(active)
        except asyncio.CancelledError:
            self._finish(active, "cancelled")
            if active.stopped:
                raise CancelledRunError(f"run '{record.id}' was cancelled") from None
            raise
        except WaitingError as waiting:
            self._finish(active, "waiting", waiting=waiting)
            raise
        except MeshError as error:
            self._finish(active, "failed", str(error))
            error.__notes__ = []  # LangGraph's remark on its own task says nothing to a user
            raise
        except Exception as error:  # a fault of ours or of LangGraph; the run does not go on
            self._finish(active, "failed", f"{type(error).__name__}: {error}")
            raise
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self._active.pop(record.id, None)
            active.run.journal.close()

    async def _to_its_end(self, active: Active, caller: Caller) -> None:
        try:
            await self._invoke(active, caller)
            if why := failure(active.output):
                raise RunError(f"nothing came of '{active.run.graph.output}': {why}")
        finally:
            # Between two steps nobody but us knows of what was started ahead.
            await active.run.ahead.stop()
            await self._saver().adelete_thread(active.record.id)

    async def _invoke(self, active: Active, caller: Caller) -> None:
        run = active.run
        compiled = self._compiled(active.record.graph)
        config: Any = {"configurable": {"thread_id": active.record.id}}
        await compiled.ainvoke({"_run": active.record.id}, config)
        given = caller.answer
        while run.asked:
            name = next(n for n in run.graph.nodes if n in run.asked)
            answer = given or await self._person(active, caller, run.asked[name])
            given = None
            await take_answer(run, name, answer)
            await compiled.ainvoke(None, config)

    async def _person(self, active: Active, caller: Caller, asked: Asked) -> HumanAnswer:
        """What a person says to the question; `WaitingError` where nobody is there to ask."""
        question = asked.question
        if caller.on_question is None:
            await active.run.ahead.settle()
            raise WaitingError(
                question.run,
                question.node,
                question.text,
                question.shown,
                question.allowed,
                approval=question.approval,
            )
        clock = self.opening.services.clock
        since = clock.monotonic()
        said = await caller.on_question(question)
        active.pause(clock.monotonic() - since)
        return said if isinstance(said, HumanAnswer) else HumanAnswer(text=said)

    async def _watch(self, active: Active) -> None:
        """Stop the run as soon as another process has asked for it."""
        # The wish comes from another process: no event tells of it, no injected clock governs it.
        while not await active.run.journal.cancel_requested():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        active.stopped = True
        active.stop()

    def _compiled(self, name: str) -> Any:
        """The graph for runs of our own.

        Also a resumed run starts from its beginning, and the journal replays what is recorded. So
        LangGraph keeps its state only in memory, and only to go on after a question to a person.
        """
        if name not in self._graphs:
            graph = self.graph(name)
            saver = self._saver() if self._may_wait(graph) else None
            self._graphs[name] = compile_graph(graph, self._open, self._close, saver)
        return self._graphs[name]

    def _may_wait(self, graph: Graph) -> bool:
        """Whether a person may be asked: by the graph, or before a tool is called."""
        agents = self.opening.services.project.agents.values()
        if any(agent.tools for agent in agents):
            return True
        return any(node.ask or node.tool for node in graph.nodes.values())

    def _saver(self) -> Any:
        if self._memory is None:
            from langgraph.checkpoint.memory import InMemorySaver

            self._memory = InMemorySaver()
        return self._memory

    def _start(
        self, record: RunRecord, caller: Caller, *, embedded: bool = False, edited: bool = False
    ) -> Active:
        graph = self.graph(record.graph)
        active = self.opening.start(record, graph, caller, embedded=embedded, edited=edited)
        self._active[record.id] = active
        return active

    async def _open(self, graph: Graph, given: Mapping[str, Any]) -> Run:
        if "_run" not in given:
            record = self._record(graph, given, RunOptions(), None)
            return self._start(record, NOBODY, embedded=True).run
        held = self._active.get(given["_run"])
        if held is None:  # another process began it inside somebody's own graph
            held = self._start(self.opening.journals.find(given["_run"]), NOBODY, embedded=True)
        return held.run

    async def _close(self, run: Run, output: Any) -> Any:
        active = self._active[run.request.trace_id]
        active.output = given_out(run, output)
        active.plan = _plan(run)
        return active.output

    async def _close_embedded(self, run: Run, output: Any) -> Any:
        output = await self._close(run, output)
        active = self._active.pop(run.request.trace_id)
        why = failure(output)
        self._finish(active, "failed" if why else "ok", why or None)
        active.run.journal.close()
        if why:
            raise RunError(f"nothing came of '{run.graph.output}': {why}")
        return output

    def _finish(
        self,
        active: Active,
        status: Status,
        error: str | None = None,
        waiting: WaitingError | None = None,
    ) -> None:
        journal, recorder = active.run.journal, self.opening.services.recorder
        if active.edited:
            for hop in active.hops.supersede(active.run.kept):
                recorder.hop(hop)
        if status == "ok":
            self._remember(active)
            journal.finish(keep=active.keeps_texts)
        else:
            journal.stop(status, _asked(waiting) if waiting else None)
        recorder.finish(active.trace(status, error))

    def _remember(self, active: Active) -> None:
        """Put the turn at the end of its conversation."""
        thread, run = active.record.thread, active.record.id
        if thread is None:
            return
        turn: PastTurn | None = None
        if active.keeps_texts:
            turn = turn_of_answer(active.run.request.question, self._answer(active))
        self.threads.add(thread, run, self.opening.services.clock.now(), turn)

    def _answer(self, active: Active) -> Answer:
        answer = make_answer(active.output, active.record.id, active.hops.in_order(), active.plan)
        thread = active.record.thread
        kept = None if thread is None else active.keeps_texts
        return replace(answer, ms=active.ms, thread=thread, thread_keeps_texts=kept)


def _asked(waiting: WaitingError) -> dict[str, Any]:
    """What the journal keeps of a question that waits."""
    return {
        "node": waiting.node,
        "question": waiting.question,
        "shown": waiting.shown,
        "allowed": waiting.allowed,
        **({"approval": waiting.approval} if waiting.approval else {}),
    }


def _plan(run: Run) -> Plan | None:
    """The plan, with the specialists that the routing agent has assigned."""
    values = [recorded.value for recorded in run.done.values()]
    plan = next((v for v in values if isinstance(v, Plan)), None)
    routed = {s.id: s for v in values if isinstance(v, Routing) for s in v.subtasks}
    if plan is None:
        return None
    return plan.model_copy(update={"subtasks": tuple(routed.get(s.id, s) for s in plan.subtasks)})
