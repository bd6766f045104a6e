"""A hop under way: the call that a decision asks for, and its line on the trace however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.call_types import CallRequest, Reply
from orchestrator.calling.attempting import Account, CallProgress, Ended, Started
from orchestrator.calling.carry_out import carry_out
from orchestrator.calling.rules import RULES
from orchestrator.calling.traffic.rates import CallerCall
from orchestrator.errors import IncompleteError
from orchestrator.project.schema import Agent
from orchestrator.records import Attempt, Hop
from orchestrator.roles.events import HopStarted
from orchestrator.roles.transcript import beside, raised, shown_prompt, shown_reply, verdict
from orchestrator.types import Decision, Deployment, Ending, LogRule, Outcome, TaskProfile

if TYPE_CHECKING:
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
    heard: list[Attempt] = field(default_factory=list)
    """The attempts that have ended, in order."""

    def __post_init__(self) -> None:
        clock = self.work.services.clock
        self.started_at, self.start = clock.now(), clock.monotonic()

    # ── what stands on the trace ─────────────────────────────────────────────────────────

    def refused(self, error: Exception) -> None:
        """No decision, since nobody may serve it or the caller has to wait."""
        self.work.record(self._hop(status="failed", error=str(error), replay=raised(error)))

    def recalled(self, decision: Decision, words: str) -> None:
        """It is answered as it was before; `decision` is what would have been carried out."""
        self.decision, self.said = decision, (words,)

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
        return self.work.hop(
            self.key,
            self.started_at,
            (self.work.services.clock.monotonic() - self.start) * 1000,
            profile=self.profile,
            decision=self.decision,
            prompt=shown_prompt(self.request.messages, arguments=rule.tool_args == "full"),
            agent=self.agent.name,
            role=self.agent.role,
            notes=(*self.work.notes, *self.said),
            **fields,
        )

    # ── the call ─────────────────────────────────────────────────────────────────────────

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
                account=Account(run.trace_id, run.caller, run.tags, run.priority),
                check=check,
                deadline=self.work.bounds.deadline,
                on_event=told,
                on_text=on_text,
            )
        except Exception as error:  # the caller's own, too: what was paid is on the trace
            broke_off = isinstance(error, IncompleteError)
            ending: Ending | None = "incomplete" if broke_off else None
            await self._failed(counted, "failed", str(error), ending, raised(error))
            raise
        except asyncio.CancelledError:
            await self._failed(counted, "cancelled", "stopped while it ran", None, None)
            raise

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
