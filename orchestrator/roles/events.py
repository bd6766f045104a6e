"""What a run tells while it goes on: that a step began, and the step itself once it is over."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.records import Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class HopStarted:
    """A step began; told again, with its deployment, for each model that it asks."""

    trace_id: str
    node: str
    """As the hop will name it: the graph's node, `node/subtask-id` for a subtask."""
    round: int = 0
    agent: str | None = None
    """The agent, tool or function."""
    deployment: str | None = None


RunEvent = HopStarted | Hop
