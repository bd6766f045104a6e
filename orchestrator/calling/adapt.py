"""The request as one deployment gets it, and what that may cost."""

from __future__ import annotations

import dataclasses
from typing import Any

from orchestrator.call_types import CallRequest, Message, tokens
from orchestrator.money import Usage
from orchestrator.types import Decision, Deployment

ASSUMED_OUTPUT_TOKENS = 1024
"""What is reserved for where neither the request nor the deployment limits the output."""


def adapt(request: CallRequest, decision: Decision, deployment: Deployment) -> CallRequest:
    """The request as this deployment gets it: the decision's settings, within its limits.

    What the request itself says goes before the decision's settings.
    """
    settings = decision.settings

    def said(name: str, own: Any) -> Any:
        return settings[name].value if own is None and name in settings else own

    asks_how_sure = decision.strategy == "cascade" and decision.tactics.confidence > 0
    max_tokens = said("max_tokens", request.max_tokens)
    if max_tokens is not None and deployment.max_output is not None:
        max_tokens = min(max_tokens, deployment.max_output)
    # Field by field: `dataclasses.replace` takes longer than all the rest of this.
    return CallRequest(
        messages=request.messages,
        inputs=request.inputs,
        schema=request.schema,
        strict=request.strict,
        temperature=said("temperature", request.temperature),
        max_tokens=max_tokens,
        reasoning_effort=said("reasoning_effort", request.reasoning_effort),
        stop=request.stop,
        seed=request.seed,
        tools=request.tools,
        tool_choice=request.tool_choice,
        parallel_tool_calls=request.parallel_tool_calls,
        logprobs=request.logprobs or (asks_how_sure and "logprobs" in deployment.can),
        asks=request.asks,
        images=request.images,
        extra=request.extra,
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
    if request.asks == "vectors":
        return 0
    if request.max_tokens:
        return request.max_tokens
    return min(deployment.max_output or ASSUMED_OUTPUT_TOKENS, ASSUMED_OUTPUT_TOKENS)


def estimate(
    deployment: Deployment, prompt_tokens: int, output_tokens: int, images: int = 0
) -> int | None:
    """Micro-dollars to reserve: the prompt and all the output that the request allows.

    `None` where the price is unknown.
    """
    if deployment.price is None:
        return None
    used = Usage(input=prompt_tokens, output=output_tokens, images=images)
    return deployment.price.cost(used)
