"""One attempt: a transport's stream, heard under the clocks, as a typed result.

Three clocks run here: the first token, the gap between tokens, and the request's deadline. The
fourth, connecting, is the transport's own. An attempt never decides what comes after it.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import cast

from orchestrator.call_types import (
    MESSAGE_TOKENS,
    Answering,
    CallEvent,
    CallRequest,
    Confidence,
    Finish,
    Images,
    Product,
    Progress,
    TextDelta,
    ToolCallDelta,
    UsageReport,
    Vectors,
    text_of,
    tokens,
)
from orchestrator.calling.tool_calls import ToolCalls
from orchestrator.errors import AttemptError
from orchestrator.money import Usage
from orchestrator.project.protocols import Clock, Transport
from orchestrator.records import Attempt, AttemptKind
from orchestrator.tracing.redact import Mask
from orchestrator.types import Deployment, Outcome

PART_TOKENS = 1000
"""What an image or a file counts for; providers charge some hundred to two thousand for one."""
HURRY_S = 5.0
"""A deadline that leaves a provider less than this to begin in says nothing about the provider."""
_ERROR_CHARS = 400
_FINISH_CHARS = 64
_REFUSALS = frozenset(
    {"content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist", "spii"}
)
"""Reasons with which a provider ends an answer that it will not give: OpenAI's, Anthropic's and
Google's; gateways do not always translate them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an attempt may be silent, in seconds."""

    first_token_s: float = 10.0
    between_tokens_s: float = 10.0
    after_finish_s: float = 2.0
    """For the usage that some providers report after the end of the text."""


def limits_of(deployment: Deployment) -> Limits:
    """The limits of a deployment: those that it declares, else ours.

    A self-hosted one may first read its weights or a long prompt on a slow machine; one that
    declares a slow first token gets four times what it declares.
    """
    # An image comes whole, and takes its time.
    own = deployment.hosting == "self" or "image" in deployment.tasks
    typical = 4 * (deployment.first_token_ms or 0) / 1000
    first, between = deployment.first_token_timeout_ms, deployment.between_tokens_timeout_ms
    return Limits(
        first_token_s=first / 1000 if first else (120.0 if own else max(10.0, typical)),
        between_tokens_s=between / 1000 if between else (30.0 if own else 10.0),
    )


