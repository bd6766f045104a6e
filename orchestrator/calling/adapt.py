"""The request as one deployment gets it, and what that may cost."""

from __future__ import annotations

import dataclasses
from typing import Any

from orchestrator.call_types import CallRequest, Message
from orchestrator.calling.attempt import prompt_tokens, tokens
from orchestrator.money import Usage
from orchestrator.types import Decision, Deployment

ASSUMED_OUTPUT_TOKENS = 1024
"""What is reserved for where neither the request nor the deployment limits the output."""


def adapt(request: CallRequest, decision: Decision, deployment: Deployment) -> CallRequest:
    """The request as this deployment gets it: the decision's settings, within its limits.

    What the request itself says goes before the decision's settings.
    """
    settings = {name: setting.value for name, setting in decision.settings.items()}

    def said(name: str) -> Any:
        own = getattr(request, name)
        return own if own is not None else settings.get(name)

    asks_how_sure = decision.strategy == "cascade" and decision.tactics.confidence > 0
    max_tokens = said("max_tokens")
    if max_tokens is not None and deployment.max_output is not None:
        max_tokens = min(max_tokens, deployment.max_output)
    return dataclasses.replace(
        request,
        temperature=said("temperature"),
        max_tokens=max_tokens,
        reasoning_effort=said("reasoning_effort"),
        logprobs=request.logprobs or (asks_how_sure and "logprobs" in deployment.can),
    )


def continuation(request: CallRequest, text: str) -> CallRequest:
    """The request to go on with `text`, which stands as the answer's beginning."""
    begun: Message = {"role": "assistant", "content": text}
    left = request.max_tokens
    if left is not None:
        left = max(left - tokens(text), 1)
    return dataclasses.replace(request, messages=(*request.messages, begun), max_tokens=left)


def output_limit(deployment: Deployment, request: CallRequest) -> int:
    """How many tokens the answer may take, as far as anybody says."""
    if request.max_tokens:
        return request.max_tokens
    return min(deployment.max_output or ASSUMED_OUTPUT_TOKENS, ASSUMED_OUTPUT_TOKENS)


def estimate(deployment: Deployment, request: CallRequest) -> int | None:
    """Micro-dollars to reserve: the prompt and all the output that the request allows.

    `None` where the price is unknown.
    """
    if deployment.price is None:
        return None
    used = Usage(input=prompt_tokens(request), output=output_limit(deployment, request))
    return deployment.price.cost(used)
