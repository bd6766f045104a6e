"""Providers through litellm, which knows how to speak to each of them.

Only its translation is used: no retries, fallbacks, caches, budgets or callbacks of its own. The
providers named here are reached over a connection of ours (`wire`), which sees what they said
themselves: their status and headers, their model's name, and whether they came to an end. litellm
keeps or invents these: a stream of Google's that was cut off comes back from it with a `stop`.

Of the others (Azure among them) only what litellm lets through can be known: one broken event ends
their stream, and where their protocol has no finish reason, litellm notes one itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from orchestrator.call_types import (
    Answering,
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from orchestrator.calling.transports.openai import key_of
from orchestrator.calling.transports.wire.chat import confidence, options
from orchestrator.calling.transports.wire.connections import (
    PLACES,
    causes,
    connect_s,
    from_connection,
)
from orchestrator.calling.transports.wire.outcomes import from_event, from_status, without
from orchestrator.calling.transports.wire.prefill import joined, prefill_of
from orchestrator.calling.transports.wire.usage import usage_of
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment, Outcome

if TYPE_CHECKING:
    import httpx

    from orchestrator.calling.transports.wire.client import Wire, Witness

BY_SDK = frozenset({"openai", "cerebras", "deepinfra", "nvidia_nim", "perplexity", "sambanova"})
"""Providers that litellm reaches through OpenAI's own client."""
BY_HTTPX = frozenset(
    {
        "anthropic",
        "bedrock",
        "deepseek",
        "fireworks_ai",
        "gemini",
        "groq",
        "hosted_vllm",
        "mistral",
        "openrouter",
        "together_ai",
        "vertex_ai",
        "xai",
    }
)
"""Providers that litellm reaches through its own client."""
PASSED = frozenset(
    {"top_p", "frequency_penalty", "presence_penalty", "logit_bias", "service_tier", "verbosity"}
    | {"prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"}
    | {"web_search_options", "thinking", "top_k", "top_a", "min_p", "typical_p", "min_tokens"}
    | {"repetition_penalty", "length_penalty", "ignore_eos", "chat_template_kwargs", "safe_prompt"}
    | {"guided_json", "guided_regex", "guided_choice", "guided_grammar"}
)
"""Further parameters that belong to a model. litellm reads hundreds of names for itself, addresses
and accounts among them, so no other is handed to it."""
TAKE_ADDRESSES = BY_SDK | {"azure", "deepseek", "fireworks_ai", "groq", "hosted_vllm", "mistral"}
TAKE_ADDRESSES |= {"openrouter", "together_ai", "xai"}
"""Providers that are handed the address of an image as it is. For others litellm would fetch what
stands there, out of our own network: no caller decides what this process asks for."""
_NO_CALLBACKS = {"no-log": True}
"""What is kept of an answer is for its route to say. (`litellm.input_callback` it always calls.)"""
_OWN_TOOLS_ONLY = {"_skip_mcp_handler": True}
"""Tools are called by whoever offers them. Else litellm looks whether some are those of its own
gateway, and for that imports a package that it does not depend on."""


