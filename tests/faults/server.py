"""A provider that does what its script says: OpenAI's chat completions on loopback.

    async with FaultServer({"primary": ["error_500", Say("Hello.")], "spare": "whole"}) as server:
        server.endpoint("primary")      # http://127.0.0.1:PORT/primary/v1
        server.log                      # what arrived, in order

Each deployment has a script: a step or the name of a fault, several of them (one a request; the
last one stays), or a function of the request. A request to `/v1` goes by its field `model`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from orchestrator.calling.clock import SystemClock
from orchestrator.project.protocols import Clock
from tests.faults import wire
from tests.faults.steps import (
    FAULTS,
    PREFILL_REFUSED,
    Asked,
    Fail,
    Hang,
    Raw,
    Reset,
    Say,
    Script,
    Step,
    Used,
)

Given = Step | str | Sequence[Step | str] | Script
"""A step or the name of a fault, several of them, or a function of the request."""
HEALTHY = Say(" ".join(f"river{n}" for n in range(60)))
"""What a deployment answers whose script only names faults."""
_SETTLE_S = 0.05
"""So long a reset waits, that what was written before it is not lost with it."""
_FLUSH_BYTES = 32 * 1024


@dataclass(kw_only=True)
class Arrival:
    """One request that reached a deployment."""

    deployment: str
    number: int
    """Among those of this deployment, from 0."""
    at: float
    """On the server's clock, in seconds; so is `ended_at`."""
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    step: Step = field(default_factory=Hang)
    prefill: str = ""
    """The text that it was asked to go on with."""
    sent: list[str] = field(default_factory=list)
    """The pieces of text that were written."""
    used: Used = field(default_factory=Used)
    """Of what was sent; all of it where a step says so."""
    reported: bool = False
    """Whether the caller was told the usage."""
    gone: bool = False
    """The caller left before the end."""
    ended_at: float | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        return "".join(self.sent)


