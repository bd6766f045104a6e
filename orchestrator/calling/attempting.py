"""One attempt from its first gate to its line in the ledger.

    traffic: may it begin?  →  ledger: reserve  →  call, under the clocks  →  check the output
                                                   →  ledger: settle  →  traffic: leave

Whatever happens in between, a pass is given back once and a lease is settled once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from orchestrator.call_types import CallRequest, ToolCall
from orchestrator.calling.adapt import estimate, output_limit
from orchestrator.calling.attempt import Heard, limits_of, listen, record
from orchestrator.calling.delivery import Voice
from orchestrator.calling.guarding import UNGUARDED, Guarding
from orchestrator.calling.tool_calls import wrong_calls
from orchestrator.calling.transports import Transports
from orchestrator.calling.wording import Restored, whole
from orchestrator.errors import AttemptError, OverBudgetError
from orchestrator.project.protocols import Asking, Clock, Ledger, Pass, Traffic
from orchestrator.records import Attempt, AttemptKind
from orchestrator.types import Caller, Charge, Deployment, Outcome

OUT_OF_TOKENS = "it reached the limit of its tokens"
"""With this begins the error of an answer that was cut there and so could not be used."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one attempt is to do."""

    deployment: Deployment
    request: CallRequest
    """As this deployment gets it."""
    prompt_tokens: int
    """About how many tokens that is."""
    kind: AttemptKind
    voice: Voice | Restored | None = None
    """Where its text goes while it comes."""
    continues: bool = False
    waits: bool = False
    """It queues for a place where none is free."""


