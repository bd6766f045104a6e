"""A recorded run gone through again: every call is answered from the record, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from orchestrator.errors import InternalError, RunError, WaitingError
from orchestrator.graph.asking import HumanAnswer, Question
from orchestrator.graph.pack import unpack
from orchestrator.project.registry import Kind
from orchestrator.records import Hop
from orchestrator.replay.recorded import Record, error_of
from orchestrator.roles.place import here
from orchestrator.roles.services import Asking

_TICK_S = 0.1
_QUIET_TICKS = 20
"""So often in a row nothing may have happened before what waits is given up."""


@dataclass(slots=True)
class Repeat:
    """Satisfies `services.Repeated`: answers with what is on record, and with nothing else.

    A call is known by its key, which holds all that it depends on. Where that has changed, it is
    the one at the same place whose prompt is the same, or else the next one there: so one edit is
    told where it was made and not as a run that is not on record.
    """

    record: Record
    taken: dict[str, Asking] = field(default_factory=dict)
    """What was asked for each recorded call, by the hop's id."""
    unknown: list[Asking] = field(default_factory=list)
    """What is not on record."""
    waiting: int = 0
    """Calls and steps that wait for what never came in the recorded run."""
    busy: int = 0
    """Counts what happens."""

    @property
    def trace_id(self) -> str:
        return self.record.trace.id

    async def find(self, asking: Asking) -> Mapping[str, Any]:
        """What is on record of this call.

        Raises:
            RunError: it is not on record, or another error that it ended in.
        """
        self.busy += 1
        hop = match(self.record, asking, self.taken)
        if hop is None:
            self.unknown.append(asking)
            await self._not_there(f"node '{asking.node}': this call is not on record")
        self.taken[hop.id] = asking
        if hop.status in ("cancelled", "unknown"):
            await self._never()
        if hop.status != "ok":
            raise error_of(hop)
        return self.record.value(hop)

    def is_live(self, _node: str, _round: int) -> bool:
        """Nothing is."""
        return False

    async def brought(self, node: str, _round: int, key: str) -> Mapping[str, Any]:
        """What a tool that a model called has brought."""
        self.busy += 1
        found = self.record.act(f"{self.trace_id}.{key}")
        if found is None:
            await self._not_there(f"node '{node}': what a tool brought is not on record")
        return found

    @property
    def around(self) -> Mapping[Kind, Callable[[str, Any], Any]]:
        """What stands around the project's own names."""
        return {"tool": self.tool}

    def tool(self, name: str, _tool: Any) -> Callable[..., Any]:
        """A tool that brings what it has brought."""

        async def recorded(box: Any, **_parameters: Any) -> Any:
            self.busy += 1
            place = here()
            if place is None:
                raise InternalError(f"tool '{name}' was called outside of a node")
            hop = self.record.at(place.node, place.round, "tool")
            if hop is not None and hop.status == "failed":
                raise error_of(hop)
            if hop is None or hop.id not in self.record.brought:
                said = f"node '{place.node}': what the tool '{name}' brought is not on record"
                await self._not_there(said)
            return taken_from(self.record, hop, box)

        return recorded

    async def answer(self, question: Question) -> HumanAnswer:
        """What a person has answered."""
        self.busy += 1
        hop = self.record.person(question.node, question.round)
        if hop is not None:
            return HumanAnswer(text=hop.output or "", by=hop.agent or "")
        if self.record.trace.status == "waiting":
            said = (question.text, question.shown, question.allowed)
            raise WaitingError(question.run, question.node, *said)
        return await self._not_there(
            f"node '{question.node}': what a person answered is not on record"
        )

    async def _not_there(self, why: str) -> NoReturn:
        if self.record.trace.status != "ok":  # it may have ended before it came to this
            await self._never()
        raise RunError(why)

    async def _never(self) -> NoReturn:
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting -= 1
        raise InternalError("nobody ends this wait")


async def to_its_end(task: asyncio.Future[Any], repeat: Repeat) -> bool:
    """Let the replay go on until it has ended or only waits for what never came.

    Returns:
        Whether it has ended by itself.
    """
    quiet, seen = 0, -1
    while not task.done():
        await asyncio.wait([task], timeout=_TICK_S if repeat.waiting else _TICK_S / 10)
        quiet = quiet + 1 if repeat.waiting and repeat.busy == seen else 0
        seen = repeat.busy
        if quiet >= _QUIET_TICKS:
            task.cancel()
            await asyncio.wait([task])
            return False
    return True


def match(record: Record, asking: Asking, taken: Mapping[str, Any]) -> Hop | None:
    """The recorded call that this is; see `Repeat`."""
    calls = record.calls
    exact = f"{record.trace.id}.{asking.key}"
    for hop in calls:
        if hop.id == exact:
            return hop
    there = [
        hop
        for hop in calls
        if (hop.node, hop.round) == (asking.node, asking.round) and hop.id not in taken
    ]
    alike = [hop for hop in there if hop.prompt == asking.prompt]
    of_agent = [hop for hop in there if hop.agent == asking.agent]
    return next(iter([*alike, *of_agent]), None)


def taken_from(record: Record, hop: Hop, box: Any) -> Any:
    """What the tool of that hop brought, with its remarks."""
    for note in hop.notes:
        box.note(note)
    box.sources.update((hop.replay or {}).get("sources") or {})
    return unpack(record.brought[hop.id])


def asked_now(record: Record, repeat: Repeat) -> dict[str, Hop]:
    """The calls as they were asked for now, with the recorded answers, by id."""
    by_id = {hop.id: hop for hop in record.hops}
    found = {
        id: replace(by_id[id], prompt=asking.prompt, resumed=False)
        for id, asking in repeat.taken.items()
    }
    for asking in repeat.unknown:
        id = f"{record.trace.id}.{asking.key}"
        found[id] = Hop(
            id=id,
            trace_id=record.trace.id,
            node=asking.node,
            round=asking.round,
            role=asking.role,
            agent=asking.agent,
            prompt=asking.prompt,
            status="failed",
            error="this call is not on record",
            started_at=record.trace.started_at + record.trace.ms / 1000,
        )
    return found
