"""Deployments, requests and decisions that the tests of this folder share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orchestrator.call_types import CallEvent, CallRequest, Finish, TextDelta, UsageReport
from orchestrator.money import Price
from orchestrator.project.protocols import Transport
from orchestrator.types import Decision, Deployment

PRICE = Price(input=1_000_000, output=2_000_000)
"""One micro-dollar an input token, two an output token."""
NOWHERE = "http://127.0.0.1:9/v1"
"""Nobody listens there."""


def deployment(id: str, **changes: Any) -> Deployment:
    """A hosted deployment; the model is the part of the id before the slash."""
    model = id.split("/")[0]
    base: dict[str, Any] = {
        "model": model,
        "family": f"family-of-{model}",
        "tier": "small",
        "via": "openai",
        "target": model,
        "provider": "stand-in",
        "hosting": "hosted",
        "price": PRICE,
    }
    return Deployment(id=id, **{**base, **changes})


def request(text: str = "Say hello.", **changes: Any) -> CallRequest:
    return CallRequest(messages=({"role": "user", "content": text},), **changes)


def decision(*ids: str, **changes: Any) -> Decision:
    return Decision(
        chosen=ids[0], fallbacks=tuple(ids[1:]), policy_hash="p", fleet_hash="f", **changes
    )


async def events(transport: Transport, to: Deployment, sent: CallRequest) -> list[CallEvent]:
    return [event async for event in transport.stream(to, sent)]


def text_of(heard: list[CallEvent]) -> str:
    return "".join(e.text for e in heard if isinstance(e, TextDelta))


def reports(heard: list[CallEvent]) -> list[UsageReport]:
    return [e for e in heard if isinstance(e, UsageReport)]


def finishes(heard: list[CallEvent]) -> list[str]:
    return [e.reason for e in heard if isinstance(e, Finish)]


async def drained(stream: AsyncIterator[CallEvent], until: type) -> CallEvent:
    """The first event of that type."""
    async for event in stream:
        if isinstance(event, until):
            return event
    raise AssertionError(f"the stream ended without a {until.__name__}")
