"""The `Mesh`: the only place where the parts are put together.

async with Mesh.load(".") as mesh:
    answer = await mesh.run("cross-validated", question="…", sources=["docs/"])
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from orchestrator.calling.clock import SystemClock
from orchestrator.graph.answer import Answer, RunOptions
from orchestrator.project.load import LoadedProject, load_project
from orchestrator.project.protocols import Clock, Embedder
from orchestrator.project.schema import Project
from orchestrator.project.vocabulary import check_request
from orchestrator.types import (
    Constraints,
    Context,
    Decision,
    Deployment,
    FleetSnapshot,
    Hop,
    Risk,
    TaskProfile,
)

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from orchestrator.calling.ledger import SqliteLedger
    from orchestrator.calling.transports import Transports
    from orchestrator.graph.runs import Runs
    from orchestrator.routing.profile import Profiler
    from orchestrator.tracing.store import TraceStore

__all__ = ["Answer", "Mesh", "RunOptions"]

_SNAPSHOT_SECONDS = 1.0


class Mesh:
    """A loaded project, ready to decide and to run. Close it, or use it as a context."""

    def __init__(
        self, loaded: LoadedProject, *, env: Mapping[str, str], clock: Clock | None = None
    ) -> None:
        self._loaded = loaded
        self._env = env
        self._clock = clock or SystemClock()
        self._snapshot: tuple[float, FleetSnapshot] | None = None

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

    @property
    def project(self) -> Project:
        return self._loaded.project

    @cached_property
    def storage(self) -> Path:
        """The folder of traces, journal, checkpoints and vectors."""
        path = Path(self.project.settings.storage.path).expanduser()
        return path if path.is_absolute() else Path(self.project.root) / path

    @cached_property
    def store(self) -> TraceStore:
        """The traces that this project has recorded."""
        from orchestrator.tracing.store import TraceStore

        return TraceStore(self.storage / "traces.sqlite")

    @cached_property
    def embedder(self) -> Embedder:
        from orchestrator.embedding.load import load_embedder

        return load_embedder(self.project.settings.embedder)

    @cached_property
    def _profiler(self) -> Profiler:
        from orchestrator.routing.profile import Profiler

        return Profiler(self.embedder)

    @cached_property
    def _transports(self) -> Transports:
        from orchestrator.calling.transports import Transports

        return Transports(self._loaded.registry, self._env, self._clock)

    @cached_property
    def _ledger(self) -> SqliteLedger:
        from orchestrator.calling.ledger import SqliteLedger

        return SqliteLedger(
            self.storage / "ledger.sqlite", self.project.policy.budgets, clock=self._clock
        )

    @cached_property
    def _runs(self) -> Runs:
        from orchestrator.evidence.library import Library
        from orchestrator.graph.journal import JournalStore
        from orchestrator.graph.runs import Runs
        from orchestrator.roles.hop import Services
        from orchestrator.routing.predict import PriorPredictor

        services = Services(
            project=self.project,
            fleet=self.fleet,
            profiler=self._profiler,
            predictor=PriorPredictor(),
            transports=self._transports,
            ledger=self._ledger,
            recorder=self.store,
            clock=self._clock,
            embedder=self.embedder,
        )
        return Runs(
            services=services,
            registry=self._loaded.registry,
            journals=JournalStore(self.storage),
            library=Library(self.storage / "vectors", self.embedder),
            store=self.store,
            checkpoints=self.storage / "checkpoints.sqlite",
        )

    def fleet(self) -> FleetSnapshot:
        """The fleet as it is now; looked at anew at most once a second."""
        now = self._clock.monotonic()
        if self._snapshot is None or now - self._snapshot[0] > _SNAPSHOT_SECONDS:
            from orchestrator.fleet.snapshot import snapshot

            self._snapshot = (now, snapshot(self._deployments, self._env))
        return self._snapshot[1]

    @cached_property
    def _deployments(self) -> tuple[Deployment, ...]:
        from orchestrator.fleet.build import build_fleet

        return build_fleet(self.project.fleet, self._env)

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
        return self._profiler.profile(
            prompt,
            task=task,
            data_class=data_class or self.project.policy.default_data_class,
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
        from orchestrator.routing.decide import decide
        from orchestrator.routing.predict import PriorPredictor

        found = self.profile(prompt, **profile)
        check_request(self.project, needs=needs)
        if needs:
            found = dataclasses.replace(found, needs=tuple(sorted({*found.needs, *needs})))
        fleet, predictor = self.fleet(), PriorPredictor()
        context = Context(
            estimates=predictor.predict(found, fleet.deployments), predictor=predictor.version
        )
        return decide(found, fleet, self.project.policy, context)

    async def run(
        self,
        graph: str | None = None,
        *,
        options: RunOptions = RunOptions(),
        on_hop: Callable[[Hop], None] | None = None,
        resume: str | None = None,
        **inputs: Any,
    ) -> Answer:
        """Run a declared graph to its end.

        Args:
            graph: its name; `default_graph` of mesh.yaml where absent.
            options: data class, risk, tags, constraints, budget and deadline of this run.
            on_hop: called with each hop as it is recorded.
            resume: the id (or its beginning) of a run that was cut off; its graph, inputs and
                options come from the journal, and no recorded hop runs again.
            **inputs: the graph's declared inputs.

        Raises:
            UserError: an unknown graph, a wrong input, an unreadable source.
            RunError: the run failed; its trace and journal are kept.
        """
        # The first look at the fleet asks the servers of this machine, which takes a moment.
        await asyncio.to_thread(self.fleet)
        if resume is not None:
            return await self._runs.resume(resume, on_hop)
        name = graph or self.project.settings.default_graph
        return await self._runs.run(name, inputs, options, on_hop)

    def run_sync(self, graph: str | None = None, **arguments: Any) -> Answer:
        """`run` for code without an event loop; closes the mesh afterwards."""

        async def whole() -> Answer:
            async with self:
                return await self.run(graph, **arguments)

        return asyncio.run(whole())

    def graph(self, name: str, checkpointer: Any = None) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The graph as an ordinary LangGraph graph, to run or to embed in another.

        Its input is the declared inputs; its output is `{"output": value}` as plain JSON.
        """
        compiled: CompiledStateGraph[Any, Any, Any, Any] = self._runs.compiled(name, checkpointer)
        return compiled

    def mermaid(self, graph: str) -> str:
        """The graph as a Mermaid flowchart."""
        from orchestrator.errors import UnknownNameError
        from orchestrator.graph.draw import mermaid

        graphs = self.project.graphs
        if graph not in graphs:
            raise UnknownNameError("graph", graph, tuple(graphs))
        return mermaid(graphs[graph])

    async def close(self) -> None:
        """Close what was opened: runs, connections, local models, and the trace store."""
        opened = self.__dict__
        if "_runs" in opened:
            await self._runs.close()
            self._runs.journals.close()
        if "_transports" in opened:
            await self._transports.close()
        if "_ledger" in opened:
            await self._ledger.close()
        if "store" in opened:
            self.store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
