"""Tool calls of one answer: put together from their deltas, and looked at before they count."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.call_types import CallRequest, ToolCall, ToolCallDelta


@dataclass(slots=True)
class _Part:
    index: int
    id: str
    name: str
    arguments: list[str]


@dataclass(slots=True)
class ToolCalls:
    """Collects the deltas of one answer; those of another attempt need another object."""

    _parts: list[_Part] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def take(self, delta: ToolCallDelta) -> None:
        """Keep one delta. A new id begins a new call, also where a server counts none of them."""
        known = [p for p in self._parts if p.index == delta.index]
        if not known or (delta.id and known[-1].id and delta.id != known[-1].id):
            self._parts.append(_Part(delta.index, delta.id, delta.name, [delta.arguments]))
            return
        part = known[-1]
        part.id, part.name = part.id or delta.id, part.name or delta.name
        part.arguments.append(delta.arguments)

    @property
    def text(self) -> str:
        """Everything that was written of them, to count it."""
        return "".join(part.name + "".join(part.arguments) for part in self._parts)

    def whole(self) -> tuple[ToolCall, ...]:
        """The calls in order. One that came without an id gets one, so that it can be answered."""
        return tuple(
            ToolCall(
                id=part.id or f"call_{uuid.uuid4().hex[:12]}",
                name=part.name,
                arguments="".join(part.arguments).strip() or "{}",
            )
            for part in self._parts
        )


def wrong_calls(request: CallRequest, calls: Sequence[ToolCall]) -> str | None:
    """Why these calls are no answer to the request; `None` where they are one.

    What the arguments mean is for the tool to judge, which can tell the model what it lacks.
    """
    offered = {str(tool["function"]["name"]) for tool in request.tools}
    for call in calls:
        if call.name not in offered:
            known = ", ".join(sorted(offered)) or "none"
            return f"it calls the tool '{call.name}'; offered: {known}"
        if not _is_object(call.arguments):
            return f"the arguments for the tool '{call.name}' are no JSON object"
    choice = request.tool_choice
    if choice == "none" and calls:
        return f"it calls the tool '{calls[0].name}' and was told to call none"
    if not offered or choice in (None, "auto", "none"):
        return None
    if not calls:
        return "it calls no tool and was told to"
    other = next((call.name for call in calls if choice not in ("required", call.name)), None)
    return f"it calls the tool '{other}' and was told to call '{choice}'" if other else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
