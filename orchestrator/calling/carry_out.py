"""Carries a decision out: does what `next_action` says, until somebody has answered.

Racers, hedges and members of a panel go side by side, as tasks; whoever is not needed any more is
cancelled and billed. Where one attempt follows the other, the call itself makes them. What was
handed on while it came is kept by `delivery`; nothing else of an answer that broke off is.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from orchestrator.call_types import CallRequest, Reply
from orchestrator.calling.adapt import adapt, continuation
from orchestrator.calling.agreement import ballot, elected, vote
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.calling.attempting import (
    Account,
    Attempting,
    CallProgress,
    Made,
    Means,
    Order,
    Pausing,
)
from orchestrator.calling.delivery import Delivery, Voice
from orchestrator.calling.guarding import UNGUARDED, Guarding
from orchestrator.calling.in_turn import given
from orchestrator.calling.next_action import (
    History,
    Hold,
    Next,
    Repair,
    Retry,
    Running,
    Stop,
    Tried,
    Wait,
    next_action,
)
from orchestrator.calling.repair import repairable
from orchestrator.calling.rules import RULES
from orchestrator.calling.wording import Restored, mended, seen, spoken, whole
from orchestrator.errors import CallError, IncompleteError, InternalError, UnsafeError
from orchestrator.fleet.families import answering_family
from orchestrator.records import Attempt, AttemptKind
from orchestrator.types import Decision, Deployment, Ending, Outcome

if TYPE_CHECKING:
    from orchestrator.guard.redacting.redaction import Redaction

BREAKER_RULE = "health.breaker"
"""The name of the decision's rule that leaves out whose breaker is open."""
HEDGE_AGAIN = 1.25
"""A hedge that was refused is asked for again when the call has taken so many times as long."""
HEDGE_AGAIN_S = 0.05
"""But not sooner after its beginning, also where the p95 is next to nothing."""
_NOT_NEEDED = "another answer was there first"


async def carry_out(
    decision: Decision,
    request: CallRequest,
    *,
    account: Account,
    deadline: float,
    check: Callable[[str], Any] | None = None,
    on_event: Callable[[CallProgress], None] | None = None,
    on_text: Callable[[str], None] | None = None,
    guarding: Guarding = UNGUARDED,
    **means: Unpack[Means],
) -> Reply:
    """Ask the decision's deployments until one gives a valid answer.

    Args:
        deadline: for everything together, on the clock's monotonic scale, in seconds.
        check: turns the text into a value; a `ValueError` makes the output invalid.
        on_event: told of each attempt; it cannot change what happens.
        on_text: told of the text as it comes, each word once. Where there is something to check,
            compare, weigh or release first, it is told everything at the end.
        guarding: what is done about the texts.

    Raises:
        CallError: nobody gave an answer; carries the attempts.
        UnsafeError: somebody did, and it is not let out.
        IncompleteError: a part was handed on, and nobody could go on with it.
    """
    missing = [id for id in decision.chain if id not in means["deployments"]]
    if missing:
        raise InternalError(f"the decision names deployments that the fleet lacks: {missing}")
    held = check is not None or guarding.release is not None
    live = not held and decision.strategy in ("single", "race")
    call = _Call(
        decision=decision,
        request=request,
        attempting=Attempting(
            account=account,
            means=means,
            deadline=deadline,
            check=check,
            tell=on_event or _nobody,
            attempts=[],
            sure=decision.tactics.confidence if decision.strategy == "cascade" else 0.0,
            guarding=guarding,
            quoted=decision.log.keeps_all,
        ),
        history=_history(decision, means, deadline),
        delivery=Delivery(on_text) if on_text is not None and live else None,
    )
    reply = await call.run()
    if on_text is not None and not live and reply.text:
        on_text(reply.text)
    return reply


