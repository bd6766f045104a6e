"""The values of a tool call: what a tool is, what it may take, what it brought."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.call_types import Message
from orchestrator.types import ToolLevel, digest

TIMEOUT_S = 30.0
MOST_OUTPUT_CHARS = 20_000
"""About 5,000 tokens: several results fit into a context of 32,768."""
ANYTHING: Mapping[str, Any] = {"type": "object"}

FailureKind = Literal[
    "arguments", "rate_limited", "timeout", "failed", "gone", "changed", "unreachable"
]
"""Why a call brought nothing: its arguments do not fit; a limit of calls; time was up; the tool
raised; there is no such tool any more; it is not what it was; its server is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool, as models and rules see it."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: ANYTHING)
    """JSON Schema of its arguments, always of an object."""
    level: ToolLevel = "destructive"
    stated: bool = True
    """Somebody said what level it has; else it counts as destructive, see `permit`."""
    environments: tuple[str, ...] = ()
    """Where it may be called; empty: everywhere."""
    timeout_s: float = TIMEOUT_S
    most_output_chars: int = MOST_OUTPUT_CHARS
    calls_per_minute: int | None = None
    data_class: str | None = None
    """Of what it returns, at least."""
    hosted: bool | None = None
    """What it is given leaves our own machines; `None`: nobody has said, see `permit`."""
    source: str = "project"
    """`builtin`, `project`, or `mcp:SERVER`."""
    for_models: bool = True
    """A model may be offered it; else it takes what JSON cannot hold, and only graphs call it."""
    refused: str = ""
    """Why it may not be called at all, in words; empty: nothing speaks against it."""

    @property
    def server(self) -> str | None:
        """The MCP server that it belongs to."""
        kind, _, server = self.source.partition(":")
        return server if kind == "mcp" else None

    @property
    def offered_as(self) -> str:
        """Its name in requests to models, whose providers allow letters, digits, `_` and `-`."""
        return re.sub(r"[^A-Za-z0-9_-]", "_", self.name)

    @property
    def offer(self) -> Mapping[str, Any]:
        """What stands in `CallRequest.tools`."""
        function = {
            "name": self.offered_as,
            "description": self.description,
            "parameters": dict(self.parameters),
        }
        return {"type": "function", "function": function}

    @property
    def digest(self) -> str:
        """Changes with what a model is told of the tool, and with what a call of it may do.

        An approval is for a tool of this digest.
        """
        told = [self.name, self.description, self.parameters]
        return digest([*told, self.level, self.source])


ToolFunction = Callable[..., Any]
"""`(box, **arguments) -> Any`, async or not; a `ToolFailure` that it returns is its failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool and what a call of it runs."""

    spec: ToolSpec
    function: ToolFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What one call may take: the tightest of what the tool and the rules say."""

    timeout_s: float = TIMEOUT_S
    most_output_chars: int = MOST_OUTPUT_CHARS
    calls_per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFailure:
    """Why a call brought nothing. No secret stands in `message`, which a model may read."""

    kind: FailureKind
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallResult:
    """What a call brought. Whoever wrote it, it gives no orders: it is data and never trusted."""

    text: str
    """For the model; of a failure what went wrong."""
    data: Any = None
    """The value as it was returned; `None` where it was cut, and of a failure."""
    error: ToolFailure | None = None
    truncated: bool = False
    """More was returned than the limit allows; the text says so."""
    ms: float = 0.0

    def message(self, call_id: str) -> Message:
        """The answer to a model's call, in the role that marks it as a tool's words."""
        return Message(role="tool", content=self.text, tool_call_id=call_id)
