"""The life of a run: opened, carried through LangGraph, finished, or taken up again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import MeshError, UnknownNameError, UserError
from orchestrator.evidence.library import Library
from orchestrator.graph.ahead import Ahead
from orchestrator.graph.answer import Answer, RunOptions, check_inputs, make_answer
from orchestrator.graph.compile import compile_graph
from orchestrator.graph.edges import find_edges
from orchestrator.graph.execute import Run
from orchestrator.graph.journal import JournalStore, RunJournal, RunRecord
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Graph
from orchestrator.project.vocabulary import check_request
from orchestrator.roles.hop import Request, Services
from orchestrator.roles.values import FinalAnswer, Plan, Routing
from orchestrator.tracing.ids import new_trace_id
from orchestrator.tracing.store import TraceStore
from orchestrator.types import MICRO_USD, Hop, Trace, as_json, from_json, total_cost


@dataclass(slots=True)
class _Hops:
    """The hops that a run has shown so far, by id: a replayed one is not counted twice."""

    seen: dict[str, Hop]
    on_hop: Callable[[Hop], None] | None

    def see(self, hop: Hop) -> None:
        self.seen[hop.id] = hop
        if self.on_hop:
            self.on_hop(hop)

    def spent(self) -> int:
        return sum(hop.cost_micro_usd or 0 for hop in self.seen.values())

    def in_order(self) -> tuple[Hop, ...]:
        return tuple(sorted(self.seen.values(), key=lambda hop: (hop.started_at, hop.node)))


@dataclass(slots=True, kw_only=True)
class _Active:
    """A run of this process."""

    run: Run
    record: RunRecord
    hops: _Hops
    output: Any = None
    plan: Plan | None = None


@dataclass(slots=True, kw_only=True)
class Runs:
    """All runs of one `Mesh`."""

    services: Services
    registry: Registry
    journals: JournalStore
    library: Library
    store: TraceStore
    checkpoints: Path
    _active: dict[str, _Active] = field(default_factory=dict)
    _saver: Any = None
    _saver_context: Any = None

    def graph(self, name: str) -> Graph:
        """The declared graph. Raises `UnknownNameError` with the near name."""
        graphs = self.services.project.graphs
        if name not in graphs:
            raise UnknownNameError("graph", name, tuple(graphs))
        return graphs[name]

    def compiled(self, name: str, checkpointer: Any) -> Any:
        """The graph for embedding: its admission opens a run, its finish closes it."""
        return compile_graph(self.graph(name), self._open, self._close_embedded, checkpointer)

    async def run(
        self,
        name: str,
        inputs: Mapping[str, Any],
        options: RunOptions,
        on_hop: Callable[[Hop], None] | None,
    ) -> Answer:
        """Run a graph from its beginning."""
        graph = self.graph(name)
        return await self._carry(self._record(graph, inputs, options), on_hop)

    async def resume(self, run: str, on_hop: Callable[[Hop], None] | None) -> Answer:
        """Take up a run that was cut off; one that is done gives its answer again.

        Raises:
            UserError: the project has changed since, or another process carries it out.
        """
        record = self.journals.find(run)
        now = self.services.project.hash
        if record.project_hash != now:
            raise UserError(
                f"run '{record.id}' began under project {record.project_hash}, which is now {now}; "
                "restore the project's files to resume it, or start a new run"
            )
        return await self._carry(record, on_hop)

    async def close(self) -> None:
        """Let go of every run and close the checkpoints."""
        for active in self._active.values():
            active.run.journal.close()
        self._active.clear()
        if self._saver_context is not None:
            await self._saver_context.__aexit__(None, None, None)
            self._saver = self._saver_context = None

    def _record(self, graph: Graph, inputs: Mapping[str, Any], options: RunOptions) -> RunRecord:
        checked = check_inputs(graph, inputs)
        project = self.services.project
        check_request(project, data_class=options.data_class, risk=options.risk)
        return RunRecord(
            id=new_trace_id(),
            graph=graph.name,
            project_hash=self.services.project.hash,
            started_at=self.services.clock.now(),
            done=False,
            request={"inputs": checked, "options": as_json(options)},
        )

    async def _carry(self, record: RunRecord, on_hop: Callable[[Hop], None] | None) -> Answer:
        active = self._start(record, on_hop, embedded=False)
        try:
            await self._invoke(record)
            self._finish(active, "ok")
            return make_answer(active.output, record.id, active.hops.in_order(), active.plan)
        except asyncio.CancelledError:
            self._finish(active, "cancelled")
            raise
        except MeshError as error:
            self._finish(active, "failed", str(error))
            error.__notes__ = []  # LangGraph's remark on its own task says nothing to a user
            raise
        finally:
            self._active.pop(record.id, None)
            active.run.journal.close()

    async def _invoke(self, record: RunRecord) -> None:
        saver = await self._checkpointer()
        compiled: Any = compile_graph(self.graph(record.graph), self._open, self._close, saver)
        config: Any = {"configurable": {"thread_id": record.id}}
        state = await compiled.aget_state(config)
        await compiled.ainvoke(None if state.next else {"run": record.id}, config)
        await saver.adelete_thread(record.id)

    async def _checkpointer(self) -> Any:
        if self._saver is None:
            from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

            self._saver_context = AsyncSqliteSaver.from_conn_string(str(self.checkpoints))
            self._saver = await self._saver_context.__aenter__()
        return self._saver

    def _start(
        self, record: RunRecord, on_hop: Callable[[Hop], None] | None, *, embedded: bool
    ) -> _Active:
        graph = self.graph(record.graph)
        journal = self.journals.open(record)
        options = from_json(RunOptions, record.request["options"])
        inputs = record.request["inputs"]
        hops = self._earlier(record, journal, on_hop)
        budget = options.budget_usd
        wait = options.deadline_ms or self.services.project.settings.deadline_ms
        request = Request(
            trace_id=record.id,
            question=_question(graph, inputs),
            journal=journal,
            deadline=self.services.clock.monotonic() + wait / 1000,
            data_class=options.data_class,
            risk=options.risk,
            tags=options.tags,
            constraints=options.constraints,
            budget_micro_usd=None if budget is None else round(budget * MICRO_USD),
            spent=hops.spent,
            on_hop=hops.see,
        )
        run = Run(
            request=request,
            services=self.services,
            journal=journal,
            graph=graph,
            registry=self.registry,
            library=self.library,
            inputs=inputs,
            embedded=embedded,
            ahead=Ahead(find_edges(graph)),
        )
        active = _Active(run=run, record=record, hops=hops)
        self._active[record.id] = active
        self.services.recorder.start(self._trace(active, "running"))
        return active

    def _earlier(
        self, record: RunRecord, journal: RunJournal, on_hop: Callable[[Hop], None] | None
    ) -> _Hops:
        """What an earlier process of this run has recorded; the journal knows best."""
        seen = {hop.id: hop for hop in self.store.hops(record.id)}
        for entry in journal.entries():
            for data in [entry["hop"]] if "hop" in entry else entry["hops"]:
                hop = from_json(Hop, data)
                seen[hop.id] = hop
                self.services.recorder.hop(hop)
        return _Hops(seen, on_hop)

    async def _open(self, graph: Graph, given: Mapping[str, Any]) -> Run:
        if "run" not in given:
            record = self._record(graph, given, RunOptions())
            return self._start(record, None, embedded=True).run
        held = self._active.get(given["run"])
        if held is None:  # another process began it inside somebody's own graph
            held = self._start(self.journals.find(given["run"]), None, embedded=True)
        return held.run

    async def _close(self, run: Run, output: Any) -> None:
        active = self._active[run.request.trace_id]
        active.output = output
        active.plan = _plan([recorded.value for recorded in run.done.values()])

    async def _close_embedded(self, run: Run, output: Any) -> None:
        await self._close(run, output)
        active = self._active.pop(run.request.trace_id)
        self._finish(active, "ok")
        active.run.journal.close()

    def _finish(self, active: _Active, status: Any, error: str | None = None) -> None:
        hops = active.hops.seen.values()
        keeps_all = all(hop.decision.log.keeps_all for hop in hops if hop.decision)
        if status == "ok":
            active.run.journal.finish(keep=keeps_all)
        self.services.recorder.finish(self._trace(active, status, error))

    def _trace(self, active: _Active, status: Any, error: str | None = None) -> Trace:
        project, record, clock = self.services.project, active.record, self.services.clock
        final = active.output if isinstance(active.output, FinalAnswer) else None
        costs = [hop.cost_micro_usd for hop in active.hops.seen.values()]
        return Trace(
            id=record.id,
            graph=record.graph,
            status=status,
            started_at=record.started_at,
            ms=0.0 if status == "running" else (clock.now() - record.started_at) * 1000,
            verdict=final.verdict if final else None,
            cost_micro_usd=total_cost(costs),
            question=active.run.request.question,
            answer=final.text if final else None,
            error=error,
            project_hash=project.hash,
            policy_hash=project.policy_hash,
            fleet_hash=self.services.fleet().hash,
        )


def _question(graph: Graph, inputs: Mapping[str, Any]) -> str:
    for name, declared in graph.input.items():
        if declared.startswith("text"):
            return str(inputs.get(name) or "")
    return ""


def _plan(values: Sequence[Any]) -> Plan | None:
    """The plan, with the specialists that the routing agent has assigned."""
    plan = next((v for v in values if isinstance(v, Plan)), None)
    routed = {s.id: s for v in values if isinstance(v, Routing) for s in v.subtasks}
    if plan is None:
        return None
    return plan.model_copy(update={"subtasks": tuple(routed.get(s.id, s) for s in plan.subtasks)})
