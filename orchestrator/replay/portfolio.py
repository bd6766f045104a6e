"""Which models are worth having: the best subsets of the fleet for the traffic on record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

from orchestrator.project.policy_schema import Policy
from orchestrator.replay.subsets import (
    Arrays,
    Chooser,
    Group,
    Predict,
    Sums,
    as_arrays,
    grouped,
    healthy,
)
from orchestrator.replay.traffic import Traffic
from orchestrator.types import FleetSnapshot

MOST_SUBSETS = 20_000
"""With more, not every subset is looked at."""
MOST_DECIDED = 20_000
"""Likewise where groups must be decided for each subset: so many decisions at most."""
_LITTLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """The traffic, served with some of the models."""

    models: tuple[str, ...]
    usd: float
    """Of calls whose price is known."""
    quality: float
    """Predicted, 0..1: the mean over the calls that are served."""
    served: float
    """The share of calls that somebody may serve."""
    below_floor: float
    """The share that only a model below the quality floor serves."""
    unknown: float
    """The share whose cost is not known."""

    @property
    def order(self) -> tuple[float, float, float, float, float]:
        """What is best comes first: nobody unserved, few below the floor, then the cheapest, then
        the best."""
        return (1 - self.served, self.below_floor, self.unknown, self.usd, -self.quality)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What was found."""

    calls: int
    groups: int
    was_usd: float | None
    """What the traffic has cost; `None`: a part of it is not known."""
    floor: float
    whole: Subset
    """Everybody."""
    best: tuple[Subset, ...]
    """The best one of each size, from the smallest."""
    pareto: tuple[Subset, ...]
    """Those that no other one beats in cost and quality, the cheapest first; only ones that serve
    as much as all models would."""
    points: tuple[Subset, ...] = field(repr=False)
    """All that were looked at and serve as much, for a picture."""
    exact: bool
    """Every subset was looked at; else they were built up one by one, with exchanges."""
    tried: int
    needless: tuple[str, ...]
    """Without any one of these, nothing changes."""
    free: tuple[str, ...]
    """Models that cost nothing and are code: they are in every subset."""
    left_out: dict[str, str]
    """Models that cannot be called now, and why."""


