"""One call that belongs to no run: a hop like any other, and a trace of its own.

Chat models and the gateway ask in this way. Who stands inside of a run asks as a hop of that run;
see `chat/calls.py`.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import CallRequest, Reply, text_of
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.errors import CrossValidationError
from orchestrator.guard.risk import REFUSE
from orchestrator.money import total_cost
from orchestrator.project.schema import Agent
from orchestrator.records import Hop, Trace
from orchestrator.roles.boundary import bounded
from orchestrator.roles.bounds import Bounds
from orchestrator.roles.events import RunEvent
from orchestrator.roles.hop import HopWork
from orchestrator.roles.services import Request, Services
from orchestrator.routing._policy import crosses, demand, kept
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Caller, Constraints, LogRule, Risk, TaskProfile, risk_of
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
    declared: bool = False
    """The agent is one of the project's, not only a name for this call."""
    node: str | None = None
    """The node of somebody's own graph that asks."""
    data_class: str | None = None
    risk: Risk | None = None
    tags: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    caller: Caller = Caller()
    priority: int = 0
    needs: tuple[str, ...] = ()
    deadline_s: float = 300.0
    check: Callable[[str], Any] | None = None
    held: bool = False
    """Nothing is shown before it was checked."""
    graph: str = GRAPH
    """What stands for the graph on its trace."""
    trace_id: str = ""
    """Of `new_trace_id`, for who must tell it before the answer; made here where empty."""
    parent: str = ""
    """The caller's `traceparent` (W3C Trace Context), where it sent one."""
    origin: str = ""
    """The trace of the call that it repeats in another way."""

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


class SingleCalls:
    """Carries single calls out, in the event loop that `services.transports` belongs to."""

    def __init__(self, services: Services) -> None:
        self.services = services

    async def answer(self, ask: Ask, on_text: Callable[[str], None] | None = None) -> Answered:
        """The whole answer, on record as a trace of its own.

        Args:
            on_text: told of the text as it comes, each word once; see `carry_out`.

        Raises:
            NoCandidateError: nobody may serve it.
            RateLimitedError: a limit of the policy has no room for this caller.
            CallError: nobody gave an answer; `IncompleteError` where a part was handed on.
        """
        hops: list[Hop] = []
        ask = dataclasses.replace(ask, risk=risk_of(ask.risk)) if ask.risk else ask
        request = self._request(ask, hops)
        work = HopWork(
            services=self.services,
            request=request,
            agent=ask.agent,
            node=ask.node or NODE,
            round=0,
            inputs={},
            bounds=Bounds(deadline=request.deadline),
        )
        return await self._traced(work, ask, None if ask.held else on_text, hops)

    def _must_be_checked(
        self, work: HopWork, ask: Ask
    ) -> tuple[CrossValidationError, LogRule] | None:
        """Why no single call may answer, and what may be kept of it; `None` where one may."""
        policy = self.services.project.policy
        if not crosses(policy):
            return None
        profile = bounded(_profile(work, ask), ask.request, self.services, work.request.met)
        asked = demand(policy, profile)
        if not asked.cross_validate:
            return None
        graph = "" if asked.cross_validate == REFUSE else asked.cross_validate
        return CrossValidationError(asked.cross_validate_origin, graph), kept(policy, profile)

    async def _traced(
        self, work: HopWork, ask: Ask, on_text: Callable[[str], None] | None, hops: list[Hop]
    ) -> Answered:
        """The hop as a trace of its own."""
        services = self.services
        start, started_at = services.clock.monotonic(), services.clock.now()
        services.recorder.start(self._trace(work.request, ask, started_at))

        def finish(status: Any, **found: Any) -> None:
            ms = (services.clock.monotonic() - start) * 1000
            cost = total_cost([hop.cost_micro_usd for hop in hops])
            ended = {"status": status, "ms": ms, "cost_micro_usd": cost, **found}
            ended["request"] = {"call": ask.request, "declared": ask.declared}
            services.recorder.finish(self._trace(work.request, ask, started_at, **ended))

        refused = self._must_be_checked(work, ask)
        if refused is not None:
            error, log = refused
            work.audit("refusal", str(error), {"rule": "cross_validate"})
            finish("failed", error=str(error), log=log)
            raise error
        try:
            reply = await send(work, ask, on_text)
        except Exception as error:  # also the caller's own check: no trace is left open
            finish("failed", error=str(error))
            raise
        except asyncio.CancelledError:
            finish("cancelled", error="stopped while it ran")
            raise
        finish("ok", answer=hops[-1].output)
        return Answered(reply, hops[-1])

    def _request(self, ask: Ask, hops: list[Hop]) -> Request:
        def tell(event: RunEvent) -> None:
            if isinstance(event, Hop):
                hops.append(event)

        said = [m for m in ask.request.messages if m["role"] == "user"]
        return Request(
            trace_id=ask.trace_id or new_trace_id(),
            question=text_of(said[-1]) if said else "",
            journal=None,
            deadline=self.services.clock.monotonic() + ask.deadline_s,
            data_class=ask.data_class,
            risk=ask.risk,
            tags=ask.tags,
            caller=ask.caller,
            priority=ask.priority,
            constraints=ask.constraints,
            tell=tell,
        )

    def _trace(
        self, run: Request, ask: Ask, started_at: float, status: Any = "running", **ended: Any
    ) -> Trace:
        project = self.services.project
        return Trace(
            id=run.trace_id,
            graph=ask.graph,
            status=status,
            started_at=started_at,
            question=run.question,
            project_hash=project.hash,
            policy_hash=project.policy_hash,
            fleet_hash=self.services.fleet().hash,
            caller=run.caller,
            tags=run.tags,
            parent=ask.parent,
            origin=ask.origin,
            **ended,
        )


async def send(work: HopWork, ask: Ask, on_text: Callable[[str], None] | None) -> Reply:
    """Carry it out as this hop."""
    reply = await work.send(ask.request, _profile(work, ask), check=ask.check, on_text=on_text)
    return _without_fence(reply) if ask.is_json else reply


def _without_fence(reply: Reply) -> Reply:
    """A program reads the text as JSON, so that is all it gets; the trace has what was written."""
    return reply if reply.tool_calls else dataclasses.replace(reply, text=json_in(reply.text)[0])


def _profile(work: HopWork, ask: Ask) -> TaskProfile:
    """What routing sees: the texts, the tools and images beside them, and what they need."""
    found = work.profile(
        "\n".join([text_of(m) for m in ask.request.messages]),
        task=ask.agent.task,
        agent=ask.agent if ask.declared else None,
        needs=ask.needs,
        values=bool(ask.request.inputs),
        holds=None,  # the boundary looks through what is sent, text by text
        input_tokens=prompt_tokens(ask.request),
        most_output_tokens=ask.agent.call.max_tokens or ask.request.max_tokens,
    )
    images = ask.request.images
    return dataclasses.replace(found, images=images) if images else found
