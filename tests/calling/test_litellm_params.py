"""What a deployment says under `params` reaches the provider."""

from __future__ import annotations

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.litellm import LiteLLMTransport
from orchestrator.errors import AttemptError
from orchestrator.project.registry import Registry
from orchestrator.types import Outcome

from .samples import deployment, events, request, text_of
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
