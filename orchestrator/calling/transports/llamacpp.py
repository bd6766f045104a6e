"""Open weights in the process: llama.cpp, loaded when first used, on loopback.

llama.cpp serves its own chat completions on a loopback port that is protected by a random key, so
its answers take the same way as those of any other endpoint. One request at a time and no cache
of prompts: the same request brings the same text, whatever ran before.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.call_types import CallEvent, CallRequest, Progress
from orchestrator.calling.transports.hub import download
from orchestrator.calling.transports.wire.chat import payload
from orchestrator.calling.transports.wire.http import ChatClient
from orchestrator.calling.transports.wire.prefill import joined, prefill_of
from orchestrator.errors import AttemptError
from orchestrator.fleet.weights import hub_file, resolve_weights
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment, Outcome

CONTEXT_TOKENS = 4096
MAX_TOKENS = 512
"""Where the request says nothing; a small model may otherwise go on until the context is full."""
SEED = 0
THREADS = max(1, (os.cpu_count() or 1) // 2)
"""Half of the cores. The threads wait for each other at every step: with as many as there are
cores, one other busy process makes an answer ten to fifty times slower (measured on two cores:
0.1 s alone, up to 6 s beside another process; with one thread 0.3 s, whatever else runs)."""
_GGUF = b"GGUF"


@dataclass(frozen=True, slots=True)
class _Server:
    """A loaded model and how to reach it."""

    native: Any
    endpoint: str
    key: str


@transport("llamacpp")
class LlamaCppTransport:
    """Runs the weights that the deployment names (`target`)."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], clock: Clock) -> None:
        self._env = env
        self._client = ChatClient(clock)
        self._servers: dict[str, _Server] = {}
        self._loading = asyncio.Lock()
        self._turns: dict[str, asyncio.Lock] = {}

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`. Waits for the weights and for its turn."""
        yield Progress("waiting")
        server = await self._server(deployment)
        async with self._turns.setdefault(deployment.target, asyncio.Lock()):
            yield Progress("ready")
            body = payload(deployment, _determined(request))
            if "logprobs" in body:
                body["top_logprobs"] = 1  # else it lists twenty for each token; 0 means none
            answer = self._client.stream(server.endpoint, server.key, body)
            async with aclosing(joined(answer, prefill_of(deployment, request))) as events:
                async for event in events:
                    yield event

    async def _server(self, deployment: Deployment) -> _Server:
        async with self._loading:
            if deployment.target not in self._servers:
                path = await self._weights(deployment)
                self._servers[deployment.target] = await asyncio.to_thread(_load, path)
        return self._servers[deployment.target]

    async def _weights(self, deployment: Deployment) -> Path:
        found = resolve_weights(deployment.target)
        if isinstance(found, Path):
            return found
        hub = hub_file(deployment.target)
        if hub is None:
            raise AttemptError(Outcome.INVALID_REQUEST, found)
        return await asyncio.to_thread(download, hub, self._env)

    async def close(self) -> None:
        """Stop what is being generated and free the weights."""
        await self._client.close()
        self._servers.clear()


def _determined(request: CallRequest) -> CallRequest:
    """The request with a fixed choice where it leaves one open."""
    return dataclasses.replace(
        request,
        temperature=request.temperature or 0.0,
        max_tokens=request.max_tokens or MAX_TOKENS,
        seed=SEED if request.seed is None else request.seed,
    )


def _load(path: Path) -> _Server:
    """Load the weights and listen. llama.cpp holds the interpreter for about half a second."""
    _inspect(path)
    try:
        import xllamacpp
    except ImportError as error:
        raise AttemptError(
            Outcome.INVALID_REQUEST,
            "xllamacpp is not installed: pip install 'model-mesh-orchestrator[local]'",
        ) from error
    key = secrets.token_urlsafe(16)
    params = xllamacpp.CommonParams()
    params.verbosity = -1  # or it writes its log to the terminal
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = THREADS
    params.cpuparams_batch.n_threads = THREADS
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.warmup = False
    try:
        native = xllamacpp.Server(params)
    except RuntimeError as error:
        raise AttemptError(
            Outcome.INVALID_REQUEST,
            f"llama.cpp cannot load {path}: the file is damaged or too large",
        ) from error
    return _Server(native, f"{native.listening_address}/v1", key)


def _inspect(path: Path) -> None:
    """Refuse what is no GGUF file, with a reason that llama.cpp would not give."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_GGUF))
    except OSError as error:
        raise AttemptError(
            Outcome.INVALID_REQUEST, f"the weights {path} cannot be read: {error.strerror}"
        ) from error
    if start != _GGUF:
        raise AttemptError(Outcome.INVALID_REQUEST, f"the weights {path} are no GGUF file")
