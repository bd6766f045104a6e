"""What a deployment says under `params` reaches the provider."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.litellm import LiteLLMTransport
from orchestrator.calling.transports.products.litellm import LiteLLMImages, LiteLLMVectors
from orchestrator.errors import AttemptError
from orchestrator.project.registry import Registry
from orchestrator.types import Outcome

from .samples import NOWHERE, deployment, events, request, text_of
from .server import Say, StandIn

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]


async def test_a_parameter_is_sent() -> None:
    stand_in = StandIn(Say("Hello."))
    async with stand_in as url:
        transport = LiteLLMTransport(Registry(), {}, SystemClock())
        to = deployment(
            "a/b",
            via="litellm",
            target="openai/some",
            endpoint=url,
            params={"organization": "org-ours"},
        )
        heard = await events(transport, to, request())
        await transport.close()
    assert text_of(heard) == "Hello."
    headers = {name.lower(): value for name, value in stand_in.seen[0].headers.items()}
    assert headers["openai-organization"] == "org-ours", headers


async def test_further_parameters_of_a_request_are_sent_and_nothing_that_litellm_reads() -> None:
    stand_in = StandIn(Say("Hello."))
    async with stand_in as url:
        transport = LiteLLMTransport(Registry(), {}, SystemClock())
        to = deployment("a/b", via="litellm", target="openai/some", endpoint=url)
        await events(transport, to, request(extra={"top_p": 0.5, "service_tier": "flex"}))
        for name in ("mock_response", "api_base", "ssl_verify", "aws_role_name", "stop"):
            with pytest.raises(AttemptError, match=name) as refused:
                await events(transport, to, request(extra={name: "x"}))
            assert refused.value.outcome is Outcome.INVALID_REQUEST
        await transport.close()
    (seen,) = stand_in.seen
    assert (seen.body["top_p"], seen.body["service_tier"]) == (0.5, "flex")


@pytest.mark.parametrize("kind", [LiteLLMVectors, LiteLLMImages])
async def test_nothing_that_litellm_reads_is_handed_to_it_for_vectors_and_images(kind: Any) -> None:
    transport = kind(Registry(), {}, SystemClock())
    to = deployment("a/b", via="litellm", target="openai/some", endpoint=NOWHERE)
    for name in ("mock_response", "vertex_location", "aws_profile_name", "ssl_verify", "timeout"):
        with pytest.raises(AttemptError, match=name) as refused:
            await events(transport, to, request(extra={name: "x"}))
        assert refused.value.outcome is Outcome.INVALID_REQUEST
    await transport.close()


@pytest.mark.parametrize(
    "target", ["anthropic/some", "gemini/some", "bedrock/anthropic.claude-3", "ollama/some"]
)
async def test_an_image_that_litellm_would_fetch_is_refused(target: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}}
    asked = CallRequest(messages=({"role": "user", "content": [image]},))
    transport = LiteLLMTransport(Registry(), {}, SystemClock())
    to = deployment("a/b", via="litellm", target=target, endpoint=NOWHERE)
    with pytest.raises(AttemptError, match="images as data alone") as refused:
        await events(transport, to, asked)
    assert refused.value.outcome is Outcome.INVALID_REQUEST
    await transport.close()
