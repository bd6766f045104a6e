"""What a plan says: ranges of cost and time, node by node and in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

COVERAGE = 0.9
"""The share of runs that a range is to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One quantity of a run, from its least to its most. US dollars, or milliseconds."""

    best: float
    """The cheapest way that can be taken, with short answers."""
    low: float
    likely: float
    """The median."""
    high: float
    """Of 100 runs, 90 lie between `low` and this."""
    worst: float | None
    """Every round, every retry, every fallback, the longest prompts and answers that are allowed;
    `None`: nothing bounds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """What is expected of one node of the graph."""

    node: str
    kind: Literal["agent", "each", "tool", "function", "person"]
    agents: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()
    """Who would be asked first now, of each agent."""
    runs: float = 1.0
    """How often it runs, on average: in loops more than once, behind conditions less."""
    calls: float = 0.0
    """How many calls of models its agents make in all these runs, on average; code is none."""
    cost: Range | None = None
    """`None`: somebody's price is not known."""
    time: Range | None = None
    recorded: int = 0
    """Recorded runs of the graph that have come to this node."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPlan:
    """What a run is expected to cost and to take."""

    graph: str
    nodes: tuple[NodePlan, ...]
    cost: Range | None
    """US dollars; `None` as soon as the price of one call that may come is not known."""
    time: Range
    """Milliseconds along the critical path."""
    recorded: int
    """Recorded runs of this graph that were learned from."""
    checked_on: int
    """Of those, how many tell how wide the range must be; 0: it rests on declared numbers."""
    subtasks: str = ""
    """How many subtasks there will be, and from what that is known; empty without any."""
    warnings: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    """Limits that the range passes, in words."""
