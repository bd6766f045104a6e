"""Vectors of an embedder in the process: what serves `/v1/embeddings` before there is any key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.call_types import (
    Answering,
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    Vectors,
    text_of,
)
from orchestrator.calling.transports.products.reading import vectors_of
from orchestrator.embedding.load import load_embedder
from orchestrator.errors import AttemptError, PrerequisiteError, UnknownNameError
from orchestrator.project.protocols import Clock, Embedder
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment, Outcome

if TYPE_CHECKING:
    import numpy as np

BATCH = 64
"""Texts that are embedded at once; a caller who leaves waits for no more than these."""
AT_ONCE = 2000
"""Characters that are embedded without a thread: about a tenth of a millisecond."""


@transport("embedder", brings="vectors")
class EmbedderVectors:
    """Runs the embedder that the deployment names (`model: static`)."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], _clock: Clock) -> None:
        self._env = env
        self._loaded: dict[str, Embedder] = {}

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`; the vectors come in one event."""
        if request.extra:
            asked = ", ".join(sorted(request.extra))
            raise AttemptError(Outcome.INVALID_REQUEST, f"{deployment.id} takes no {asked}")
        yield Progress("waiting")
        embedder = await self._embedder(deployment.target)
        yield Progress("ready")
        yield Answering(model=embedder.name)
        yield await _embedded(embedder, [text_of(message) for message in request.messages])
        yield Finish("stop")

    async def _embedder(self, name: str) -> Embedder:
        if name not in self._loaded:
            try:
                self._loaded[name] = await asyncio.to_thread(load_embedder, name, self._env)
            except UnknownNameError as error:
                raise AttemptError(Outcome.INVALID_REQUEST, str(error)) from error
            except PrerequisiteError as error:
                raise AttemptError(Outcome.UNREACHABLE, str(error)) from error
        return self._loaded[name]

    async def close(self) -> None:
        """Let go of what was loaded."""
        self._loaded.clear()


async def _embedded(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """In the loop what is quicker than a thread, the rest in batches beside it."""
    if embedder.name.startswith("static") and sum(map(len, texts)) <= AT_ONCE:
        return vectors_of(_rows(embedder.embed(texts)), len(texts))
    rows: list[Sequence[float]] = []
    for start in range(0, len(texts), BATCH):
        rows += _rows(await asyncio.to_thread(embedder.embed, texts[start : start + BATCH]))
    return vectors_of(rows, len(texts))


def _rows(found: np.ndarray) -> list[list[float]]:
    rows: list[list[float]] = found.tolist()
    return rows
