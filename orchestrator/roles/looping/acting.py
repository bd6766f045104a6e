"""One call of a tool: looked for in the journal, permitted, agreed to, carried out, recorded.

What a call brought is journaled under its place and arguments before anybody uses it, so a resumed
run calls nothing twice. Of a call that changes the world two more things are kept: that an approval
was spent on it, and that it was begun. Where it was begun and nothing of its end is known, it may
have been done or not, and a person is asked before it is begun again.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.errors import InternalError
from orchestrator.guard.risk import higher
from orchestrator.project.protocols import Journal
from orchestrator.records import AuditEvent, Hop
from orchestrator.roles.looping.acts import Act, DoubleCheck, Nobody, Ruling, Tampered, Wanted
from orchestrator.roles.rising import brought, meets
from orchestrator.roles.services import Request, Services
from orchestrator.tooling.permit import Circumstances, NeedsApproval, Refused
from orchestrator.tooling.toolset import Toolset
from orchestrator.tooling.values import Tool, ToolCallResult, ToolFailure
from orchestrator.types import LogRule, as_json, digest, from_json

TOOL = "tool"
"""The role of such a step on the trace; its agent is the tool's name."""
Second = Callable[[Wanted], Awaitable[DoubleCheck]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The call may be made."""

    arguments: Mapping[str, Any]
    """As they were agreed to."""
    rule: str
    """What allows it."""
    ruling: Ruling | None = None
    """What a person said, where one was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The call is not made."""

    why: str
    rule: str


@dataclass(slots=True, kw_only=True)
class Acting:
    """Calls of tools at one node of a run.

    Args:
        box: makes what a tool may use.
        second: has another model look at an act before a person does.
        log: what may be kept of arguments; `None`: nothing is known, and they are left out.
    """

    services: Services
    request: Request
    node: str
    round: int
    box: Callable[[], Any]
    record: Callable[[Hop], object]
    second: Second
    task: str = ""
    """What the agent was asked to do."""
    log: LogRule | None = None

    @property
    def tools(self) -> Toolset:
        if self.services.tools is None:
            raise InternalError("these services have no tools")
        return self.services.tools()

    @property
    def _journal(self) -> Journal | None:
        return self.request.journal

    # ── one call ─────────────────────────────────────────────────────────────────────────

    async def call(
        self, tool: Tool, arguments: Mapping[str, Any], *, step: str, given: Circumstances
    ) -> ToolCallResult:
        """What the tool brought, or why it was not called.

        Args:
            step: which call of the node it is; see `Act.step`.

        Raises:
            WaitingError: a person has to agree first.
        """
        key = self.key(tool.spec.name, arguments, step)
        held = await self._recorded(key)
        if held is not None:
            for hop in held["hops"]:
                self.record(dataclasses.replace(from_json(Hop, hop), resumed=True))
            return from_json(ToolCallResult, held["value"])
        agreed = await self.agreed(tool, arguments, step=step, given=given)
        started_at, start = self.services.clock.now(), self.services.clock.monotonic()
        if isinstance(agreed, Denied):
            failure = ToolFailure(kind="failed", message=agreed.why)
            result = ToolCallResult(text=agreed.why, error=failure)
            notes: tuple[str, ...] = (f"not called: {agreed.rule}",)
        else:
            arguments = agreed.arguments
            box = self.box()
            try:
                result = await self.tools.call(tool, arguments, box=box, given=given)
            except asyncio.CancelledError:
                self.record(self._hop(key, tool, arguments, started_at, start, cut_off=True))
                self.event(tool, "was stopped while it ran", arguments, agreed.rule)
                raise
            result = _told(result, agreed)
            what = f"the tool '{tool.spec.name}'"
            await brought(
                self.services,
                self.request,
                result.text,
                what=what,
                node=self.node,
                round=self.round,
            )
            notes = (*getattr(box, "notes", ()), *_words(agreed))
            done = f"failed: {result.error.kind}" if result.error else "was called"
            self.event(tool, done, arguments, agreed.rule, agreed.ruling)
        hop = self._hop(key, tool, arguments, started_at, start, result=result, notes=notes)
        if self._journal is not None:
            value = {"value": as_json(result), "families": [], "label": "", "hops": [as_json(hop)]}
            await self._journal.put(key, value, node=self.node)
        self.record(hop)
        return result

    def key(self, tool: str, arguments: Mapping[str, Any], step: str) -> str:
        """Under which its result is kept. Neither policy nor project stand in it: what was done is
        done, whatever is edited afterwards."""
        return digest(["tool", self.node, self.round, step, tool, arguments])

    async def _recorded(self, key: str) -> Mapping[str, Any] | None:
        repeats = self.request.repeats
        if repeats is not None:
            return await repeats.brought(self.node, self.round, key)
        return None if self._journal is None else await self._journal.get(key)

    # ── whether it may be made ───────────────────────────────────────────────────────────

    async def agreed(
        self, tool: Tool, arguments: Mapping[str, Any], *, step: str, given: Circumstances
    ) -> Agreed | Denied:
        """Whether the call may be begun now; where it changes the world it counts as begun.

        Raises:
            WaitingError: a person has to agree first.
        """
        spec = tool.spec
        given = await self._with_risk(tool, given)
        permit = self.tools.permit(spec, given)
        if isinstance(permit, Refused):
            self.event(tool, f"refused: {permit.why}", arguments, permit.by_rule)
            return Denied(why=f"refused: {permit.why}", rule=permit.by_rule)
        begun = f"{self.key(spec.name, arguments, step)}.begun"
        changes = spec.level != "read" and not (given.declared and not spec.stated)
        uncertain = changes and await self._was_begun(begun)
        found: Agreed | Denied = Agreed(arguments=arguments, rule=permit.by_rule)
        if isinstance(permit, NeedsApproval) or uncertain:
            act = Act(
                run=self.request.trace_id,
                node=self.node,
                round=self.round,
                step=step,
                tool=spec.name,
                arguments=as_json(arguments),
                spec=spec.digest,
                again=int(uncertain),
            )
            why = (
                permit.why
                if isinstance(permit, NeedsApproval)
                else (
                    f"nobody knows whether the {spec.level} tool '{spec.name}' has done it already"
                )
            )
            wanted = Wanted(
                act=act,
                level=spec.level,
                why=why,
                rule=permit.by_rule,
                description=spec.description,
                task=self.task,
                checked=isinstance(permit, NeedsApproval) and permit.double_check,
            )
            found = await self._ruled(tool, wanted, given)
        if changes and isinstance(found, Agreed) and self._journal is not None:
            mark: dict[str, Any] = {"value": None, "families": [], "label": "begun", "hops": []}
            await self._journal.put(begun, mark, node=self.node)
        return found

    async def _with_risk(self, tool: Tool, given: Circumstances) -> Circumstances:
        """What is known of the call, with no less risk than the run has by now."""
        spec, run = tool.spec, self.request
        if spec.level == "destructive" and not (given.declared and not spec.stated):
            why = f"the destructive tool '{spec.name}' is to be called"
            await meets(self.services, run, "destructive", why, node=self.node, round=self.round)
        if given.risk is None:  # counts as the worst already
            return given
        return dataclasses.replace(given, risk=higher(given.risk, run.course.floor))

    async def _was_begun(self, begun: str) -> bool:
        """Whether an earlier process began it; how it ended is not on record, or nobody would
        ask."""
        return self._journal is not None and await self._journal.get(begun) is not None

    async def _ruled(self, tool: Tool, wanted: Wanted, given: Circumstances) -> Agreed | Denied:
        """What a person says of it."""
        approver, rule = self.request.approvals, wanted.rule
        if approver is None:
            self.event(tool, "refused: nobody is there to agree", wanted.act.arguments, rule)
            return Denied(why=f"refused: {wanted.why}, and nobody is there to agree", rule=rule)
        while True:
            found = await approver.find(wanted.act)
            if not isinstance(found, Ruling) or not (found.go and found.used):
                break
            # Spent, and nothing came of it that is on record: it may have been done.
            again = dataclasses.replace(wanted.act, again=wanted.act.again + 1)
            wanted = dataclasses.replace(wanted, act=again)
        if isinstance(found, Tampered):
            self.event(tool, f"refused: {found.why}", wanted.act.arguments, rule)
            return Denied(why=f"refused: its approval does not hold: {found.why}", rule=rule)
        if isinstance(found, Nobody):
            if wanted.checked and not found.asked:
                wanted = dataclasses.replace(wanted, check=await self.second(wanted))
            await approver.ask(wanted)
        if not found.go:
            return Denied(why=_refusal(found), rule=rule)
        if found.edited and isinstance(permit := self.tools.permit(tool.spec, given), Refused):
            return Denied(why=f"refused: {permit.why}", rule=permit.by_rule)
        if not await approver.take(found):  # somebody has changed his mind in this very moment
            return await self._ruled(tool, wanted, given)
        return Agreed(arguments=found.arguments, rule=rule, ruling=found)

    # ── on record ────────────────────────────────────────────────────────────────────────

    def event(
        self,
        tool: Tool,
        what: str,
        arguments: Mapping[str, Any],
        rule: str,
        ruling: Ruling | None = None,
    ) -> None:
        """Put it into the audit log."""
        facts = {
            "tool": tool.spec.name,
            "level": tool.spec.level,
            "node": self.node,
            "rule": rule,
            "arguments_hash": digest(arguments),
        }
        if ruling is not None:
            facts["approval"] = ruling.id
        self.services.audit.record(
            AuditEvent(
                kind="tool",
                what=f"{tool.spec.name} {what}",
                at=self.services.clock.now(),
                trace_id=self.request.trace_id,
                by=ruling.by if ruling else "",
                facts=facts,
            )
        )

    def _hop(
        self,
        key: str,
        tool: Tool,
        arguments: Mapping[str, Any],
        started_at: float,
        start: float,
        *,
        result: ToolCallResult | None = None,
        notes: tuple[str, ...] = (),
        cut_off: bool = False,
    ) -> Hop:
        full = self.log is not None and self.log.tool_args == "full"
        shown = json.dumps(as_json(arguments), ensure_ascii=False) if full else "…"
        status: Literal["ok", "failed", "unknown"] = "ok"
        error = None
        if cut_off:
            status, error = "unknown", "stopped while it ran; whether it was done is not known"
        elif result is not None and result.error is not None:
            status, error = "failed", result.error.message
        return Hop(
            id=f"{self.request.trace_id}.{key}",
            trace_id=self.request.trace_id,
            node=self.node,
            round=self.round,
            role=TOOL,
            agent=tool.spec.name,
            prompt=f"{tool.spec.name}({shown})",
            output=None if result is None else result.text,
            status=status,
            error=error,
            notes=notes,
            replay=None if result is None else {"value": as_json(result)},
            started_at=started_at,
            ms=(self.services.clock.monotonic() - start) * 1000,
        )


def _told(result: ToolCallResult, agreed: Agreed) -> ToolCallResult:
    """What the model is told: also that a person has changed what it asked for."""
    if agreed.ruling is None or not agreed.ruling.edited:
        return result
    given = json.dumps(as_json(agreed.arguments), ensure_ascii=False)
    said = f"[a person has changed the arguments to {given}]\n{result.text}"
    return dataclasses.replace(result, text=said)


def _words(agreed: Agreed) -> tuple[str, ...]:
    if agreed.ruling is None:
        return (f"allowed by {agreed.rule}",)
    said = f"approved by {agreed.ruling.by or 'somebody'}"
    if agreed.ruling.edited:
        said += " with other arguments"
    return (said + (f": {agreed.ruling.because}" if agreed.ruling.because else ""),)


def _refusal(ruling: Ruling) -> str:
    if ruling.said == "expired":
        return f"not approved: {ruling.because}"
    who = f" ({ruling.by})" if ruling.by else ""
    return f"a person{who} has refused this call" + (
        f": {ruling.because}" if ruling.because else ""
    )