class FaultServer:
    """The server. Belongs to the event loop that it is entered in."""

    def __init__(
        self,
        deployments: Mapping[str, Given],
        *,
        clock: Clock | None = None,
        knows: Sequence[str] = (),
    ) -> None:
        """`knows`: texts that may be continued, besides those of the scripts."""
        self._clock = clock or SystemClock()
        self._known = list(knows)
        self._scripts: dict[str, Script] = {}
        self._begins: dict[str, int] = {}
        """How many requests a deployment had seen when it got its script."""
        self.log: list[Arrival] = []
        for name, given in deployments.items():
            self.does(name, given)
        self.arrived = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._address = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/{deployment}/v1/chat/completions", self._chat)
        # A caller that leaves is seen at once: its handler is cancelled.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self._address = f"{host}:{port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def endpoint(self, deployment: str = "", *, scheme: str = "http") -> str:
        """Where it answers; without a name, for whatever the request's `model` says."""
        path = f"/{deployment}/v1" if deployment else "/v1"
        return f"{scheme}://{self._address}{path}"

    def to(self, deployment: str) -> list[Arrival]:
        """What reached this deployment, in order."""
        return [a for a in self.log if a.deployment == deployment]

    def does(self, deployment: str, given: Given) -> None:
        """From now on it does this."""
        script = _script(given)
        steps = getattr(script, "steps", ())
        self._known += [step.text for step in steps if isinstance(step, Say)]
        self._scripts[deployment] = script
        self._begins[deployment] = len(self.to(deployment))

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until it is so; looked at whenever something arrives, is sent, or ends."""
        async with self.arrived:
            await self.arrived.wait_for(enough)

    async def _tell(self) -> None:
        async with self.arrived:
            self.arrived.notify_all()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = request.match_info.get("deployment") or str(body.get("model"))
        if name not in self._scripts:
            return wire.error(Fail(404, f"no deployment '{name}'", "model_not_found"))
        arrival = Arrival(
            deployment=name,
            number=len(self.to(name)),
            at=self._clock.monotonic(),
            body=body,
            headers=dict(request.headers),
            prefill=_prefill(body),
        )
        earlier = self.to(name)[self._begins[name] :]
        since = arrival.at - earlier[0].at if earlier else 0.0
        asked = Asked(body=body, number=len(earlier), since=since)
        arrival.step = self._continued(self._scripts[name](asked), arrival.prefill)
        self.log.append(arrival)
        await self._tell()
        try:
            return await self._act(request, arrival)
        except (asyncio.CancelledError, ConnectionResetError):
            arrival.gone = True
            raise
        finally:
            arrival.ended_at = self._clock.monotonic()
            arrival.ended.set()
            await self._tell()

    def _continued(self, step: Step, prefill: str) -> Step:
        """The step for a request that begins the answer itself."""
        if not prefill or not isinstance(step, Say) or step.prefill == "ignored":
            return step
        known = next((text for text in self._known if text.startswith(prefill)), None)
        if step.prefill == "refused" or known is None:
            return PREFILL_REFUSED
        return dataclasses.replace(step, text=known[len(prefill) :])

    async def _act(self, request: web.Request, arrival: Arrival) -> web.StreamResponse:
        match arrival.step:
            case Fail() as step:
                return wire.error(step)
            case Raw(body, content_type, status):
                return web.Response(text=body, content_type=content_type, status=status)
            case Hang():
                await asyncio.Event().wait()
            case Reset():
                wire.reset(request)
            case Say() as step:
                await self._clock.sleep(step.wait_s) if step.wait_s else None
                if step.whole or not arrival.body.get("stream"):
                    return await self._whole(step, arrival)
                return await self._say(request, step, arrival)
        return web.Response()

    async def _whole(self, step: Say, arrival: Arrival) -> web.Response:
        if step.delay_s:
            await self._clock.sleep(step.delay_s)
        arrival.sent.append(step.text)
        self._count(step, arrival, len(step.pieces))
        arrival.reported = step.reports != "never"
        return wire.whole(step, arrival)

    async def _say(self, request: web.Request, step: Say, arrival: Arrival) -> web.StreamResponse:
        async with _stream(request) as out:
            await out.send(wire.chunk(step, arrival, {"role": "assistant", "content": ""}))
            if step.delay_s:
                await self._pause(out, step.delay_s)
            for number, delta in enumerate(wire.deltas(step)):
                if number == step.stops_after:
                    return await self._stop(request, out, step)
                if number == step.junk_after:
                    await out.send('{"choices": [{"delta": {"cont')
                if step.gap_s:
                    await self._pause(out, step.gap_s)
                self._count(step, arrival, number + 1)
                each = step.reports == "with_each"
                await out.send(wire.chunk(step, arrival, delta, usage=each))
                arrival.sent.append(delta.get("content", ""))
                await self._tell() if step.gap_s else None
            await self._end(out, step, arrival)
        return out.response

    async def _end(self, out: _Out, step: Say, arrival: Arrival) -> None:
        if step.finish:
            last = step.reports == "with_finish"
            finish = wire.finish(step)
            await out.send(wire.chunk(step, arrival, {}, finish=finish, usage=last))
        asked = (arrival.body.get("stream_options") or {}).get("include_usage")
        if step.reports == "after" and asked:
            await out.send(wire.chunk(step, arrival, None, usage=True))
        arrival.reported = step.reports != "never" and (step.reports != "after" or bool(asked))
        if step.done:
            await out.send("[DONE]")
        await out.flush()
        if step.lingers:
            await asyncio.Event().wait()

    async def _stop(self, request: web.Request, out: _Out, step: Say) -> web.StreamResponse:
        """The stream ends here, before its end."""
        match step.stops:
            case "reset":
                await self._pause(out, _SETTLE_S)
                wire.reset(request)
            case "silence":
                await out.flush()
                await self._tell()
                await asyncio.Event().wait()
            case "error":
                error = {"message": "The server is overloaded", "type": "overloaded_error"}
                await out.send({"error": error})
        return out.response

    async def _pause(self, out: _Out, seconds: float) -> None:
        await out.flush()
        await self._clock.sleep(seconds)

    def _count(self, step: Say, arrival: Arrival, written: int) -> None:
        arrival.used = step.used or Used(input=wire.tokens(arrival.body), output=written)


class _Out:
    """Server-sent events on their way; sent together where nothing lies between them."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response
        self._waiting: list[bytes] = []
        self._size = 0

    async def send(self, value: object) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        data = f"data: {text}\n\n".encode()
        self._waiting.append(data)
        self._size += len(data)
        if self._size > _FLUSH_BYTES:
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        if waiting:
            await self.response.write(b"".join(waiting))


@asynccontextmanager
async def _stream(request: web.Request) -> AsyncIterator[_Out]:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    out = _Out(response)
    yield out
    if request.transport is not None:
        await out.flush()


class _Steps:
    """A script of steps: one a request, the last one stays."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)

    def __call__(self, asked: Asked) -> Step:
        return self.steps[min(asked.number, len(self.steps) - 1)]


def _script(given: Given) -> Script:
    if callable(given):
        return given
    steps = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    return _Steps([FAULTS[s](HEALTHY) if isinstance(s, str) else s for s in steps])


def _prefill(body: Mapping[str, Any]) -> str:
    last = (body.get("messages") or [{}])[-1]
    content = last.get("content")
    return content if last.get("role") == "assistant" and isinstance(content, str) else ""
