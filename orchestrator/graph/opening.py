"""How a run is opened: with its journal, its limits, and what earlier processes have left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.errors import NoCandidateError, UnknownNameError, UserError
from orchestrator.evidence.sources.library import Library
from orchestrator.graph.active import SUPERSEDED, Active, Caller, Hops, worked_ms
from orchestrator.graph.ahead import Ahead
from orchestrator.graph.answer import RunOptions
from orchestrator.graph.approving import Approvals
from orchestrator.graph.changes import describe
from orchestrator.graph.edges import Edges, find_edges
from orchestrator.graph.hiding import refilled
from orchestrator.graph.journal import JournalStore, RunJournal, RunRecord
from orchestrator.graph.pace import course_of
from orchestrator.graph.state import Run
from orchestrator.guard.risk import Course
from orchestrator.money import MICRO_USD
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Graph
from orchestrator.records import Hop, Trace
from orchestrator.roles.rising import kept_rise
from orchestrator.roles.services import Repeated, Request, Services
from orchestrator.roles.values import PastTurn
from orchestrator.routing._policy import demand, kept
from orchestrator.routing.decide import decide
from orchestrator.tooling.box import Box, declared_sources
from orchestrator.tracing.store import TraceStore
from orchestrator.types import Context, LogRule, TaskProfile, from_json


@dataclass(slots=True, kw_only=True)
class Opening:
    """The parts that every run of a `Mesh` is put together from."""

    services: Services
    registry: Registry
    journals: JournalStore
    library: Library
    store: TraceStore
    approvals: Callable[[], Approvals] | None = None
    """Where calls of tools wait for a person; `None`: nobody can be asked."""
    repeats: Repeated | None = None
    """What the runs go through again."""
    origin: str = ""
    """The trace that the runs repeat from some hop on."""
    _descriptions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _edges: dict[str, Edges] = field(default_factory=dict)
    _expected: dict[tuple[str, str], float | None] = field(default_factory=dict)

    def kept_approvals(self) -> Approvals:
        """Where calls of tools wait. Raises `UserError` where nobody can be asked."""
        if self.approvals is None:
            raise UserError("nobody can be asked here whether a tool may be called")
        return self.approvals()

    def description(self, graph: Graph) -> Mapping[str, Any]:
        """What a run of the graph depends on; see `graph.changes`."""
        if graph.name not in self._descriptions:
            self._descriptions[graph.name] = describe(self.services.project, graph)
        return self._descriptions[graph.name]

    def start(
        self,
        record: RunRecord,
        graph: Graph,
        caller: Caller,
        *,
        embedded: bool = False,
        edited: bool = False,
    ) -> Active:
        """Take hold of a run and put it on the trace as running.

        Raises:
            UserError: another living process holds it.
        """
        journal = self.journals.open(record)
        if not journal.fresh:
            journal.begin_run()
        if edited:
            journal.adopt(record)
        before, earlier_ms = self._earlier(record, journal)
        hops = Hops(before, caller.on_event)
        request = self._request(record, graph, journal, hops)
        if graph.name not in self._edges:
            self._edges[graph.name] = find_edges(graph)
        edges = self._edges[graph.name]
        run = Run(
            request=request,
            services=self.services,
            journal=journal,
            graph=graph,
            registry=self.registry,
            library=self.library,
            inputs=_values(graph, record.request["inputs"]),
            definitions=self.description(graph)["nodes"],
            course=course_of(graph, edges, self._expected_ms),
            embedded=embedded,
            ahead=Ahead(edges, frozenset(n for n, node in graph.nodes.items() if node.ask)),
        )
        active = Active(
            run=run,
            record=record,
            hops=hops,
            started=self.services.clock.monotonic(),
            earlier_ms=earlier_ms,
            edited=edited,
            origin=self.origin,
            admitted=self._admitted(record, graph),
        )
        self.services.recorder.start(active.trace("running"))
        return active

    def _admitted(self, record: RunRecord, graph: Graph) -> LogRule:
        """What may be kept of the run's texts, as far as its question tells."""
        options = from_json(RunOptions, record.request["options"])
        question = _question(graph, record.request["inputs"])
        return kept(self.services.project.policy, self._profile(question, options))

    def forget_question(self, record: RunRecord) -> None:
        """A waiting run is cancelled: nobody needs to answer any more."""
        journal = self.journals.open(record)
        journal.stop("cancelled")
        journal.close()
        trace = self._trace(record.id)
        if trace is not None:
            self.services.recorder.finish(replace(trace, status="cancelled"))

    def _request(self, record: RunRecord, graph: Graph, journal: RunJournal, hops: Hops) -> Request:
        options = from_json(RunOptions, record.request["options"])
        wait = options.deadline_ms or self.services.project.settings.deadline_ms
        budget = options.budget_usd
        question = _question(graph, record.request["inputs"])
        return Request(
            trace_id=record.id,
            question=question,
            journal=journal,
            deadline=self.services.clock.monotonic() + wait / 1000,
            data_class=options.data_class,
            risk=options.risk,
            tags=options.tags,
            caller=options.caller,
            priority=options.priority,
            constraints=options.constraints,
            budget_micro_usd=None if budget is None else round(budget * MICRO_USD),
            course=self._course(self._profile(question, options), journal),
            spent=hops.spent,
            earlier=hops.earlier,
            repeats=self.repeats,
            vault=refilled(self.services, [] if journal.fresh else journal.entries()),
            approvals=None if self.approvals is None else self.approvals(),
            box=self._box,
            tell=hops.tell,
        )

    def _box(self) -> Box:
        """What a tool may use that a model calls."""
        project = self.services.project
        return Box(
            library=self.library,
            root=Path.cwd(),
            declared=project.settings.tools,
            readable=declared_sources(project),
        )

    def _course(self, profile: TaskProfile, journal: RunJournal) -> Course:
        """The risk of the run, as high as earlier processes of it have found."""
        policy = self.services.project.policy
        course = Course(
            tier=profile.risk,
            demand=lambda tier: demand(policy, replace(profile, risk=tier)),
            floor="high" if profile.risk == "high" else "low",
        )
        for entry in () if journal.fresh else journal.entries():
            rise = kept_rise(entry)
            if rise is not None:
                course.take(rise)
        return course

    def _profile(self, question: str, options: RunOptions) -> TaskProfile:
        """What routing sees of the question."""
        services = self.services
        return services.profiler.profile(
            question,
            data_class=options.data_class,
            risk=options.risk,
            tags=options.tags,
            constraints=options.constraints,
        )

    def _earlier(self, record: RunRecord, journal: RunJournal) -> tuple[dict[str, Hop], float]:
        """What earlier processes of this run have recorded, and how long they worked on it.

        The journal knows best of the hops. Of the time of a process that was killed only its
        hops are known.
        """
        if journal.fresh:
            return {}, 0.0
        hops = {hop.id: hop for hop in self.store.hops(record.id)}
        for entry in journal.entries():
            for data in [entry["hop"]] if "hop" in entry else entry["hops"]:
                hop = from_json(Hop, data)
                known = hops.get(hop.id)
                if known is None or SUPERSEDED not in known.notes:
                    hops[hop.id] = hop
                    self.services.recorder.hop(hop)
        trace = self._trace(record.id)
        return hops, max(trace.ms if trace else 0.0, worked_ms(hops.values()))

    def _trace(self, run: str) -> Trace | None:
        try:
            return self.store.trace(run)
        except UnknownNameError:
            return None

    def _expected_ms(self, agent: str) -> float | None:
        """How long the model that would be chosen for the agent takes, by what the fleet says."""
        fleet = self.services.fleet()
        key = (agent, fleet.hash)
        if key not in self._expected:
            self._expected[key] = self._predicted_ms(agent)
        return self._expected[key]

    def _predicted_ms(self, name: str) -> float | None:
        services, agent = self.services, self.services.project.agents[name]
        fleet = services.fleet()
        profile = services.profiler.profile(
            agent.prompt,
            task=agent.task,
            agent=agent,
            data_class=services.project.policy.default_data_class,
        )
        estimates = services.predictor.predict(profile, fleet.deployments)
        context = Context(estimates=estimates, predictor=services.predictor.version)
        try:
            decision = decide(profile, fleet, services.project.policy, context)
        except NoCandidateError:
            return None
        return decision.candidates[0].scores.get("latency_ms")


def _question(graph: Graph, inputs: Mapping[str, Any]) -> str:
    for name, declared in graph.input.items():
        if declared.startswith("text"):
            return str(inputs.get(name) or "")
    return ""


def _values(graph: Graph, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as nodes read them: a conversation is typed."""
    turns = [name for name, kind in graph.input.items() if kind == "turns?"]
    return {
        name: tuple(PastTurn.model_validate(t) for t in value or ()) if name in turns else value
        for name, value in inputs.items()
    }
