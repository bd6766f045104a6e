"""A call through the gateway, as a client sees it that trusts nobody: every header, every event.

What OpenAI's API says of an answer, a stream and an error is asked of each; `Broken` says what of
it does not hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from orchestrator.errors import CallError, IncompleteError, MeshError, NoCandidateError
from orchestrator.money import MICRO_USD, Usage
from orchestrator.records import Attempt
from orchestrator.types import Outcome
from tests.faults.bench import Bench, Called, Said
from tests.faults.scenario import need

if TYPE_CHECKING:
    from tests.faults.ways import Wish

JSON, EVENTS = "application/json", "text/event-stream"
TRIED = {"providers_failed", "providers_unavailable", "providers_timed_out"}
TRIED |= {"content_filter", "context_length_exceeded", "invalid_request"}
"""Codes of a call that was tried and got no answer."""
_TRIED = re.compile(r"tried ((?:[\w./-]+: \w+(?:, )?)+)")
_ADDRESS = re.compile(r"https?://|127\.0\.0\.1|localhost|Traceback|\.py\b")


class LostError(MeshError):
    """The connection broke, without a word why."""


class RefusedError(MeshError):
    """An error of the API that stands for none of ours."""


async def ask(bench: Bench, called: Called, wish: Wish, model: str = "task:chat") -> None:
    """Make the call, and note in `called` what came; raises what the answer stands for."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": called.question}],
        **wish.options,
    }
    if bench.streams:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    headers = {}
    if wish.deadline_s is not None:
        headers["x-mesh-deadline-ms"] = str(round(wish.deadline_s * 1000))
    url = f"{bench.url}/v1/chat/completions"
    # Nothing of the machine's time may end it: that is for the gateway to do, on the cell's clock.
    patient = aiohttp.ClientTimeout(total=None, sock_connect=30)
    try:
        async with (
            aiohttp.ClientSession(timeout=patient) as http,
            http.post(url, json=body, headers=headers) as response,
        ):
            called.status = response.status
            called.trace_id = response.headers.get("x-mesh-trace-id", "")
            if bench.streams and response.status == 200:
                await _hear(response, called, wish.leaves_after)
            else:
                _read(response, await response.read(), called)
    except aiohttp.ClientError as error:
        raise LostError(f"the connection broke: {error!r}") from error


# ── in one piece ─────────────────────────────────────────────────────────────────────────


def _read(response: aiohttp.ClientResponse, body: bytes, called: Called) -> None:
    """An answer or an error, whole."""
    headers = response.headers
    need(response.content_type == JSON, f"the answer is {response.content_type}")
    need(called.trace_id, "the response does not name its trace")
    found = json.loads(body)
    if response.status != 200:
        need(response.status >= 400, f"the status is {response.status}")
        need("x-mesh-model" not in headers, "an error names who answered")
        raise _error(found, called, status=response.status)
    need(found["object"] == "chat.completion", f"the answer is a {found['object']}")
    need("error" not in found, "an answer with an error in it")
    (choice,) = found["choices"]
    message = choice["message"]
    called.pieces.append(message["content"] or "")
    tools = _tools(message.get("tool_calls") or ())
    _ended_well(choice["finish_reason"], tools)
    called.said = _said(found["mesh"], found["usage"], tools)
    need(found["id"] == f"chatcmpl-{called.trace_id}", f"its id is {found['id']}")
    need(found["model"] == called.said.model, f"its model is {found['model']}")
    _same_headers(headers, found["mesh"])


def _same_headers(headers: Mapping[str, str], told: Mapping[str, Any]) -> None:
    cost = told["cost_usd"]
    right = {
        "trace-id": told["trace_id"],
        "model": told["model"],
        "deployment": told["deployment"],
        "cost-usd": "unknown" if cost is None else f"{cost:.6f}",
        "attempts": str(told["attempts"]),
        "ending": told["ending"],
    }
    found = {name: headers.get(f"x-mesh-{name}") for name in right}
    need(found == right, f"the headers say {found}, the body {right}")


