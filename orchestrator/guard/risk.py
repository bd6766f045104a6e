"""How much a mistake would cost, which may rise while a run goes on and never falls.

A run begins with the stricter of what was declared and what was detected. What it then meets may
raise its tier: personal data in what a tool brought, sources that contradict each other. From then
on all of its steps are decided with that tier, and its answer is checked as the policy asks of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.guard.values import Finding
from orchestrator.project.guard_schema import SECRETS, RiskDeclaration
from orchestrator.types import EFFORTS, RISKS, Effort, Risk

Event = Literal["personal", "secrets", "contradiction", "injection", "destructive"]
"""What may raise a tier."""
ROLE = "risk"
"""Of a rise on the trace."""
REFUSE = "refuse"
"""Of `cross_validate`: a single call is not answered at all."""


def higher(one: Risk, other: Risk | None) -> Risk:
    """The one of the two of which a mistake would cost more."""
    return one if other is None else max(one, other, key=RISKS.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """A tier has risen."""

    before: Risk
    to: Risk
    event: Event
    node: str
    """Where."""
    why: str
    """In words that hold nothing of any text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the policy asks of the answer to a request of one tier."""

    effort: Effort = "model"
    origin: str = "default"
    """Who asked for that much checking."""
    independent: str = ""
    """The route by which checkers must be of other families than the author; empty: none."""
    cross_validate: str = ""
    """The graph that must answer, or `refuse`; empty: any may."""
    cross_validate_origin: str = ""

    def with_all_of(self, other: Demand) -> Demand:
        """Everything that either of the two asks for."""
        most = max(self, other, key=lambda d: EFFORTS.index(d.effort))
        cross = self if self.cross_validate else other
        return Demand(
            effort=most.effort,
            origin=most.origin,
            independent=self.independent or other.independent,
            cross_validate=cross.cross_validate,
            cross_validate_origin=cross.cross_validate_origin,
        )


@dataclass(slots=True)
class Course:
    """The tier of one run while it goes on.

    Args:
        tier: that it begins with.
        demand: what the policy asks of the answer at a tier.
        floor: no step is decided with less than this.
    """

    tier: Risk = "normal"
    demand: Callable[[Risk], Demand] = lambda _: Demand()
    floor: Risk = "low"
    rises: list[Rise] = field(default_factory=list)
    begun: Demand = field(init=False)
    """What was asked for at the beginning."""
    demanded: Demand = field(init=False)
    """What is asked for now: never less than before."""

    def __post_init__(self) -> None:
        self.begun = self.demanded = self.demand(self.tier)

    @property
    def risen(self) -> bool:
        return bool(self.rises)

    def meets(self, event: Event, to: Risk, *, node: str, why: str) -> Rise | None:
        """The run has met something that makes its tier at least `to`; `None`: it was no less."""
        if RISKS.index(to) <= RISKS.index(self.tier):
            return None
        rise = Rise(before=self.tier, to=to, event=event, node=node, why=why)
        self.take(rise)
        return rise

    def take(self, rise: Rise) -> None:
        """What has risen is as high as that from now on."""
        if RISKS.index(rise.to) <= RISKS.index(self.tier):
            return
        self.rises.append(rise)
        self.tier, self.floor = rise.to, higher(self.floor, rise.to)
        self.demanded = self.demanded.with_all_of(self.demand(rise.to))


def tier_for(declared: RiskDeclaration, event: Event) -> Risk:
    """The tier that the event makes; `low`: it raises nothing."""
    tier: Risk = getattr(declared, event)
    return tier


def event_of(findings: Iterable[Finding]) -> Event | None:
    """What these findings are: secrets before personal data."""
    kinds = {finding.kind for finding in findings}
    if not kinds:
        return None
    return "secrets" if kinds & set(SECRETS) else "personal"


def kinds_in_words(findings: Iterable[Finding]) -> str:
    """`email, 2 phone`: how many of which kind."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    return ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in sorted(counts.items()))


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value of a tool or a node."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for part in value.values() for text in texts_in(part))
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from (text for part in value for text in texts_in(part))
    elif hasattr(value, "model_dump"):
        yield from texts_in(value.model_dump(mode="python"))
    elif hasattr(value, "__dataclass_fields__"):
        yield from (
            text for name in value.__dataclass_fields__ for text in texts_in(getattr(value, name))
        )


_TRIVIAL = re.compile(r"[\w./:-]{0,12}")


def long_texts(value: Any) -> str:
    """The texts in a value that may hold something, in one."""
    return "\n".join(text for text in texts_in(value) if not _TRIVIAL.fullmatch(text))
