"""What a chat request wants and what it gets, in nobody's wire format.

The seam between a wire shape and the mesh: `completions` reads OpenAI's chat completions into a
`Wanted`, `asking` makes calls of it, and `answers` writes an `Answer` as OpenAI's. Another shape
(OpenAI's Responses, Anthropic's Messages) is another reader and another writer of these two.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from orchestrator.call_types import Message, ToolCall
from orchestrator.gateway.keys.values import Key
from orchestrator.gateway.needs import NONE, Needs
from orchestrator.money import Usage
from orchestrator.types import Ending

if TYPE_CHECKING:
    from orchestrator.gateway.state import Serving


class Form(msgspec.Struct, frozen=True):
    """The form that the answer must have."""

    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    check: Callable[[str], Any] | None = None
    """What holds the answer to the schema."""


ANY_FORM = Form()


class Wanted(msgspec.Struct, kw_only=True):
    """One request."""

    model: str
    """`auto`, `task:NAME`, `graph:NAME`, or a model of the fleet."""
    messages: tuple[Message, ...]
    can: tuple[str, ...] = ()
    """What a model must be able to do for it: `tools`, `json`, `vision`, …"""
    needs: Needs = NONE
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | None = None
    """`auto`, `none`, `required`, or a tool's name."""
    parallel_tool_calls: bool | None = None
    form: Form = ANY_FORM
    n: int = 1
    """How many answers."""
    stream: bool = False
    include_usage: bool = False
    user: str | None = None
    tags: tuple[str, ...] = ()
    """Besides those of its needs."""
    extra: Mapping[str, Any] = {}
    """Parameters that are passed on as they are."""


class Answer(msgspec.Struct, kw_only=True):
    """One answer to it."""

    text: str
    model: str
    """Who answered, by its name in the fleet; of a graph, `graph:NAME`."""
    trace_id: str
    deployment: str = ""
    finish_reason: str = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    fingerprint: str | None = None
    cost_micro_usd: int | None = 0
    """`None` is unknown."""
    attempts: int = 1
    ending: Ending = "complete"
    mesh: Mapping[str, Any] = {}
    """What else stands in its `mesh` object: a graph's verdict, citations, …"""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way."""

    serving: Serving
    wanted: Wanted
    key: Key
    trace_id: str
    created: int
    """Seconds since the epoch."""
    parent: str = ""
    """The caller's `traceparent`, where it sent one."""


class Tell(Protocol):
    """Hears of an answer while it comes; both do nothing for a request without `stream`."""

    def text(self, text: str) -> None:
        """More of the answer's text."""
        ...

    def progress(self, progress: Mapping[str, Any]) -> None:
        """What goes on meanwhile, as JSON content; it stands in a chunk's `mesh` object."""
        ...


Runner = Callable[[Call, str, Tell], Awaitable[Answer]]
"""Answers the models of one prefix (`graph:`) in its own way; the string is what follows it."""
