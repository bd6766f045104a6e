"""What one node of a graph may take: until when, and for how much money."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.money import MICRO_USD
from orchestrator.types import Constraints

N = TypeVar("N", int, float)


@dataclass(slots=True, kw_only=True)
class Purse:
    """The money of one node in one round, shared by all of its calls, in micro-dollars."""

    limit: int | None = None
    """`None`: the node declares none."""
    spent: int = 0
    held: int = 0
    """What the calls under way are expected to cost."""

    def left(self) -> int | None:
        """What a further call may cost; `None` where there is no limit."""
        return None if self.limit is None else max(self.limit - self.spent - self.held, 0)

    @contextmanager
    def holding(self, micro_usd: int) -> Iterator[None]:
        """Inside the block a call is under way that is expected to cost so much."""
        self.held += micro_usd
        try:
            yield
        finally:
            self.held -= micro_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits of one step."""

    deadline: float
    """On the clock's monotonic scale, in seconds: the step's share of the request's time."""
    latency_ms: int | None = None
    """What the node declares; its share is never longer."""
    purse: Purse = field(default_factory=Purse)

    @property
    def binds(self) -> bool:
        """Whether it limits more than the deadline does."""
        return self.latency_ms is not None or self.purse.limit is not None

    def tightened(self, limits: Constraints) -> Constraints:
        """The request's limits and the node's; of two the tighter one."""
        cost = None if self.purse.limit is None else self.purse.limit / MICRO_USD
        return dataclasses.replace(
            limits,
            latency_ms=_least(limits.latency_ms, self.latency_ms),
            max_cost_usd=_least(limits.max_cost_usd, cost),
        )


def _least(one: N | None, other: N | None) -> N | None:
    return min((value for value in (one, other) if value is not None), default=None)
