"""The parts of a `Mesh`, each made when it is first asked for. Nothing else puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import StorageError
from orchestrator.project.load import LoadedProject
from orchestrator.project.protocols import (
    Allotments,
    Clock,
    Embedder,
    Predictor,
    Recorder,
    SharedCounters,
)
from orchestrator.project.schema import Agent, Graph, Project
from orchestrator.types import (
    Constraints,
    Context,
    Decision,
    Deployment,
    FleetSnapshot,
    TaskProfile,
)

if TYPE_CHECKING:
    from orchestrator.caching.cache import AnswerCache
    from orchestrator.calling.health.breaker import Breakers, Change
    from orchestrator.calling.health.conditions import Condition
    from orchestrator.calling.health.incidents import Incidents
    from orchestrator.calling.health.live import Live
    from orchestrator.calling.health.store import HealthMemory, HealthStore
    from orchestrator.calling.health.webhook import Webhook
    from orchestrator.calling.ledger import SqliteLedger
    from orchestrator.calling.spending.allowance import AllowanceLedger
    from orchestrator.calling.spending.report import CostReport
    from orchestrator.calling.traffic.affinity import Affinity
    from orchestrator.calling.traffic.control import TrafficControl
    from orchestrator.calling.traffic.rates import CallerRates
    from orchestrator.calling.transports import Transports
    from orchestrator.chat.calls import ChatCalls
    from orchestrator.evidence.scoring.model import SupportModel
    from orchestrator.evidence.sources.library import Library
    from orchestrator.fleet.drain import Drains
    from orchestrator.graph.answer import RunOptions
    from orchestrator.graph.approving import Approvals
    from orchestrator.graph.draw import Service
    from orchestrator.graph.journal import JournalStore
    from orchestrator.graph.runs import Runs
    from orchestrator.guard.auditing.trail import AuditTrail
    from orchestrator.guard.detecting.detect import Detectors
    from orchestrator.guard.review import Reviews
    from orchestrator.learning.agreement import Agreements
    from orchestrator.learning.store import LearnedStates
    from orchestrator.project.policy_schema import Match
    from orchestrator.replay.planning.values import GraphPlan
    from orchestrator.replay.replayer import Replayer
    from orchestrator.roles.services import Services
    from orchestrator.routing.memo import Decider
    from orchestrator.routing.profile import Profiler
    from orchestrator.sharing.client import Shared
    from orchestrator.sharing.pools import Pools
    from orchestrator.storage.operations import Operations
    from orchestrator.tooling.toolset import Toolset
    from orchestrator.tracing.store import TraceStore

_SNAPSHOT_SECONDS = 1.0
_LIVES_ON = (
    "store",
    "audit",
    "operations",
    "drains",
    "shared",
    "pools",
    "health_store",
    "health_memory",
    "live",
    "incidents",
    "breakers",
    "traffic",
    "caller_rates",
    "affinity",
    "predictor",
)
"""What a process has learned and counted, which a reload must not reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """What a service brings along; a program of one's own needs nothing of it."""

    served: bool = False
    """Many calls a second in one process: nothing may wait for a disk."""
    recorder: Recorder | None = None
    """Takes the traces; the project's own store where absent."""
    allotments: Allotments | None = None
    """Budgets and limits of single callers, besides those of the policy."""
    embedder: Embedder | None = None
    """The one that mesh.yaml names, loaded before the process was forked."""
    workers: int = 1
    """Processes of this service on this machine, which keep every limit together."""


