"""What a program does with `litellm`, and what it is told; printed as JSON.

python litellm_calls.py http://127.0.0.1:8700/v1

`litellm` is heavy and leaves sessions open, so that it has a process of its own.
"""

from __future__ import annotations

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it fetches a price list otherwise

import asyncio
import json
import sys
from typing import Any

import litellm

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}},
    },
}


def asking(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def header(answer: Any, name: str) -> str:
    """One of ours, as litellm hands it on."""
    return str(answer._hidden_params["additional_headers"][f"llm_provider-{name}"])


async def calls(url: str) -> dict[str, Any]:
    """One of each kind."""
    to: dict[str, Any] = {
        "model": "openai/auto",
        "api_base": url,
        "api_key": "none",
        "num_retries": 0,
    }
    found: dict[str, Any] = {}

    tagged = {"mesh": {"task": "draft", "tags": ["team:blue"]}}
    answer: Any = litellm.completion(messages=asking("hello"), extra_body=tagged, **to)
    found["completion"] = {
        "text": answer.choices[0].message.content,
        "usage": answer.usage.total_tokens,
        "model": header(answer, "x-mesh-model"),
        "cost": header(answer, "x-mesh-cost-usd"),
        "trace": header(answer, "x-mesh-trace-id"),
    }

    several = [litellm.acompletion(messages=asking(f"number {n}"), **to) for n in range(8)]
    found["acompletion"] = [a.choices[0].message.content for a in await asyncio.gather(*several)]

    chunks: Any = list(litellm.completion(messages=asking("stream"), stream=True, **to))
    found["stream"] = [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content]
    more: Any = await litellm.acompletion(messages=asking("stream"), stream=True, **to)
    found["astream"] = "".join([c.choices[0].delta.content or "" async for c in more])

    # Tools of its own kind it looks for with the package `mcp`, which nothing here needs.
    tools: dict[str, Any] = {"tools": [WEATHER], "_skip_mcp_handler": True}
    first: Any = litellm.completion(messages=asking("weather"), **tools, **to)
    message = first.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    said = [*asking("weather"), message.model_dump(), result]
    second: Any = litellm.completion(messages=said, **tools, **to)
    found["tools"] = [
        message.tool_calls[0].function.arguments,
        second.choices[0].message.content,
    ]

    vectors: Any = litellm.embedding(input=["a", "abc"], **to)
    found["embedding"] = [row["embedding"] for row in vectors.data]

    found["errors"] = [error(to | {"model": "openai/primry"}), error(to | {"temperature": 9})]
    return found


def error(to: dict[str, Any]) -> list[str]:
    """The class of what it raises, and the words."""
    try:
        litellm.completion(messages=asking("hello"), **to)
    except Exception as raised:  # noqa: BLE001 - which it is, is what is looked at
        return [type(raised).__name__, str(raised)]
    return ["", ""]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(calls(sys.argv[1]))))
