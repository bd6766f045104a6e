"""The only way to a model: journal, profile, decide, call, validate, record.

`HopWork` is the `Work` that a graph hands to a role. Its `call` replays a hop that the journal
holds, and otherwise carries it out and records it before anybody sees the result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.calling.carry_out import carry_out
from orchestrator.errors import CallError, InternalError, NoCandidateError, RunError
from orchestrator.evidence.values import Value
from orchestrator.project.protocols import Clock, Embedder, Journal, Ledger, Predictor, Recorder
from orchestrator.project.schema import Agent, Project
from orchestrator.roles.prompt import messages
from orchestrator.routing.decide import decide
from orchestrator.types import (
    Attempt,
    CallRequest,
    Constraints,
    Context,
    Decision,
    Deployment,
    FleetSnapshot,
    Hop,
    Outcome,
    Reply,
    Risk,
    Setting,
    TaskProfile,
    as_json,
    digest,
    from_json,
)

if TYPE_CHECKING:
    from orchestrator.calling.transports import Transports
    from orchestrator.routing.profile import Profiler

V = TypeVar("V", bound=Value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts that every hop uses; put together once, by the `Mesh`."""

    project: Project
    fleet: Callable[[], FleetSnapshot]
    profiler: Profiler
    predictor: Predictor
    transports: Transports
    ledger: Ledger
    recorder: Recorder
    clock: Clock
    embedder: Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What belongs to one run: who asks for what, under which limits, and its journal."""

    trace_id: str
    question: str
    journal: Journal
    deadline: float
    """On the clock's monotonic scale, in seconds."""
    data_class: str | None = None
    risk: Risk | None = None
    tags: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    budget_micro_usd: int | None = None
    spent: Callable[[], int] = lambda: 0
    """Micro-dollars that the run has spent so far."""
    on_hop: Callable[[Hop], None] | None = None