class Parts:
    """Everything that a loaded project needs to decide and to run."""

    def __init__(
        self,
        loaded: LoadedProject,
        env: Mapping[str, str],
        clock: Clock,
        injected: Injected = Injected(),
    ) -> None:
        self.loaded = loaded
        self.env = env
        self.clock = clock
        self.injected = injected
        self._snapshot: tuple[float, FleetSnapshot] | None = None
        self._by_id: Mapping[str, Deployment] = {}
        self._kept_policy = False
        self._lent: frozenset[str] = frozenset()
        """What belongs to the successor now, and is not closed here."""

    def successor(self, loaded: LoadedProject) -> Parts:
        """The parts of the project as it is now, with all that was learned and counted so far.

        Calls that go on with the parts as they were share breakers, limits and windows with those
        of the successor. Close both; each closes what is its own.
        """
        made = Parts(loaded, self.env, self.clock, self.injected)
        known = dict.fromkeys(_LIVES_ON)
        if loaded.project.settings.embedder == self.project.settings.embedder:
            known["embedder"] = None  # its weights are large
        deployments = made.deployments  # what can fail, before anything is moved
        if "embedder" not in known:
            made.embedder  # noqa: B018
        if made.learned != self.learned or "embedder" not in known:
            del known["predictor"]
            made.predictor  # noqa: B018
        handed = {name: part for name in known if (part := self.__dict__.get(name)) is not None}
        made.__dict__.update(handed)
        self._lent = frozenset(handed)
        calls, by_id = loaded.project.settings.calls, {d.id: d for d in deployments}
        if "breakers" in handed:
            made.breakers.reconfigure(calls.breaker, made._accounts())
        if "incidents" in handed:
            made.incidents.reconfigure(by_id, made._webhook())
        if "traffic" in handed:
            made.traffic.reconfigure(by_id, queue=calls.queue, hedge_share=calls.hedge_share)
        if "caller_rates" in handed:
            made.caller_rates.reconfigure(loaded.project.policy.limits)
        return made

    @property
    def project(self) -> Project:
        return self.loaded.project

    @cached_property
    def storage(self) -> Path:
        """The folder of traces, journal and vectors."""
        path = Path(self.project.settings.storage.path).expanduser()
        return path if path.is_absolute() else Path(self.project.root) / path

    @cached_property
    def store(self) -> TraceStore:
        """The traces that this project has recorded."""
        from orchestrator.tracing.export import endpoint_of
        from orchestrator.tracing.store import TraceStore

        settings = self.project.settings
        store = TraceStore(
            self.storage / "traces.sqlite",
            database=settings.storage.database,
            exported=endpoint_of(settings.telemetry, self.env) is not None,
        )
        store.masks(self.detectors.find)
        store.audits(self.audit.write)
        return store

    @cached_property
    def audit(self) -> AuditTrail:
        """The record that an auditor asks for."""
        from orchestrator.guard.auditing.trail import AuditTrail
        from orchestrator.tracing.redact import Mask

        find, declared = self.detectors.find, self.project.settings
        return AuditTrail(
            self.storage,
            root=Path(self.project.root),
            project=declared.shared.name or Path(self.project.root).resolve().name,
            now=self.clock.now,
            anchor=declared.audit.anchor,
            env=self.env,
            clean=lambda text: Mask(find).personal(text),
            describe=self._described,
        )

    def _described(self, subject: str, before: str, after: str) -> Mapping[str, Any]:
        """Who changed a policy or a fleet, as far as it is on record, and what of it."""
        from orchestrator.storage.changes import described

        return described(self.operations, subject, before, after)

    @cached_property
    def reviews(self) -> Reviews:
        """Texts that a filter has rejected and a person shall look at."""
        from orchestrator.guard.review import Reviews

        return Reviews(self.storage, self.audit)

    @cached_property
    def operations(self) -> Operations:
        """What people did to this project: drained deployments, reloads, policies."""
        from orchestrator.storage.operations import Operations

        return Operations(self.storage)

    @cached_property
    def drains(self) -> Drains:
        from orchestrator.fleet.drain import Drains

        return Drains(self.operations, self.clock)

    @cached_property
    def embedder(self) -> Embedder:
        from orchestrator.embedding.load import load_embedder

        known = self.injected.embedder
        if known is not None and known.name.startswith(self.project.settings.embedder):
            return known
        return load_embedder(self.project.settings.embedder, self.env)

    @cached_property
    def support_model(self) -> SupportModel:
        from orchestrator.evidence.project_model import project_model

        return project_model(self.project)

    @cached_property
    def profiler(self) -> Profiler:
        from orchestrator.routing.profile import Profiler

        reads, policy = self._reads(), self.project.policy
        looked: dict[str, Any] = {
            "detectors": self.detectors,
            "default_data_class": policy.default_data_class,
        }
        # A person who asks for a profile sees all of it; a service reads what its policy asks for.
        if not self.injected.served:
            return Profiler(self.embedder, reads=reads, **looked)
        matches = [route.match for route in self.project.policy.routes]
        # A caller of an API says what form it wants, in words that are no guess.
        unread = {"language", "complexity", "output"}
        unread |= {name for name in ("domain", "risk") if all(_unset(m, name) for m in matches)}
        return Profiler(self.embedder, unread=frozenset(unread), reads=reads, **looked)

    def _reads(self) -> Callable[[str], Sequence[float]] | None:
        """What reads texts for the predictor, where it has learned from texts."""
        from orchestrator.learning.predictor import LearnedPredictor

        predictor = self.predictor
        if not isinstance(predictor, LearnedPredictor) or predictor.text is None:
            return None
        from orchestrator.learning.reading import Reader

        return Reader(self.embedder).read_one

    @cached_property
    def decider(self) -> Decider:
        from orchestrator.routing.memo import Decider

        return Decider(self.project.policy)

    @cached_property
    def predictor(self) -> Predictor:
        from orchestrator.routing.predict import PriorPredictor

        if self.learned is None:
            return PriorPredictor()
        from orchestrator.learning.reading import Reader

        return self.states.load(self.learned, Reader(self.embedder).name)

    @cached_property
    def states(self) -> LearnedStates:
        """What was learned of models in this project."""
        from orchestrator.learning.store import FOLDER, LearnedStates

        return LearnedStates(self.storage / FOLDER)

    @cached_property
    def agreements(self) -> Agreements:
        """How answers agree, as learned in this project."""
        from orchestrator.learning.agreement import kept

        return kept(self.states.folder)

    @cached_property
    def learned(self) -> str | None:
        """The version of the learned state that was to be used when it was first asked for."""
        return self.states.used

    @cached_property
    def transports(self) -> Transports:
        from orchestrator.calling.transports import Transports

        return Transports(self.loaded.registry, self.env, self.clock)

    @cached_property
    def ledger(self) -> SqliteLedger | AllowanceLedger:
        """Exact to the micro-dollar, whoever shares it; where it may wait for no disk, or is shared
        over machines, it spends from allowances."""
        path, budgets = self.storage / "ledger.sqlite", self.project.policy.budgets
        allotments, url = self.injected.allotments, self.project.settings.shared.url
        if not self.injected.served and url is None:
            from orchestrator.calling.ledger import SqliteLedger

            return SqliteLedger(path, budgets, self.clock, allotments=allotments)
        from orchestrator.calling.spending.allowance import AllowanceLedger
        from orchestrator.calling.spending.shared_treasury import SharedTreasury

        client = self._shared_client()  # of its own: the treasury lives in a thread of its own
        treasury = None if client is None else SharedTreasury(client, path)
        return AllowanceLedger(path, budgets, self.clock, treasury=treasury, allotments=allotments)

    @cached_property
    def shared(self) -> Shared | None:
        """The server that copies of this project share; `None`: the files have to do."""
        return self._shared_client()

    def _shared_client(self) -> Shared | None:
        from orchestrator.sharing.client import Shared

        declared = self.project.settings.shared
        if declared.url is None:
            return None
        folder = Path(self.project.root).resolve().name
        return Shared(declared.url, project=declared.name or folder)

    @cached_property
    def pools(self) -> Pools | None:
        """The limits that this process shares with others; `None`: it counts alone."""
        from orchestrator.calling.traffic.file_counters import FileCounters
        from orchestrator.sharing.counters import SharedServerCounters
        from orchestrator.sharing.pools import Pools

        shared, workers = self.shared, self.injected.workers
        if shared is None and workers == 1:
            return None
        counters: SharedCounters
        if shared is None:
            counters = FileCounters(self.storage / "limits.sqlite")
        else:
            counters = SharedServerCounters(shared)
        when_gone = self.project.settings.shared.when_gone
        pools = Pools(counters, self.clock, when_gone=when_gone, copies=workers)
        if shared is not None:
            shared.on_change(lambda back: pools.returned() if back else None)
        return pools

    @cached_property
    def health_memory(self) -> HealthMemory:
        """What breakers and live numbers learn from other processes, and tell them."""
        from orchestrator.calling.health.shared import SharedHealth

        shared = self.shared
        return self.health_store if shared is None else SharedHealth(self.health_store, shared)

    @cached_property
    def health_store(self) -> HealthStore:
        """Breakers, live numbers and incidents, as the processes of this project share them."""
        from orchestrator.calling.health.store import HealthStore

        return HealthStore(self.storage / "health.sqlite")

    @cached_property
    def live(self) -> Live:
        from orchestrator.calling.health.live import Live

        return Live(self.clock, self.health_memory)

    @cached_property
    def incidents(self) -> Incidents:
        from orchestrator.calling.health.incidents import Incidents

        by_id = {d.id: d for d in self.deployments}
        return Incidents(self.clock, by_id, self.health_store, self._webhook())

    def _webhook(self) -> Webhook | None:
        from orchestrator.calling.health.webhook import Webhook

        url = self.project.settings.calls.incidents.webhook
        return Webhook(url) if url else None

    @cached_property
    def breakers(self) -> Breakers:
        from orchestrator.calling.health.breaker import Breakers, Recovered

        live, incidents = self.live, self.incidents  # not these parts, which a reload replaces

        def tell(change: Change) -> None:
            if isinstance(change.effect, Recovered):
                live.recovered(change.deployment)
            incidents.changed(change)

        return Breakers(
            self.project.settings.calls.breaker,
            self.clock,
            self.health_memory,
            accounts=self._accounts(),
            tell=tell,
        )

    def _accounts(self) -> dict[str, str]:
        from orchestrator.calling.health.breaker import account_mark

        return {d.id: account_mark(self.env.get(d.key or "", "")) for d in self.deployments}

    @cached_property
    def traffic(self) -> TrafficControl:
        from orchestrator.calling.health.probes import Probes
        from orchestrator.calling.traffic.control import TrafficControl
        from orchestrator.calling.traffic.places import Places
        from orchestrator.calling.traffic.rates import Rates

        calls, pools = self.project.settings.calls, self.pools
        rates = Rates(self.clock, pools)
        return TrafficControl(
            breakers=self.breakers,
            live=self.live,
            incidents=self.incidents,
            places=Places(self.clock, rates, longest=calls.queue, pools=pools),
            hedge_share=calls.hedge_share,
            probes=None if pools is None else Probes(pools, self.clock),
        )

    @cached_property
    def caller_rates(self) -> CallerRates:
        from orchestrator.calling.traffic.rates import CallerRates

        return CallerRates(
            self.project.policy.limits,
            self.clock,
            allotments=self.injected.allotments,
            pools=self.pools,
        )

    @cached_property
    def affinity(self) -> Affinity:
        from orchestrator.calling.traffic.affinity import Affinity

        return Affinity(self.clock)

    @cached_property
    def services(self) -> Services:
        from orchestrator.roles.services import Services

        if self.project.support:
            self.support_model  # noqa: B018 - a broken file is told before anything runs
        return Services(
            project=self.project,
            fleet=self.fleet,
            deployments=self.deployments_now,
            profiler=self.profiler,
            predictor=self.predictor,
            decider=self.decider,
            transports=self.transports,
            ledger=self.ledger,
            traffic=self.traffic,
            caller_rates=self.caller_rates,
            affinity=self.affinity,
            recorder=self._recorder(),
            clock=self.clock,
            embedder=self.embedder,
            support_model=lambda: self.support_model,
            answers=lambda: self.answers,
            checks=self.loaded.registry.items("check"),
            agreement=self.agreements.of,
            reviews=self.reviews,
            tools=lambda: self.tools,
            detectors=self.detectors,
            audit=self.audit,
        )

    def _recorder(self) -> Recorder:
        """Where hops go; what this policy has looked for is masked from now on."""
        from orchestrator.tracing.spooled import SpoolRecorder

        recorder = self.injected.recorder or self.store
        if isinstance(recorder, SpoolRecorder):
            recorder.masks(self.detectors.find)
        self.store.masks(self.detectors.find)
        return recorder

    @cached_property
    def detectors(self) -> Detectors:
        """What the policy has looked for in texts."""
        from orchestrator.guard.detecting.detect import Detectors

        policy = self.project.policy
        return Detectors(policy.detect, policy.data_classes)

    @cached_property
    def tools(self) -> Toolset:
        """The tools that this project may call."""
        from orchestrator.tooling.toolset import open_toolset

        pools, folder = self.pools, self.storage
        return open_toolset(self.loaded, env=self.env, clock=self.clock, pools=pools, folder=folder)

    @cached_property
    def answers(self) -> AnswerCache:
        """What routes with a `cache` have kept."""
        from orchestrator.caching.cache import AnswerCache
        from orchestrator.caching.store import AnswerStore
        from orchestrator.calling.agreement import vote

        store = AnswerStore(self.storage / "cache.sqlite")
        return AnswerCache(store, lambda: self.embedder, self.clock.now, vote)

    @cached_property
    def chat_calls(self) -> ChatCalls:
        from orchestrator.calling.transports import Transports
        from orchestrator.chat.calls import ChatCalls

        own = Transports(self.loaded.registry, self.env, self.clock)
        return ChatCalls(self.services, own)

    @cached_property
    def library(self) -> Library:
        """The documents that runs look into."""
        from orchestrator.evidence.sources.library import Library

        return Library(self.storage / "vectors", self.embedder, self.clock.now)

    @cached_property
    def runs(self) -> Runs:
        from orchestrator.graph.opening import Opening
        from orchestrator.graph.runs import Runs

        opening = Opening(
            services=self.services,
            registry=self.loaded.registry,
            journals=self.journals,
            library=self.library,
            store=self.store,
            approvals=lambda: self.approvals,
        )
        return Runs(opening=opening)

    @cached_property
    def approvals(self) -> Approvals:
        """Calls of tools that wait for a person."""
        from orchestrator.graph.approving import Approval, Approvals
        from orchestrator.graph.telling import told

        def tell(approval: Approval) -> None:
            if self.approval_hook is not None:
                self.approval_hook.send(told(approval))

        declared = self.project.settings.approvals
        return Approvals(
            store=self.journals,
            clock=self.clock,
            audit=self.audit,
            hours=declared.hours,
            tell=tell,
            secret=self.env.get(declared.secret or "", ""),
        )

    @cached_property
    def approval_hook(self) -> Webhook | None:
        """Is told of calls that wait."""
        from orchestrator.calling.health.webhook import Webhook
        from orchestrator.graph.telling import signer

        declared = self.project.settings.approvals
        if declared.webhook is None:
            return None
        return Webhook(declared.webhook, headers=signer(declared, self.env, self.clock))

    @cached_property
    def replayer(self) -> Replayer:
        """Goes through recorded requests again."""
        from orchestrator.replay.redecide import Policies
        from orchestrator.replay.replayer import Replayer

        def journals() -> JournalStore | None:
            there = (self.storage / "journal.sqlite").exists()
            return self.journals if there else None

        return Replayer(
            services=self.services,
            registry=self.loaded.registry,
            store=self.store,
            journals=journals,
            policies=Policies(self.loaded, self.operations, self.env),
            library=lambda: self.library,
        )

    @cached_property
    def journals(self) -> JournalStore:
        """The runs that can be looked at, resumed or cancelled."""
        from orchestrator.graph.journal import JournalStore

        return JournalStore(self.storage)

    def begin(self) -> None:
        """What a run waits for, which may block: the first look at the fleet, and once the text of
        the policy, kept so that one can go back to it."""
        self.fleet()
        if not self._kept_policy:
            from orchestrator.storage.operations import keep_policy

            self._kept_policy = True
            with suppress(StorageError):  # a run goes on; `mesh policy` lacks this one
                keep_policy(self.operations, self.loaded)

    def fleet(self) -> FleetSnapshot:
        """The fleet as it is now; looked at anew at most once a second."""
        now = self.clock.monotonic()
        if self._snapshot is None or now - self._snapshot[0] > _SNAPSHOT_SECONDS:
            from orchestrator.fleet.snapshot import snapshot

            live = self.traffic.health()
            drained = {id: drain.in_words for id, drain in self.drains.now().items()}
            barred = {**self._unlisted, **drained}
            found = snapshot(self.deployments, self.env, live=live, barred=barred)
            if self._snapshot is not None and self._snapshot[1].hash == found.hash:
                found = self._snapshot[1]  # the same object: what was made for it stays good
            else:
                self._by_id = {d.id: d for d in found.deployments}
            self._snapshot = (now, found)
        return self._snapshot[1]

    def deployments_now(self) -> Mapping[str, Deployment]:
        """Those of the fleet as it is now, by id."""
        self.fleet()
        return self._by_id

    @cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        from orchestrator.fleet.build import build_fleet

        return build_fleet(self.project.fleet, self.env, self.project.refreshed)

    @cached_property
    def _unlisted(self) -> dict[str, str]:
        """Why those are not used that their providers do not list."""
        asked = self.project.refreshed
        words = f"its provider does not list this model (asked on {asked.asked})"
        return {id: words for id, found in asked.deployments.items() if not found.listed}

    def conditions(self) -> Mapping[str, Condition]:
        """See `Mesh.conditions`."""
        from orchestrator.calling.health.conditions import conditions

        return conditions(self.breakers.states(), self.live.all())

    def decide(self, profile: TaskProfile) -> Decision:
        """See `Mesh.decide`."""
        fleet = self.fleet()
        context = Context(
            estimates=self.predictor.predict(profile, fleet.deployments),
            predictor=self.predictor.version,
            agreement=self.agreements.of(profile.task),
        )
        return self.decider(profile, fleet, context)

    def problem(self) -> str | None:
        """See `Mesh.problem`."""
        found = (
            self.store.problem,
            "ledger" in self.__dict__ and self.ledger.problem,
            self._sharing_problem(),
            "audit" in self.__dict__ and self.audit.problem,
        )
        return "; ".join(problem for problem in found if problem) or None

    async def join_others(self) -> None:
        """See `Mesh.join_others`."""
        if self.shared is not None:
            await self.shared.open()
        if self.pools is not None:
            await self.pools.join()

    def _sharing_problem(self) -> str | None:
        opened = self.__dict__
        shared, pools = opened.get("shared"), opened.get("pools")
        found = (shared and shared.problem) or (pools and pools.problem)
        return found and f"{found}; each copy goes by what it knows itself"

    async def plan(
        self, graph: str | None, inputs: Mapping[str, Any], options: RunOptions
    ) -> GraphPlan:
        """See `Mesh.plan`."""
        from orchestrator.errors import UnknownNameError
        from orchestrator.graph.answer import check_inputs
        from orchestrator.project.vocabulary import check_request
        from orchestrator.replay.planning.plan import Planner, recorded_runs

        graphs, name = self.project.graphs, graph or self.project.settings.default_graph
        if name not in graphs:
            raise UnknownNameError("graph", name, tuple(graphs))
        checked = check_inputs(graphs[name], inputs)
        check_request(self.project, data_class=options.data_class, risk=options.risk)
        journals = self.journals if (self.storage / "journal.sqlite").exists() else None
        recorded = await asyncio.to_thread(recorded_runs, self.store, journals, name)
        planner = Planner(graphs[name], self.services, self.loaded.registry, recorded)
        return await planner.plan(checked, options)

    def graph_services(self, graph: Graph) -> dict[str, Service]:
        """Who may serve each node of a graph now."""
        from orchestrator.graph.draw_services import services

        def ask(agent: Agent, limits: Constraints) -> Decision:
            profile = self.profiler.profile(
                "",
                agent=agent,
                task=agent.task,
                data_class=self.project.policy.default_data_class,
                risk=agent.risk,
                constraints=limits,
            )
            return self.decide(profile)

        return services(graph, self.project.agents, self.fleet(), ask)

    def costs(self, by: Sequence[str], since: float, until: float | None) -> CostReport:
        """See `Mesh.costs`."""
        from orchestrator.calling.spending.report import read_costs

        if "ledger" in self.__dict__:
            self.ledger.flush()
        now = self.clock.now()
        end = now if until is None else until
        return read_costs(self.storage / "ledger.sqlite", by, since=since, until=end, now=now)

    async def close(self) -> None:
        """Close what was opened: runs, connections, local models, and the trace store."""
        opened = self.__dict__.keys() - self._lent
        if "chat_calls" in opened:
            await asyncio.to_thread(self.chat_calls.close)
        if "runs" in opened:
            await self.runs.close()
        if "approval_hook" in opened and self.approval_hook is not None:
            await asyncio.to_thread(self.approval_hook.close)
        if "journals" in opened:
            self.journals.close()
        if "transports" in opened:
            await self.transports.close()
        if "answers" in opened:
            await asyncio.to_thread(self.answers.close)
        if "ledger" in opened:
            await self.ledger.close()
        if "pools" in opened and self.pools is not None:
            await self.pools.close()
        if "health_store" in opened:
            await self._close_health()
        if "shared" in opened and self.shared is not None:
            await self.shared.close()
        if "store" in opened:
            await asyncio.to_thread(self._close_store)
        if "audit" in opened:
            await asyncio.to_thread(self.audit.close)

    def _close_store(self) -> None:
        if not self.injected.served:  # a service has a process that exports
            from orchestrator.tracing.export import export_now

            providers = {d.id: d.provider for d in self.deployments}
            export_now(self.store, self.project.settings.telemetry, self.env, providers)
        self.store.close()

    async def _close_health(self) -> None:
        from orchestrator.calling.health.shared import SharedHealth

        # All of them are handed on together, so whose the store is has the others too.
        opened = self.__dict__
        if "live" in opened:
            self.live.keep()
        if isinstance(memory := opened.get("health_memory"), SharedHealth):
            await memory.close()
        await asyncio.to_thread(self.health_store.close)
        if "incidents" in opened:
            await asyncio.to_thread(self.incidents.close)


def _unset(match: Match, name: str) -> bool:
    return getattr(match, name) is None