@transport("litellm")
class LiteLLMTransport:
    """Calls `litellm.acompletion` with the deployment's model name, endpoint and key."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], clock: Clock) -> None:
        self._env, self._clock = env, clock
        self._litellm: ModuleType | None = None
        self._pool: httpx.AsyncBaseTransport | None = None
        self._places: dict[str, asyncio.Semaphore] = {}

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`."""
        key = key_of(deployment, self._env)
        place = self._places.setdefault(deployment.id, asyncio.Semaphore(PLACES))
        if self._litellm is None or place.locked():
            yield Progress("waiting")
        if self._litellm is None:
            self._litellm = await asyncio.to_thread(load)  # seconds
        async with place:
            yield Progress("ready")
            prefill = prefill_of(deployment, request)
            call = _Call(deployment, key, self._wire(deployment), self._clock)
            messages = prefill.messages(request.messages) if prefill else list(request.messages)
            asked = {**further(request, PASSED), **options(deployment, request)}
            answer = call.events(self._litellm, messages, asked)
            async with aclosing(joined(answer, prefill)) as events:
                async for event in events:
                    yield event

    def _wire(self, deployment: Deployment) -> Wire:
        from orchestrator.calling.transports.wire import client as wire

        if self._pool is None:
            self._pool = wire.connections()
        return wire.Wire(self._pool, connect_s(deployment), self._clock)

    async def close(self) -> None:
        """Close the connections, and the clients that litellm keeps."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()
            # It would hand the closed ones out again.
            self._litellm.in_memory_llm_clients_cache.flush_cache()


@dataclass(slots=True)
class _Call:
    """One call of `litellm.acompletion`."""

    deployment: Deployment
    key: str | None
    wire: Wire
    clock: Clock

    async def events(
        self, litellm: ModuleType, messages: list[Any], options: Mapping[str, Any]
    ) -> AsyncGenerator[CallEvent, None]:
        """The answer's events. Raises `AttemptError`."""
        opened = False
        try:
            self._fetch_nothing(litellm, messages)
            answer = await litellm.acompletion(
                model=self.deployment.target,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                api_base=self.deployment.endpoint,
                api_key=self._key,
                client=self._client(litellm),
                timeout=only_connecting(connect_s(self.deployment)),
                num_retries=0,
                max_retries=0,
                drop_params=True,
                caching=False,
                **self.deployment.params,
                **options,
                **_NO_CALLBACKS,
                **_OWN_TOOLS_ONLY if "tools" in options else {},
            )
            async with aclosing(_events(answer, self.wire.witness)) as events:
                async for event in events:
                    opened = True
                    yield event
        except AttemptError as error:
            raise without(self.key, self.wire.failure or error) from error.__cause__
        except Exception as error:  # litellm lets any provider's exception through
            found = self.wire.failure or failure_of(error, opened=opened, now=self.clock.now())
            raise without(self.key, found) from error

    @property
    def _key(self) -> str | None:
        """An endpoint without a key is asked with one that says so: some clients of litellm
        refuse to start without any."""
        return self.key or ("none" if self.deployment.endpoint else None)

    def _fetch_nothing(self, litellm: ModuleType, messages: list[Any]) -> None:
        """Refuse images that litellm would fetch. Raises `AttemptError`."""
        schemes = {address.partition(":")[0].lower() for address in _addresses(messages)}
        if not schemes:
            return
        provider = self._provider(litellm)[1]
        handed_on = provider == "anthropic" and schemes == {"https"}
        if provider not in TAKE_ADDRESSES and not handed_on:
            said = "its provider takes images as data alone (data:image/png;base64,…), no addresses"
            raise AttemptError(Outcome.INVALID_REQUEST, said)

    def _provider(self, litellm: ModuleType) -> Any:
        return litellm.get_llm_provider(
            self.deployment.target, api_base=self.deployment.endpoint, api_key=self._key
        )

    def _client(self, litellm: ModuleType) -> Any:
        """A client over our own connection, of the kind that the provider's code takes.

        `None` where that is not known: litellm then connects by itself.
        """
        import httpx
        import openai

        _, provider, key, endpoint = self._provider(litellm)
        if provider in BY_HTTPX:
            return litellm.AsyncHTTPHandler(transport=self.wire)
        if provider in BY_SDK:
            return openai.AsyncOpenAI(
                api_key=self._key or key,
                base_url=self.deployment.endpoint or endpoint,
                http_client=httpx.AsyncClient(transport=self.wire),
                max_retries=0,
            )
        return None


def further(request: CallRequest, passed: Collection[str]) -> Mapping[str, Any]:
    """The request's further parameters. Raises `AttemptError` for one that is not of `passed`."""
    for name in request.extra:
        if name not in passed:
            said = f"the parameter '{name:.80}' is not passed on through litellm"
            raise AttemptError(Outcome.INVALID_REQUEST, said)
    return request.extra


