"""Carries a decision out: walks its chain as `next_action` says, until somebody answers.

Every attempt runs inside a lease of the ledger, which is settled with what was used or released,
whatever happens. A later attempt starts from the beginning; nothing of an answer that broke off
is kept.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from orchestrator.call_types import CallRequest, Reply
from orchestrator.calling.attempt import Heard, limits_of, listen, prompt_tokens, record
from orchestrator.calling.next_action import History, Next, Retry, Stop, Tried, Wait, next_action
from orchestrator.calling.tool_calls import wrong_calls
from orchestrator.calling.transports import Transports
from orchestrator.errors import AttemptError, CallError, InternalError, OverBudgetError
from orchestrator.money import Usage
from orchestrator.project.protocols import Clock, Ledger, Traffic
from orchestrator.types import Attempt, Caller, Charge, Decision, Deployment, Ending, Outcome

ASSUMED_OUTPUT_TOKENS = 1024
"""What is reserved for where neither the request nor the deployment limits the output."""


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt begins."""

    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt is over; sent for cancelled ones as well."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Pausing:
    """Nothing runs for `seconds`, then this deployment is asked again."""

    deployment: Deployment
    seconds: float


CallProgress = Started | Ended | Pausing


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a call is made for."""

    trace_id: str
    caller: Caller = Caller()
    tags: tuple[str, ...] = ()
    priority: int = 0


class Means(TypedDict):
    """What calls are made with; the same for every call of a `Mesh`."""

    deployments: Mapping[str, Deployment]
    transports: Transports
    clock: Clock
    ledger: Ledger
    traffic: Traffic


async def carry_out(
    decision: Decision,
    request: CallRequest,
    *,
    account: Account,
    deadline: float,
    check: Callable[[str], Any] | None = None,
    on_event: Callable[[CallProgress], None] | None = None,
    on_text: Callable[[str], None] | None = None,
    **means: Unpack[Means],
) -> Reply:
    """Ask the decision's deployments until one gives a valid answer.

    Args:
        deadline: for everything together, on the clock's monotonic scale, in seconds.
        check: turns the text into a value; a `ValueError` makes the output invalid.
        on_event: told of each attempt; it cannot change what happens.
        on_text: told of each piece of text as it comes. Once it was told something, no further
            attempt is made: what was shown cannot be taken back, and another answer would not
            go on where this one broke off.

    Raises:
        CallError: nobody gave an answer; carries the attempts.
    """
    missing = [id for id in decision.chain if id not in means["deployments"]]
    if missing:
        raise InternalError(f"the decision names deployments that the fleet lacks: {missing}")
    call = _Call(
        request=request,
        decision=decision,
        account=account,
        check=check,
        tell=on_event or _nobody,
        on_text=on_text,
        history=History(
            chain=tuple(means["deployments"][id] for id in decision.chain), deadline=deadline
        ),
        transports=means["transports"],
        clock=means["clock"],
        ledger=means["ledger"],
        traffic=means["traffic"],
    )
    return await call.run()


@dataclass(slots=True, kw_only=True)
class _Call:
    """One decision on its way."""

    request: CallRequest
    decision: Decision
    account: Account
    check: Callable[[str], Any] | None
    tell: Callable[[CallProgress], None]
    on_text: Callable[[str], None] | None
    history: History
    transports: Transports
    clock: Clock
    ledger: Ledger
    traffic: Traffic
    attempts: list[Attempt] = field(default_factory=list)
    broke_off: bool = False
    """An earlier attempt had begun to answer."""
    shown: int = 0
    """Characters that `on_text` was told."""

    async def run(self) -> Reply:
        # Seeded, so that a test or a replay pauses as the call itself did.
        jitter = random.Random(self.account.trace_id)
        while True:
            action = next_action(self.history, self.clock.monotonic(), jitter.random())
            match action:
                case Stop(reason):
                    raise CallError(_message(reason, self.attempts), self.attempts)
                case Retry(deployment, after_s) | Wait(deployment, after_s):
                    self.tell(Pausing(deployment, after_s))
                    await self.clock.sleep(after_s)
                case Next(deployment):
                    pass
            reply = await self._attempt(deployment)
            if reply is not None:
                return reply
            if self.shown:
                reason = f"the answer broke off after {self.shown} characters were handed on"
                raise CallError(_message(reason, self.attempts), self.attempts)

    async def _attempt(self, deployment: Deployment) -> Reply | None:
        """The reply, or `None` where this attempt failed; on record in any case."""
        request = adapt(self.request, self.decision, deployment)
        heard = Heard(
            started=self.clock.monotonic(),
            deadline=self.history.deadline,
            limits=limits_of(deployment),
            on_text=self._show if self.on_text else None,
        )
        started_at = self.clock.now()
        self.tell(Started(deployment))
        error: AttemptError | None = AttemptError(Outcome.UNKNOWN, "the attempt did not end")
        value: Any = None
        try:
            error = await self._leased(deployment, request, heard)
            if error is None:
                value, error = self._checked(request, heard)
        except asyncio.CancelledError:
            error = AttemptError(Outcome.CANCELLED, "the caller stopped the call")
            raise
        finally:
            now = self.clock.monotonic()
            attempt = record(
                deployment, request, heard, started_at=started_at, now=now, error=error
            )
            self._keep(attempt, error, now)
        if error is not None:
            self.broke_off |= heard.begun and heard.finish is None
            return None
        return self._reply(attempt, heard, value)

    async def _leased(
        self, deployment: Deployment, request: CallRequest, heard: Heard
    ) -> AttemptError | None:
        try:
            account = self.account
            charge = Charge(
                trace_id=account.trace_id,
                deployment=deployment.id,
                model=deployment.model,
                caller=account.caller,
                tags=account.tags,
            )
            lease = await self.ledger.reserve(charge, estimate(deployment, request))
        except OverBudgetError as error:
            return AttemptError(Outcome.OVER_BUDGET, str(error))
        try:
            transport = self.transports.get(deployment.via)
            return await listen(transport, deployment, request, heard, self.clock)
        finally:
            used = record(
                deployment,
                request,
                heard,
                started_at=self.clock.now(),
                now=self.clock.monotonic(),
                error=None,
            )
            await self.ledger.settle(lease, used)

    def _show(self, text: str) -> None:
        self.shown += len(text)
        if self.on_text is not None:
            self.on_text(text)

    def _checked(self, request: CallRequest, heard: Heard) -> tuple[Any, AttemptError | None]:
        wrong = wrong_calls(request, heard.calls.whole())
        if wrong is not None:
            return None, AttemptError(Outcome.INVALID_OUTPUT, wrong)
        if self.check is None or heard.calls:  # what calls a tool is not the answer yet
            return heard.text, None
        try:
            return self.check(heard.text), None
        except ValueError as error:
            return None, AttemptError(Outcome.INVALID_OUTPUT, str(error))

    def _keep(self, attempt: Attempt, error: AttemptError | None, now: float) -> None:
        self.attempts.append(attempt)
        tried = Tried(
            deployment=attempt.deployment,
            outcome=attempt.outcome,
            at=now,
            retry_after_s=error.retry_after_s if error else None,
        )
        self.history = dataclasses.replace(self.history, tried=(*self.history.tried, tried))
        self.tell(Ended(attempt))

    def _reply(self, attempt: Attempt, heard: Heard, value: Any) -> Reply:
        ending: Ending = "restarted" if self.broke_off else "complete"
        return Reply(
            text=heard.text,
            value=value,
            deployment=attempt.deployment,
            model=attempt.model,
            family=attempt.family,
            attempts=tuple(self.attempts),
            ending=ending,
            finish_reason=heard.finish.reason if heard.finish else "",
            tool_calls=heard.calls.whole(),
        )


def adapt(request: CallRequest, decision: Decision, deployment: Deployment) -> CallRequest:
    """The request as this deployment gets it: the decision's settings, within its limits.

    What the request itself says goes before the decision's settings.
    """
    settings = {name: setting.value for name, setting in decision.settings.items()}

    def said(name: str) -> Any:
        own = getattr(request, name)
        return own if own is not None else settings.get(name)

    max_tokens = said("max_tokens")
    if max_tokens is not None and deployment.max_output is not None:
        max_tokens = min(max_tokens, deployment.max_output)
    return dataclasses.replace(
        request,
        temperature=said("temperature"),
        max_tokens=max_tokens,
        reasoning_effort=said("reasoning_effort"),
    )


def estimate(deployment: Deployment, request: CallRequest) -> int | None:
    """Micro-dollars to reserve: the prompt and all the output that the request allows.

    `None` where the price is unknown.
    """
    if deployment.price is None:
        return None
    output = request.max_tokens or min(
        deployment.max_output or ASSUMED_OUTPUT_TOKENS, ASSUMED_OUTPUT_TOKENS
    )
    return deployment.price.cost(Usage(input=prompt_tokens(request), output=output))


def _nobody(_event: CallProgress) -> None:
    """Nobody listens."""


def _message(reason: str, attempts: list[Attempt]) -> str:
    tried = "; ".join(
        f"{a.deployment} → {a.outcome}" + (f" ({a.error})" if a.error else "") for a in attempts
    )
    return f"no deployment answered ({reason}): {tried or 'nothing was tried'}"
