"""What a person agrees to: one call of one tool at one place of one run, letter by letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, Protocol

from orchestrator.types import ToolLevel

APPROVE = "approve"
REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A tool call. An approval is good for all of this and nothing else."""

    run: str
    node: str
    round: int
    step: str
    """Which model call of the node asked for it, and which of the calls that it asked for:
    `2.1`, both from 0; empty for a tool that the graph itself names."""
    tool: str
    arguments: Mapping[str, Any]
    spec: str
    """The digest of what the tool says of itself."""
    again: int = 0
    """How often it was begun before without anybody knowing how it ended."""

    @property
    def place(self) -> tuple[str, str, int, str]:
        """Where it stands, whatever is called there."""
        return self.run, self.node, self.round, self.step


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleCheck:
    """What a second model says of an act before a person sees it."""

    go: bool
    reason: str
    by: str = ""
    """The model; empty where none gave a verdict, which counts as a stop."""
    family: str | None = None

    @property
    def in_words(self) -> str:
        return f"{'go' if self.go else 'stop'}: {self.reason}" + (
            f" ({self.by})" if self.by else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An act, and what a person is to know of it."""

    act: Act
    level: ToolLevel
    why: str
    """Why it needs an approval, in words."""
    rule: str
    description: str = ""
    """What the tool says of itself."""
    task: str = ""
    """What the agent was asked to do."""
    check: DoubleCheck | None = None
    checked: bool = False
    """A double check was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What was said of an act."""

    id: str
    """Of the approval."""
    said: Literal["approved", "rejected", "expired"]
    arguments: Mapping[str, Any]
    """With these, where it was approved: a person may have changed them."""
    edited: bool = False
    by: str = ""
    because: str = ""
    at: float = 0.0
    """Seconds since the epoch."""
    number: int = 1
    """How often something was said of the act, this included."""
    used: bool = False
    """The approval was spent: the call was begun."""

    @property
    def go(self) -> bool:
        return self.said == "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampered:
    """The approval on record is not one of this act: somebody has changed it."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nothing was asked of this act, or nobody has answered."""

    asked: bool = False
    check: DoubleCheck | None = field(default=None)


class Approver(Protocol):
    """Where acts wait for a person. Everything survives the process."""

    async def find(self, act: Act) -> Ruling | Tampered | Nobody:
        """What was said of exactly this act."""
        ...

    async def ask(self, wanted: Wanted) -> NoReturn:
        """Put it before a person, once.

        Raises:
            WaitingError: always; the run goes on when somebody has answered.
        """
        ...

    async def take(self, ruling: Ruling) -> bool:
        """Spend an approval, before the call begins; false where it was spent already."""
        ...
