"""What a scenario is: one fault of the catalogue, or one variant of it, with all that must hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.bench import Bench, Way
from tests.faults.project import Fleet, Via
from tests.faults.server import Given
from tests.faults.steps import Say

Check = Callable[[Bench], None]
"""Raises `Broken` where something does not hold."""


class Broken(AssertionError):  # noqa: N818 - it is what an assertion says
    """Something that the catalogue asks for does not hold."""


def need(holds: object, said: str) -> None:
    """Raises `Broken` with what was `said` where it does not hold."""
    if not holds:
        raise Broken(said)


def text(word: str, count: int = 60) -> str:
    """A known text of so many words, all different."""
    return " ".join(f"{word}{n}" for n in range(count))


HEALTHY = text("river")
"""What the primary says when nothing is wrong."""
SPARE = text("stone")
"""What the fallback says: nothing of it is in `HEALTHY`."""
FINE = Say(HEALTHY)
SPARED = Say(SPARE)


async def one_call(bench: Bench) -> None:
    """Call once."""
    await bench.ask()


async def one_report(bench: Bench) -> None:
    """Call once for an answer in a form."""
    await bench.ask("Which colour?", structured=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault: what the servers do, what is called, and what must hold on either side."""

    number: int
    """In the catalogue."""
    fault: str
    """Its name in the table; one for all variants of a number."""
    variant: str = ""
    fleet: Fleet = field(default_factory=Fleet)
    primary: Given = FINE
    fallback: Given = SPARED
    siblings: Mapping[str, Given] = field(default_factory=dict)
    """What further deployments of the primary's model do."""
    act: Callable[[Bench], Awaitable[None]] = one_call
    caller: tuple[Check, ...]
    provider: tuple[Check, ...] = ()
    lacks: Mapping[Way | Via, str] = field(default_factory=dict)
    """The ways and transports that it does not apply to, each with the reason."""
    holds: Check | None = None
    """In place of what holds for every other scenario, where that cannot hold."""
    seconds: float = 1.0
    """About how long it takes on real clocks; the longest begin first."""
    heavy: bool = False
    """On real clocks it runs after the others, and alone."""

    @property
    def name(self) -> str:
        return f"{self.number:02d} {self.variant or self.fault}"

    def scripts(self) -> dict[str, Given]:
        """By deployment, for the fault server."""
        return {"primary": self.primary, "fallback": self.fallback, **self.siblings}

    def inapplicable(self, way: Way, via: Via) -> str | None:
        """Why it does not apply there; `None` where it does."""
        return self.lacks.get(way) or self.lacks.get(via)
