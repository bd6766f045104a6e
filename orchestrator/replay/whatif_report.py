"""What a reviewer of a policy reads: a comparison, summed up by what moves and who sees what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.replay.whatif import (
    STANDINGS,
    Compared,
    Comparison,
    Group,
    Standing,
)
from orchestrator.replay.whatif_seen import Scale
from orchestrator.routing._providers import provider_of
from orchestrator.types import Deployment

MOVERS = 5
EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Hops that one deployment was chosen for, and another would be."""

    before: str
    after: str
    hops: int
    usd: float | None
    """By how much the cost of all changes, in the mean; `None`: a price is unknown."""
    quality: float
    """By how much their mean quality changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """Hops that nobody may serve, for one reason."""

    task: str
    why: str
    hops: int
    traces: tuple[str, ...]
    """A few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A class of data that would go where it has not gone."""

    data_class: str
    provider: str
    region: str | None
    hops: int
    fallback: bool
    """Only where others fail."""
    traces: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """One of the hops whose cost changes most."""

    trace: str
    node: str
    task: str
    before: str
    after: str
    standing: Standing
    usd: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it."""

    policy: str
    """How the other policy is called."""
    hops: int
    moved: int
    groups: Mapping[Standing, Group]
    total: Group
    told_by: Mapping[Scale, int]
    moves: tuple[Move, ...] = ()
    unserved: tuple[Unserved, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    movers: tuple[Mover, ...] = ()
    notes: tuple[str, ...] = ()
    """What was assumed, and what is not on record."""

    def share(self, standing: Standing) -> float:
        return self.groups[standing].hops / max(self.hops, 1)


def report(
    comparison: Comparison,
    policy: str,
    places: Mapping[str, Deployment],
    notes: Sequence[str] = (),
) -> Report:
    """The comparison, summed up.

    Args:
        policy: how the other policy is called.
        places: deployments by id, with what tells who provides them.
    """
    hops = comparison.hops
    return Report(
        policy=policy,
        hops=len(hops),
        moved=comparison.moved,
        groups={standing: comparison.groups[standing] for standing in STANDINGS},
        total=comparison.total,
        told_by=comparison.told_by,
        moves=tuple(_moves(hops)),
        unserved=tuple(_unserved(hops)),
        exposures=tuple(_exposures(hops, places)),
        movers=tuple(_movers(hops)),
        notes=tuple(notes),
    )


def _moves(hops: Sequence[Compared]) -> list[Move]:
    groups: dict[tuple[str, str], list[Compared]] = defaultdict(list)
    for one in hops:
        if one.moves and one.goes_to is not None:
            groups[one.chosen, one.goes_to].append(one)
    found = [
        Move(
            before=before,
            after=after,
            hops=len(those),
            usd=None if any(o.usd is None for o in those) else sum(o.usd or 0.0 for o in those),
            quality=sum(o.quality for o in those) / len(those),
        )
        for (before, after), those in groups.items()
    ]
    return sorted(found, key=lambda m: (-m.hops, m.before, m.after))


def _unserved(hops: Sequence[Compared]) -> list[Unserved]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in hops:
        if one.standing == "unserved":
            groups[one.one.profile.task, one.why_not].append(one.one.trace.id)
    found = [
        Unserved(task=task, why=why, hops=len(those), traces=_some(those))
        for (task, why), those in groups.items()
    ]
    return sorted(found, key=lambda u: (-u.hops, u.task))


def _some(traces: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(traces))[:EXAMPLES]


_Place = tuple[str, str, str | None]
"""A data class, a provider and a region."""


def _exposures(hops: Sequence[Compared], places: Mapping[str, Deployment]) -> list[Exposure]:
    """Where data goes or may go that has not gone there: not as the first, nor as a fallback."""
    went: set[_Place] = set()
    could: set[_Place] = set()
    goes: dict[_Place, list[str]] = defaultdict(list)
    may: dict[_Place, list[str]] = defaultdict(list)
    for one in hops:
        name, trace = one.one.profile.data_class, one.one.trace.id
        was = {d.id: d for d in one.one.fleet.deployments} | dict(places)
        asked = {a.deployment for a in one.one.attempts} | {one.one.decision.chosen}
        went |= {_place(name, was[d]) for d in asked if d in was}
        could |= {_place(name, was[d]) for d in one.one.decision.chain if d in was}
        if one.after is None:
            continue
        there = {name: places.get(name, d) for name, d in one.after.deployments.items()}
        first, *others = one.after.decision.chain
        members = others[: one.after.members - 1]
        for d in dict.fromkeys(_place(name, there[d]) for d in (first, *members)):
            goes[d].append(trace)
        for d in dict.fromkeys(_place(name, there[d]) for d in others):
            may[d].append(trace)
    found = [_exposure(p, t, fallback=False) for p, t in goes.items() if p not in went]
    known = went | could | set(goes)
    found += [_exposure(p, t, fallback=True) for p, t in may.items() if p not in known]
    return sorted(found, key=lambda e: (e.fallback, -e.hops, e.data_class, e.provider))


def _place(data_class: str, deployment: Deployment) -> _Place:
    return data_class, provider_of(deployment), deployment.region


def _exposure(place: _Place, traces: Sequence[str], *, fallback: bool) -> Exposure:
    data_class, provider, region = place
    return Exposure(
        data_class=data_class,
        provider=provider,
        region=region,
        hops=len(traces),
        fallback=fallback,
        traces=_some(traces),
    )


def _movers(hops: Sequence[Compared]) -> list[Mover]:
    changed = [one for one in hops if one.usd and one.goes_to is not None]
    changed.sort(key=lambda one: -abs(one.usd or 0.0))
    return [
        Mover(
            trace=one.one.trace.id,
            node=one.one.hop.node,
            task=one.one.profile.task,
            before=one.before,
            after=(one.goes_to or "") if one.moves else f"{one.goes_to}, other fallbacks",
            standing=one.standing,
            usd=one.usd or 0.0,
        )
        for one in changed[:MOVERS]
    ]
