"""A hop under way: the call that a decision asks for, and its line on the trace however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.call_types import CallRequest, Reply, text_of
from orchestrator.calling.attempting import Account, CallProgress, Ended, Started
from orchestrator.calling.carry_out import carry_out
from orchestrator.calling.guarding import Guarding
from orchestrator.calling.rules import RULES
from orchestrator.calling.traffic.rates import CallerCall
from orchestrator.errors import IncompleteError, NoCandidateError, RateLimitedError, UnsafeError
from orchestrator.project.schema import Agent
from orchestrator.records import Attempt, Hop
from orchestrator.roles.events import HopStarted
from orchestrator.roles.redacting import audit, redaction_of
from orchestrator.roles.transcript import beside, raised, shown_prompt, shown_reply, verdict
from orchestrator.routing._policy import tags_of
from orchestrator.tracing.redact import Mask, kept_caller, kept_tags
from orchestrator.types import Decision, Deployment, Ending, LogRule, Outcome, TaskProfile

if TYPE_CHECKING:
    from orchestrator.guard.redacting.redaction import Redaction
    from orchestrator.roles.filtering import Filtering
    from orchestrator.roles.hop import HopWork

_NOTHING_DECIDED = LogRule(tool_args="none")


@dataclass(slots=True)
class Sending:
    """One request of a node, from before its decision to its end."""

    work: HopWork
    key: str
    agent: Agent
    request: CallRequest
    profile: TaskProfile
    started_at: float = 0.0
    start: float = 0.0
    decision: Decision | None = None
    lost: tuple[Attempt, ...] = ()
    """What earlier processes of this run have tried."""
    said: tuple[str, ...] = ()
    """Notes of this call alone."""
    redaction: Redaction | None = None
    """Placeholders for who must not see what stands in it."""
    filtering: Filtering | None = None
    """What looks at the answer before it gets out."""
    heard: list[Attempt] = field(default_factory=list)
    """The attempts that have ended, in order."""

    def __post_init__(self) -> None:
        clock = self.work.services.clock
        self.started_at, self.start = clock.now(), clock.monotonic()

    # ── what stands on the trace ─────────────────────────────────────────────────────────

    def refused(self, error: Exception) -> None:
        """It was sent to nobody: nobody may serve it, the caller has to wait, or its text may not
        be sent."""
        facts: dict[str, Any] = {"data_class": self.profile.data_class, "risk": self.profile.risk}
        if isinstance(error, NoCandidateError):
            facts["rules"] = error.relax
            self.work.audit("refusal", "nobody may serve it", facts)
        elif isinstance(error, RateLimitedError):
            self.work.audit("refusal", "the caller asks for more than a limit allows", facts)
        else:
            self.work.audit("refusal", "its text may not be sent", facts)
        self.work.record(self._hop(status="failed", error=str(error), replay=raised(error)))

    def recalled(self, decision: Decision, words: str) -> None:
        """It is answered as it was before; `decision` is what would have been carried out."""
        self.decision, self.said = decision, (*self.said, words)

    def done(self, reply: Reply, *, checked: bool) -> Hop:
        """It was answered. `checked`: something has looked at the answer."""
        assert self.decision is not None
        return self._hop(
            attempts=(*self.lost, *reply.attempts),
            output=shown_reply(reply, arguments=self.decision.log.tool_args == "full"),
            replay=beside(reply),
            ending=reply.ending,
            **verdict(reply.attempts, passed=checked or bool(reply.tool_calls)),
        )

    def _hop(self, **fields: Any) -> Hop:
        rule = self.decision.log if self.decision is not None else _NOTHING_DECIDED
        hop = self.work.hop(
            self.key,
            self.started_at,
            (self.work.services.clock.monotonic() - self.start) * 1000,
            profile=self.profile,
            decision=self.decision,
            prompt=shown_prompt(self.request.messages, arguments=rule.tool_args == "full"),
            agent=self.agent.name,
            role=self.agent.role,
            notes=(*self.work.notes, *self.said, *(self.redaction.notes if self.redaction else ())),
            **fields,
        )
        if self.redaction is not None:
            audit(self.work.services, self.redaction, hop)
        return hop

    # ── the call ─────────────────────────────────────────────────────────────────────────

    def redact(self, decision: Decision) -> None:
        """Find what some models must not see."""
        work = self.work
        self.redaction = redaction_of(work.services, work.request, self.request, decision.guard)

    async def carry_out(
        self,
        decision: Decision,
        counted: CallerCall,
        check: Callable[[str], Any] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply:
        """Carry the decision out; what fails or is stopped is on the trace before it is raised."""
        services, run = self.work.services, self.work.request
        self.decision = decision
        deployments = services.deployments()

        def told(event: CallProgress) -> None:
            match event:
                case Started(deployment):
                    self._tell_start(deployment)
                case Ended(attempt):
                    self.heard.append(attempt)
                    if RULES[attempt.outcome].sent:
                        services.caller_rates.ended(counted, attempt)
                    self.work.bounds.purse.spent += attempt.cost_micro_usd or 0
                    deployment = deployments[attempt.deployment]
                    services.affinity.saw(self.request, deployment, attempt)

        if run.journal is not None:
            self.lost = await self._begin(decision)
        try:
            return await carry_out(
                decision,
                self.request,
                deployments=deployments,
                transports=services.transports,
                clock=services.clock,
                ledger=services.ledger,
                traffic=services.traffic,
                account=self._account(decision.log),
                check=check,
                deadline=self.work.bounds.deadline,
                on_event=told,
                on_text=on_text,
                guarding=Guarding(
                    redaction=self.redaction,
                    release=self.filtering.release if self.filtering else None,
                    next_after_unsafe=decision.guard.unsafe == "next",
                ),
            )
        except Exception as error:  # the caller's own, too: what was paid is on the trace
            if self.filtering is not None and isinstance(error, UnsafeError):
                self.filtering.told(error)
            broke_off = isinstance(error, IncompleteError)
            ending: Ending | None = "incomplete" if broke_off else None
            await self._failed(counted, "failed", str(error), ending, raised(error))
            raise
        except asyncio.CancelledError:
            await self._failed(counted, "cancelled", "stopped while it ran", None, None)
            raise

    def _account(self, rule: LogRule) -> Account:
        """Whom it is charged to, in names that may be kept."""
        run, services = self.work.request, self.work.services
        mask = Mask(services.detectors.find)
        tags = run.tags
        if tags:
            texts = () if rule.keeps_all else [text_of(m) for m in self.request.messages]
            tags = kept_tags(tags, rule, mask, texts, tags_of(services.project.policy))
        return Account(run.trace_id, kept_caller(run.caller, rule, mask), tags, run.priority)

    async def _failed(
        self,
        counted: CallerCall,
        status: Literal["failed", "cancelled"],
        error: str,
        ending: Ending | None,
        replay: dict[str, Any] | None,
    ) -> None:
        if not any(RULES[a.outcome].sent for a in self.heard):
            self.work.services.caller_rates.give_back(counted)
        attempts = (*self.lost, *self.heard)
        found = {"attempts": attempts, "ending": ending, "replay": replay}
        found |= verdict(self.heard, passed=False)
        self.work.record(self._hop(status=status, error=error, **found))
        if self.work.request.journal is not None:
            await self.work.request.journal.drop(self.key)

    async def _begin(self, decision: Decision) -> tuple[Attempt, ...]:
        """Mark the hop as in flight; returns what earlier processes of this run have tried."""
        run = self.work.request
        assert run.journal is not None
        interrupted = await run.journal.begin(
            self.key, node=self.work.node, deployment=decision.chosen
        )
        earlier = run.earlier.get(f"{run.trace_id}.{self.key}")
        known = earlier.attempts if earlier else ()
        lost = self.work.services.deployments().get(interrupted or "")
        return known if lost is None else (*known, _lost(lost, self.started_at))

    def _tell_start(self, deployment: Deployment) -> None:
        self.work.request.tell(
            HopStarted(
                trace_id=self.work.request.trace_id,
                node=self.work.node,
                round=self.work.round,
                agent=self.agent.name,
                deployment=deployment.id,
            )
        )


def _lost(deployment: Deployment, now: float) -> Attempt:
    """The attempt that was in flight when an earlier process died."""
    free = deployment.price is not None and not (deployment.price.input or deployment.price.output)
    return Attempt(
        deployment=deployment.id,
        model=deployment.model,
        family=deployment.family,
        outcome=Outcome.UNKNOWN,
        started_at=now,
        ms=0.0,
        cost_micro_usd=0 if free else None,
        error="in flight when an earlier process of this run ended",
    )
