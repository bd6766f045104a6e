"""`POST /v1/chat/completions`, as an ASGI application of its own: the short way.

    key → body → what is wanted → call → answer

Everything of it happens in the server's own task; a stream takes one more, and so does a client
who may leave before a long answer is there (`presence`).
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orchestrator.errors import CrossValidationError
from orchestrator.gateway.bodies import BODY_S, ClientLeftError, read_body
from orchestrator.gateway.chat.asking import Target, Targets, ask_of
from orchestrator.gateway.chat.openai.answers import Chunks, Headers, answer_of, headers, whole
from orchestrator.gateway.chat.openai.completions import read
from orchestrator.gateway.chat.replays import Kept, Mark, Replays
from orchestrator.gateway.chat.stream import KEEP_ALIVE_S, Stream, Work
from orchestrator.gateway.chat.wanted import Answer, Call, Runner, Tell, Wanted
from orchestrator.gateway.errors import ApiError, send_error
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.needs import needs_of
from orchestrator.gateway.presence import Presence
from orchestrator.gateway.state import Serving, State
from orchestrator.roles.single import Ask
from orchestrator.tracing.ids import ALPHABET, new_trace_id

GRAPH = "graph"
"""The prefix of models that are graphs."""
_REPLAYED = (b"x-mesh-replayed", b"true")
_TRACEPARENT = 55
"""Characters of a `traceparent` of version 00."""


class Chat:
    """The endpoint.

    Args:
        runners: who answers the models of a prefix (`graph`) that are no single call.
        body_s: see `bodies.BODY_S`.
        quiet_s: see `stream.KEEP_ALIVE_S`.
    """

    def __init__(
        self,
        state: State,
        runners: Mapping[str, Runner],
        *,
        body_s: float = BODY_S,
        quiet_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._state, self._runners = state, runners
        self._body_s, self._quiet_s = body_s, quiet_s
        self._replays = Replays(time.monotonic)
        self._targets: Targets | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the ASGI specification."""
        serving: Serving = self._state.serving
        about: Headers = []
        serving.requests += 1
        try:
            call, digest = await self._read(serving, dict(scope["headers"]), receive)
            about.append((b"x-mesh-trace-id", call.trace_id.encode()))
            with Presence(receive) as presence:
                try:
                    if digest:
                        await self._once(call, digest, send)
                    else:
                        await self._make(call, send)
                except asyncio.CancelledError:
                    if not presence.left:
                        raise
        except ClientLeftError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            await send_error(send, as_api_error(error), about)
        finally:
            serving.requests -= 1

    async def _read(
        self, serving: Serving, headers: Mapping[bytes, bytes], receive: Any
    ) -> tuple[Call, bytes]:
        """What is asked, and what tells whether the same was asked before, where that matters."""
        if self._state.draining:
            raise draining()
        authorization = headers.get(b"authorization")
        presented = None if authorization is None else authorization.decode("latin-1")
        key = admit(self._state.keys, presented)
        settings = serving.mesh.project.settings.gateway
        body = await read_body(receive, headers, most_mb=settings.body_mb, seconds=self._body_s)
        wanted = read(body, refuse_unknown=settings.unknown_parameters == "refuse")
        wanted.needs = needs_of(wanted.needs, headers)
        digest = b""
        if wanted.needs.idempotency_key is not None:
            digest = hashlib.sha256(body + msgspec.json.encode(wanted.needs)).digest()
        parent = headers.get(b"traceparent", b"")
        call = Call(
            serving=serving,
            wanted=wanted,
            key=key,
            trace_id=new_trace_id(),
            created=int(time.time()),
            parent=parent.decode("ascii", "replace") if len(parent) == _TRACEPARENT else "",
        )
        return call, digest

    async def _once(self, call: Call, digest: bytes, send: Any) -> None:
        """The answer that the request's idempotency key stands for, made if there is none yet."""
        mark: Mark = (call.key.id, call.wanted.needs.idempotency_key or "")
        kept = await self._replays.claim(mark, digest)
        if kept is not None:
            await _replay(call.wanted, kept, send)
            return
        answers = None
        try:
            answers = await self._make(call, send)
        finally:
            if answers is None:
                self._replays.drop(mark)
            else:
                self._replays.keep(mark, Kept(answers, call.trace_id, call.created))

    async def _make(self, call: Call, send: Any) -> tuple[Answer, ...] | None:
        """The answers, sent; `None` where a stream of them ended in an error."""
        works, wanted = self._works(call), call.wanted
        if wanted.stream:
            stream = Stream(
                send,
                Chunks(call.trace_id, call.created, wanted.model),
                [(b"x-mesh-trace-id", call.trace_id.encode())],
                include_usage=wanted.include_usage,
                quiet_s=self._quiet_s,
            )
            return await stream.run(works, as_api_error)
        answers = (await works[0](_SILENT),) if wanted.n == 1 else await _all(works)
        await _send_whole(send, Kept(answers, call.trace_id, call.created), [])
        return answers

    def _works(self, call: Call) -> list[Work]:
        """One for each answer that is wanted.

        Raises:
            ApiError: 404 where the model is none that this gateway knows.
        """
        prefix, colon, name = call.wanted.model.partition(":")
        runner = self._runners.get(prefix) if colon else None
        if runner is not None:
            return [
                functools.partial(runner, msgspec.structs.replace(call, trace_id=trace_id), name)
                for trace_id in _trace_ids(call)
            ]
        services = call.serving.calls.services
        ask = ask_of(call, self._find(call), services)
        if call.wanted.n == 1:
            return [functools.partial(self._single, call, ask)]
        asks = [ask]
        for number, trace_id in enumerate(_trace_ids(call)[1:], start=1):
            seed = ask.request.seed
            request = ask.request
            if seed is not None:  # the same one would bring the same answer
                request = dataclasses.replace(request, seed=seed + number)
            asks.append(dataclasses.replace(ask, request=request, trace_id=trace_id))
        return [functools.partial(self._single, call, ask) for ask in asks]

    async def _single(self, call: Call, ask: Ask, tell: Tell) -> Answer:
        """One call, or the graph that the policy wants such requests answered by."""
        on_text = tell.text if tell is not _SILENT else None
        try:
            return answer_of(await call.serving.calls.answer(ask, on_text))
        except CrossValidationError as error:
            runner = self._runners.get(GRAPH)
            if not error.graph or runner is None:
                raise
            own = msgspec.structs.replace(call, trace_id=ask.trace_id)
            return await runner(own, error.graph, tell)

    def _find(self, call: Call) -> Target:
        project = call.serving.mesh.project
        if self._targets is None or self._targets.project is not project:
            self._targets = Targets(project)
        return self._targets.find(call.wanted.model)