@dataclass(slots=True)
class Heard:
    """What one attempt has heard so far; complete once `listen` has returned."""

    started: float
    """On the clock's monotonic scale, as are all times here."""
    deadline: float
    limits: Limits
    parts: list[str] = field(default_factory=list)
    half: str = ""
    """Of a character whose other half is yet to come."""
    calls: ToolCalls = field(default_factory=ToolCalls)
    answered: bool = False
    """The provider has taken the request."""
    first_token: float | None = None
    report: UsageReport | None = None
    answering: Answering = field(default_factory=Answering)
    """Which model the provider said it was."""
    finish: Finish | None = None
    until: float = 0.0
    """When the silence has lasted too long."""
    on_text: Callable[[str], None] | None = None
    """Told of each piece of text as it comes; raises `AttemptError` to end the attempt."""
    continues: bool = False
    """It was asked to go on with a text, so that nothing more to say is an answer too."""
    confidence: float | None = None
    """How sure the model was, in 0..1; `None` where it did not say."""
    product: Product | None = None
    """The answer to a request that asks for no text."""

    def __post_init__(self) -> None:
        self.until = self.started + self.limits.first_token_s

    def start(self, now: float) -> None:
        """The call begins only now: our own queue and disk are not its silence."""
        self.started = now
        self.until = now + self.limits.first_token_s

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def begun(self) -> bool:
        """Something of the answer itself has come."""
        return bool(self.parts or self.calls)

    def take(self, event: CallEvent, now: float) -> None:
        """Keep the event, and set the clock that runs from here."""
        match event:
            case TextDelta(text) if text:
                self._token(now)
                text, self.half = _characters(self.half + text)
                self._write(text)
            case ToolCallDelta():
                self.calls.take(event)
                self._token(now)
            case Progress("waiting"):
                self.until = math.inf
            case Progress("ready"):
                self.until = now + self.limits.first_token_s
            case Progress("opened"):
                self.answered = True
            case Progress("thinking"):
                self.answered = True
                self.until = max(self.until, now + self.limits.between_tokens_s)
            case UsageReport():
                self.report = event
            case Answering():
                self.answering = event
            case Confidence(value):
                self.confidence = value
            case Vectors() | Images():
                self.product = event
                self._token(now)
            case Finish():
                self._write(self.half)
                self.half = ""
                self.finish = event
                self.until = now + self.limits.after_finish_s

    def _write(self, text: str) -> None:
        if not text:
            return
        self.parts.append(text)
        if self.on_text is not None:
            self.on_text(text)

    def _token(self, now: float) -> None:
        self.answered = True
        if self.first_token is None:
            self.first_token = now
        self.until = now + self.limits.between_tokens_s

    def silence(self, now: float) -> AttemptError | None:
        """The outcome if the silence has lasted too long by `now`; `None` where it has not."""
        if now < min(self.until, self.deadline):
            return None
        which = "the request's deadline passed" if now >= self.deadline else "too long a silence"
        if self.begun:
            written = len(self.text) + len(self.calls.text)
            # Who was still writing has not stalled: our own hurry is nobody's outage.
            outcome = Outcome.STALLED if now >= self.until else Outcome.CANCELLED
            return AttemptError(outcome, f"{which} after {written} characters")
        waited = f"{which}: no token in {now - self.started:.1f} s"
        if now < self.until and now - self.started < HURRY_S:
            # Else one caller with short deadlines could take it out of use for all others.
            return AttemptError(Outcome.CANCELLED, waited)
        if self.answered:
            return AttemptError(Outcome.TIMEOUT_FIRST_TOKEN, waited)
        return AttemptError(Outcome.TIMEOUT_SILENT, waited)

    def usage(self, request: CallRequest) -> Usage:
        """As reported; counted here, and marked so, where there is no report.

        A provider that took the request has read the prompt, whatever came of it.
        """
        if self.report is not None:
            return self.report.usage
        if not self.answered:
            return Usage()
        written = tokens(self.text) + tokens(self.calls.text)
        return Usage(input=prompt_tokens(request), output=written, estimated=True)


def _characters(text: str) -> tuple[str, str]:
    """The text with the halves of surrogate pairs put together, and a half at its end.

    Servers that count in UTF-16 may send one character in two pieces.
    """
    if text.isascii():
        return text, ""
    half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
    whole = text.removesuffix(half).encode("utf-16-le", "surrogatepass")
    return whole.decode("utf-16-le", "surrogatepass"), half


def prompt_tokens(request: CallRequest) -> int:
    """About how many tokens the request has: its messages, their tool calls, and the tools."""
    total = MESSAGE_TOKENS * len(request.messages) if request.asks == "text" else 0
    for message in request.messages:
        content = message["content"]
        if isinstance(content, str):
            total += tokens(content)
        else:
            total += tokens(text_of(message))
            total += sum(PART_TOKENS for part in content if part.get("type") != "text")
        for call in message.get("tool_calls", ()):
            total += tokens(json.dumps(call))
    for tool in request.tools:
        total += tokens(json.dumps(tool))
    return total


async def listen(
    transport: Transport, deployment: Deployment, request: CallRequest, heard: Heard, clock: Clock
) -> AttemptError | None:
    """Consume one stream into `heard`; `None` where the answer is whole, else what went wrong.

    The upstream call is stopped before this returns or is cancelled.
    """
    error = heard.silence(clock.monotonic())
    if error is not None:
        return error
    stream = cast("_Closable", transport.stream(deployment, request))
    watch = _Watch(heard, clock)
    try:
        # Transports are async generators, which must be closed for the upstream call to stop.
        async with aclosing(stream):
            watch.set()
            async for event in stream:
                now = clock.monotonic()
                # While every event is there at once, the alarm gets no turn.
                late = heard.silence(now) if now >= heard.deadline else None
                if late is not None:
                    raise late
                before = heard.until
                heard.take(event, now)
                if heard.until < before:
                    watch.set()
    except AttemptError as raised:
        error = raised
    except asyncio.CancelledError:
        error = watch.took_part()
        if watch.cancelled():
            raise
        if error is None:
            # By the transport's own doing: raised, it would look like the caller's cancellation.
            error = AttemptError(Outcome.CUT, "the transport gave the call up")
    finally:
        watch.end()
    return _judge(heard, error)


