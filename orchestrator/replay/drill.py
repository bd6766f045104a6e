"""A provider is gone: what of recorded traffic would still be served, by whom, at what cost.

Every hop is decided twice under one policy, with its recorded profile, fleet and context: as it
was, and with what was killed out of use. What is told of cost and quality is the change from the
one to the other, as `whatif` tells it. `barred` makes the set of those who are out of use, and
nothing else here knows why they are: a drill in a running gateway would bar the same set.

Of limits of rates only what deployments declare is known. It is assumed that traffic goes on as it
was recorded, minute by minute, and that whoever takes over has nothing else to do; what is beyond
a limit in a minute is counted as finding no room then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.errors import NoCandidateError, UnknownNameError
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.traffic import Recorded
from orchestrator.replay.whatif import Chooser, Comparison, as_recorded, chooser, compare
from orchestrator.replay.whatif_course import Choice
from orchestrator.replay.whatif_world import World
from orchestrator.routing._providers import provider_of
from orchestrator.types import Deployment, FleetSnapshot, Health, digest

Kind = Literal["provider", "deployment", "model", "region"]
EXAMPLES = 3
_MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What is out of use."""

    name: str
    kind: Kind
    deployments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """Hops that nobody may serve any more, by one thing that they have in common."""

    by: Literal["task", "graph", "route", "tag"]
    name: str
    hops: int
    of: int
    """All hops that have it in common."""
    traces: tuple[str, ...]
    """A few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """A deployment that would take over."""

    deployment: str
    hops: int
    last_answer: float | None
    """When it last answered, seconds since the epoch; `None`: never, as far as is on record."""
    breaker: str
    """As it was left; empty where nothing is known."""
    crowded: float | None
    """The share of its calls that would find no room in their minute; `None`: no limit declared."""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """What a kill does to the traffic."""

    killed: tuple[Killed, ...]
    hops: int
    served: int
    """By those killed, as it is."""
    still: int
    """Hops that are still served, of all that are served as it is."""
    dark: tuple[Dark, ...]
    standbys: tuple[Standby, ...]
    comparison: Comparison

    @property
    def lost(self) -> int:
        return self.comparison.count("unserved")

    @property
    def share(self) -> float:
        """Of the traffic that is still served."""
        return self.still / max(self.hops, 1)


def barred(
    names: Sequence[str], fleet: Iterable[Deployment]
) -> tuple[tuple[Killed, ...], dict[str, str]]:
    """What these names stand for, and by deployment why it is out of use.

    Args:
        names: each a provider, a deployment, a model or a region.

    Raises:
        UnknownNameError: it is none of them.
    """
    deployments = tuple(fleet)
    found = []
    for name in names:
        killed = _named(name, deployments)
        if killed is None:
            known = {n for d in deployments for n in (provider_of(d), d.id, d.model, d.region) if n}
            raise UnknownNameError("provider, deployment, model or region", name, sorted(known))
        found.append(killed)
    reasons = {id: f"drill: {killed.name} is gone" for killed in found for id in killed.deployments}
    return tuple(found), reasons


def providers(fleet: Iterable[Deployment]) -> tuple[str, ...]:
    """All that can be gone, by name; not this process itself."""
    return tuple(sorted({provider_of(d) for d in fleet if not d.deterministic} - {"this process"}))


def _named(name: str, deployments: Sequence[Deployment]) -> Killed | None:
    of: tuple[tuple[Kind, Callable[[Deployment], str | None]], ...] = (
        ("provider", provider_of),
        ("deployment", lambda d: d.id),
        ("model", lambda d: d.model),
        ("region", lambda d: d.region),
    )
    for kind, told in of:
        ids = tuple(d.id for d in deployments if told(d) == name)
        if ids:
            return Killed(name=name, kind=kind, deployments=ids)
    return None


def without(reasons: Mapping[str, str]) -> Callable[[Recorded], FleetSnapshot]:
    """Recorded fleets, with these deployments out of use."""
    made: dict[str, FleetSnapshot] = {}
    mark = digest(sorted(reasons))

    def fleet_of(one: Recorded) -> FleetSnapshot:
        fleet = one.fleet
        if fleet.hash not in made:
            there = {d.id for d in fleet.deployments}
            gone = {n: Health(available=False, reason=r) for n, r in reasons.items() if n in there}
            health = {**fleet.health, **gone}
            made[fleet.hash] = replace(fleet, health=health, hash=f"{fleet.hash}-{mark}")
        return made[fleet.hash]

    return fleet_of


def drill(
    world: World,
    policy: Policy,
    names: Sequence[str],
    fleet: Sequence[Deployment],
    *,
    last: Mapping[str, float],
    breakers: Mapping[str, str],
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Drill:
    """The traffic without those.

    Args:
        world: what was learned from the traffic.
        policy: that decides on both sides.
        names: see `barred`.
        fleet: as it is today, which says who provides what.
        last: by deployment: when it last answered, seconds since the epoch.
        breakers: by deployment: the state that is known last.

    Raises:
        UnknownNameError: a name stands for nothing.
    """
    known = {**world.record.deployments, **{d.id: d for d in fleet}}
    killed, reasons = barred(names, known.values())
    as_is = _remembered(chooser(policy, as_recorded))
    gone = chooser(policy, without(reasons))
    comparison = compare(world, gone, as_is, progress=progress)
    before = [as_is(one) for one in world.record.hops]
    after = [one.after for one in comparison.hops]
    took = [
        (hop, new)
        for hop, old, new in zip(world.record.hops, before, after, strict=True)
        if isinstance(old, Choice) and old.decision.chosen in reasons and new is not None
    ]
    could = [isinstance(old, Choice) for old in before]
    return Drill(
        killed=killed,
        hops=sum(could),
        served=sum(isinstance(c, Choice) and c.decision.chosen in reasons for c in before),
        still=sum(was and new is not None for was, new in zip(could, after, strict=True)),
        dark=tuple(_dark(world.record.hops, before, after)),
        standbys=tuple(_standbys(world, took, after, last, breakers)),
        comparison=comparison,
    )


def _remembered(choose: Chooser) -> Chooser:
    known: dict[str, Choice | NoCandidateError] = {}

    def choice(one: Recorded) -> Choice | NoCandidateError:
        if one.id not in known:
            known[one.id] = choose(one)
        return known[one.id]

    return choice


def _dark(
    hops: Sequence[Recorded],
    before: Sequence[Choice | NoCandidateError],
    after: Sequence[Choice | None],
) -> list[Dark]:
    """What all that is lost has in common, what is lost entirely first."""
    every: Counter[tuple[str, str]] = Counter()
    lost: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one, old, new in zip(hops, before, after, strict=True):
        if not isinstance(old, Choice):
            continue
        marks = [("task", one.profile.task), ("graph", one.trace.graph)]
        marks += [("route", name) for name in old.decision.routes]
        marks += [("tag", tag) for tag in one.profile.tags]
        every.update(marks)
        if new is None:
            for mark in marks:
                lost[mark].append(one.trace.id)
    found = [
        Dark(
            by=by,  # type: ignore[arg-type]
            name=name,
            hops=len(traces),
            of=every[by, name],
            traces=tuple(dict.fromkeys(traces))[:EXAMPLES],
        )
        for (by, name), traces in lost.items()
    ]
    return sorted(found, key=lambda d: (-d.hops / d.of, -d.hops, d.by, d.name))


def _standbys(
    world: World,
    took: Sequence[tuple[Recorded, Choice]],
    after: Sequence[Choice | None],
    last: Mapping[str, float],
    breakers: Mapping[str, str],
) -> list[Standby]:
    counts = Counter(choice.decision.chosen for _, choice in took)
    load = _load(world.record.hops, after)
    return [
        Standby(
            deployment=name,
            hops=count,
            last_answer=last.get(name),
            breaker=breakers.get(name, ""),
            crowded=_crowded(world.record.deployments.get(name), load.get(name, {})),
        )
        for name, count in counts.most_common()
    ]


_Load = dict[int, tuple[int, int]]
"""By minute: requests and tokens."""


def _load(hops: Sequence[Recorded], after: Sequence[Choice | None]) -> dict[str, _Load]:
    found: dict[str, _Load] = defaultdict(dict)
    for one, choice in zip(hops, after, strict=True):
        if choice is not None:
            minute = int(one.hop.started_at // _MINUTE)
            of = found[choice.decision.chosen]
            requests, tokens = of.get(minute, (0, 0))
            more = one.profile.input_tokens + one.profile.output_tokens
            of[minute] = requests + 1, tokens + more
    return found


def _crowded(deployment: Deployment | None, load: _Load) -> float | None:
    """The share of its requests that are beyond what it takes in their minute."""
    if deployment is None or not load:
        return None
    limits = deployment.limits
    if limits.requests_per_minute is None and limits.tokens_per_minute is None:
        return None
    beyond = 0.0
    for requests, tokens in load.values():
        over = [0.0]
        if limits.requests_per_minute is not None:
            over.append(requests - limits.requests_per_minute)
        if limits.tokens_per_minute is not None and tokens:
            over.append(requests * (1 - limits.tokens_per_minute / tokens))
        beyond += max(over)
    return beyond / sum(requests for requests, _ in load.values())
