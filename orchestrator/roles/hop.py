"""The only way to a model: journal, profile, decide, call, validate, record.

`HopWork` is the `Work` that a graph hands to a role. Its `call` replays a hop that the journal
holds, and otherwise carries it out and records it before anybody sees the result.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Unpack

from orchestrator.call_types import CallRequest, Reply, ToolCall, text_of
from orchestrator.calling.traffic.rates import CallerCall
from orchestrator.calling.validate import declared_check
from orchestrator.errors import (
    InjectionError,
    InternalError,
    NoCandidateError,
    RateLimitedError,
    RunError,
    UnsafeError,
)
from orchestrator.evidence.scoring.model import SupportModel
from orchestrator.evidence.values import Value
from orchestrator.guard.risk import Event, higher
from orchestrator.money import MICRO_USD
from orchestrator.project.protocols import Embedder, Standing
from orchestrator.project.schema import Agent
from orchestrator.records import AuditEvent, AuditKind, Hop
from orchestrator.roles.boundary import bounded
from orchestrator.roles.bounds import Bounds
from orchestrator.roles.filtering import MODERATOR, Filtering
from orchestrator.roles.injection import refusal, screened
from orchestrator.roles.prompt import messages
from orchestrator.roles.recall import Recall, recall
from orchestrator.roles.redacting import redaction_of
from orchestrator.roles.rising import meets
from orchestrator.roles.sending import Sending
from orchestrator.roles.services import Asking, Request, Services
from orchestrator.roles.transcript import kept, shown_prompt
from orchestrator.routing.data_class import raised_to
from orchestrator.routing.profile import Counted
from orchestrator.tracing.stream import decision_event, emit, hop_event
from orchestrator.types import (
    Context,
    Decision,
    Deployment,
    Effort,
    Feature,
    Setting,
    TaskProfile,
    as_json,
    digest,
    from_json,
)

V = TypeVar("V", bound=Value)

_BUDGET_OF_REQUEST = Context().budget_rule
_NO_SETTINGS: Mapping[str, Setting] = {}


@dataclass(slots=True, kw_only=True)
class HopWork:
    """One execution of an agent in a graph; satisfies `work.Work`."""

    services: Services
    request: Request
    agent: Agent
    node: str
    round: int
    inputs: Mapping[str, Any]
    bounds: Bounds
    asked: str = ""
    """The question as it is to be understood here; empty: as the caller asked it."""
    definition: str = ""
    """The digest of what the project says about this node; a result is good for that alone."""
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
    found: dict[str, str] = field(default_factory=dict)
    """What a role puts on the trace besides its calls, by step."""
    decided: Decision | None = None
    """The decision of the latest model call."""
    _again: Counter[str] = field(default_factory=Counter)
    """How often the same was asked; calls side by side are told apart by it, in any order."""
    _recalled: set[str] = field(default_factory=set)
    """What was looked for in the cache."""
    _first: int = field(init=False)
    """`calls` at the beginning."""

    def __post_init__(self) -> None:
        self._first = self.calls

    @property
    def question(self) -> str:
        return self.asked or self.request.question

    @property
    def embedder(self) -> Embedder:
        return self.services.embedder

    @property
    def support_model(self) -> SupportModel:
        return self.services.support_model()

    @property
    def effort(self) -> Effort:
        return self.request.course.demanded.effort

    @property
    def effort_origin(self) -> str:
        return self.request.course.demanded.origin

    @property
    def independent(self) -> str:
        return self.request.course.demanded.independent

    async def meets(self, event: Event, why: str) -> bool:
        """See `work.Work`."""
        return await meets(
            self.services, self.request, event, why, node=self.node, round=self.round
        )

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

    @property
    def seed(self) -> str:
        run = self.request
        return f"{run.repeats.trace_id if run.repeats else run.trace_id}/{self.node}/{self.round}"

    def deployment(self, id: str) -> Deployment:
        return self.services.deployments()[id]

    def note(self, text: str) -> None:
        self.notes.append(text)

    def put(self, step: str, text: str) -> None:
        self.found[step] = text

    def profile(
        self, text: str, *, task: str | None, agent: Agent | None = None, **counted: Unpack[Counted]
    ) -> TaskProfile:
        """What routing sees of `text`, sent on behalf of this run.

        Args:
            **counted: what is known of the request besides, as for `Profiler.profile`.
        """
        request = self.request
        profile = self.services.profiler.profile(
            text,
            **counted,
            task=task,
            agent=agent,
            data_class=request.data_class,
            risk=request.risk,
            tags=request.tags,
            constraints=request.constraints,
        )
        order = self.services.project.policy.data_classes
        request.met.meet(profile, order)
        profile = self._risen(raised_to(profile, request.met.feature, order))
        if not self.families:
            return profile
        kept = profile.constraints
        barred = tuple(dict.fromkeys((*kept.not_families, *self.families)))
        return dataclasses.replace(
            profile, constraints=dataclasses.replace(kept, not_families=barred)
        )

    def _risen(self, profile: TaskProfile) -> TaskProfile:
        """With no less risk than the run has by now."""
        tier = higher(profile.risk, self.request.course.floor)
        if tier == profile.risk:
            return profile
        feature = Feature(value=tier, confidence=1.0, origin="run")
        return dataclasses.replace(
            profile, risk=tier, features={**profile.features, "risk": feature}
        )

    def decide(self, profile: TaskProfile, *, step: str = "") -> Decision:
        profile = self._risen(profile)
        decision = self._decide(profile, self.agent, None, Standing(), {})
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
        agent = agent or self.agent
        sent = messages(agent, variables)
        request = CallRequest(messages=sent, inputs=as_json(inputs), schema=schema)
        profile = profile or self._profile_call("\n".join(text_of(m) for m in sent), agent)
        return await self.send(request, profile, agent=agent, check=check)

    async def send(
        self,
        request: CallRequest,
        profile: TaskProfile,
        *,
        agent: Agent | None = None,
        check: Callable[[str], Any] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """`call` for a request that is ready: journal, decide, call, validate, record.

        What the agent declares in `valid` is checked before `check` is.

        Args:
            on_text: told of the text while it comes; see `carry_out`. A replayed one is told whole.
        """
        self.calls += 1
        agent = agent or self.agent
        if agent.valid is not None:
            check = declared_check(agent.valid, self.services.checks, check)
            schema = request.schema or as_json(agent.valid.json_schema)
            request = dataclasses.replace(request, schema=schema)
        if self.request.journal is None:
            key = str(self.calls)
        else:
            key = self._key(agent, request)
            recorded = await self._recorded(key, agent, request)
            if recorded is not None:
                replayed = self._replay(recorded, check, on_text)
                if self.decided is not None:  # the run's placeholders are as they were
                    redaction_of(self.services, self.request, request, self.decided.guard)
                return replayed
        profile = self._risen(bounded(profile, request, self.services, self.request.met))
        if self.bounds.binds:
            limits = self.bounds.tightened(profile.constraints)
            profile = dataclasses.replace(profile, constraints=limits)
        return await self._carry_out(key, agent, request, profile, check, on_text)

    async def _recorded(
        self, key: str, agent: Agent, request: CallRequest
    ) -> Mapping[str, Any] | None:
        run = self.request
        if run.repeats is None:
            return None if run.journal is None else await run.journal.get(key)
        asking = Asking(
            key=key,
            node=self.node,
            round=self.round,
            role=agent.role,
            agent=agent.name,
            prompt=shown_prompt(request.messages, arguments=True),
            request=request,
        )
        return await run.repeats.find(asking)

    def _key(self, agent: Agent, request: CallRequest) -> str:
        """What a recorded result is good for: this call at this place, under this policy."""
        policy = self.services.project.policy_hash
        place = (policy, self.definition, self.node, self.round)
        asked = [place, agent.name, request.messages, request.inputs, request.schema]
        what = digest([*asked, request.tools, request.tool_choice] if request.tools else asked)
        self._again[what] += 1
        return digest([what, self._first + self._again[what]])

    def record_step(self, output: Any, started_at: float, ms: float) -> tuple[Hop, ...]:
        """Put on the trace what its role did besides model calls, and return it."""
        hops = [
            self.hop(
                digest([self.node, self.round, step]),
                started_at,
                ms,
                node=f"{self.node}/{step}",
                profile=profile,
                decision=decision,
            )
            for step, (profile, decision) in self.decisions.items()
        ]
        hops += [
            self.hop(
                digest([self.node, self.round, step]),
                started_at,
                ms,
                node=f"{self.node}/{step}",
                output=text,
            )
            for step, text in self.found.items()
        ]
        if not self.calls:
            text = output.model_dump_json() if isinstance(output, Value) else str(output)
            hops.append(self.hop(digest([self.node, self.round]), started_at, ms, output=text))
        for hop in hops:
            self.record(hop)
        return tuple(hops)

    def _profile_call(self, text: str, agent: Agent) -> TaskProfile:
        fresh = self.profile(text, task=agent.task, agent=agent, holds=None)
        if self.assigned is None or agent is not self.agent:
            return fresh
        return dataclasses.replace(
            fresh,
            complexity=self.assigned.complexity,
            domain=self.assigned.domain,
            features={**fresh.features, **self.assigned.features},
        )

    async def _admit(
        self, profile: TaskProfile, agent: Agent, request: CallRequest
    ) -> tuple[CallerCall, Decision]:
        """The caller's limits first; what they counted is given back where nobody may serve."""
        run, rates = self.request, self.services.caller_rates
        tokens = profile.input_tokens + profile.output_tokens
        counted = await rates.take(run.caller, run.tags, tokens)
        try:
            return counted, await self._decide_now(profile, agent, request)
        except NoCandidateError:
            rates.give_back(counted)
            raise

    async def _decide_now(
        self, profile: TaskProfile, agent: Agent, request: CallRequest
    ) -> Decision:
        """With what holds for this very call: budgets, and what the providers' caches hold."""
        services, run = self.services, self.request
        standing = await services.ledger.standing(run.trace_id, run.caller, run.tags)
        cached = services.affinity.cached(request)
        return self._decide(profile, agent, self.bounds, standing, cached)

    def _decide(
        self,
        profile: TaskProfile,
        agent: Agent,
        bounds: Bounds | None,
        standing: Standing,
        cached: Mapping[str, int],
    ) -> Decision:
        """`bounds`: of this node; `None` for a decision that is about another step."""
        services, request = self.services, self.request
        snapshot = services.fleet()
        left, rule = self._left(bounds, standing)
        deadline = bounds.deadline if bounds else request.deadline
        time = int((deadline - services.clock.monotonic()) * 1000)
        context = Context(
            estimates=services.predictor.predict(profile, snapshot.deployments),
            predictor=services.predictor.version,
            agreement=services.agreement(profile.task),
            budget_micro_usd=left,
            budget_rule=rule,
            deadline_ms=max(time, 0),
            cached_tokens=cached,
            soft_limits=standing.soft,
            settings=_settings(agent),
        )
        return services.decider(profile, snapshot, context)

    def _left(self, bounds: Bounds | None, standing: Standing) -> tuple[int | None, str]:
        """What a call may cost, and whose limit that is: the run's, the node's or a budget's."""
        request = self.request
        of_run = request.budget_micro_usd
        if of_run is None and (bounds is None or bounds.purse.limit is None):
            return standing.left_micro_usd, f"budget:{standing.budget}"
        limits = [
            (None if of_run is None else max(of_run - request.spent(), 0), _BUDGET_OF_REQUEST),
            (bounds.purse.left() if bounds else None, _BUDGET_OF_REQUEST),
            (standing.left_micro_usd, f"budget:{standing.budget}"),
        ]
        known = [(left, rule) for left, rule in limits if left is not None]
        return min(known, key=lambda limit: limit[0], default=(None, _BUDGET_OF_REQUEST))

    async def _carry_out(
        self,
        key: str,
        agent: Agent,
        request: CallRequest,
        profile: TaskProfile,
        check: Callable[[str], Any] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply:
        sending = Sending(self, key, agent, request, profile)
        try:
            counted, decision = await self._admit(profile, agent, request)
        except (NoCandidateError, RateLimitedError) as error:
            sending.refused(error)
            raise
        emit(lambda: decision_event(self.node, agent.name, decision))
        try:
            request = await self._screen(sending, agent, decision)
        except (InjectionError, UnsafeError) as error:
            self.services.caller_rates.give_back(counted)
            sending.refused(error)
            raise
        sending.redact(decision)
        recalled = None
        if sending.redaction is None and sending.filtering is None:  # nothing unseen is given on
            recalled = self._recall(request, profile, decision, stream=on_text is not None)
        if recalled and (found := await recalled.find(sending.started_at, check)):
            reply, words = found
            self.services.caller_rates.give_back(counted)
            sending.recalled(decision, words)
            if on_text is not None:
                on_text(reply.text)
            await self._keep(key, sending.done(reply, checked=check is not None), reply)
            return reply
        if self.bounds.purse.limit is None:
            reply = await sending.carry_out(decision, counted, check, on_text)
        else:
            # From the decision on, so that two calls at once do not count on the same money.
            with self.bounds.purse.holding(_expected(decision)):
                reply = await sending.carry_out(decision, counted, check, on_text)
        done = sending.done(reply, checked=check is not None)
        await self._keep(key, done, reply)
        if recalled:
            await recalled.keep(reply, done.ms)
        return reply

    async def _screen(self, sending: Sending, agent: Agent, decision: Decision) -> CallRequest:
        """The request as it may be sent: orders in quotes, and nothing that the filter rejects.

        Raises:
            InjectionError, UnsafeError: it may not be sent.
        """
        sending.decision, rule = decision, decision.guard
        if agent is MODERATOR:  # it is asked about just such texts
            return sending.request
        told = screened(sending.request, agent.prompt, rule.injection)
        if told.found:
            done = "refused" if rule.injection == "refuse" else "fenced"
            sending.said += tuple(told.notes(done))
            self.audit("injection", f"{done}: orders in a text that may not give any", told.facts)
            await self.meets("injection", "a text gives orders that may not give any")
            if rule.injection == "refuse":
                raise refusal(told)
            sending.request = told.request
        if rule.unsafe != "off":
            sending.filtering = Filtering(self, rule, sending)
            await sending.filtering.admit()
        return sending.request

    def audit(self, kind: AuditKind, what: str, facts: Mapping[str, Any]) -> None:
        """Put an event of this node into the audit log; `facts` hold nothing of a text."""
        self.services.audit.record(
            AuditEvent(
                kind=kind,
                what=what,
                at=self.services.clock.now(),
                trace_id=self.request.trace_id,
                facts={"node": self.node, **facts},
            )
        )

    def _recall(
        self, request: CallRequest, profile: TaskProfile, decision: Decision, *, stream: bool
    ) -> Recall | None:
        """What may be answered as it was before; never what this step has asked already, since
        who asks again wants another answer."""
        services, run = self.services, self.request
        if decision.cache is None:
            return None
        found = recall(
            services.answers,
            request,
            profile,
            decision,
            services.deployments(),
            run.caller,
            trace_id=run.trace_id,
            stream=stream,
        )
        if found is None or found.key.exact in self._recalled:
            return None
        self._recalled.add(found.key.exact)
        return found

    async def _keep(self, key: str, done: Hop, reply: Reply) -> None:
        """In the journal first, so that nobody sees a result that a resume would not."""
        journal = self.request.journal
        if journal is not None:
            value = {"hop": as_json(done), "text": reply.text, "answered": kept(reply)}
            try:
                await journal.put(key, value, node=self.node)
            except BaseException as error:  # it is not answered, but it was paid for
                stopped = isinstance(error, asyncio.CancelledError)
                why = "stopped while it was recorded" if stopped else str(error)
                status: Literal["cancelled", "failed"] = "cancelled" if stopped else "failed"
                self.record(dataclasses.replace(done, status=status, error=why))
                raise
        self.record(done)
        self._answered_by(reply.family)

    def _replay(
        self,
        recorded: Mapping[str, Any],
        check: Callable[[str], Any] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply:
        hop = from_json(Hop, recorded["hop"])
        if hop.profile is not None:
            self.request.met.meet(hop.profile, self.services.project.policy.data_classes)
        self.record(dataclasses.replace(hop, resumed=True))
        text = recorded["text"]
        value = text
        if check is not None and not recorded["answered"].get("tool_calls"):
            try:
                value = check(text)
            except ValueError as error:
                raise InternalError(
                    f"node '{self.node}': a recorded output no longer passes: {error}"
                ) from error
        if on_text is not None and text:
            on_text(text)
        answered = dict(recorded["answered"])
        calls = tuple(ToolCall(**call) for call in answered.pop("tool_calls", ()))
        self._answered_by(answered["family"])
        return Reply(text=text, value=value, attempts=hop.attempts, tool_calls=calls, **answered)

    def _answered_by(self, family: str | None) -> None:
        if family is not None:
            self.answered_by = tuple(dict.fromkeys((*self.answered_by, family)))

    def hop(self, key: str, started_at: float, ms: float, **fields: Any) -> Hop:
        """A hop of this node; `fields` go before what is known here."""
        fields.setdefault("node", self.node)
        fields.setdefault("role", self.agent.role)
        fields.setdefault("agent", self.agent.name)
        fields.setdefault("notes", tuple(self.notes))
        return Hop(
            id=f"{self.request.trace_id}.{key}",
            trace_id=self.request.trace_id,
            round=self.round,
            started_at=started_at,
            ms=ms,
            **fields,
        )

    def record(self, hop: Hop) -> None:
        """Put it on the trace, and tell who listens."""
        self.decided = hop.decision or self.decided
        self.services.recorder.hop(hop)
        self.request.tell(hop)
        emit(lambda: hop_event(hop))


def _flat(items: Any) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if isinstance(item, (list, tuple)):
            found += _flat(item)
        else:
            found.append(item)
    return found


def _settings(agent: Agent) -> Mapping[str, Setting]:
    if not agent.call.model_fields_set:
        return _NO_SETTINGS
    declared = agent.call.model_dump(exclude_none=True)
    return {k: Setting(value=v, origin=f"agent:{agent.name}") for k, v in declared.items()}


def _expected(decision: Decision) -> int:
    """Micro-dollars that those who are asked at once are expected to take; 0: nobody knows."""
    at_once = decision.strategy in ("race", "panel") and decision.tactics.start == "together"
    usd = decision.most_usd if at_once else decision.least_usd
    return round((usd or 0) * MICRO_USD)
