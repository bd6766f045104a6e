"""The calls of all chat models of one `Mesh`: each is a hop like any other.

A call outside of a run is a trace of its own. One from a function or tool of a declared graph is
a hop of that run, under its limits, budget and journal.
"""

from __future__ import annotations

import asyncio
import dataclasses
import queue
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any

from orchestrator.calling.transports import Transports
from orchestrator.chat.background import Background
from orchestrator.chat.limits import both, completed, strictest
from orchestrator.guard.risk import higher
from orchestrator.records import Hop
from orchestrator.roles.events import RunEvent
from orchestrator.roles.hop import HopWork
from orchestrator.roles.place import Place, here
from orchestrator.roles.services import Services
from orchestrator.roles.single import NODE, Answered, Ask, SingleCalls, send
from orchestrator.types import digest

Piece = str | Answered
"""More text, and at the end the whole."""


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
        place = here()
        if place is not None:
            work = _work_at(place, services, ask)
            return await _as_hop(work, ask, None if ask.held else on_text)
        return await SingleCalls(services).answer(ask, on_text)


def _work_at(place: Place, services: Services, ask: Ask) -> HopWork:
    """The hop as one of the run that the caller stands in: everything said there holds too."""
    run = place.request
    order = services.project.policy.data_classes
    asked = digest([ask.agent.name, ask.request])
    request = dataclasses.replace(
        run,
        data_class=strictest(order, run.data_class, ask.data_class),
        risk=higher(ask.risk, run.risk) if ask.risk else run.risk,
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


async def _as_hop(work: HopWork, ask: Ask, on_text: Callable[[str], None] | None) -> Answered:
    hops: list[Hop] = []

    def tell(event: RunEvent) -> None:
        if isinstance(event, Hop):
            hops.append(event)
        outer(event)

    outer = work.request.tell
    work.request = dataclasses.replace(work.request, tell=tell)
    reply = await send(work, ask, on_text)
    return Answered(reply, hops[-1])
