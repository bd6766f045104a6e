"""The `Mesh`: what a program holds. Its parts are put together in `parts.py`.

async with Mesh.load(".") as mesh:
    answer = await mesh.run("cross-validated", question="…", sources=["docs/"])
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from orchestrator.calling.clock import SystemClock
from orchestrator.graph.answer import Answer, RunOptions
from orchestrator.parts import Injected, Parts
from orchestrator.project.declared import Declared
from orchestrator.project.load import LoadedProject, load_project
from orchestrator.project.protocols import Clock, Embedder
from orchestrator.project.schema import Project
from orchestrator.project.vocabulary import check_request
from orchestrator.types import Caller, Constraints, Decision, FleetSnapshot, Risk, TaskProfile

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from orchestrator.calling.health.conditions import Condition
    from orchestrator.calling.health.store import HealthStore
    from orchestrator.calling.spending.report import CostReport
    from orchestrator.chat.model import ChatMesh
    from orchestrator.chat.options import ChatSettings
    from orchestrator.errors import Problem
    from orchestrator.evaluation.run import Evaluation
    from orchestrator.evaluation.values import Sample
    from orchestrator.evidence.scoring.model import SupportModel
    from orchestrator.fleet.warn import FleetWarning
    from orchestrator.graph.active import AskPerson
    from orchestrator.graph.approving import Approvals
    from orchestrator.graph.asking import HumanAnswer
    from orchestrator.graph.draw import DrawingFormat
    from orchestrator.graph.journal import JournalStore
    from orchestrator.guard.auditing.trail import AuditTrail
    from orchestrator.guard.explaining.values import Explained
    from orchestrator.guard.redacting.plan import Planned
    from orchestrator.learning.feedback import Said
    from orchestrator.learning.store import LearnedStates
    from orchestrator.records import Feedback
    from orchestrator.replay.audit import Audit
    from orchestrator.replay.planning.values import GraphPlan
    from orchestrator.replay.portfolio import Portfolio
    from orchestrator.replay.rerun import Change, Rerun
    from orchestrator.replay.traffic import Traffic
    from orchestrator.replay.values import Replayed
    from orchestrator.roles.events import RunEvent
    from orchestrator.roles.lone_tool import Agree, LoneCall
    from orchestrator.roles.single import SingleCalls
    from orchestrator.sharing.client import Shared
    from orchestrator.storage.operations import Drain, Operations
    from orchestrator.storage.sweep import Report
    from orchestrator.tooling.permit import Circumstances
    from orchestrator.tooling.toolset import Toolset
    from orchestrator.tooling.values import ToolCallResult
    from orchestrator.tracing.store import TraceStore

__all__ = ["Answer", "Mesh", "RunOptions"]


class Mesh:
    """A loaded project, ready to decide and to run. Close it, or use it as a context."""

    def __init__(
        self,
        loaded: LoadedProject,
        *,
        env: Mapping[str, str],
        clock: Clock | None = None,
        injected: Injected = Injected(),
    ) -> None:
        self._parts = Parts(loaded, env, clock or SystemClock(), injected)

    @classmethod
    def load(cls, root: str | Path = ".", *, env: Mapping[str, str] | None = None) -> Mesh:
        """Read, check and compile the project in `root`.

        Args:
            root: the project's folder; what it does not declare comes from the default project.
            env: the environment to read keys and endpoints from; the process's own by default.

        Raises:
            ProjectError: every problem of every file, at once.
        """
        env = dict(os.environ) if env is None else dict(env)
        return cls(load_project(root, env=env), env=env)

    @classmethod
    def build(
        cls,
        *declared: Declared,
        root: str | Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Mesh:
        """A mesh from objects of the classes that files are read with.

        ```python
        from orchestrator import Agent, Graph, Mesh, Node, Route
        from orchestrator.project.policy_schema import Match, Require

        mesh = Mesh.build(
            Agent(
                name="critic",
                description="Says what is missing in a text.",
                task="chat",
                prompt="Name what is missing.\n\n## Input\n{{ task }}",
            ),
            Graph(
                name="review",
                input={"text": "text"},
                nodes={"review": Node(agent="critic", of="text")},
                output="review",
            ),
            Route(name="at-home", match=Match(tags="private"), require=Require(hosting="self")),
        )
        ```

        Functions, tools, conditions and all else that a file names are registered by decorators,
        before. The checks are those of files; a mistake is reported with file, line and column of
        the call. The same content has the same hash, whether it stands in files or in Python.

        Args:
            *declared: `Agent`, `Graph`, `Route`, `Suite`, `Fleet`, `Policy`, `Settings`. Each
                stands for its file. Routes are put before those of the policy.
            root: a project's folder, for all that is not given here. Without it the rest comes
                from the default project, and what is recorded goes to the current folder.
            env: the environment to read keys and endpoints from; the process's own by default.

        Raises:
            ProjectError: every problem, at once.
            UserError: an object that no file declares.
        """
        env = dict(os.environ) if env is None else dict(env)
        return cls(load_project(root, declared, env=env), env=env)

    def successor(self, loaded: LoadedProject) -> Mesh:
        """The mesh of the project as it is now; breakers, limits and windows live on in it.

        Calls of this one go on. Close it after the last of them.

        Raises:
            UserError: it cannot be put together; this one is as before then.
        """
        parts = self._parts
        made = Mesh(loaded, env=parts.env, clock=parts.clock, injected=parts.injected)
        made._parts = parts.successor(loaded)
        return made

    @property
    def project(self) -> Project:
        return self._parts.loaded.project

    @property
    def storage(self) -> Path:
        """The folder of traces, journal and vectors."""
        return self._parts.storage

    @property
    def audit_log(self) -> AuditTrail:
        """The record that an auditor asks for."""
        return self._parts.audit

    @property
    def audit_folder(self) -> Path:
        """Where the audit log lies."""
        return self._parts.audit.chain.folder

    @property
    def audit_name(self) -> str:
        """What this project is called in the heads of its audit log."""
        return self._parts.audit.project

    @property
    def store(self) -> TraceStore:
        """The traces that this project has recorded."""
        return self._parts.store

    def feedback(self, said: Said, *, by: str, workspace: str = "") -> Feedback:
        """Keep what is said of an answer; see `learning.feedback.give`."""
        from orchestrator.learning.feedback import give

        parts = self._parts
        per_day = parts.project.settings.feedback.per_day
        now = parts.clock.now()
        return give(parts.store, said, by=by, now=now, per_day=per_day, workspace=workspace)

    @property
    def shared(self) -> Shared | None:
        """The server that copies of this project share; `None`: the files have to do."""
        return self._parts.shared

    async def join_others(self) -> None:
        """Make itself known to the processes that share limits with this one, if there are any.

        Before the first call, so that all know how many they are; where the server cannot be
        reached it takes a second, and is tried again in the background.
        """
        await self._parts.join_others()

    @property
    def problem(self) -> str | None:
        """What of traces and ledger could not be written, for a person; `None`: all is there."""
        return self._parts.problem()

    @property
    def journals(self) -> JournalStore:
        """The runs that can be looked at, resumed or cancelled."""
        return self._parts.journals

    @property
    def approvals(self) -> Approvals:
        """Calls of tools that wait for a person, and what was said of them."""
        return self._parts.approvals

    @property
    def operations(self) -> Operations:
        """What people did to this project while it ran: drains, reloads, policies."""
        return self._parts.operations

    @property
    def learned_states(self) -> LearnedStates:
        """What was learned of models in this project, version by version."""
        return self._parts.states

    @property
    def embedder(self) -> Embedder:
        return self._parts.embedder

    @property
    def support_model(self) -> SupportModel:
        """Scores claims; the project's own where mesh.yaml names one."""
        return self._parts.support_model

    @property
    def tools(self) -> Toolset:
        """The tools of this project, and what its rules say of each."""
        return self._parts.tools

    def circumstances(self, call: LoneCall) -> Circumstances:
        """What the rules of tools see of that call."""
        from orchestrator.roles.lone_tool import profile_of

        return self.tools.circumstances(profile_of(self._parts.services, call))

    def trust_tool(self, tool: str, digest: str, *, by: str) -> bool:
        """A person agrees to what an MCP server says now of a tool that it has changed.

        Args:
            digest: of what the person saw (`Told.digest`); what has changed again is not agreed to.
            by: the person, for the record.

        Returns:
            Whether that is what it is now, and the tool may be called again.
        """
        from orchestrator.records import AuditEvent

        done = self.tools.agree(tool, digest, by=by)
        if done:
            facts = {"tool": tool, "digest": digest}
            at, what = self._parts.clock.now(), f"{tool} trusted as it is now"
            event = AuditEvent(kind="approval", what=what, at=at, by=by, facts=facts)
            self._parts.services.audit.record(event)
        return done

    async def call_tool(self, call: LoneCall, agree: Agree) -> ToolCallResult:
        """Call one tool outside of any run, on record as a trace of its own.

        Args:
            agree: shows the call to a person where the rules ask for an approval.

        Raises:
            UnknownNameError: no such tool.
            RunError: the rules refuse it, or nobody agreed.
        """
        from orchestrator.roles.lone_tool import call_alone
        from orchestrator.tooling.box import Box, declared_sources

        box = Box(
            library=self._parts.library,
            root=Path.cwd(),
            declared=self.project.settings.tools,
            readable=declared_sources(self.project),
        )
        return await call_alone(self._parts.services, box, call, agree)

    def fleet(self) -> FleetSnapshot:
        """The fleet as it is now; looked at anew at most once a second."""
        return self._parts.fleet()

    @property
    def health_store(self) -> HealthStore:
        """What is known of the deployments' health, and their incidents."""
        return self._parts.health_store

    def providers(self) -> Mapping[str, str]:
        """The provider of each deployment, by its id."""
        return {d.id: d.provider for d in self._parts.deployments}

    def conditions(self) -> Mapping[str, Condition]:
        """How each deployment stands that was called or refused: breaker, times, last error."""
        return self._parts.conditions()

    def drains(self) -> Mapping[str, Drain]:
        """Which deployments somebody has taken out of use, by id."""
        return self._parts.drains.now()

    async def exchange_drains(self) -> None:
        """Exchange them with copies on other machines, until this is cancelled.

        Returns at once where mesh.yaml names no server that they share.
        """
        from orchestrator.fleet.drain import SharedDrains

        shared = self._parts.shared
        if shared is not None:
            await SharedDrains(self.operations, shared).run()

    def fleet_warnings(self) -> tuple[FleetWarning, ...]:
        """What about the fleet is doubtful today: retired models, old or unknown prices, …"""
        from datetime import UTC, datetime

        from orchestrator.fleet.prices import price_list
        from orchestrator.fleet.warn import fleet_warnings

        today = datetime.fromtimestamp(self._parts.clock.now(), UTC).date()
        project = self.project
        return fleet_warnings(
            project.fleet, self._parts.deployments, project.policy, price_list(), today
        )

    def single_calls(self) -> SingleCalls:
        """Calls that are no run, in the event loop that runs go on in: what a service serves."""
        from orchestrator.roles.single import SingleCalls

        return SingleCalls(self._parts.services)

    def profile(
        self,
        prompt: str,
        *,
        task: str | None = None,
        data_class: str | None = None,
        risk: Risk | None = None,
        tags: Sequence[str] = (),
        constraints: Constraints = Constraints(),
    ) -> TaskProfile:
        """The features of a prompt that routing sees.

        Raises:
            UnknownNameError: a task, data class or risk that nothing in the project names.
        """
        check_request(self.project, task=task, data_class=data_class, risk=risk)
        return self._parts.profiler.profile(
            prompt,
            task=task,
            data_class=data_class,
            risk=risk,
            tags=tuple(tags),
            constraints=constraints,
        )

    def decide(self, prompt: str = "", *, needs: Sequence[str] = (), **profile: Any) -> Decision:
        """What routing would do with this prompt. No model is called.

        Args:
            prompt: the request's text.
            needs: capabilities that a model must have, for example `("json",)`.
            **profile: as for `profile`: task, data_class, risk, tags, constraints.

        Raises:
            UnknownNameError: a word that nothing in the project knows.
            NoCandidateError: nobody may serve it; names the smallest set of rules to relax.
        """
        found = self.profile(prompt, **profile)
        check_request(self.project, needs=needs)
        if needs:
            found = dataclasses.replace(found, needs=tuple(sorted({*found.needs, *needs})))
        return self._parts.decide(found)

    def placeholders(self, prompt: str, decision: Decision) -> Planned:
        """What of this prompt would get placeholders, and before whom, under this decision."""
        from orchestrator.guard.redacting.plan import planned

        return planned(prompt, decision, self._parts.detectors.find)

    def explain_policy(self, wanted: Mapping[str, Any] = {}) -> Explained:
        """What the policy does with requests for which what is `wanted` holds; see `explain`."""
        from orchestrator.routing.explaining import explain_project

        return explain_project(self.project, self.fleet(), wanted)

    async def run(
        self,
        graph: str | None = None,
        *,
        options: RunOptions = RunOptions(),
        on_event: Callable[[RunEvent], None] | None = None,
        on_question: AskPerson | None = None,
        thread: str | None = None,
        resume: str | None = None,
        answer: str | HumanAnswer | None = None,
        accept_changes: bool = False,
        **inputs: Any,
    ) -> Answer:
        """Run a declared graph to its end.

        Args:
            graph: its name; `default_graph` of mesh.yaml where absent.
            options: data class, risk, tags, constraints, budget, deadline, priority and caller (a
                `Caller` of `orchestrator.types`) of this run.
            on_event: called as each step begins (`HopStarted`) and with each `Hop` when it ends.
            on_question: asked where the graph asks a person; returns the answer. Without it the
                run stops there and raises `WaitingError`.
            thread: the name of a conversation, of which this run is the next turn.
            resume: the id (or its beginning) of a run that was cut off; its graph, inputs and
                options come from the journal, and no recorded hop runs again.
            answer: with `resume`: what a person answers to the question that the run waits at.
            accept_changes: with `resume`: go on although the project was edited since.
            **inputs: the graph's declared inputs.

        Raises:
            UserError: an unknown graph, a wrong input, an unreadable source.
            ChangedProjectError: the project was edited since the run to resume began.
            WaitingError: the graph asks a person, and there is no `on_question`.
            CancelledRunError: somebody has cancelled the run.
            RunError: the run failed; its trace and journal are kept.
        """
        # The first look at the fleet asks the servers of this machine, which takes a moment.
        await asyncio.to_thread(self._parts.begin)
        from orchestrator.graph.active import Caller
        from orchestrator.graph.asking import HumanAnswer

        caller = Caller(
            on_event=on_event,
            on_question=on_question,
            answer=HumanAnswer(text=answer) if isinstance(answer, str) else answer,
            accept_changes=accept_changes,
        )
        if resume is not None:
            return await self._parts.runs.resume(resume, caller)
        name = graph or self.project.settings.default_graph
        return await self._parts.runs.run(name, inputs, options, caller, thread)

    async def plan(
        self, graph: str | None = None, *, options: RunOptions = RunOptions(), **inputs: Any
    ) -> GraphPlan:
        """What a run is expected to cost and to take, node by node and in all. Calls nobody.

        What recorded runs of the graph tell of lengths, rounds and failures counts, and what the
        project declares where they tell nothing. The same project, records and inputs give the
        same plan.

        Args:
            graph: its name; `default_graph` of mesh.yaml where absent.
            options: as for `run`.
            **inputs: the graph's declared inputs, as for `run`.

        Raises:
            UserError: an unknown graph, a wrong input.
        """
        await asyncio.to_thread(self._parts.fleet)  # asks the servers of this machine
        return await self._parts.plan(graph, inputs, options)

    def portfolio(
        self,
        traffic: Traffic,
        *,
        max_models: int = 4,
        floor: float | None = None,
        all_models: bool = False,
        progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
    ) -> Portfolio:
        """The best subsets of the fleet's models for traffic on record. Calls nobody.

        Args:
            traffic: of `replay.traffic.read_traffic`.
            max_models: at most; code is in every subset.
            floor: the quality floor of every call, from 0 to 1; the objective's where absent.
            all_models: also those that cannot be called now.
            progress: told what is done, how much of it, and of how many.
        """
        from orchestrator.replay.portfolio import portfolio

        return portfolio(
            traffic,
            self.fleet(),
            self.project.policy,
            self._parts.predictor.predict,
            most=max_models,
            floor=floor,
            all_of_it=all_models,
            progress=progress,
        )

    def audit_traffic(
        self,
        source: Traffic | Path,
        *,
        floor: float | None = None,
        progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
    ) -> Audit:
        """What kinds of requests there are, and which of them need a frontier model. Calls nobody.

        Args:
            source: traffic on record, or an OpenAI-shaped log: a JSON object a line.
            floor: the quality that is good enough, from 0 to 1; the objective's where absent.
            progress: told what is done, how much of it, and of how many (0: nobody knows).

        Raises:
            UserError: the log cannot be read, or holds no request.
        """
        from orchestrator.replay.audit import audit, recorded_requests

        problems: tuple[str, ...] = ()
        if isinstance(source, Path):
            from orchestrator.replay.audit_log import logged_requests

            found, problems = logged_requests(
                source, self._parts.profiler, self.project.policy, self.fleet(), progress
            )
        else:
            found = recorded_requests(source.hops)
        return audit(
            found,
            self.fleet(),
            self.project.policy,
            self._parts.predictor.predict,
            floor=floor,
            problems=problems,
            progress=lambda done, of: progress("requests", done, of),
        )

    async def cancel(self, run: str, wait_s: float = 10.0) -> bool:
        """Stop a run, of this process or of another one. It can be resumed.

        Upstream calls are stopped, and what they have used is settled.

        Args:
            run: its id or the beginning of it.
            wait_s: how long to wait for its end, in seconds.

        Returns:
            Whether it has stopped within that time.

        Raises:
            UserError: no such run, or it does not go on.
        """
        return await self._parts.runs.cancel(run, wait_s)

    async def replay(self, trace: str) -> Replayed:
        """Go through a recorded request again, answered from its record: nobody is called, and
        nothing is spent or written.

        Args:
            trace: its id or the beginning of it.

        Returns:
            What came of it, and all that is not as it was: `found.same`, `found.differences`.

        Raises:
            UserError: no such trace.
            RunError: what a replay needs is not on record; says why.
        """
        return await self._parts.replayer.replay(trace)

    async def rerun(
        self, trace: str, change: Change, *, on_event: Callable[[RunEvent], None] | None = None
    ) -> Rerun:
        """Carry a recorded request out again from one of its steps on, with live models.

        It is a trace of its own, under policy, budgets and limits as they are now; what stands
        before the step comes from the record.

        Args:
            trace: its id or the beginning of it.
            change: the step, and what is to be other there.

        Raises:
            UserError: no such trace, step, model or input.
            RunError: what is needed is not on record; says why.
        """
        await asyncio.to_thread(self._parts.begin)
        from orchestrator.replay.rerun import rerun

        return await rerun(self._parts.replayer, trace, change, on_event)

    def run_sync(self, graph: str | None = None, **arguments: Any) -> Answer:
        """`run` for code without an event loop; closes the mesh afterwards."""

        async def whole() -> Answer:
            async with self:
                return await self.run(graph, **arguments)

        return asyncio.run(whole())

    def evaluation(
        self,
        suite: str,
        *,
        cases: Sequence[str] = (),
        tags: Sequence[str] = (),
        repetitions: int | None = None,
        jobs: int | None = None,
        on_sample: Callable[[Sample], None] | None = None,
    ) -> Evaluation:
        """A suite of `evals/`, ready: `await mesh.evaluation("remote-work").run()`.

        Args:
            suite: its name.
            cases: shell patterns for the names of cases; all where empty.
            tags: only cases that have one of them; all where empty.
            repetitions: how often each case is run; the suite's own where absent.
            jobs: how many runs go on at the same time.
            on_sample: called with each run as it is judged.

        Raises:
            UserError: no such suite, case or tag.
        """
        from orchestrator.evaluation.circumstances import circumstances
        from orchestrator.evaluation.run import JOBS, Evaluation, choose_cases, find_suite

        found = find_suite(self.project, suite)
        return Evaluation(
            project=self.project,
            suite=found,
            cases=choose_cases(found, cases, tags),
            runner=self.run,
            checks=self._parts.loaded.registry.items("check"),
            circumstances=circumstances(self.project, self.fleet().hash, jobs or JOBS),
            repetitions=repetitions or found.repetitions,
            on_sample=on_sample,
        )

    def check(self) -> tuple[Problem, ...]:
        """What cannot work, or most likely is not meant, in graphs, policy and fleet together.

        Calls nobody, and takes every declared deployment as available. What is wrong in a single
        file was raised when the project was loaded.
        """
        from orchestrator.graph.check import check_project

        return check_project(self._parts.loaded, self._parts.env)

    def graph(self, name: str, checkpointer: Any = None) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The graph as an ordinary LangGraph graph, to run or to embed in another.

        Its input is the declared inputs; its output is `{"output": value}` as plain JSON.
        """
        compiled: CompiledStateGraph[Any, Any, Any, Any] = self._parts.runs.compiled(
            name, checkpointer
        )
        return compiled

    def draw(self, graph: str, format: DrawingFormat = "mermaid", *, plain: bool = False) -> str:
        """The graph as a picture; its arrows are those that a run can take.

        On each node stand the models that may serve it now, as for a request about which nothing
        else is known, and the rules that bind it.

        Args:
            graph: its name.
            format: `mermaid`, `svg` (one file that refers to nothing outside), or `json`.
            plain: without models and routes; looks at no fleet.

        Raises:
            UnknownNameError: no such graph.
        """
        from orchestrator.errors import UnknownNameError
        from orchestrator.graph.draw import picture

        graphs = self.project.graphs
        if graph not in graphs:
            raise UnknownNameError("graph", graph, tuple(graphs))
        services = None if plain else self._parts.graph_services(graphs[graph])
        return picture(graphs[graph], services).drawn(format)

    def chat_model(
        self,
        task: str | None = None,
        *,
        agent: str | None = None,
        data_class: str | None = None,
        risk: Risk | None = None,
        tags: Sequence[str] = (),
        constraints: Constraints = Constraints(),
        caller: Caller = Caller(),
        **settings: Unpack[ChatSettings],
    ) -> ChatMesh:
        """A langchain-core chat model that is routed anew for every call, with or without a loop.

        Every call is on the trace, and its message says in `response_metadata["mesh"]` who
        answered, why, and what it cost.

        Args:
            task: what its calls are for; that of `agent`, or else `chat`.
            agent: a declared agent whose needs and settings count; its prompt is not used.
            data_class: of everything that is sent; the policy's default where absent.
            tags: for routes of the policy that match them.
            caller: on whose behalf (a `Caller` of `orchestrator.types`); inside of a run, for what
                the run does not say.
            **settings: temperature, max_tokens, reasoning_effort, seed, stop, timeout (seconds),
                priority, and `model`, which allows only this one.

        Raises:
            UnknownNameError: a word that nothing in the project knows.
        """
        from orchestrator.chat.model import make_chat_model

        asked = {"task": task, "agent": agent, "data_class": data_class, "risk": risk}
        limits = {"profile_tags": tuple(tags), "constraints": constraints, "caller": caller}
        return make_chat_model(self._parts.chat_calls, {**asked, **limits}, settings)

    def costs(
        self, by: Sequence[str] = ("model",), *, since: float = 0.0, until: float | None = None
    ) -> CostReport:
        """What was spent: sums over every attempt on the ledger, failed ones included.

        ```python
        from orchestrator import Mesh

        mesh = Mesh.load(".")
        report = mesh.costs(by=("feature", "user"))
        for (feature, user), costs in report.rows:
            print(feature, user, costs.attempts, costs.cost_usd)  # None: unknown
        ```

        Args:
            by: feature, user, user_tier, workspace, key, model, deployment, tag, outcome, kind,
                day, hour.
            since: seconds since the epoch.
            until: the same, itself excluded; now where absent.

        Raises:
            UnknownNameError: nothing of that name can be told apart.
        """
        return self._parts.costs(by, since, until)

    def gc(
        self,
        *,
        dry_run: bool = False,
        older_than_days: float | None = None,
        max_mb: int | None = None,
        unfinished: bool = False,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Report:
        """Remove what is old from the storage folder, and give its space back.

        By `storage.keep_days` and `storage.max_mb` of mesh.yaml. Runs that can be resumed stay, and
        so does money that a budget counts. Other processes may go on meanwhile.

        Args:
            dry_run: only count.
            older_than_days: one age for everything, in the place of `keep_days`.
            max_mb: in the place of the declared one.
            unfinished: give up old runs that have not ended, too; not those that go on.
            progress: told the name of each store when its turn comes.

        Raises:
            UserError: another process cleans up the same folder.
            StorageError: the folder cannot be read or written.
        """
        from orchestrator.cleaning import clean

        return clean(
            self._parts,
            dry_run=dry_run,
            older_than_days=older_than_days,
            max_mb=max_mb,
            unfinished=unfinished,
            progress=progress,
        )

    async def close(self) -> None:
        """Close what was opened: runs, connections, local models, and the trace store."""
        await self._parts.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