def _addresses(messages: list[Any]) -> Iterator[str]:
    """Of images that do not stand in the request itself."""
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            continue
        for part in content:
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            if isinstance(url, str) and not url.lower().startswith("data:"):
                yield url


def only_connecting(connect: float) -> Any:
    """Only connecting is timed; silence is the business of the attempt's clocks."""
    import httpx

    return httpx.Timeout(None, connect=connect, pool=connect)


def load() -> ModuleType:
    """litellm, without its look-up of prices in the network and without its messages."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


async def _events(answer: Any, witness: Witness) -> AsyncGenerator[CallEvent, None]:
    """The events of litellm's stream wrapper."""
    report, finished, answering, held = None, False, Answering(), False
    yield Progress("opened")
    try:
        async for chunk in answer:
            held = held or bool(answer.chunks)
            _let_go(answer.chunks)
            if witness.answering != answering:
                answering = witness.answering
                yield answering
            choice = chunk.choices[0] if chunk.choices else None
            if choice is not None:
                for event in _said(choice.delta):
                    yield event
            if getattr(chunk, "usage", None) is not None:
                report = chunk.usage
            # Its wrapper writes `stop` where the provider gave no reason.
            if witness.heard:
                ended = witness.ended
            else:
                ended = answer.received_finish_reason or answer.intermittent_finish_reason
            if choice is not None and choice.finish_reason and ended and not finished:
                finished = True
                yield Finish(choice.finish_reason)
    finally:
        await answer.aclose()
    if not (witness.chosen if witness.heard else held):
        raise AttemptError(Outcome.MALFORMED, "the answer held nothing that could be read")
    for event in confidence(witness.logprobs):
        yield event
    # Where the provider reported nothing, litellm counts; we would rather say so. What was
    # reported before the end, Anthropic means for the beginning alone.
    told = any(getattr(c, "usage", None) is not None for c in answer.chunks)
    used = usage_of(report.model_dump()) if report is not None and told and finished else None
    if used is not None:
        yield UsageReport(usage=used)


def _let_go(chunks: list[Any]) -> None:
    """Keep only the chunks that litellm reads the usage from at the end.

    It would keep them all, some kilobytes each, and give up at a hundred equal ones.
    """
    told = [c for c in chunks if getattr(c, "usage", None) is not None]
    chunks[:] = told[:1] + told[1:][-1:]


def _said(delta: Any) -> Iterator[CallEvent]:
    if getattr(delta, "reasoning_content", None):
        yield Progress("thinking")
    if delta.content:
        yield TextDelta(delta.content)
    for call in delta.tool_calls or ():
        yield ToolCallDelta(
            index=call.index,
            id=call.id or "",
            name=call.function.name or "",
            arguments=call.function.arguments or "",
        )


def failure_of(error: Exception, *, opened: bool, now: float) -> AttemptError:
    """What litellm raised, as one of our outcomes.

    Args:
        opened: the answer had begun.
        now: seconds since the epoch, to read a `Retry-After` that is a date.
    """
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
    for cause in causes(error):
        if isinstance(cause, httpx.HTTPStatusError):
            return _from_response(cause.response, error, now)
        if isinstance(cause, AttemptError):
            return cause
        if isinstance(cause, (httpx.TransportError, ConnectionError)):
            found = from_connection(cause, opened=opened)
            return found or AttemptError(Outcome.CUT if opened else Outcome.UNREACHABLE, str(error))
        if isinstance(cause, json.JSONDecodeError):
            return AttemptError(Outcome.MALFORMED, f"no JSON in the answer: {cause}")
    if "credentials" in str(error):
        return AttemptError(Outcome.AUTH, str(error))
    said = {"message": str(list(causes(error))[-1]), "code": getattr(error, "code", None)}
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
