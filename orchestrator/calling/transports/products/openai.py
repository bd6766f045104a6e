"""Vectors and images of any OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from orchestrator.call_types import CallEvent, CallRequest, Progress, text_of
from orchestrator.calling.transports.openai import DEFAULT_ENDPOINT, key_of
from orchestrator.calling.transports.products.post import JsonClient
from orchestrator.calling.transports.products.reading import images_events, vectors_events
from orchestrator.calling.transports.wire.connections import connect_s
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment


class _Endpoint:
    """What both have in common: one POST, with the deployment's key."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], clock: Clock) -> None:
        self._env = env
        self._client = JsonClient(clock)

    async def _posted(self, deployment: Deployment, path: str, body: Mapping[str, Any]) -> Any:
        return await self._client.post(
            deployment.endpoint or DEFAULT_ENDPOINT,
            path,
            key_of(deployment, self._env),
            {"model": deployment.target, **body},
            connect_s=connect_s(deployment),
        )

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.close()


@transport("openai", brings="vectors")
class OpenAIVectors(_Endpoint):
    """Posts to `<endpoint>/embeddings`."""

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`; the vectors come in one event."""
        texts = [text_of(message) for message in request.messages]
        body = await self._posted(deployment, "/embeddings", {"input": texts, **request.extra})
        yield Progress("opened")
        for event in vectors_events(body, request):
            yield event


@transport("openai", brings="images")
class OpenAIImages(_Endpoint):
    """Posts to `<endpoint>/images/generations`."""

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`; the images come in one event."""
        asked = {"prompt": prompt_of(request), "n": request.images, **request.extra}
        body = await self._posted(deployment, "/images/generations", asked)
        yield Progress("opened")
        for event in images_events(body):
            yield event


def prompt_of(request: CallRequest) -> str:
    """The text that says what is to be seen."""
    return "\n\n".join(text_of(message) for message in request.messages)