class _Silent:
    """Tells nobody; satisfies `Tell`."""

    def text(self, text: str) -> None:
        pass

    def progress(self, progress: Mapping[str, Any]) -> None:
        pass


_SILENT = _Silent()


async def _all(works: Sequence[Work]) -> tuple[Answer, ...]:
    """All of them side by side; the first that fails stops the others."""
    tasks = [asyncio.ensure_future(work(_SILENT)) for work in works]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _trace_ids(call: Call) -> list[str]:
    """A trace for each answer; they differ in their last letter."""
    stem, last = call.trace_id[:-1], ALPHABET.index(call.trace_id[-1])
    return [stem + ALPHABET[(last + n) % len(ALPHABET)] for n in range(call.wanted.n)]


async def _replay(wanted: Wanted, kept: Kept, send: Any) -> None:
    if not wanted.stream:
        await _send_whole(send, kept, [_REPLAYED])
        return
    stream = Stream(
        send,
        Chunks(kept.trace_id, kept.created, wanted.model),
        [(b"x-mesh-trace-id", kept.trace_id.encode()), _REPLAYED],
        include_usage=wanted.include_usage,
    )
    await stream.replay(kept.answers)


async def _send_whole(send: Any, kept: Kept, more: Headers) -> None:
    body = whole(kept.answers, kept.trace_id, kept.created)
    about: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *headers(kept.answers, kept.trace_id),
        *more,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": about})
    await send({"type": "http.response.body", "body": body})


def draining() -> ApiError:
    """No new request is taken; what was accepted is answered."""
    return ApiError(
        503,
        "this copy of the gateway is being stopped; send the request again",
        code="draining",
        headers={"Retry-After": "1", "Connection": "close"},
    )
