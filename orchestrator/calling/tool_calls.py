"""Tool calls of one answer: put together from their deltas, and looked at before they count."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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

    What the arguments mean is for the tool to judge, which can tell the model what it lacks. Those
    of a tool that must be called are the answer itself, and satisfy its schema.
    """
    offered = {str(tool["function"]["name"]): tool["function"] for tool in request.tools}
    for call in calls:
        if call.name not in offered:
            known = ", ".join(sorted(offered)) or "none"
            return f"it calls the tool '{call.name}'; offered: {known}"
        if not is_object(call.arguments):
            return f"the arguments for the tool '{call.name}' are no JSON object"
    choice = request.tool_choice
    if choice == "none" and calls:
        return f"it calls the tool '{calls[0].name}' and was told to call none"
    if not offered or choice in (None, "auto", "none"):
        return None
    if not calls:
        return "it calls no tool and was told to"
    other = next((call.name for call in calls if choice not in ("required", call.name)), None)
    if other:
        return f"it calls the tool '{other}' and was told to call '{choice}'"
    problems = (_wrong_arguments(call, offered[call.name]) for call in calls)
    return None if choice == "required" else next(filter(None, problems), None)


def _wrong_arguments(call: ToolCall, tool: Mapping[str, Any]) -> str | None:
    from orchestrator.validation.json_schema import satisfying
    from orchestrator.validation.schemas import faults

    schema = tool.get("parameters") or {}
    if faults(schema):
        return None  # nothing can be held against it; the provider may refuse it
    try:
        satisfying(schema)(call.arguments)
    except ValueError as error:
        return f"the arguments for the tool '{call.name}': {error}"
    return None


def is_object(text: str) -> bool:
    """Whether `text` is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
