"""What another policy would have done with recorded traffic: where it goes, what that costs.

Each hop is decided again, by the very function that decides live, from its recorded profile, fleet
and context. Budgets are as they were left then, and the time too: what another policy would have
spent before is not taken into account. What comes of the decision is told with its standing:

- `exact`: what was recorded is what would happen. The same deployments would be asked in the same
  way with the same settings, as far as they were asked;
- `seen`: whoever would be asked has answered the very same request, and that is on record;
- `estimated`: drawn from what the traffic says of each model; see `whatif_world`;
- `unserved`: nobody may serve it;
- `unknown`: a price that is needed is not known.

Intervals hold 95 of 100 draws (2.5 to 97.5 %), so they are about these very requests: with the
spread of single answers, and with what is not known of a model, which is common to all of its
requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from orchestrator.errors import NoCandidateError
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.traffic import Recorded
from orchestrator.replay.whatif_course import Choice, outcomes
from orchestrator.replay.whatif_seen import Arm, Scale, effort_of
from orchestrator.replay.whatif_world import Table, World
from orchestrator.routing.memo import Decider
from orchestrator.types import Context, Decision, Deployment, FleetSnapshot, Health, Tactics

Array = np.ndarray
Standing = Literal["exact", "seen", "estimated", "unserved", "unknown"]
STANDINGS: tuple[Standing, ...] = ("exact", "seen", "estimated", "unserved", "unknown")

CHUNK = 500
"""Hops that are looked at together."""
_LOW, _HIGH = 2.5, 97.5


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and where 95 of 100 draws are."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, draws: Array) -> Interval:
        low, high = np.percentile(draws, [_LOW, _HIGH])
        return cls(float(draws.mean()), float(low), float(high))

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A sum or mean before and after, and by how much it changes."""

    before: Interval
    after: Interval
    by: Interval
    relative: Interval | None
    """`by` as a share of `before`; `None` where that is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The hops of one standing, or all of which something can be said."""

    hops: int
    cost: Change | None
    """US dollars of all; `None` where there are none."""
    quality: Change | None
    """The mean, 0..1."""
    latency: Change | None
    """Milliseconds of a hop, in the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One hop, before and after."""

    at: int
    """Its place in the traffic."""
    one: Recorded
    before: str
    """The deployment that answered, or that was chosen where nobody did."""
    chosen: str
    """The deployment that is asked first, before the change."""
    after: Choice | None
    standing: Standing
    why_not: str = ""
    """Why nobody may serve it, in words."""
    usd: float | None = None
    """By how much its cost changes, in the mean of the draws; `None`: that cannot be said."""
    quality: float = 0.0
    """Likewise its quality."""

    @property
    def goes_to(self) -> str | None:
        return None if self.after is None else self.after.decision.chosen

    @property
    def moves(self) -> bool:
        """Whether another deployment would be asked first."""
        return self.goes_to != self.chosen


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All hops, before and after."""

    hops: tuple[Compared, ...]
    groups: Mapping[Standing, Group]
    total: Group
    """Without those that are unknown."""
    served: Group
    """Likewise without those that nobody may serve."""
    told_by: Mapping[Scale, int] = field(default_factory=dict)
    """In whose terms the quality of how many hops is told."""

    @property
    def moved(self) -> int:
        return sum(one.moves for one in self.hops)

    def count(self, standing: Standing) -> int:
        return self.groups[standing].hops

    def share(self, standing: Standing) -> float:
        return self.count(standing) / max(len(self.hops), 1)


Chooser = Callable[[Recorded], "Choice | NoCandidateError"]


def chooser(policy: Policy, fleet_of: Callable[[Recorded], FleetSnapshot]) -> Chooser:
    """Decides recorded hops again: under this policy, and with these fleets."""
    decider = Decider(policy)
    estimates: dict[tuple[object, ...], Context] = {}

    def choose(one: Recorded) -> Choice | NoCandidateError:
        # The decider knows estimates again by identity, and each record brings its own.
        context, told = one.context, tuple(one.context.estimates.items())
        same = estimates.setdefault(told, context)
        if same is not context:
            context = replace(context, estimates=same.estimates)
        fleet = fleet_of(one)
        try:
            return Choice(decider(one.profile, fleet, context), fleet)
        except NoCandidateError as error:
            return error

    return choose


def as_recorded(one: Recorded) -> FleetSnapshot:
    """The fleet that its decision saw."""
    return one.fleet


def with_fleet(deployments: Sequence[Deployment]) -> Callable[[Recorded], FleetSnapshot]:
    """Another fleet, each as healthy as it was; whoever was not there is taken for healthy."""
    made: dict[str, FleetSnapshot] = {}
    ids = sorted(deployments, key=lambda d: d.id)

    def fleet_of(one: Recorded) -> FleetSnapshot:
        if one.fleet.hash not in made:
            health = {d.id: one.fleet.health.get(d.id, Health()) for d in ids}
            name = f"{one.fleet.hash}+"
            made[one.fleet.hash] = FleetSnapshot(deployments=tuple(ids), health=health, hash=name)
        return made[one.fleet.hash]

    return fleet_of


def compare(
    world: World,
    after: Chooser,
    before: Chooser | None = None,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Comparison:
    """What changes.

    Args:
        world: what was learned from the traffic.
        before: what the change is counted from; what was recorded where absent.
        progress: told how many hops were looked at, of how many.
    """
    hops, sums = world.record.hops, _Sums(world.draws)
    found: list[Compared] = []
    for begin in range(0, len(hops), CHUNK):
        progress(begin, len(hops))
        places = np.arange(begin, min(begin + CHUNK, len(hops)))
        found += _compare(world.table(places), after, before, sums)
    progress(len(hops), len(hops))
    told: dict[Scale, int] = {}
    for scale in world.record.scales:
        told[scale] = told.get(scale, 0) + 1
    groups = {standing: sums.group([standing]) for standing in STANDINGS}
    return Comparison(
        hops=tuple(found),
        groups=groups,
        total=sums.group(["exact", "seen", "estimated", "unserved"]),
        served=sums.group(["exact", "seen", "estimated"]),
        told_by=told,
    )


def _compare(
    table: Table, after: Chooser, before: Chooser | None, sums: _Sums
) -> Iterator[Compared]:
    record = table.world.record
    hops = [record.hops[at] for at in table.hops]
    recorded = old = _recorded(table, hops)
    firsts = [one.decision.chosen for one in hops]
    if before is not None:
        bases = [before(one) for one in hops]
        old, _, _ = _side(table, hops, bases, recorded)
        firsts = ["" if isinstance(c, NoCandidateError) else c.decision.chosen for c in bases]
    choices = [after(one) for one in hops]
    new, standings, whys = _side(table, hops, choices, recorded)
    unsaid = np.isnan(old.cost).any(axis=1) | np.isnan(new.cost).any(axis=1)
    standings = ["unknown" if no else s for s, no in zip(standings, unsaid, strict=True)]
    sums.add(standings, old, new)
    for row, (one, choice) in enumerate(zip(hops, choices, strict=True)):
        answer = one.answer
        yield Compared(
            at=int(table.hops[row]),
            one=one,
            before=answer.deployment if answer else one.decision.chosen,
            chosen=firsts[row],
            after=None if isinstance(choice, NoCandidateError) else choice,
            standing=standings[row],
            why_not=whys[row],
            usd=None if unsaid[row] else float((new.cost[row] - old.cost[row]).mean() / 1e6),
            quality=float((new.quality[row] - old.quality[row]).mean()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """What some hops cost, took and were worth, shape `(hops, draws)`."""

    cost: Array
    ms: Array
    quality: Array


def _recorded(table: Table, hops: Sequence[Recorded]) -> _Side:
    """As it was; quality that nobody has told is drawn, like that of all others."""
    record, shape = table.world.record, (len(hops), table.world.draws)
    cost, ms, quality = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for row, one in enumerate(hops):
        paid, answer = one.cost_micro_usd, one.answer
        cost[row] = np.nan if paid is None else paid
        alone = one.decision.strategy in ("single", "cascade")
        ms[row] = sum(a.ms for a in one.attempts) if alone else one.hop.ms
        scale = record.scales[table.hops[row]]
        if answer is not None and scale == "check":
            quality[row] = float(bool(one.hop.validated))
        elif answer is not None:
            arm = Arm(answer.model, effort_of(one.decision))
            quality[row] = table.quality(arm, answer.deployment, scale)[row]
    return _Side(cost, ms, quality)


def _side(
    table: Table,
    hops: Sequence[Recorded],
    choices: Sequence[Choice | NoCandidateError],
    recorded: _Side,
) -> tuple[_Side, list[Standing], list[str]]:
    """What would come of the choices, how sure that is, and why nobody may serve."""
    record = table.world.record
    made = [None if isinstance(c, NoCandidateError) else c for c in choices]
    exact = np.array(
        [c is not None and is_exact(one, c) for one, c in zip(hops, made, strict=True)], dtype=bool
    )
    drawn = outcomes(
        table,
        [None if same else c for same, c in zip(exact, made, strict=True)],
        [record.scales[at] for at in table.hops],
        record.checked[table.hops],
    )
    keep = exact[:, None]
    side = _Side(
        np.where(keep, recorded.cost, drawn.cost),
        np.where(keep, recorded.ms, drawn.ms),
        np.where(keep, recorded.quality, drawn.quality),
    )
    standings: list[Standing] = [
        "exact" if same else "unserved" if c is None else "seen" if known else "estimated"
        for same, c, known in zip(exact, made, drawn.on_record, strict=True)
    ]
    whys = [c.advice or str(c) if isinstance(c, NoCandidateError) else "" for c in choices]
    return side, standings, whys


# ── the same ─────────────────────────────────────────────────────────────────────────────


def is_exact(one: Recorded, choice: Choice) -> bool:
    """Whether what was recorded is what would happen.

    The strategy and all settings that count are the same, and so are those who were asked: the
    whole chain, or, where the first alone was asked and answered, that one.
    """
    old, new = one.decision, choice.decision
    if old.strategy != new.strategy or _plain(old.tactics) != _plain(new.tactics):
        return False
    asked = {a.deployment for a in one.attempts}
    if not all(_same_place(one.fleet, choice, name) for name in asked):
        return False
    if not _same_settings(one, new):
        return False
    if any(a.kind == "cached" for a in one.attempts) and old.cache != new.cache:
        return False
    if old.chain == new.chain:
        return all(_same_place(one.fleet, choice, name) for name in old.chain)
    alone = old.strategy == "single" and asked == {old.chosen} and one.answer is not None
    return alone and old.chosen == new.chosen


def _plain(tactics: Tactics) -> Tactics:
    return replace(tactics, origin="")


def _same_place(fleet: FleetSnapshot, choice: Choice, name: str) -> bool:
    """Whether that deployment calls the same and costs the same in both fleets."""
    there = choice.deployments.get(name)
    if choice.fleet is fleet:
        return there is not None
    before = next((d for d in fleet.deployments if d.id == name), None)
    if before is None or there is None:
        return False
    return (before.via, before.target, before.price, before.provider) == (
        there.via,
        there.target,
        there.price,
        there.provider,
    )


def _same_settings(one: Recorded, new: Decision) -> bool:
    """A limit of length that no answer came near makes no difference."""
    for name in {*one.decision.settings, *new.settings}:
        old_one, new_one = one.decision.settings.get(name), new.settings.get(name)
        values = [None if s is None else s.value for s in (old_one, new_one)]
        if values[0] == values[1]:
            continue
        wrote = max((a.usage.output for a in one.attempts), default=0)
        ended = all(a.finish != "length" for a in one.attempts)
        if name != "max_tokens" or not ended or any(v is not None and wrote >= v for v in values):
            return False
    return True


# ── sums ─────────────────────────────────────────────────────────────────────────────────


class _Sums:
    """Sums over hops by standing, for each draw."""

    def __init__(self, draws: int) -> None:
        self._counts = dict.fromkeys(STANDINGS, 0)
        self._sums = {s: np.zeros((6, draws)) for s in STANDINGS}

    def add(self, standings: Sequence[Standing], old: _Side, new: _Side) -> None:
        for standing in dict.fromkeys(standings):
            rows = np.array([s == standing for s in standings])
            self._counts[standing] += int(rows.sum())
            sides = (old.cost, new.cost, old.ms, new.ms, old.quality, new.quality)
            self._sums[standing] += np.stack([side[rows].sum(axis=0) for side in sides])

    def group(self, standings: Sequence[Standing]) -> Group:
        count = sum(self._counts[s] for s in standings)
        if not count:
            return Group(hops=0, cost=None, quality=None, latency=None)
        sums = np.sum([self._sums[s] for s in standings], axis=0)
        if "unknown" in standings:
            return Group(hops=count, cost=None, quality=None, latency=None)
        return Group(
            hops=count,
            cost=_change(sums[0] / 1e6, sums[1] / 1e6),
            latency=_change(sums[2] / count, sums[3] / count),
            quality=_change(sums[4] / count, sums[5] / count),
        )


def _change(before: Array, after: Array) -> Change:
    by = after - before
    relative = Interval.of(by / before) if (before > 0).all() else None
    return Change(
        before=Interval.of(before), after=Interval.of(after), by=Interval.of(by), relative=relative
    )
