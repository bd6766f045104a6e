"""The tools that a request offers, and which of them must be called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.gateway.bodies import is_deep
from orchestrator.gateway.errors import ApiError, bad_request
from orchestrator.gateway.needs import unknown

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_WORDS = ("auto", "none", "required")
MOST_TOOLS = 1024
"""Eight times as many as OpenAI takes."""


def read_tools(
    tools: list[dict[str, Any]] | None, choice: Any
) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
    """The tools, and `auto`, `none`, `required` or a tool's name.

    Raises:
        ApiError: 400: a tool that is no function, or a choice that names none of them.
    """
    if not tools and choice is None:
        return (), None
    offered = tuple(tools or ())
    if len(offered) > MOST_TOOLS:
        raise _wrong("tools", f"found {len(offered)}; allowed: {MOST_TOOLS}")
    names: list[str] = []
    for place, tool in enumerate(offered):
        name = _function(tool, place)
        if name in names:
            raise _wrong(f"tools[{place}].function.name", f"'{name}' stands twice")
        names.append(name)
    return offered, None if choice is None else _choice(choice, names)


def _function(tool: Mapping[str, Any], place: int) -> str:
    where, function = f"tools[{place}]", tool.get("function")
    if tool.get("type", "function") != "function":
        raise _wrong(
            f"{where}.type",
            f"found {tool['type']!r:.40}; allowed: 'function'. Other tools belong to one provider, "
            "and routing may choose any",
        )
    if not isinstance(function, dict):
        raise _wrong(f"{where}.function", "allowed: an object with name, description, parameters")
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong(f"{where}.function.name", "allowed: letters, digits, '_', '-' and '.'")
    if is_deep(function):
        raise _wrong(f"{where}.function", "nested too deeply")
    if not isinstance(function.get("parameters") or {}, dict):
        raise _wrong(f"{where}.function.parameters", "allowed: an object, which is a JSON Schema")
    return name


def _choice(choice: Any, names: list[str]) -> str:
    if isinstance(choice, dict):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if choice.get("type", "function") != "function" or not isinstance(name, str):
            raise _wrong(
                "tool_choice", 'allowed: a word, or {"type": "function", "function": {"name": …}}'
            )
        if name not in names:
            raise unknown("tool", name, names, "tool_choice")
        return name
    if choice not in _WORDS:
        raise _wrong("tool_choice", f"found {choice!r:.40}; allowed: {', '.join(_WORDS)}, or {{…}}")
    if choice == "required" and not names:
        raise _wrong("tool_choice", "a tool is required, and 'tools' offers none")
    return str(choice)


def _wrong(where: str, said: str) -> ApiError:
    return bad_request(f"{where}: {said}", where)
