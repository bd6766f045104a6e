"""The filter of unsafe content around a call: prompts before it, answers before they get out.

A route names the filter: our own, or a model, which is called as every model is and stands on the
trace as a hop. Where that model cannot say, our own decides; nothing passes because nobody looked.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from orchestrator.call_types import CallRequest, text_of
from orchestrator.errors import CallError, NoCandidateError, OverBudgetError, UnsafeError
from orchestrator.guard.injection.fencing import fence
from orchestrator.project.policy_schema import CallDeclaration
from orchestrator.project.schema import Agent
from orchestrator.types import GuardRule

if TYPE_CHECKING:
    from orchestrator.guard.unsafe.local import Flag
    from orchestrator.roles.hop import HopWork
    from orchestrator.roles.sending import Sending

MODERATION = "moderate"
"""The task of a model that says what is unsafe."""
LOCAL = "local"
_Place = Literal["prompt", "answer"]


@dataclass(slots=True)
class Filtering:
    """What a route's `unsafe` asks for, around one call."""

    work: HopWork
    rule: GuardRule
    sending: Sending
    categories: tuple[str, ...] = ()
    """Of what was rejected last."""
    review: str = ""
    """Under which id it waits for a person."""
    by: str = field(default=LOCAL)
    """Who said so."""

    async def admit(self) -> None:
        """Let the prompt be sent.

        Raises:
            UnsafeError: it may not be; no other model gets it either.
        """
        messages = self.sending.request.messages
        text = "\n".join(text_of(m) for m in messages if m["role"] in ("user", "tool"))
        why = await self._rejected(text, "prompt")
        if why:
            raise self.told(UnsafeError(f"the prompt is not sent: {why}"))

    async def release(self, text: str) -> str:
        """Why an answer is not let out, in words that hold nothing of it; empty: it is."""
        return await self._rejected(text, "answer")

    def told(self, error: UnsafeError) -> UnsafeError:
        """The error with what was found."""
        error.categories, error.review = self.categories, self.review
        return error

    async def _rejected(self, text: str, where: _Place) -> str:
        flags = await self._flags(text)
        if not flags:
            return ""
        self.categories, self.review = tuple(f.category for f in flags), ""
        why = f"{', '.join(map(str, flags))}, found by {self.by}"
        done = "refused" if where == "prompt" or self.rule.unsafe == "refuse" else "not let out"
        if self.rule.unsafe == "review":
            state = await self._reviewed(text, where)
            done = {"waiting": "waits for a person", "allowed": "allowed by a person"}.get(
                state, "refused by a person"
            )
            why += f"; {done} (review {self.review})"
        self.sending.said += (f"unsafe {where}: {why}: {done}",)
        severity = max(flag.severity for flag in flags)
        facts = {"where": where, "categories": self.categories, "severity": severity}
        found = {**facts, "filter": self.by, "review": self.review}
        self.work.audit("unsafe", f"{done}: an unsafe {where}", found)
        return "" if done.startswith("allowed") else why

    async def _reviewed(self, text: str, where: _Place) -> str:
        """What a person has said of this text, or that it waits for one."""
        services, run = self.work.services, self.work.request
        if services.reviews is None:
            return "refused"  # nobody can be asked here
        review = await asyncio.to_thread(
            services.reviews.ask,
            text,
            where=where,
            categories=self.categories,
            workspace=run.caller.workspace,
            trace_id=run.trace_id,
            at=services.clock.now(),
        )
        self.review = review.id
        return review.state

    async def _flags(self, text: str) -> tuple[Flag, ...]:
        self.by = LOCAL
        if self.rule.filter != LOCAL:
            try:
                found = await self._moderated(text)
            except (CallError, NoCandidateError, OverBudgetError) as error:
                kind = type(error).__name__
                said = f"the filter {self.rule.filter} gave no answer ({kind}); our own decides"
                self.sending.said += (said,)
            else:
                self.by = self.rule.filter
                return found
        return await asyncio.to_thread(_local, text)

    async def _moderated(self, text: str) -> tuple[Flag, ...]:
        """What the named model says, as a hop of its own."""
        from orchestrator.guard.unsafe import routed

        work = self.work
        request = CallRequest(
            messages=(
                {"role": "system", "content": routed.PROMPT},
                {"role": "user", "content": fence("document", text)},
            ),
            inputs={"text": text},
            schema=routed.SCHEMA,
        )
        profile = work.profile(text, task=MODERATION)
        limits = dataclasses.replace(profile.constraints, models=(self.rule.filter,))
        profile = dataclasses.replace(profile, constraints=limits, output_tokens=30)
        before = work.answered_by
        try:
            reply = await work.send(request, profile, agent=MODERATOR, check=routed.read)
        finally:
            work.answered_by = before  # it has answered nothing
        found: tuple[Flag, ...] = reply.value
        return found


def _local(text: str) -> tuple[Flag, ...]:
    from orchestrator.guard.unsafe.local import LocalFilter

    return LocalFilter().flags(text)


MODERATOR = Agent(
    name="moderation",
    description="Says what is unsafe.",
    task=MODERATION,
    call=CallDeclaration(temperature=0.0, max_tokens=100),
)