@dataclass(slots=True, kw_only=True)
class HopWork:
    """One execution of an agent in a graph; satisfies `work.Work`."""

    services: Services
    request: Request
    agent: Agent
    node: str
    round: int
    inputs: Mapping[str, Any]
    families: tuple[str, ...] = ()
    """Families that `family: other-than NODE` rules out."""
    assigned: TaskProfile | None = None
    """The profile that the routing agent completed for this subtask."""
    calls: int = 0
    answered_by: tuple[str, ...] = ()
    """Families of the models that answered for this node."""
    decisions: dict[str, tuple[TaskProfile, Decision]] = field(default_factory=dict)
    """What a role decided without a call, by the step that it is for."""
    notes: list[str] = field(default_factory=list)

    @property
    def question(self) -> str:
        return self.request.question

    @property
    def embedder(self) -> Embedder:
        return self.services.embedder

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self.services.project.agents

    @property
    def family_excluded(self) -> str | None:
        return self.families[0] if self.families else None

    def one(self, kind: type[V]) -> V:
        found = self.maybe(kind)
        if found is None:
            held = ", ".join(sorted(type(v).__name__ for v in self.inputs.values())) or "nothing"
            raise RunError(
                f"node '{self.node}': agent '{self.agent.name}' needs a {kind.__name__} "
                f"among its inputs, which hold: {held}"
            )
        return found

    def maybe(self, kind: type[V]) -> V | None:
        found = self.all(kind)
        return found[-1] if found else None

    def all(self, kind: type[V]) -> list[V]:
        return [item for item in _flat(self.inputs.values()) if isinstance(item, kind)]

    def note(self, text: str) -> None:
        self.notes.append(text)

    def profile(self, text: str, *, task: str | None, agent: Agent | None = None) -> TaskProfile:
        request = self.request
        profile = self.services.profiler.profile(
            text,
            task=task,
            agent=agent,
            data_class=request.data_class or self.services.project.policy.default_data_class,
            risk=request.risk or (agent.risk if agent else None),
            tags=request.tags,
            constraints=request.constraints,
        )
        if not self.families:
            return profile
        kept = profile.constraints
        barred = tuple(dict.fromkeys((*kept.not_families, *self.families)))
        return dataclasses.replace(
            profile, constraints=dataclasses.replace(kept, not_families=barred)
        )

    def decide(self, profile: TaskProfile, *, step: str = "") -> Decision:
        decision = self._decide(profile, self.agent)
        if step:
            self.decisions[step] = (profile, decision)
        return decision

    async def call(
        self,
        *,
        variables: Mapping[str, str],
        inputs: Mapping[str, Any],
        check: Callable[[str], Any] | None = None,
        schema: Mapping[str, Any] | None = None,
        agent: Agent | None = None,
        profile: TaskProfile | None = None,
    ) -> Reply:
        self.calls += 1
        agent = agent or self.agent
        sent = messages(agent, variables)
        request = CallRequest(messages=sent, inputs=as_json(inputs), schema=schema)
        profile = profile or self._profile_call("\n".join(m["content"] for m in sent), agent)
        place = (self.services.project.policy_hash, self.node, self.round, self.calls)
        key = digest([place, agent.name, sent, inputs, schema])
        recorded = await self.request.journal.get(key)
        if recorded is not None:
            return self._replay(recorded, check)
        return await self._carry_out(key, agent, request, profile, check)

    def record_step(self, output: Any, started_at: float, ms: float) -> tuple[Hop, ...]:
        """Put on the trace what its role did besides model calls, and return it."""
        hops = [
            self._hop(
                digest([self.node, self.round, step]),
                started_at,
                ms,
                node=f"{self.node}/{step}",
                profile=profile,
                decision=decision,
            )
            for step, (profile, decision) in self.decisions.items()
        ]
        if not self.calls:
            text = output.model_dump_json() if isinstance(output, Value) else str(output)
            hops.append(self._hop(digest([self.node, self.round]), started_at, ms, output=text))
        for hop in hops:
            self._record(hop)
        return tuple(hops)

    def _profile_call(self, text: str, agent: Agent) -> TaskProfile:
        fresh = self.profile(text, task=agent.task, agent=agent)
        if self.assigned is None or agent is not self.agent:
            return fresh
        return dataclasses.replace(
            fresh,
            complexity=self.assigned.complexity,
            domain=self.assigned.domain,
            features={**fresh.features, **self.assigned.features},
        )

    def _decide(self, profile: TaskProfile, agent: Agent) -> Decision:
        services = self.services
        snapshot = services.fleet()
        budget = self.request.budget_micro_usd
        left = int((self.request.deadline - services.clock.monotonic()) * 1000)
        context = Context(
            estimates=services.predictor.predict(profile, snapshot.deployments),
            predictor=services.predictor.version,
            budget_micro_usd=None if budget is None else max(budget - self.request.spent(), 0),
            deadline_ms=max(left, 0),
            settings=_settings(agent),
        )
        return decide(profile, snapshot, services.project.policy, context)

    async def _carry_out(
        self,
        key: str,
        agent: Agent,
        request: CallRequest,
        profile: TaskProfile,
        check: Callable[[str], Any] | None,
    ) -> Reply:
        services, run = self.services, self.request
        started_at, start = services.clock.now(), services.clock.monotonic()

        def hop(**changes: Any) -> Hop:
            ms = (services.clock.monotonic() - start) * 1000
            prompt = "\n\n".join(m["content"] for m in request.messages)
            base = {"profile": profile, "prompt": prompt, "agent": agent.name, "role": agent.role}
            return self._hop(key, started_at, ms, **{**base, **changes})

        try:
            decision = self._decide(profile, agent)
        except NoCandidateError as error:
            self._record(hop(status="failed", error=str(error)))
            raise
        snapshot = services.fleet()
        deployments = {d.id: d for d in snapshot.deployments}
        interrupted = await run.journal.begin(key, node=self.node, deployment=decision.chosen)
        lost = _lost(interrupted, deployments, started_at)
        try:
            reply = await carry_out(
                decision,
                request,
                deployments=deployments,
                transports=services.transports,
                clock=services.clock,
                ledger=services.ledger,
                trace_id=run.trace_id,
                check=check,
                deadline=run.deadline,
            )
        except CallError as error:
            failed = hop(
                decision=decision,
                attempts=(*lost, *error.attempts),
                status="failed",
                error=str(error),
            )
            self._record(failed)
            raise
        checked = check is not None
        done = hop(
            decision=decision,
            attempts=(*lost, *reply.attempts),
            output=reply.text,
            validated=True if checked else None,
            validation=_validation(reply.attempts) if checked else "",
        )
        await run.journal.put(
            key, {"hop": as_json(done), "text": reply.text, "answered": _answered(reply)}
        )
        self._record(done)
        self._answered_by(reply.family)
        return reply

    def _replay(self, recorded: Mapping[str, Any], check: Callable[[str], Any] | None) -> Reply:
        hop = from_json(Hop, recorded["hop"])
        self._record(dataclasses.replace(hop, resumed=True))
        text = recorded["text"]
        value = text
        if check is not None:
            try:
                value = check(text)
            except ValueError as error:
                raise InternalError(f"a recorded output no longer passes: {error}") from error
        self._answered_by(recorded["answered"]["family"])
        return Reply(text=text, value=value, attempts=hop.attempts, **recorded["answered"])

    def _answered_by(self, family: str | None) -> None:
        if family is not None:
            self.answered_by = tuple(dict.fromkeys((*self.answered_by, family)))

    def _hop(self, key: str, started_at: float, ms: float, **fields: Any) -> Hop:
        base: dict[str, Any] = {
            "id": f"{self.request.trace_id}.{key}",
            "trace_id": self.request.trace_id,
            "node": self.node,
            "round": self.round,
            "role": self.agent.role,
            "agent": self.agent.name,
            "notes": tuple(self.notes),
            "started_at": started_at,
            "ms": ms,
        }
        return Hop(**{**base, **fields})

    def _record(self, hop: Hop) -> None:
        self.services.recorder.hop(hop)
        if self.request.on_hop:
            self.request.on_hop(hop)


def _flat(items: Any) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if isinstance(item, (list, tuple)):
            found += _flat(item)
        else:
            found.append(item)
    return found


def _settings(agent: Agent) -> dict[str, Setting]:
    declared = agent.call.model_dump(exclude_none=True)
    return {k: Setting(value=v, origin=f"agent:{agent.name}") for k, v in declared.items()}


def _lost(
    interrupted: str | None, deployments: Mapping[str, Deployment], now: float
) -> tuple[Attempt, ...]:
    """The attempt that was in flight when an earlier process died, if there was one."""
    deployment = deployments.get(interrupted or "")
    if deployment is None:
        return ()
    free = deployment.price is not None and not (deployment.price.input or deployment.price.output)
    return (
        Attempt(
            deployment=deployment.id,
            model=deployment.model,
            family=deployment.family,
            outcome=Outcome.UNKNOWN,
            started_at=now,
            ms=0.0,
            cost_micro_usd=0 if free else None,
            error="in flight when an earlier process of this run ended",
        ),
    )


def _validation(attempts: Sequence[Attempt]) -> str:
    refused = [a for a in attempts if a.outcome is Outcome.INVALID_OUTPUT]
    return "; ".join(f"{a.deployment}: {a.error}" for a in refused)


def _answered(reply: Reply) -> dict[str, Any]:
    return {
        "deployment": reply.deployment,
        "model": reply.model,
        "family": reply.family,
        "ending": reply.ending,
        "finish_reason": reply.finish_reason,
    }