@dataclass(frozen=True, slots=True)
class Made:
    """An attempt that has ended."""

    order: Order
    attempt: Attempt
    heard: Heard
    value: Any
    """What the check made of the text; `None` where the attempt failed."""
    problem: str
    """What went wrong, in full length; empty where nothing did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempting:
    """Makes the attempts of one call."""

    account: Account
    means: Means
    deadline: float
    check: Callable[[str], Any] | None
    tell: Callable[[CallProgress], None]
    attempts: list[Attempt]
    """Those that have ended, in order."""
    sure: float = 0.0
    """An answer whose model was less sure than this counts as `unsure`."""
    guarding: Guarding = UNGUARDED
    quoted: bool = True
    """What a provider says of a failure may be told outside of this call: it may quote the prompt,
    and what is known of a deployment belongs to all."""

    @property
    def told(self) -> tuple[Attempt, ...]:
        """Those that have ended, as all may know of them."""
        return tuple(self.attempts if self.quoted else map(without_words, self.attempts))

    async def make(self, order: Order) -> Made:
        """Carry the order out. What went wrong is the attempt's outcome; only a caller's
        cancellation, a ledger that cannot write and a check that is broken are raised."""
        passed: Pass | None = None
        clock, traffic, ledger = self.means["clock"], self.means["traffic"], self.means["ledger"]
        most = output_limit(order.deployment, order.request)
        made = _Unfinished(order, self._hear(order), clock.now())
        try:
            passed = await traffic.enter(order.deployment, self._asking(order, most))
            made.lease = await ledger.reserve(
                self._charge(order.deployment),
                estimate(order.deployment, order.prompt_tokens, most, order.request.images),
            )
            made.heard.start(clock.monotonic())
            self.tell(Started(order.deployment))
            made.error = await self._listen(order, made.heard)
            if made.error is None:
                made.value, made.error = self._checked(order, made.heard)
                if made.error is None or made.error.outcome is Outcome.UNSURE:
                    made.error = await self._unreleased(made.heard) or made.error
        except AttemptError as refused:
            made.error = refused
        except OverBudgetError as refused:
            made.error = AttemptError(Outcome.OVER_BUDGET, str(refused))
        except asyncio.CancelledError as stopped:
            reason = str(stopped.args[0]) if stopped.args else "the caller stopped the call"
            made.error = AttemptError(Outcome.CANCELLED, reason)
            raise
        finally:
            attempt = self._record(made)
            try:
                if made.lease is not None:
                    await ledger.settle(made.lease, attempt)
            finally:
                if passed is not None:
                    traffic.leave(passed, attempt if self.quoted else without_words(attempt))
                self.attempts.append(attempt)
                self.tell(Ended(attempt))
        return Made(order, attempt, made.heard, made.value, str(made.error or ""))

    def _hear(self, order: Order) -> Heard:
        return Heard(
            started=self.means["clock"].monotonic(),
            deadline=self.deadline,
            limits=limits_of(order.deployment),
            on_text=order.voice.say if order.voice else None,
            continues=order.continues,
        )

    def _asking(self, order: Order, output_tokens: int) -> Asking:
        return Asking(
            tokens=order.prompt_tokens + output_tokens,
            caller=self.account.caller,
            priority=self.account.priority,
            deadline=self.deadline,
            waits=order.waits,
        )

    def _charge(self, deployment: Deployment) -> Charge:
        return Charge(
            trace_id=self.account.trace_id,
            deployment=deployment.id,
            model=deployment.model,
            caller=self.account.caller,
            tags=self.account.tags,
        )

    async def _listen(self, order: Order, heard: Heard) -> AttemptError | None:
        transports, asks = self.means["transports"], order.request.asks
        via, clock = order.deployment.via, self.means["clock"]
        transport = transports.get(via) if asks == "text" else transports.bringing(asks, via)
        error = await listen(transport, order.deployment, order.request, heard, clock)
        if error is None and order.voice is not None:
            order.voice.end()
        return error

    def _checked(self, order: Order, heard: Heard) -> tuple[Any, AttemptError | None]:
        """What is checked is what is given: formats hold for values, not for placeholders."""
        redaction = self.guarding.redaction
        request = order.request if redaction is None else redaction.request
        text, calls = whole(heard, redaction, order.deployment)
        value, error = self._judged(request, heard, text, calls)
        if error is not None and redaction is not None:
            error = AttemptError(error.outcome, redaction.shown(str(error)))
        return value, error

    def _judged(
        self, request: CallRequest, heard: Heard, text: str, calls: tuple[ToolCall, ...]
    ) -> tuple[Any, AttemptError | None]:
        wrong = wrong_calls(request, calls)
        cut = heard.finish is not None and heard.finish.reason == "length"
        if heard.calls and cut:
            # What is left of its arguments may be an object by chance, or none at all.
            wrong = f"{OUT_OF_TOKENS} in the middle of a tool call"
        if wrong is not None:
            return None, AttemptError(Outcome.INVALID_OUTPUT, wrong)
        value: Any = heard.product or text
        if self.check is not None and not heard.calls:  # what calls a tool is no answer yet
            try:
                value = self.check(text)
            except ValueError as error:
                said = f"{OUT_OF_TOKENS}: {error}" if cut else str(error)
                return None, AttemptError(Outcome.INVALID_OUTPUT, said)
        if heard.confidence is not None and heard.confidence < self.sure:
            said = f"its confidence is {heard.confidence:.2f}, below {self.sure:.2f}"
            return value, AttemptError(Outcome.UNSURE, said)
        return value, None

    async def _unreleased(self, heard: Heard) -> AttemptError | None:
        """Why the answer may not get out, what it calls tools with included."""
        release = self.guarding.release
        text = "\n".join(filter(None, (heard.text, heard.calls.text)))
        if release is None or not text:
            return None
        why = await release(text)
        return AttemptError(Outcome.UNSAFE, why) if why else None

    def _record(self, made: _Unfinished) -> Attempt:
        order = made.order
        return record(
            order.deployment,
            order.request,
            made.heard,
            started_at=made.started_at,
            now=self.means["clock"].monotonic(),
            error=made.error,
            kind=order.kind,
        )


_STATUS = re.compile(r"HTTP \d{3}")


def without_words(attempt: Attempt) -> Attempt:
    """The attempt without what its provider said, which may quote the prompt; a status stays."""
    if attempt.error is None:
        return attempt
    status = _STATUS.match(attempt.error)
    return replace(attempt, error=status[0] if status else None)


def _did_not_end() -> AttemptError:
    return AttemptError(Outcome.UNKNOWN, "the attempt did not end")


@dataclass(slots=True)
class _Unfinished:
    """What is known of an attempt while it goes on."""

    order: Order
    heard: Heard
    started_at: float
    lease: str | None = None
    value: Any = None
    error: AttemptError | None = field(default_factory=_did_not_end)
