"""Model, tools, model, …: until there is an answer, or a bound is reached."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator.call_types import CallRequest, Message, Reply, ToolCall, text_of
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.errors import (
    CallError,
    NoCandidateError,
    OverBudgetError,
    RateLimitedError,
    RunError,
)
from orchestrator.roles.boundary import bounded
from orchestrator.roles.looping.acting import Acting
from orchestrator.roles.looping.acts import DoubleCheck, Wanted
from orchestrator.roles.looping.second import double_check
from orchestrator.roles.prompt import messages
from orchestrator.roles.values import Bound
from orchestrator.tooling.calling import checked_arguments
from orchestrator.tooling.permit import Allowed, Circumstances
from orchestrator.tooling.values import Tool, ToolFailure
from orchestrator.types import Feature, TaskProfile

if TYPE_CHECKING:
    from orchestrator.roles.hop import HopWork

AT_ONCE = 16
"""Calls that one answer may ask for; more are sent back."""
SAME_AGAIN = 3
"""So often the very same call may be asked for; a model that goes on is going in circles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of a loop."""

    text: str
    """The answer; where a bound was reached, what the model has said last."""
    bound: Bound | None = None
    why: str = ""
    """Why there is no answer; empty where there is one."""
    calls: int = 0
    """Of tools."""


@dataclass(slots=True)
class Loop:
    """One execution of an agent that calls tools."""

    work: HopWork
    acting: Acting
    tools: Mapping[str, Tool]
    """By the names that the model knows them under."""
    history: list[Message]
    said: str = ""
    called: int = 0
    _seen: dict[str, int] = field(default_factory=dict)

    async def run(self) -> Came:
        """Go on until there is an answer or a bound is reached.

        Raises:
            WaitingError: a person has to agree to a call.
            RunError: the first model call failed; a later one ends the loop.
        """
        most = self.work.agent.steps
        for step in range(most):
            if step and self._late():
                return self._stopped("time", step)
            last = step == most - 1
            if last and step:
                self.work.note(f"the last of {most} model calls, which has to be the answer")
            try:
                reply = await self._ask(last=last)
            except (CallError, NoCandidateError, OverBudgetError, RateLimitedError) as error:
                if not step:
                    raise
                return self._failed(error, step)
            if not reply.tool_calls:
                return Came(text=reply.text, calls=self.called)
            self.said = reply.text or self.said
            if last:
                break
            calls = _told_apart(reply.tool_calls, step)
            self.history.append(_asked(reply.text, calls))
            self.history += await self._answers(step, calls, reply)
        return self._stopped("steps", most)

    # ── the model ────────────────────────────────────────────────────────────────────────

    async def _ask(self, *, last: bool) -> Reply:
        agent = self.work.agent
        request = CallRequest(
            messages=tuple(self.history),
            tools=tuple(tool.spec.offer for tool in self.tools.values()),
            tool_choice="none" if last else None,
        )
        return await self.work.send(request, self._profile(request), agent=agent)

    def _profile(self, request: CallRequest) -> TaskProfile:
        agent = self.work.agent
        return self.work.profile(
            "\n".join(text_of(m) for m in request.messages),
            task=agent.task,
            agent=agent,
            needs=("tools",),
            values=False,
            input_tokens=prompt_tokens(request),
        )

    # ── the tools ────────────────────────────────────────────────────────────────────────

    async def _answers(self, step: int, calls: Sequence[ToolCall], reply: Reply) -> list[Message]:
        """What the calls brought, in their order. Those that only read go side by side."""
        found = [self._meant(call) for call in calls]
        given = self._given(calls)
        self._prepare(reply)
        reads = all(
            isinstance(one, str)
            or (
                isinstance(self.acting.tools.permit(one[0].spec, given), Allowed)
                and one[0].spec.level == "read"
            )
            for one in found
        )

        async def one(index: int) -> Message:
            text = await self._answer(found[index], given, f"{step}.{index}", index)
            return Message(role="tool", content=text, tool_call_id=calls[index].id)

        if not reads:
            return [await one(index) for index in range(len(calls))]
        ended = await asyncio.gather(*map(one, range(len(calls))), return_exceptions=True)
        for result in ended:  # the others have come to their end, and are on record
            if isinstance(result, BaseException):
                raise result
        return [result for result in ended if not isinstance(result, BaseException)]

    async def _answer(
        self,
        meant: str | tuple[Tool, dict[str, Any]],
        given: Circumstances,
        step: str,
        index: int,
    ) -> str:
        if isinstance(meant, str):
            self.work.note(f"call {step}: {meant}")
            return f"error: {meant}"
        if index >= AT_ONCE:
            return f"error: at most {AT_ONCE} calls at once; ask again for the others"
        tool, arguments = meant
        same = json.dumps([tool.spec.name, arguments], sort_keys=True)
        self._seen[same] = self._seen.get(same, 0) + 1
        if self._seen[same] > SAME_AGAIN:
            return f"error: this very call was made {SAME_AGAIN} times; use what it brought"
        result = await self.acting.call(tool, arguments, step=step, given=given)
        self.called += 1
        self._met(tool)
        return f"error: {result.text}" if result.error else result.text

    def _meant(self, call: ToolCall) -> str | tuple[Tool, dict[str, Any]]:
        """The tool and its arguments; else what is wrong, for the model."""
        tool = self.tools.get(call.name)
        if tool is None:
            known = ", ".join(self.tools)
            return f"there is no tool '{call.name:.80}'; there are: {known}"
        given = checked_arguments(tool.spec, call.arguments)
        return given.message if isinstance(given, ToolFailure) else (tool, given)

    def _given(self, calls: Sequence[ToolCall]) -> Circumstances:
        """What rules ask of the calls: everything that was read may stand in their arguments."""
        texts = [text_of(m) for m in self.history] + [call.arguments for call in calls]
        work = self.work
        profile = work.profile("\n".join(texts), task=work.agent.task, agent=work.agent)
        asked = Message(role="assistant", content="\n".join(call.arguments for call in calls))
        sent = CallRequest(messages=(*self.history, asked))
        profile = bounded(profile, sent, work.services, work.request.met)
        return self.acting.tools.circumstances(profile)

    def _met(self, tool: Tool) -> None:
        """What a tool says of the data that it returns holds for all that the run does later."""
        data_class = tool.spec.data_class
        if data_class is None:
            return
        origin = f"found: by the tool {tool.spec.name}"
        feature = Feature(value=data_class, confidence=1.0, origin=origin)
        order = self.work.services.project.policy.data_classes
        brought = TaskProfile(task="*", data_class=data_class, features={"data_class": feature})
        self.work.request.met.meet(brought, order)

    def _prepare(self, reply: Reply) -> None:
        decided = self.work.decided
        self.acting.log = decided.log if decided is not None else None
        asked_by = () if reply.family is None else (reply.family,)

        async def second(wanted: Wanted) -> DoubleCheck:
            return await double_check(self.work, wanted, asked_by)

        self.acting.second = second

    # ── its bounds ───────────────────────────────────────────────────────────────────────

    def _late(self) -> bool:
        return self.work.services.clock.monotonic() >= self.work.bounds.deadline

    def _failed(self, error: RunError, step: int) -> Came:
        """A later model call failed: because a bound was reached, or for a reason of its own."""
        left = self.work.bounds.purse.left()
        if self._late():
            return self._stopped("time", step)
        if isinstance(error, OverBudgetError) or (left is not None and left <= 0):
            return self._stopped("money", step)
        return self._stopped("call", step, f": {error}")

    def _stopped(self, bound: Bound, step: int, why: str = "") -> Came:
        words = {
            "steps": "that many are allowed",
            "time": "the time of the step is over",
            "money": "the money of the step is spent",
            "call": "the next one failed",
        }
        said = f"no answer after {step} model calls and {self.called} of tools: {words[bound]}{why}"
        self.work.put("bound", f"{bound}: {said}")
        return Came(text=self.said, bound=bound, why=said, calls=self.called)


async def loop(
    work: HopWork, variables: Mapping[str, str], task: str, readable: Sequence[str] = ()
) -> Came:
    """Carry out an agent that has tools.

    Args:
        variables: fill its prompt.
        task: what it is asked to do, for who has to agree to a call.
        readable: the run's own sources, which its tools may look into.

    Raises:
        UserError: it names a tool that is not there.
        WaitingError, RunError: as `Loop.run`.
    """
    services, request = work.services, work.request

    def box() -> Any:
        made = request.box() if request.box is not None else None
        return replace(made, readable=tuple(readable)) if made and readable else made

    async def nobody(_: Wanted) -> DoubleCheck:
        return DoubleCheck(go=False, reason="no model has asked for it")

    acting = Acting(
        services=services,
        request=request,
        node=work.node,
        round=work.round,
        box=box,
        record=work.record,
        second=nobody,
        task=task,
    )
    where = f"agent '{work.agent.name}'"
    offered = await acting.tools.offers(work.agent.tools, where)
    return await Loop(work, acting, offered, list(messages(work.agent, variables))).run()


def _told_apart(calls: Sequence[ToolCall], step: int) -> list[ToolCall]:
    """Each with an id of its own, and arguments that a provider takes back."""
    known: set[str] = set()
    found: list[ToolCall] = []
    for index, call in enumerate(calls):
        id = call.id if call.id and call.id not in known else f"call-{step}-{index}"
        known.add(id)
        found.append(replace(call, id=id))
    return found


def _asked(text: str, calls: Sequence[ToolCall]) -> Message:
    """The model's own words as they go back to it."""
    shown = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": _object(call.arguments)},
        }
        for call in calls
    ]
    return Message(role="assistant", content=text, tool_calls=shown)


def _object(arguments: str) -> str:
    """Some providers refuse a conversation in which a call's arguments are no object."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except ValueError:
        return "{}"
