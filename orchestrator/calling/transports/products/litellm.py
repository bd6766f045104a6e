"""Vectors and images of the providers that litellm speaks to.

Only its translation is used, as for chat: no retries, caches or callbacks of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from types import ModuleType
from typing import Any

from orchestrator.call_types import CallEvent, CallRequest, Progress, text_of
from orchestrator.calling.transports.litellm import failure_of, further, load, only_connecting
from orchestrator.calling.transports.openai import key_of
from orchestrator.calling.transports.products.openai import prompt_of
from orchestrator.calling.transports.products.reading import images_events, vectors_events
from orchestrator.calling.transports.wire.connections import connect_s
from orchestrator.calling.transports.wire.outcomes import without
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment

_OF_VECTORS = frozenset({"dimensions", "input_type", "truncate", "encoding_format"})
_OF_IMAGES = frozenset({"size", "quality", "style", "background", "moderation", "output_format"})
_OF_IMAGES |= {"output_compression", "response_format"}


class _LiteLLM:
    """What both have in common: one awaited function of litellm."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], clock: Clock) -> None:
        self._env, self._clock = env, clock
        self._litellm: ModuleType | None = None

    async def _loaded(self) -> ModuleType:
        if self._litellm is None:
            self._litellm = await asyncio.to_thread(load)  # seconds
        return self._litellm

    async def _called(self, function: Any, deployment: Deployment, **asked: Any) -> Any:
        """The answer as plain JSON, in OpenAI's shape.

        Raises:
            AttemptError: whatever goes wrong, with its outcome.
        """
        key = key_of(deployment, self._env)
        try:
            answer = await function(
                model=deployment.target,
                api_base=deployment.endpoint,
                # Some clients of litellm refuse to start without any.
                api_key=key or ("none" if deployment.endpoint else None),
                timeout=only_connecting(connect_s(deployment)),
                num_retries=0,
                max_retries=0,
                caching=False,
                **{"no-log": True},
                **deployment.params,
                **asked,
            )
        except AttemptError as error:
            raise without(key, error) from error.__cause__
        except Exception as error:  # litellm lets any provider's exception through
            raise without(key, failure_of(error, opened=False, now=self._clock.now())) from error
        return answer.model_dump()

    async def close(self) -> None:
        """Close the clients that litellm keeps."""
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()
            # It would hand the closed ones out again.
            self._litellm.in_memory_llm_clients_cache.flush_cache()


@transport("litellm", brings="vectors")
class LiteLLMVectors(_LiteLLM):
    """Calls `litellm.aembedding`."""

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`; the vectors come in one event."""
        yield Progress("waiting")
        litellm = await self._loaded()
        yield Progress("ready")
        texts = [text_of(message) for message in request.messages]
        asked = further(request, _OF_VECTORS)
        body = await self._called(litellm.aembedding, deployment, input=texts, **asked)
        yield Progress("opened")
        for event in vectors_events(body, request):
            yield event


@transport("litellm", brings="images")
class LiteLLMImages(_LiteLLM):
    """Calls `litellm.aimage_generation`."""

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`; the images come in one event."""
        yield Progress("waiting")
        litellm = await self._loaded()
        yield Progress("ready")
        asked = {"prompt": prompt_of(request), "n": request.images}
        asked |= further(request, _OF_IMAGES)
        body = await self._called(litellm.aimage_generation, deployment, **asked)
        yield Progress("opened")
        for event in images_events(body):
            yield event
