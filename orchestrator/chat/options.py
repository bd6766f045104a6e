"""What a caller of the chat model may say beside its messages, read strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from langchain_core.utils.function_calling import convert_to_openai_tool

from orchestrator.calling.transports.wire.chat import ANY_OBJECT
from orchestrator.errors import UnknownNameError, UserError
from orchestrator.validation.text import joined


class ChatSettings(TypedDict, total=False):
    """How a chat model calls; each can be said again for one call."""

    model: str | None
    """Only this model of the fleet."""
    temperature: float | None
    max_tokens: int | None
    reasoning_effort: str | None
    seed: int | None
    stop: list[str] | None
    timeout: float | None
    """Seconds for a whole call, fallbacks included; `deadline_ms` of mesh.yaml where absent."""
    priority: int
    """Where calls wait for a place, the highest goes first; 0 where absent."""


PER_CALL = frozenset(
    {*ChatSettings.__annotations__, "tools", "tool_choice", "parallel_tool_calls"}
    | {"response_format", "stream"}
)
_WORDS = ("auto", "none", "required")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of a call, and whether one must be called."""

    offered: tuple[Mapping[str, Any], ...] = ()
    choice: str | None = None

    @property
    def forced(self) -> bool:
        return self.choice not in (None, "auto", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The form of the answer that is asked for."""

    schema: Mapping[str, Any] | None = None
    strict: bool | None = None


def refuse_unknown(said: Mapping[str, Any], known: frozenset[str] = PER_CALL) -> None:
    """Raises `UnknownNameError` for an option that would silently do nothing."""
    for name in said:
        if name not in known:
            raise UnknownNameError("option of the chat model", name, sorted(known))


def tools_of(tools: Sequence[Any] | None, choice: Any) -> Tools:
    """Functions, tools, classes and schemas as OpenAI's function tools.

    Args:
        choice: `auto`, `none`, `required` or `any`, a tool's name, OpenAI's `{"function": …}`;
            `True` and `False` for `required` and `auto`.

    Raises:
        UserError: a tool that only one provider knows; a choice that names no tool.
    """
    offered = tuple(convert_to_openai_tool(tool) for tool in tools or ())
    for tool in offered:
        if "function" not in tool:
            raise UserError(
                f"the tool {tool.get('type')!r} belongs to one provider; only functions can be "
                "offered, since routing may choose any model"
            )
    return Tools(offered=offered, choice=_choice(choice, [t["function"]["name"] for t in offered]))


def _choice(choice: Any, names: Sequence[str]) -> str | None:
    if isinstance(choice, Mapping):
        choice = choice.get("function", choice).get("name")
    if choice is None or isinstance(choice, bool):
        return "required" if choice else None
    if choice == "any":
        return "required"
    if choice not in (*_WORDS, *names):
        raise UnknownNameError("tool", str(choice), (*_WORDS, "any", *names), "tool_choice")
    return str(choice)


def format_of(response_format: Any) -> Format:
    """OpenAI's `response_format`: `json_object`, or `json_schema` with a schema.

    Raises:
        UserError: it is anything else.
    """
    if response_format is None:
        return Format()
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if kind == "text":
        return Format()
    if kind == "json_object":
        return Format(schema=ANY_OBJECT)
    if kind == "json_schema" and isinstance(response_format.get("json_schema"), Mapping):
        asked = response_format["json_schema"]
        return Format(schema=asked.get("schema") or ANY_OBJECT, strict=asked.get("strict"))
    raise UserError(
        f"response_format is {response_format!r:.80}; allowed: {{'type': 'json_object'}}, or "
        "{'type': 'json_schema', 'json_schema': {'schema': …}}"
    )


def conforming(schema: Mapping[str, Any]) -> Callable[[str], Any]:
    """A check that an answer is JSON which satisfies the schema.

    Raises:
        UserError: it is no JSON Schema, or it refers to what it lacks.
    """
    from orchestrator.validation.json_schema import satisfying
    from orchestrator.validation.schemas import faults

    wrong = faults(schema)
    if wrong:
        said = joined(str(fault) for fault in wrong)
        raise UserError(f"this is no JSON Schema that can be used: {said}")
    return satisfying(schema)
