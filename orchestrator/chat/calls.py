"""The calls of all chat models of one `Mesh`: each is a hop like any other.

A call outside of a run is a trace of its own. One from a function or tool of a declared graph is
a hop of that run, under its limits, budget and journal.
"""

from __future__ import annotations

import asyncio
import dataclasses
import queue
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import CallRequest, Reply, text_of
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.calling.transports import Transports
from orchestrator.chat.background import Background
from orchestrator.chat.limits import both, completed, strictest
from orchestrator.money import total_cost
from orchestrator.project.schema import Agent
from orchestrator.records import Hop, Trace
from orchestrator.roles.bounds import Bounds
from orchestrator.roles.events import RunEvent
from orchestrator.roles.hop import HopWork
from orchestrator.roles.place import Place, here
from orchestrator.roles.services import Request, Services
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Caller, Constraints, Feature, Risk, TaskProfile, digest
from orchestrator.validation.json_text import json_in

GRAPH = "chat_model"
"""What stands for the graph on the trace of a call that belongs to no run."""
NODE = "chat"
"""What stands for the node where none asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked, and of whom."""

    request: CallRequest
    agent: Agent
    """Its task, its needs, and how it wants to be called."""
    declared: bool
    """The agent is one of the project's, not only a name for this call."""
    node: str | None
    """The node of somebody's own graph that asks."""
    data_class: str | None
    risk: Risk | None
    tags: tuple[str, ...]
    constraints: Constraints
    caller: Caller
    priority: int
    needs: tuple[str, ...]
    deadline_s: float
    check: Callable[[str], Any] | None = None
    held: bool = False
    """Nothing is shown before it was checked."""

    @property
    def is_json(self) -> bool:
        """Whether its check holds the answer to be JSON."""
        valid = self.agent.valid
        return self.check is not None or (valid is not None and valid.json_schema is not None)


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply, and the hop as it stands on the trace."""

    reply: Reply
    hop: Hop


Piece = str | Answered
"""More text, and at the end the whole."""


class _Unkept:
    """The journal of a call that no run can be resumed to. Satisfies `protocols.Journal`."""

    async def get(self, key: str) -> Mapping[str, Any] | None:  # noqa: ARG002
        return None

    async def begin(self, key: str, *, node: str, deployment: str = "") -> str | None:  # noqa: ARG002
        return None

    async def drop(self, key: str) -> None:
        pass

    async def put(self, key: str, value: Mapping[str, Any], *, node: str) -> None:
        pass


class ChatCalls:
    """Carries the calls out. Made once by the `Mesh`.

    Args:
        services: the parts of every hop; their transports are not used, since they belong to the
            event loop of the runs.
        transports: those of the background loop, where everything here happens.
    """

    def __init__(self, services: Services, transports: Transports) -> None:
        self.services = services
        self._own = dataclasses.replace(services, transports=transports)
        self._background = Background(transports.close)

    def answer(self, ask: Ask) -> Answered:
        """The whole answer, for a caller that may block. Raises what `HopWork.call` raises."""
        self._background.refuse_itself()
        return self._background.wait(self._carry_out(self._own, ask, None))

    async def aanswer(self, ask: Ask) -> Answered:
        """The whole answer. Raises what `HopWork.call` raises."""
        return await self._begin(ask, None)

    def pieces(self, ask: Ask) -> Generator[Piece, None, None]:
        """The text as it comes, then the whole answer, for a caller that may block."""
        self._background.refuse_itself()
        heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        future = self._background.submit(self._carry_out(self._own, ask, heard.put))
        future.add_done_callback(lambda _: heard.put(None))
        try:
            while (text := heard.get()) is not None:
                yield text
            yield future.result()
        finally:
            future.cancel()  # does nothing where it is done

    async def apieces(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The text as it comes, then the whole answer. Closing it stops the call."""
        heard: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(text: str | None) -> None:
            with suppress(RuntimeError):  # the caller's loop has ended; nobody listens
                loop.call_soon_threadsafe(heard.put_nowait, text)

        call = asyncio.ensure_future(self._begin(ask, put))
        call.add_done_callback(lambda _: put(None))
        try:
            while (text := await heard.get()) is not None:
                yield text
            yield await call
        finally:
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    def close(self) -> None:
        """Stop what runs. Blocks; the calls' hops are recorded when it returns."""
        self._background.close()

    def _begin(
        self, ask: Ask, on_text: Callable[[str], None] | None
    ) -> Coroutine[Any, Any, Answered]:
        place = here()
        if place is not None and place.loop is asyncio.get_running_loop():
            return self._carry_out(place.services, ask, on_text)
        return self._elsewhere(ask, on_text)

    async def _elsewhere(self, ask: Ask, on_text: Callable[[str], None] | None) -> Answered:
        future = self._background.submit(self._carry_out(self._own, ask, on_text))
        return await asyncio.wrap_future(future)

    async def _carry_out(
        self, services: Services, ask: Ask, on_text: Callable[[str], None] | None
    ) -> Answered:
        # The first look at the fleet asks the servers of this machine, which takes a moment.
        await asyncio.to_thread(services.fleet)
        listener = None if ask.held else on_text
        place = here()
        if place is not None:
            return await _hop(_work_at(place, services, ask), ask, listener, [])
        request = self._request(ask)
        bounds = Bounds(deadline=request.deadline)
        work = HopWork(
            services=services,
            request=request,
            agent=ask.agent,
            node=ask.node or NODE,
            round=0,
            inputs={},
            bounds=bounds,
        )
        return await self._traced(work, ask, listener)

    async def _traced(
        self, work: HopWork, ask: Ask, on_text: Callable[[str], None] | None
    ) -> Answered:
        """The hop as a trace of its own."""
        services, begun = work.services, self._trace(work.request)
        hops: list[Hop] = []
        start = services.clock.monotonic()
        services.recorder.start(begun)

        def finish(status: Any, **found: Any) -> None:
            ms = (services.clock.monotonic() - start) * 1000
            cost = total_cost([hop.cost_micro_usd for hop in hops])
            ended = dataclasses.replace(begun, status=status, ms=ms, cost_micro_usd=cost, **found)
            services.recorder.finish(ended)

        try:
            answered = await _hop(work, ask, on_text, hops)
        except Exception as error:  # also the caller's own check: no trace is left open
            finish("failed", error=str(error))
            raise
        except asyncio.CancelledError:
            finish("cancelled", error="stopped while it ran")
            raise
        finish("ok", answer=answered.hop.output)
        return answered

    def _request(self, ask: Ask) -> Request:
        said = [text_of(m) for m in ask.request.messages if m["role"] == "user"]
        return Request(
            trace_id=new_trace_id(),
            question=said[-1] if said else "",
            journal=_Unkept(),
            deadline=self.services.clock.monotonic() + ask.deadline_s,
            data_class=ask.data_class,
            risk=ask.risk,
            tags=ask.tags,
            caller=ask.caller,
            priority=ask.priority,
            constraints=ask.constraints,
        )

    def _trace(self, request: Request) -> Trace:
        project = self.services.project
        return Trace(
            id=request.trace_id,
            graph=GRAPH,
            status="running",
            started_at=self.services.clock.now(),
            question=request.question,
            project_hash=project.hash,
            policy_hash=project.policy_hash,
            fleet_hash=self.services.fleet().hash,
            caller=request.caller,
            tags=request.tags,
        )


