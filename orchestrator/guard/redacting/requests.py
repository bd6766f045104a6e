"""Every text of a request, wherever it stands, changed by one function.

What is JSON is changed inside its strings, so that it stays JSON. Left as they are: what names
things (roles, ids, tools, the keys of a schema), and what is no text (images and files in base64).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

from orchestrator.call_types import CallRequest, Message, ToolCall

_NAMES = frozenset({"type", "id", "role", "format", "detail", "tool_call_id"})
"""Of the parts of a message: keys whose values are words of the API."""
_WRITTEN = frozenset({"description", "title", "enum", "const", "default", "examples", "example"})
"""Of a schema: keys whose values people write for models to read."""
_BASE64 = re.compile(r"(?:data:[\w.+/-]{1,100};base64,)?[A-Za-z0-9+/=_-]{512,}\Z")
_DIGITS = 6
"""A number of fewer digits stands for nobody."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


class Change(Protocol):
    """What is done to each text."""

    def __call__(self, text: str, *, own: bool, number: bool = False) -> str:
        """
        Args:
            own: it is the caller's, and not what a tool or a source brought.
            number: it is a JSON number.
        """
        ...


def changed(request: CallRequest, change: Change) -> CallRequest:
    """The request with all its texts changed, in the order in which they are sent."""
    messages = tuple(_message(m, change) for m in request.messages)
    return replace(
        request,
        messages=messages,
        inputs=in_values(request.inputs, change, own=True),
        schema=_schema(request.schema, change),
        tools=tuple(_schema(tool, change) for tool in request.tools),
        stop=tuple(change(text, own=True) for text in request.stop),
        extra=in_values(request.extra, change, own=True),
    )


def _message(message: Message, change: Change) -> Message:
    own = message["role"] != "tool"
    content = message["content"]
    made: dict[str, Any] = dict(message)
    if not isinstance(content, str):
        made["content"] = [_part(part, change, own=own) for part in content]
    elif own:
        made["content"] = change(content, own=True)
    else:
        made["content"] = in_json(content, change, own=False)
    if "name" in message and own:
        # Providers take letters, digits and two marks here.
        name = change(message["name"], own=True)
        made["name"] = name if name == message["name"] else _NOT_IN_NAMES.sub("", name)
    if "tool_calls" in message:
        made["tool_calls"] = [_call(call, change) for call in message["tool_calls"]]
    return cast("Message", made)


def _part(part: Mapping[str, Any], change: Change, *, own: bool) -> Mapping[str, Any]:
    return {
        key: value if key in _NAMES else in_values(value, change, own=own)
        for key, value in part.items()
    }


def _call(call: Mapping[str, Any], change: Change) -> Mapping[str, Any]:
    """What an assistant has called before: its arguments may hold what a tool brought."""
    function = dict(call["function"])
    function["arguments"] = in_json(str(function.get("arguments", "")), change, own=False)
    return {**call, "function": function}


def _schema(value: Any, change: Change) -> Any:
    """A schema, or a tool with one: only what people wrote for models to read."""
    if isinstance(value, Mapping):
        return {
            key: in_values(item, change, own=True)
            if key in _WRITTEN and not isinstance(item, Mapping)
            else _schema(item, change)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_schema(item, change) for item in value]
    return value


def in_values(value: Any, change: Change, *, own: bool) -> Any:
    """JSON content with its strings changed, keys included, and numbers that are long enough."""
    if isinstance(value, str):
        return value if _BASE64.match(value) else change(value, own=own)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        text = str(value)
        if sum(c.isdigit() for c in text) < _DIGITS:
            return value
        made = change(text, own=own, number=True)
        return value if made == text else made
    if isinstance(value, Mapping):
        return {
            (change(k, own=own) if isinstance(k, str) else k): in_values(v, change, own=own)
            for k, v in value.items()
        }
    if isinstance(value, Sequence):
        return [in_values(item, change, own=own) for item in value]
    return value


def in_json(text: str, change: Change, *, own: bool) -> str:
    """A text that may be JSON: changed inside, and left letter by letter where nothing is."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return change(text, own=own)
        made = in_values(value, change, own=own)
        return text if made == value else json.dumps(made, ensure_ascii=False)
    return change(text, own=own)


Restore = Callable[[str], Any]
"""A string with values in the place of placeholders; a number where it stands for one."""


def in_call(call: ToolCall, restore: Restore) -> ToolCall:
    """A tool call with values in its arguments; one that is no JSON stays as it is."""
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call
    made = restored_in(value, restore)
    if made == value:
        return call
    return replace(call, arguments=json.dumps(made, ensure_ascii=False))


def restored_in(value: Any, restore: Restore) -> Any:
    """JSON content with values in the place of placeholders."""
    if isinstance(value, str):
        return restore(value)
    if isinstance(value, Mapping):
        return {str(restore(str(k))): restored_in(v, restore) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [restored_in(item, restore) for item in value]
    return value
