"""Any OpenAI-compatible endpoint: OpenAI itself, vLLM, Ollama, llama.cpp, TGI, gateways."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from orchestrator.call_types import CallEvent, CallRequest
from orchestrator.calling.transports.wire.chat import payload
from orchestrator.calling.transports.wire.connections import connect_s
from orchestrator.calling.transports.wire.http import ChatClient
from orchestrator.calling.transports.wire.prefill import CAN, joined, prefill_of
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment, Outcome

DEFAULT_ENDPOINT = "https://api.openai.com/v1"


@transport("openai")
class OpenAITransport:
    """Posts to `<endpoint>/chat/completions` and reads the stream."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], clock: Clock) -> None:
        self._env = env
        self._client = ChatClient(clock)

    def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`. The client's own generator: no other stands between."""
        try:
            key = key_of(deployment, self._env)
        except AttemptError as error:
            return _failing(error)
        answer = self._client.stream(
            deployment.endpoint or DEFAULT_ENDPOINT,
            key,
            payload(deployment, request),
            connect_s(deployment),
        )
        prefill = prefill_of(deployment, request) if CAN in deployment.can else None
        return joined(answer, prefill) if prefill else answer

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.close()


def key_of(deployment: Deployment, env: Mapping[str, str]) -> str | None:
    """The key, or `None` where the deployment needs none. An unset one is an `auth` failure."""
    if deployment.key is None:
        return None
    if not env.get(deployment.key):
        raise AttemptError(Outcome.AUTH, f"the environment variable {deployment.key} is not set")
    return env[deployment.key]


async def _failing(error: AttemptError) -> AsyncGenerator[CallEvent, None]:
    """A stream that fails when it is read, as all of them do."""
    raise error
    yield