def _work_at(place: Place, services: Services, ask: Ask) -> HopWork:
    """The hop as one of the run that the caller stands in: everything said there holds too."""
    run = place.request
    order = services.project.policy.data_classes
    asked = digest([ask.agent.name, ask.request])
    request = dataclasses.replace(
        run,
        data_class=strictest(order, run.data_class, ask.data_class),
        risk=ask.risk or run.risk,
        tags=tuple(dict.fromkeys((*run.tags, *ask.tags))),
        caller=completed(run.caller, ask.caller),
        priority=max(run.priority, ask.priority),
        constraints=both(run.constraints, ask.constraints),
    )
    now = services.clock.monotonic()
    bounds = dataclasses.replace(
        place.bounds, deadline=min(place.bounds.deadline, now + ask.deadline_s)
    )
    work = HopWork(
        services=services,
        request=request,
        agent=ask.agent,
        node=f"{place.node}/{NODE}",
        round=place.round,
        inputs={},
        bounds=bounds,
        definition=place.definition,
        calls=place.asked[asked],
    )
    place.asked[asked] += 1
    return work


async def _hop(
    work: HopWork, ask: Ask, on_text: Callable[[str], None] | None, hops: list[Hop]
) -> Answered:
    """Carry it out; what is recorded is added to `hops`."""

    def tell(event: RunEvent) -> None:
        if isinstance(event, Hop):
            hops.append(event)
        outer(event)

    outer = work.request.tell
    work.request = dataclasses.replace(work.request, tell=tell)
    profile = _profile(work, ask)
    reply = await work.send(ask.request, profile, check=ask.check, on_text=on_text)
    return Answered(_without_fence(reply) if ask.is_json else reply, hops[-1])


def _without_fence(reply: Reply) -> Reply:
    """A program reads the text as JSON, so that is all it gets; the trace has what was written."""
    return reply if reply.tool_calls else dataclasses.replace(reply, text=json_in(reply.text)[0])


def _profile(work: HopWork, ask: Ask) -> TaskProfile:
    """What routing sees: the texts, the tools and images beside them, and what they need."""
    text = "\n".join(text_of(m) for m in ask.request.messages)
    agent = ask.agent if ask.declared else None
    found = work.profile(text, task=ask.agent.task, agent=agent)
    needs = tuple(sorted({*found.needs, *ask.needs}))
    most = ask.agent.call.max_tokens or found.output_tokens
    changed: dict[str, Any] = {
        "needs": needs,
        "input_tokens": max(found.input_tokens, prompt_tokens(ask.request)),
        "output_tokens": min(found.output_tokens, most),
    }
    declared = {k: Feature(value=v, confidence=1.0, origin="declared") for k, v in changed.items()}
    return dataclasses.replace(found, **changed, features={**found.features, **declared})