class _Closable(AsyncIterator[CallEvent]):
    async def aclose(self) -> None: ...


class _Watch:
    """Stops the task that listens when the silence has lasted too long.

    One alarm, not one per token: what comes moves `heard.until`, and an alarm that rings too early
    is set again.
    """

    def __init__(self, heard: Heard, clock: Clock) -> None:
        self._heard, self._clock = heard, clock
        task = asyncio.current_task()
        assert task is not None  # whoever awaits is in one
        self._task, self._before = task, task.cancelling()
        self._cancel: Callable[[], object] | None = None
        self._silence: AttemptError | None = None

    def set(self) -> None:
        """Ring when the silence would be too long, if nothing comes."""
        self.end()
        heard = self._heard
        left = min(heard.until, heard.deadline) - self._clock.monotonic()
        self._cancel = self._clock.alarm(left, self._ring)

    def _ring(self) -> None:
        self._silence = self._heard.silence(self._clock.monotonic())
        if self._silence is None:
            self.set()
        else:
            self._task.cancel()

    def took_part(self) -> AttemptError | None:
        """Why this watch has cancelled the task, and takes it back; `None` where it has not."""
        if self._silence is not None:
            self._task.uncancel()
        return self._silence

    def cancelled(self) -> bool:
        """Whether somebody else has cancelled the task, too."""
        return self._task.cancelling() > self._before

    def end(self) -> None:
        """Nothing rings any more."""
        if self._cancel is not None:
            self._cancel()


def _judge(heard: Heard, error: AttemptError | None) -> AttemptError | None:
    """What the attempt came to. After the provider's own end nothing can spoil the answer."""
    if heard.finish is None:
        if error is None and heard.begun:
            return AttemptError(Outcome.CUT, "the stream ended without a finish reason")
        return error or AttemptError(Outcome.CUT, "the stream ended before any text")
    if heard.finish.reason.lower() in _REFUSALS:
        return AttemptError(Outcome.REFUSED, "the provider's content filter ended the answer")
    said = heard.calls or heard.product or heard.continues
    if not said and not heard.text.strip():
        return AttemptError(Outcome.EMPTY, "the answer holds no text")
    return None


def record(
    deployment: Deployment,
    request: CallRequest,
    heard: Heard,
    *,
    started_at: float,
    now: float,
    error: AttemptError | None,
    kind: AttemptKind = "first",
) -> Attempt:
    """The attempt as a line of the trace; what a failed one used is counted as well."""
    usage = heard.usage(request)
    first = heard.first_token
    return Attempt(
        deployment=deployment.id,
        model=deployment.model,
        family=deployment.family,
        outcome=error.outcome if error else Outcome.OK,
        started_at=started_at,
        ms=(now - heard.started) * 1000,
        first_token_ms=None if first is None else (first - heard.started) * 1000,
        usage=usage,
        cost_micro_usd=cost(deployment, usage),
        error=_one_line(str(error)) if error else None,
        kind=kind,
        continued=heard.continues,
        retry_after_s=error.retry_after_s if error else None,
        confidence=heard.confidence,
        reported_model=heard.answering.model,
        fingerprint=heard.answering.fingerprint,
        finish=heard.finish.reason[:_FINISH_CHARS] if heard.finish else None,
    )


def cost(deployment: Deployment, usage: Usage) -> int | None:
    """Micro-dollars of `usage` there; `None` where the price is unknown and something was used."""
    if not usage.input and not usage.output and not usage.images:
        return 0
    return deployment.price.cost(usage) if deployment.price else None


def _one_line(text: str) -> str:
    # Providers repeat the key that they refuse, and proxies the address with its password.
    flat = Mask().secrets(" ".join(text.split()))
    return flat if len(flat) <= _ERROR_CHARS else flat[: _ERROR_CHARS - 1] + "…"