def _history(decision: Decision, means: Means, deadline: float) -> History:
    chain = tuple(means["deployments"][id] for id in decision.chain)
    hedged = decision.strategy == "race" and decision.tactics.start == "after_p95"
    return History(
        chain=chain,
        deadline=deadline,
        strategy=decision.strategy,
        tactics=decision.tactics,
        hedge_after_s=means["traffic"].hedge_after_s(decision.chosen) if hedged else None,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """An attempt that goes on as a task."""

    number: int
    running: Running


class _Jitter:
    """Chance for pauses; seeded, so that a test or a replay pauses as the call itself did."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._random: random.Random | None = None

    def of(self, history: History) -> float:
        """In 0..1. Only a failure makes a pause; most calls know none."""
        if not history.tried or history.tried[-1].outcome is Outcome.OK:
            return 0.5
        if self._random is None:
            self._random = random.Random(self._seed)
        return self._random.random()


class _Call:
    """One decision on its way."""

    def __init__(
        self,
        *,
        decision: Decision,
        request: CallRequest,
        attempting: Attempting,
        history: History,
        delivery: Delivery | None,
    ) -> None:
        self.decision, self.request, self.attempting = decision, request, attempting
        self.history, self.delivery = history, delivery
        self.clock = attempting.means["clock"]
        self.traffic = attempting.means["traffic"]
        self.running: dict[asyncio.Task[Made], _Run] = {}
        one_by_one = history.strategy in ("single", "cascade") or bool(history.tactics.moves)
        self.one_by_one = one_by_one
        """Nothing can begin beside an attempt, so that none needs a task of its own."""
        self.begun = 0
        self.prompt_tokens = prompt_tokens(request)
        self.valid: list[Made] = []
        """Answers that may be given, `unsure` ones included, in the order of their ends."""
        self.invalid: Made | None = None
        """The last answer that broke its rules."""
        self.broke_off = False
        """An earlier attempt had begun to answer."""
        if delivery is not None:
            delivery.on_word = self._only

    async def run(self) -> Reply:
        stopped, jitter = _NOT_NEEDED, _Jitter(self.attempting.account.trace_id)
        try:
            while True:
                if not self.one_by_one:
                    self.history.running = tuple(run.running for run in self.running.values())
                now = self.clock.monotonic()
                match next_action(self.history, now, jitter.of(self.history)):
                    case Stop(reason):
                        if self.running:
                            await self._stop_all(_NOT_NEEDED)
                        return self._reply() if self.valid else self._fail(reason)
                    case Hold(until):
                        await self._hold(until)
                    case Next(deployment, continued):
                        await self._next(deployment, continued=continued)
                    case Retry(deployment, after_s, continued):
                        await self._pause(deployment, after_s)
                        await self._begin(deployment, "retry", continued=continued)
                    case Wait(deployment, after_s, continued):
                        await self._pause(deployment, after_s)
                        kind = self._again(deployment)
                        await self._begin(deployment, kind, continued=continued, waits=True)
                    case Repair(deployment):
                        await self._begin(deployment, "repair")
        except asyncio.CancelledError:
            stopped = "the caller stopped the call"
            raise
        finally:
            try:
                await self._stop_all(stopped)
            finally:
                passed_over = [
                    c.deployment for c in self.decision.candidates if c.rule == BREAKER_RULE
                ]
                self.traffic.answered(self.attempting.told, passed_over)

    # ── beginning ────────────────────────────────────────────────────────────────────────

    async def _next(self, deployment: Deployment, *, continued: bool) -> None:
        kind = self._kind()
        if kind == "hedge" and not self.traffic.take_hedge():
            # The share is used up. The slower it gets, the more it deserves the next one.
            slow_for = self.clock.monotonic() - self.history.running[-1].since
            later = max(slow_for * HEDGE_AGAIN, HEDGE_AGAIN_S)
            self.history.hedge_after_s = later
            return
        await self._begin(deployment, kind, continued=continued)

    def _kind(self) -> AttemptKind:
        """Why a deployment that was not asked yet is asked now."""
        tactics, begun = self.history.tactics, bool(self.history.tried or self.running)
        match self.history.strategy:
            case "panel":
                return "panelist"
            case "race" if self.running:
                return "racer" if tactics.start == "together" else "hedge"
            case "race" if not begun and tactics.start == "together":
                return "racer"
        return "fallback" if begun else "first"

    def _again(self, deployment: Deployment) -> AttemptKind:
        """Why a deployment is asked for which there was no room before."""
        sent = [t.deployment for t in self.history.tried if RULES[t.outcome].sent]
        if deployment.id in sent:
            return "retry"
        return "fallback" if sent else "first"

    async def _pause(self, deployment: Deployment, seconds: float) -> None:
        self.attempting.tell(Pausing(deployment, seconds))
        await self.clock.sleep(seconds)

    async def _begin(
        self,
        deployment: Deployment,
        kind: AttemptKind,
        *,
        continued: bool = False,
        waits: bool = False,
    ) -> None:
        """Begin an attempt, and where nothing can go on beside it, see it to its end."""
        redaction = self.attempting.guarding.redaction
        asked = self.request if redaction is None else redaction.asked(deployment)
        request = adapt(asked, self.decision, deployment)
        tokens = self.prompt_tokens if asked is self.request else prompt_tokens(asked)
        voice: Voice | Restored | None = None
        if self.delivery is not None:
            voice = self.delivery.voice(self.begun, deployment.id, continued=continued)
            voice = spoken(voice, redaction, deployment)
            if continued:
                begun = self.delivery.text
                begun = begun if redaction is None else redaction.told(begun, deployment)
                request = continuation(request, begun)
                tokens = prompt_tokens(request)
        if kind == "repair" and self.invalid is not None:
            request = mended(request, self.invalid, redaction, deployment)
            tokens = prompt_tokens(request)
        order = Order(
            deployment=deployment,
            request=request,
            prompt_tokens=tokens,
            kind=kind,
            voice=voice,
            continues=continued,
            waits=waits,
        )
        number = self.begun
        self.begun += 1
        if self.one_by_one:
            self._ended(await self.attempting.make(order), number)
            return
        task = asyncio.ensure_future(self.attempting.make(order))
        self.running[task] = _Run(number, Running(deployment.id, self.clock.monotonic()))

    # ── ending ───────────────────────────────────────────────────────────────────────────

    async def _hold(self, until: float | None) -> None:
        """Wait until one of the running attempts ends, or until then."""
        alarm = None
        if until is not None:
            alarm = asyncio.ensure_future(self.clock.sleep(until - self.clock.monotonic()))
        waiting: set[asyncio.Future[Any]] = {*self.running, *((alarm,) if alarm else ())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if alarm is not None:
                alarm.cancel()
        for task in [task for task in self.running if task.done()]:
            number = self.running.pop(task).number
            if not task.cancelled() and not self._too_late(task.result(), number):
                self._ended(task.result(), number)

    def _too_late(self, made: Made, number: int) -> bool:
        """It answers, and another has the word. Tool calls without a text come without a word."""
        if self.delivery is None or made.attempt.outcome is not Outcome.OK:
            return False
        return self.delivery.speaker not in (None, number)

    def _ended(self, made: Made, number: int) -> None:
        attempt, heard = made.attempt, made.heard
        outcome = attempt.outcome
        if outcome in (Outcome.OK, Outcome.UNSURE):
            self.valid.append(made)
        if outcome is Outcome.INVALID_OUTPUT:
            self.invalid = made
        self.broke_off |= outcome is not Outcome.OK and heard.begun and heard.finish is None
        panel = self.history.strategy == "panel" and outcome is Outcome.OK
        tried = Tried(
            deployment=attempt.deployment,
            outcome=outcome,
            at=self.clock.monotonic(),
            retry_after_s=attempt.retry_after_s,
            repair=attempt.kind == "repair",
            repairable=outcome is Outcome.INVALID_OUTPUT and self._repairable(made),
            continued=attempt.continued,
            vote=self._vote(made) if panel else None,
            final=outcome is Outcome.UNSAFE and not self.attempting.guarding.next_after_unsafe,
        )
        self.history.tried = (*self.history.tried, tried)
        if self.delivery is not None:
            self.delivery.fall_silent(number)

    def _repairable(self, made: Made) -> bool:
        deployment, redaction = made.order.deployment, self.attempting.guarding.redaction
        return repairable(deployment, mended(made.order.request, made, redaction, deployment))

    def _only(self, number: int, deployment: str) -> None:
        """The caller hears this attempt; nobody waits for the others any more."""
        self.history.speaker = deployment
        for task, run in self.running.items():
            if run.number != number:
                task.cancel(_NOT_NEEDED)

    async def _stop_all(self, reason: str) -> None:
        """Stop what runs, and wait until it has given back what it held."""
        if self.delivery is not None:
            self.delivery.over = True
        for task in self.running:
            if not task.cancelling():  # a second time would disturb its giving back
                task.cancel(reason)
        again = None
        while self.running:
            try:
                await asyncio.wait(self.running)
            except asyncio.CancelledError as stopped:  # once more: nothing may leak
                again = stopped
            for task in [task for task in self.running if task.done()]:
                del self.running[task]
                if not task.cancelled():
                    task.exception()  # looked at; the call has its own end already
        if again is not None:
            raise again

    def _reply(self) -> Reply:
        made, agreed = self._chosen()
        attempt, heard = made.attempt, made.heard
        text, value, calls = seen(made, self.attempting.guarding.redaction)
        ending: Ending = "restarted" if self.broke_off else "complete"
        if attempt.continued and self.delivery is not None:
            text = value = self.delivery.text
            ending = "continued"
        return Reply(
            text=text,
            value=value,
            deployment=attempt.deployment,
            model=attempt.model,
            family=answering_family(attempt.family, attempt.reported_model),
            attempts=(*(a for a in self.attempting.attempts if a is not attempt), attempt),
            ending=ending,
            finish_reason=heard.finish.reason if heard.finish else "",
            tool_calls=calls,
            agreement=agreed,
        )

    def _chosen(self) -> tuple[Made, float | None]:
        """The answer that is given, and the share of a panel that gave it."""
        if self.history.strategy != "panel":
            sure = [m for m in self.valid if m.attempt.outcome is Outcome.OK]
            # Of those that are unsure the last step of a cascade is the strongest.
            return (sure[0] if sure else self.valid[-1]), None
        order = [d.id for d in self.history.chain]
        members = sorted(self.valid, key=lambda m: order.index(m.attempt.deployment))
        votes = [self._vote(m) for m in members]
        place, count = elected(votes)
        if self.history.tactics.moves and (own := self._given(members)) is not None:
            place, count = own, votes.count(votes[own])
        return members[place], count / len(members)

    def _given(self, members: Sequence[Made]) -> int | None:
        """Whose answer a panel in turn gives; a member that failed has said nothing."""
        said = {made.attempt.deployment: i for i, made in enumerate(members)}
        asked = [d.id for d in self.history.chain[: self.history.tactics.models]]
        votes = [self._vote(members[said[id]]) if id in said else None for id in asked]
        place = given(self.history.tactics.moves, votes)
        return None if place is None else said[asked[place]]

    def _vote(self, made: Made) -> str:
        return _vote(made, self.attempting.guarding.redaction)

    def _fail(self, reason: str) -> Reply:
        attempts = tuple(self.attempting.attempts)
        if attempts and all(a.outcome is Outcome.OVER_BUDGET for a in attempts):
            reason = "over budget; a smaller max_tokens reserves less"
        unsafe = [a for a in attempts if a.outcome is Outcome.UNSAFE]
        if unsafe:  # who comes after it has failed in another way: that is not why
            raise UnsafeError(f"the answer is not let out: {unsafe[-1].error}", where="answer")
        if self.delivery is None or not self.delivery.told:
            raise CallError(_message(reason, attempts), attempts)
        text = self.delivery.text
        raise IncompleteError(
            f"the answer broke off after {len(text)} characters were handed on: "
            f"{_message(reason, attempts)}",
            attempts,
            text=text,
            reason=reason,
        )


def _vote(made: Made, redaction: Redaction | None) -> str:
    """What it says: its value, and which tools it calls with what."""
    _, whole_calls = whole(made.heard, redaction, made.order.deployment)
    calls = [(call.name, json.loads(call.arguments)) for call in whole_calls]
    return vote([made.value, calls]) if calls else ballot(made.value)


def _nobody(_event: CallProgress) -> None:
    """Nobody listens."""


def _message(reason: str, attempts: Sequence[Attempt]) -> str:
    # What ended in the same way is said once: a budget refuses each deployment in the same words.
    alike: dict[str, list[str]] = {}
    for attempt in attempts:
        alike.setdefault(f"{attempt.outcome}{_why(attempt)}", []).append(attempt.deployment)
    ends = (f"{', '.join(dict.fromkeys(names))} → {end}" for end, names in alike.items())
    tried = "; ".join(ends)
    return f"no deployment answered ({reason}): {tried or 'nothing was tried'}"


def _why(attempt: Attempt) -> str:
    """What the caller reads of an attempt that failed; the trace keeps the provider's words."""
    if attempt.continued and attempt.outcome is Outcome.INVALID_REQUEST:
        return " (it does not go on with what another has begun)"  # that was our idea alone
    return f" ({attempt.error})" if attempt.error else ""