def portfolio(
    traffic: Traffic,
    fleet: FleetSnapshot,
    policy: Policy,
    predict: Predict,
    *,
    most: int,
    floor: float | None = None,
    all_of_it: bool = False,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> Portfolio:
    """The best subsets of the fleet's models for this traffic.

    Costs are those of the recorded lengths at today's prices; qualities are what routing expects
    now. Health does not count: what is out of order today is not out of order for ever.

    Args:
        fleet: as it is today.
        most: models of a subset at most, code not counted.
        floor: the quality floor of every call, in the place of the objective's.
        all_of_it: also models that cannot be called now.
        progress: told what is done, how much of it, and of how many.
    """
    if floor is not None:
        objective = policy.objective.model_copy(update={"quality_floor": floor})
        policy = policy.model_copy(update={"objective": objective})
    known, left_out = healthy(fleet, all_of_it=all_of_it)
    free = frozenset(d.model for d in known.deployments if d.deterministic)
    groups = grouped(traffic.hops, known, predict)
    chooser = Chooser(known, policy, free)
    chooser.arrange(groups, lambda done, of: progress("requests", done, of))
    models = sorted({d.model for d in known.deployments} - free)
    search = _Search(groups, chooser, models, progress)
    exact = search.run(min(most, len(models)))
    whole = search.at(models)
    found = [s for s in search.seen.values() if s.models]
    costs = [one.cost_micro_usd for one in traffic.hops]
    alike = [s for s in found if s.served >= whole.served - _LITTLE]
    return Portfolio(
        calls=len(traffic.hops),
        groups=len(groups),
        was_usd=None if None in costs else sum(c or 0 for c in costs) / 1e6,
        floor=policy.objective.quality_floor,
        whole=whole,
        best=tuple(_best_of_each_size(found, min(most, len(models)))),
        pareto=tuple(_pareto(alike)),
        points=tuple(alike),
        exact=exact,
        tried=len(search.seen),
        needless=tuple(search.needless(whole)),
        free=tuple(sorted(free)),
        left_out=left_out,
    )


class _Search:
    """Looks at subsets; what was looked at is kept."""

    def __init__(
        self,
        groups: Sequence[Group],
        chooser: Chooser,
        models: Sequence[str],
        progress: Callable[[str, int, int], None],
    ) -> None:
        self._chooser, self._models, self._progress = chooser, models, progress
        self._several = [(n, g) for n, g in enumerate(groups) if g.several]
        arranged = [g for g in groups if not g.several]
        self._arrays: Arrays = as_arrays(arranged, models, chooser.always)
        self._column = {m: n for n, m in enumerate(models)}
        self._calls = sum(g.calls for g in groups)
        self.seen: dict[frozenset[str], Subset] = {}

    def run(self, most: int) -> bool:
        """Look at every subset of so many, or build them up; whether it was every one."""
        count = sum(comb(len(self._models), size) for size in range(1, most + 1))
        if count <= MOST_SUBSETS and count * len(self._several) <= MOST_DECIDED:
            done = 0
            for size in range(1, most + 1):
                for some in combinations(self._models, size):
                    if done % 200 == 0:
                        self._progress("subsets", done, count)
                    self.at(some)
                    done += 1
            return True
        kept: list[str] = []
        for size in range(1, most + 1):
            self._progress("sizes", size - 1, most)
            kept = self._exchanged(self._grown(kept))
        return False

    def at(self, models: Iterable[str]) -> Subset:
        """The traffic served by these."""
        chosen = frozenset(models)
        if chosen not in self.seen:
            sums = self._arrays.sums([self._column[m] for m in sorted(chosen)])
            for number, group in self._several:
                served = self._chooser.choice(number, group, chosen)
                if served is not None:
                    sums.add(served, group.calls)
            self.seen[chosen] = self._subset(chosen, sums)
        return self.seen[chosen]

    def _subset(self, models: frozenset[str], sums: Sums) -> Subset:
        whole = max(self._calls, 1)
        return Subset(
            models=tuple(sorted(models)),
            usd=sums.usd,
            quality=sums.quality / max(sums.calls, 1),
            served=sums.calls / whole,
            below_floor=sums.below / whole,
            unknown=sums.unknown / whole,
        )

    def _grown(self, kept: Sequence[str]) -> list[str]:
        others = (m for m in self._models if m not in kept)
        return min(([*kept, m] for m in others), key=lambda some: self.at(some).order)

    def _exchanged(self, kept: list[str]) -> list[str]:
        """Exchange one for another as long as that is better."""
        while True:
            ways = (
                [*(m for m in kept if m != out), into]
                for out in kept
                for into in self._models
                if into not in kept
            )
            better = min(ways, key=lambda some: self.at(some).order, default=kept)
            if self.at(better).order >= self.at(kept).order:
                return kept
            kept = better

    def needless(self, whole: Subset) -> list[str]:
        """Models without which all the others serve as they do with it."""
        found = []
        for model in self._models:
            others = [m for m in self._models if m != model]
            if others and _alike(self.at(others), whole):
                found.append(model)
        return found


def _alike(one: Subset, other: Subset) -> bool:
    pairs = zip(one.order, other.order, strict=True)
    return all(abs(a - b) <= _LITTLE for a, b in pairs)


def _best_of_each_size(found: Sequence[Subset], most: int) -> Iterable[Subset]:
    for size in range(1, most + 1):
        of_size = [s for s in found if len(s.models) == size]
        if of_size:
            yield min(of_size, key=lambda s: (s.order, s.models))


def _pareto(found: Sequence[Subset]) -> Iterable[Subset]:
    best = -1.0
    for one in sorted(found, key=lambda s: (s.usd, -s.quality, len(s.models), s.models)):
        if one.unknown == 0 and one.quality > best + _LITTLE:
            best = one.quality
            yield one
