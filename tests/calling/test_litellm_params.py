"""What a deployment says under `params` reaches the provider."""

from __future__ import annotations

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.litellm import LiteLLMTransport
from orchestrator.project.registry import Registry

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
