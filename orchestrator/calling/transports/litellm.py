"""Providers through litellm, which knows how to speak to each of them.

Only its translation is used: no retries, fallbacks, caches or budgets of its own. Where its
translation hides the provider's end of the stream, the raw reason that it received is read: a
stream that was closed cleanly in the middle comes back with an invented `stop`, and ends here
without `Finish`. What cannot be told apart: providers whose protocol has no finish reason, for
which litellm notes one itself. One broken event ends the stream there; it cannot be skipped.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from types import ModuleType
from typing import Any

from orchestrator.call_types import (
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from orchestrator.calling.transports.chat import options, usage_of
from orchestrator.calling.transports.openai import key_of
from orchestrator.calling.transports.outcomes import from_event, from_status
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment, Outcome

_OWN_TOOLS_ONLY = {"_skip_mcp_handler": True}
"""Tools are called by whoever offers them. Else litellm looks whether some are those of its own
gateway, and for that imports a package that it does not depend on."""


@transport("litellm")
class LiteLLMTransport:
    """Calls `litellm.acompletion` with the deployment's model name, endpoint and key."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], clock: Clock) -> None:
        self._env, self._clock = env, clock
        self._litellm: ModuleType | None = None

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`."""
        key = key_of(deployment, self._env)
        if self._litellm is None:
            yield Progress("waiting")
            self._litellm = await asyncio.to_thread(_load)  # seconds
            yield Progress("ready")
        opened = False
        try:
            answer = await self._litellm.acompletion(
                model=deployment.target,
                messages=list(request.messages),
                stream=True,
                stream_options={"include_usage": True},
                api_base=deployment.endpoint,
                # An endpoint without a key is asked with one that says so: some clients of
                # litellm refuse to start without any.
                api_key=key or ("none" if deployment.endpoint else None),
                num_retries=0,
                max_retries=0,
                drop_params=True,
                **deployment.params,
                **options(request),
                **_OWN_TOOLS_ONLY if request.tools else {},
            )
            async with aclosing(_events(answer)) as events:
                async for event in events:
                    opened = True
                    yield event
        except AttemptError:
            raise
        except Exception as error:  # litellm lets any provider's exception through
            raise _typed(error, opened=opened, key=key, now=self._clock.now()) from error

    async def close(self) -> None:
        """Close the clients that litellm keeps."""
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()
            # It would hand the closed ones out again.
            self._litellm.in_memory_llm_clients_cache.flush_cache()


def _load() -> ModuleType:
    """litellm, without its look-up of prices in the network and without its messages."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


async def _events(answer: Any) -> AsyncGenerator[CallEvent, None]:
    """The events of litellm's stream wrapper."""
    report, finished = None, False
    try:
        async for chunk in answer:
            choice = chunk.choices[0] if chunk.choices else None
            if choice is not None:
                delta = choice.delta
                if getattr(delta, "reasoning_content", None):
                    yield Progress("thinking")
                yield TextDelta(delta.content) if delta.content else Progress("opened")
                for call in delta.tool_calls or ():
                    yield ToolCallDelta(
                        index=call.index,
                        id=call.id or "",
                        name=call.function.name or "",
                        arguments=call.function.arguments or "",
                    )
            if getattr(chunk, "usage", None) is not None:
                report = chunk
            # Its wrapper writes `stop` where the provider gave no reason.
            reason = answer.received_finish_reason or answer.intermittent_finish_reason
            if choice is not None and choice.finish_reason and reason and not finished:
                finished = True
                yield Finish(choice.finish_reason)
    finally:
        await answer.aclose()
    if not answer.chunks:
        raise AttemptError(Outcome.MALFORMED, "the answer held nothing that could be read")
    # Where the provider reported nothing, litellm counts; we would rather say so.
    if report is not None and any(getattr(c, "usage", None) is not None for c in answer.chunks):
        yield UsageReport(
            usage=usage_of(report.usage.model_dump()),
            model=_reported_model(answer.chunks),
            fingerprint=getattr(report, "system_fingerprint", None),
        )


def _reported_model(chunks: list[Any]) -> str | None:
    return next((c.model for c in chunks if getattr(c, "model", None)), None)


def _typed(error: Exception, *, opened: bool, key: str | None, now: float) -> AttemptError:
    """The outcome of an exception that litellm raised or let through."""
    found = _found(error, opened=opened, now=now)
    message = str(found).replace(key, "…") if key else str(found)
    return AttemptError(found.outcome, message, retry_after_s=found.retry_after_s)


def _found(error: Exception, *, opened: bool, now: float) -> AttemptError:
    import httpx
    from litellm import exceptions as known

    named = {
        known.ContextWindowExceededError: Outcome.CONTEXT_EXCEEDED,
        known.ContentPolicyViolationError: Outcome.REFUSED,
        known.AuthenticationError: Outcome.AUTH,
        known.PermissionDeniedError: Outcome.AUTH,
        known.UnsupportedParamsError: Outcome.INVALID_REQUEST,
    }
    for kind, outcome in named.items():
        if isinstance(error, kind):
            return AttemptError(outcome, str(error))
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, httpx.HTTPStatusError):
            return _from_response(cause.response, error, now)
        if isinstance(cause, (httpx.TransportError, ConnectionError)):
            return AttemptError(Outcome.CUT if opened else Outcome.UNREACHABLE, str(error))
        if isinstance(cause, json.JSONDecodeError):
            return AttemptError(Outcome.MALFORMED, f"no JSON in the answer: {cause}")
    if "credentials" in str(error):
        return AttemptError(Outcome.AUTH, str(error))
    said = {"message": str(causes[-1]), "code": getattr(error, "code", None)}
    status = getattr(error, "status_code", None)
    if opened or not isinstance(status, int):
        return from_event(said)
    return from_status(status, {}, json.dumps({"error": said}), now)


def _from_response(response: Any, error: Exception, now: float) -> AttemptError:
    """From the provider's own answer, which keeps the headers that litellm drops."""
    try:
        body = response.text
    except RuntimeError:  # httpx: the body was not read
        body = json.dumps({"error": {"message": str(error)}})
    return from_status(response.status_code, response.headers, body, now)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