# ── as it comes ──────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class _Stream:
    """What has come of a stream, and what may not come any more."""

    called: Called
    ids: set[str] = field(default_factory=set)
    finish: str | None = None
    tools: tuple[tuple[str, str], ...] = ()
    last: Mapping[str, Any] | None = None
    """The chunk with the usage."""
    done: bool = False
    error: MeshError | None = None

    def take(self, data: str) -> None:
        """The next event."""
        need(not self.done and self.error is None, f"after the end comes {data!r:.80}")
        if data == "[DONE]":
            self.done = True
            return
        event = json.loads(data)
        if "error" in event:
            need(self.finish is None, f"an error after the finish reason '{self.finish}'")
            told = event["mesh"]["trace_id"]
            need(told == self.called.trace_id, f"the error names trace {told}")
            self.error = _error({"error": event["error"]}, self.called, status=502)
            return
        self.ids.add(event["id"])
        need(event["object"] == "chat.completion.chunk", f"an event is a {event['object']}")
        if not event["choices"]:
            need(self.finish is not None, "the usage comes before the end")
            self.last = event
            return
        (choice,) = event["choices"]
        need(self.finish is None, f"after the finish reason comes {data!r:.80}")
        self._piece(choice["delta"])
        self.finish = choice["finish_reason"]

    def _piece(self, delta: Mapping[str, Any]) -> None:
        if delta.get("content"):
            self.called.pieces.append(delta["content"])
        if delta.get("tool_calls"):
            self.tools += _tools(delta["tool_calls"])

    def end(self) -> Said:
        """The stream is over.

        Raises:
            MeshError: it said that the answer is none.
        """
        if self.error is not None:
            raise self.error
        need(self.done, f"the stream ended without [DONE] after {self.called.text[-40:]!r}")
        need(self.last is not None, "the stream ended without its usage")
        assert self.last is not None
        _ended_well(self.finish, self.tools)
        said = _said(self.last["mesh"], self.last["usage"], self.tools)
        need(self.last["model"] == said.model, f"its model is {self.last['model']}")
        need(self.ids == {f"chatcmpl-{self.called.trace_id}"}, f"its ids are {self.ids}")
        return said


async def _hear(response: aiohttp.ClientResponse, called: Called, leaves_after: int | None) -> None:
    need(response.content_type == EVENTS, f"the stream is {response.content_type}")
    need(called.trace_id, "the response does not name its trace")
    stream = _Stream(called=called)
    async for data in _events(response):
        stream.take(data)
        if leaves_after is not None and len(called.pieces) >= leaves_after:
            called.stopped = True
            response.close()
            return
    called.said = stream.end()


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """The data of each event; comments are signs of life."""
    rest = b""
    async for piece in response.content.iter_any():
        *whole, rest = (rest + piece).split(b"\n\n")
        for event in whole:
            if not event.startswith(b":"):
                need(event.startswith(b"data: "), f"what is this event: {event!r:.80}")
                yield event.removeprefix(b"data: ").decode()
    need(not rest, f"the stream ends in the middle of an event: {rest!r:.80}")


# ── what both say ────────────────────────────────────────────────────────────────────────


def _said(told: Mapping[str, Any], used: Mapping[str, Any], tools: Any) -> Said:
    cost = told["cost_usd"]
    return Said(
        model=told["model"],
        deployment=told["deployment"],
        ending=told["ending"],
        usage=_usage(used, estimated=told["usage_estimated"]),
        cost_micro_usd=None if cost is None else round(cost * MICRO_USD),
        attempts=told["attempts"],
        tools=tools,
    )


def _usage(used: Mapping[str, Any], *, estimated: bool) -> Usage:
    sent, written = used["prompt_tokens_details"], used["completion_tokens_details"]
    total = used["prompt_tokens"] + used["completion_tokens"]
    need(used["total_tokens"] == total, f"the usage does not add up: {used}")
    return Usage(
        input=used["prompt_tokens"],
        output=used["completion_tokens"],
        cached_input=sent["cached_tokens"],
        cache_write=sent.get("cache_creation_tokens", 0),
        audio_input=sent["audio_tokens"],
        reasoning=written["reasoning_tokens"],
        audio_output=written["audio_tokens"],
        estimated=estimated,
    )


def _tools(calls: Any) -> tuple[tuple[str, str], ...]:
    functions = [call["function"] for call in calls]
    return tuple((f["name"], str(json.loads(f["arguments"]).get("place"))) for f in functions)


def _ended_well(finish: str | None, tools: object) -> None:
    right = "tool_calls" if tools else "stop"
    need(finish == right, f"the finish reason is {finish}; right: {right}")


def _error(body: Mapping[str, Any], called: Called, *, status: int) -> MeshError:
    """What an error of the API stands for."""
    error = body["error"]
    need(set(error) == {"message", "type", "param", "code"}, f"the error is {error}")
    message, code = error["message"], error["code"]
    called.code = code
    need(code, f"the error has no code: {error}")
    right = "api_error" if status >= 500 else "invalid_request_error"
    need(error["type"] == right or status in (402, 429), f"status {status} with {error['type']}")
    need(not _ADDRESS.search(message), f"the error says what is ours: {message}")
    attempts = _attempts(message)
    if code == "incomplete_answer":
        return IncompleteError(message, attempts, text=called.text, reason=message)
    if code in TRIED:
        return CallError(message, attempts)
    if code.startswith("no_model_"):
        return NoCandidateError(message)
    return RefusedError(f"{status} {code}: {message}")


def _attempts(message: str) -> tuple[Attempt, ...]:
    """Who was tried, as far as the message says it."""
    found = _TRIED.search(message)
    pairs = [part.split(": ") for part in found.group(1).split(", ")] if found else []
    return tuple(
        Attempt(
            deployment=deployment,
            model=deployment.partition("/")[0],
            family=None,
            outcome=Outcome(outcome),
            started_at=0.0,
            ms=0.0,
        )
        for deployment, outcome in pairs
    )
