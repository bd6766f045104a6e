"""The ways to call a mesh. Whoever adds a door (HTTP, …) adds a way, and every scenario uses it."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from orchestrator.graph.answer import Answer, RunOptions
from orchestrator.money import MICRO_USD, Usage
from tests.faults import over_http
from tests.faults.bench import Bench, Called, Said
from tests.faults.project import SCHEMA

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for besides the question; see `Bench.ask`."""

    structured: bool = False
    tools: bool = False
    deadline_s: float | None = None
    leaves_after: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """For a chat model."""
        found: dict[str, Any] = {"tools": [WEATHER]} if self.tools else {}
        if self.structured:
            form = {"name": "Report", "schema": dict(SCHEMA)}
            found["response_format"] = {"type": "json_schema", "json_schema": form}
        return found


async def carry(bench: Bench, called: Called, wish: Wish) -> None:
    """Make the call, and note in `called` what came; raises what the caller would see."""
    match bench.way:
        case "in process":
            await _run(bench, called, wish)
        case "streaming":
            await _stream(bench, called, wish)
        case "not streaming":
            await _invoke(bench, called, wish)
        case "http" | "http streaming":
            await over_http.ask(bench, called, wish)


async def _run(bench: Bench, called: Called, wish: Wish) -> None:
    limit = None if wish.deadline_s is None else round(wish.deadline_s * 1000)
    answer: Answer = await bench.mesh.run(
        "reporter" if wish.structured else "speaker",
        question=called.question,
        options=RunOptions(deadline_ms=limit),
    )
    called.pieces.append(answer.text)
    hop = answer.hops[-1]
    last = hop.attempts[-1]
    called.said = Said(
        model=last.model,
        deployment=last.deployment,
        reported_model=last.reported_model,
        ending=hop.ending,
        usage=last.usage,
        cost_micro_usd=answer.cost_micro_usd,
        attempts=tuple((a.deployment, str(a.outcome)) for a in hop.attempts),
    )


async def _stream(bench: Bench, called: Called, wish: Wish) -> None:
    model = bench.mesh.chat_model(task="chat", timeout=wish.deadline_s)
    last: Any = None
    stream: Any = model.astream(called.question, **wish.options)  # a generator, says its code
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            if chunk.content:
                called.pieces.append(str(chunk.content))
            if wish.leaves_after is not None and len(called.pieces) >= wish.leaves_after:
                called.stopped = True
                return
            if chunk.response_metadata.get("mesh"):
                last = chunk
    called.said = _said(last)


async def _invoke(bench: Bench, called: Called, wish: Wish) -> None:
    model = bench.mesh.chat_model(task="chat", timeout=wish.deadline_s)
    message = await model.ainvoke(called.question, **wish.options)
    called.pieces.append(str(message.content))
    called.said = _said(message)


def _said(message: Any) -> Said:
    """From an `AIMessage`, or the last chunk of one."""
    assert message is not None, "the stream ended without its last chunk"
    told, used = message.response_metadata["mesh"], message.usage_metadata
    cost = told["cost_usd"]
    return Said(
        model=message.response_metadata["model_name"],
        deployment=told["deployment"],
        reported_model=told["reported_model"],
        ending=told["ending"],
        usage=_usage(used, estimated=told["estimated"]),
        cost_micro_usd=None if cost is None else round(cost * MICRO_USD),
        attempts=tuple((a["deployment"], a["outcome"]) for a in told["attempts"]),
        tools=tuple((c["name"], str(c["args"].get("place"))) for c in message.tool_calls),
    )


def _usage(used: Any, *, estimated: bool) -> Usage:
    sent, written = used["input_token_details"], used["output_token_details"]
    return Usage(
        input=used["input_tokens"],
        output=used["output_tokens"],
        cached_input=sent["cache_read"],
        cache_write=sent["cache_creation"],
        audio_input=sent["audio"],
        reasoning=written["reasoning"],
        audio_output=written["audio"],
        estimated=estimated,
    )
