"""What many traces come to: counted by the database, never read one by one.

Times are those at which requests began. Who may see one workspace alone is told of that alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

PERCENTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which requests are counted, and in which steps of time."""

    since: float
    """Seconds since the epoch, as `until`, which is not in it."""
    until: float
    step_s: int
    workspace: str | None = None
    """`None`: all."""

    @property
    def buckets(self) -> tuple[float, ...]:
        """When each step begins, in whole multiples of its length since the epoch."""
        first = int(self.since // self.step_s)
        last = int(max(self.since, self.until - 1e-6) // self.step_s)
        return tuple(float(n * self.step_s) for n in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class Ended:
    """Requests of one step of time that ended alike."""

    at: float
    status: str
    verdict: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Tried:
    """Attempts of one step of time at one model with one outcome."""

    at: float
    model: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers of one model to one task."""

    task: str
    model: str
    count: int


@dataclass(frozen=True, slots=True)
class FellBack:
    """Hops for which another deployment stepped in."""

    at: float
    chosen: str
    answered: str
    count: int


@dataclass(frozen=True, slots=True)
class Validated:
    """Answers of one model in one step of time that a validator looked at."""

    at: float
    model: str
    passed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How long it took: of one model's answers, or of whole requests in one step of time."""

    model: str
    at: float
    count: int
    ms: tuple[float, ...]
    """At `PERCENTILES`, by the nearest rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Everything at once."""

    ended: tuple[Ended, ...]
    tried: tuple[Tried, ...]
    answered: tuple[Answered, ...]
    fell_back: tuple[FellBack, ...]
    validated: tuple[Validated, ...]
    models: tuple[Speed, ...]
    """Answers by model; `at` is 0."""
    requests: tuple[Speed, ...]
    """Whole requests by step of time; `model` is empty."""


NOTHING = Totals(**{field.name: () for field in fields(Totals)})
