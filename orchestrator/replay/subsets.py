"""Who would serve each request of recorded traffic if only some models of the fleet were there.

`decide` is asked as seldom as can be. Requests that are alike to it are one group. And of a group
whose choice is one model, the choice is a maximum: who is best among all and is still there is the
best of those that are there. So the models of a group are put in order once, by taking away the one
that is chosen until nobody is left; any subset's choice is then the first of its models in that
order. Groups of which several models are asked (a cascade, a race, a panel), or that need several
providers, are decided for each subset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator.errors import NoCandidateError
from orchestrator.money import MICRO_USD, Usage
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.traffic import Recorded
from orchestrator.routing._one_model import EMBED
from orchestrator.routing.decide import decide
from orchestrator.routing.memo import traits
from orchestrator.types import (
    Context,
    Decision,
    Deployment,
    Estimate,
    FleetSnapshot,
    Health,
    TaskProfile,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Predict = Callable[[TaskProfile, Sequence[Deployment]], Mapping[str, Estimate]]
"""What is expected of each deployment, as routing would be told now."""
_GRAIN = 100
"""Estimates that differ by less than one in so many are alike."""


@dataclass(slots=True)
class Group:
    """Requests that are alike to `decide`."""

    profile: TaskProfile
    context: Context
    calls: int = 0
    usage: Usage = Usage()
    """Of all its answers together, as far as their lengths are on record."""
    measured: int = 0
    """How many those are."""
    order: list[Served] = field(default_factory=list)
    """Who serves it, from the first choice to the last."""
    several: bool = False
    """It is decided for each subset."""

    @property
    def of_one(self) -> Usage:
        """What one call uses: by its recorded answers, else what the profile expects."""
        if not self.measured:
            p = self.profile
            return Usage(input=p.input_tokens, output=p.output_tokens, images=p.images)
        return Usage(
            input=self.usage.input // self.measured,
            output=self.usage.output // self.measured,
            images=self.usage.images // self.measured,
        )


@dataclass(frozen=True, slots=True)
class Served:
    """How one group fares with one choice."""

    models: tuple[str, ...]
    """Who must be there for it; all of them."""
    micro_usd: float | None
    """A call; `None`: unknown."""
    quality: float
    sd: float
    below_floor: bool
    deployment: str = ""


def grouped(hops: Sequence[Recorded], fleet: FleetSnapshot, predict: Predict) -> list[Group]:
    """The traffic in groups; each call counts once, whatever it took."""
    found: dict[tuple[Any, ...], Group] = {}
    for one in hops:
        estimates = predict(one.profile, fleet.deployments)
        key = _key(one.profile, one.context, estimates)
        group = found.get(key)
        if group is None:
            settings = dict(one.context.settings)
            context = Context(estimates=estimates, settings=settings)
            group = found[key] = Group(one.profile, context)
        group.calls += 1
        answer = one.answer
        if answer is not None and answer.kind != "cached" and answer.usage.input:
            group.usage += answer.usage
            group.measured += 1
    return list(found.values())


def _key(
    profile: TaskProfile, context: Context, estimates: Mapping[str, Estimate]
) -> tuple[Any, ...]:
    """Everything that a choice looks at besides fleet and policy; money and time that were left
    then are no matter here."""
    return (
        *traits(profile),
        tuple((k, s.value) for k, s in context.settings.items()),
        tuple(round(e.mean * _GRAIN) for e in estimates.values()),
    )


class Chooser:
    """Says for each group who serves it with a subset of the models.

    Args:
        fleet: all models; taken as healthy.
        always: models that are there whatever the subset is.
    """

    def __init__(self, fleet: FleetSnapshot, policy: Policy, always: frozenset[str]) -> None:
        self._fleet, self._policy, self.always = fleet, policy, always
        self._by_id = {d.id: d for d in fleet.deployments}
        self._known: dict[tuple[int, frozenset[str]], Served | None] = {}

    def arrange(
        self, groups: Sequence[Group], progress: Callable[[int, int], None] = lambda _d, _a: None
    ) -> None:
        """Put each group's models in order."""
        everyone = frozenset(d.model for d in self._fleet.deployments)
        for number, group in enumerate(groups):
            progress(number, len(groups))
            left = everyone
            while True:
                decision = self.decided(group, left)
                if decision is None:
                    break
                if self._together(group, decision):
                    group.several, group.order = True, []
                    break
                served = self._served(group, decision, decision.chain[:1])
                group.order.append(served)
                if served.models[0] in self.always:
                    break
                left -= {served.models[0]}
        progress(len(groups), len(groups))

    def choice(self, number: int, group: Group, models: frozenset[str]) -> Served | None:
        """Who serves it with these models; `None`: nobody."""
        there = models | self.always
        if not group.several:
            return next((s for s in group.order if s.models[0] in there), None)
        key = number, there
        if key not in self._known:
            decision = self.decided(group, there)
            self._known[key] = None
            if decision is not None:
                asked = decision.chain[: max(decision.tactics.models, 1)]
                self._known[key] = self._served(group, decision, asked)
        return self._known[key]

    def decided(self, group: Group, models: frozenset[str]) -> Decision | None:
        """`decide` with these models alone; `None` where nobody may serve."""
        kept = tuple(d for d in self._fleet.deployments if d.model in models)
        try:
            return decide(
                group.profile, replace(self._fleet, deployments=kept), self._policy, group.context
            )
        except NoCandidateError:
            return None

    def _together(self, group: Group, decision: Decision) -> bool:
        """Whether what is chosen depends on who else is there."""
        named = {r.name: r for r in self._policy.routes}
        several = any(named[name].require.providers is not None for name in decision.routes)
        strategic = any(named[name].strategy not in (None, "single") for name in decision.routes)
        return several or strategic or group.profile.task == EMBED

    def _served(self, group: Group, decision: Decision, asked: Sequence[str]) -> Served:
        first = decision.candidates[0]
        usage = group.of_one
        costs = [self._cost(id, usage) for id in asked]
        if decision.strategy == "cascade":
            costs = costs[:1]  # as if its first step were sure
        estimate = group.context.estimates.get(first.deployment)
        return Served(
            models=tuple(dict.fromkeys(self._by_id[id].model for id in asked)),
            micro_usd=None if None in costs else sum(c or 0.0 for c in costs),
            quality=first.scores["quality"] or 0.0,
            sd=estimate.sd if estimate else 0.0,
            below_floor=decision.degraded is not None,
            deployment=first.deployment,
        )

    def _cost(self, deployment: str, usage: Usage) -> float | None:
        d = self._by_id[deployment]
        return 0.0 if d.deterministic else d.price.cost(usage) if d.price else None


def healthy(fleet: FleetSnapshot, *, all_of_it: bool) -> tuple[FleetSnapshot, dict[str, str]]:
    """The fleet as if nothing were out of order, and the models that are left out, with the reason.

    How often calls fail and how long they take counts as it was measured.

    Args:
        all_of_it: also those that cannot be called now, since a key is missing.
    """
    by_model: dict[str, list[Health]] = {}
    for d in fleet.deployments:
        by_model.setdefault(d.model, []).append(fleet.health.get(d.id, Health()))
    out = {
        model: states[0].reason or "not available"
        for model, states in by_model.items()
        if not all_of_it and not any(h.available for h in states)
    }
    kept = tuple(
        d
        for d in fleet.deployments
        if d.model not in out and (all_of_it or fleet.health.get(d.id, Health()).available)
    )
    health = {
        d.id: replace(h, available=True, reason="", breaker="closed", room=1.0)
        for d in kept
        if (h := fleet.health.get(d.id)) is not None
    }
    return FleetSnapshot(deployments=kept, health=health, hash=fleet.hash), out


def as_arrays(groups: Sequence[Group], models: Sequence[str], always: frozenset[str]) -> Arrays:
    """The groups that are arranged, as arrays of groups by models; the last column is for models
    that are always there."""
    import numpy as np

    place = {m: n for n, m in enumerate(models)}
    shape = len(groups), len(models) + 1
    rank = np.full(shape, np.inf)
    cost, quality, below = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
    unknown = np.zeros(shape, dtype=bool)
    for row, group in enumerate(groups):
        for number, served in enumerate(group.order):
            name = served.models[0]
            column = len(models) if name in always else place[name]
            rank[row, column] = number
            cost[row, column] = served.micro_usd or 0.0
            unknown[row, column] = served.micro_usd is None
            quality[row, column], below[row, column] = served.quality, served.below_floor
    return Arrays(rank, cost, unknown, quality, below, np.array([g.calls for g in groups]))


@dataclass(frozen=True, slots=True)
class Arrays:
    """See `as_arrays`."""

    rank: NDArray[np.float64]
    cost: NDArray[np.float64]
    unknown: NDArray[np.bool_]
    quality: NDArray[np.float64]
    below: NDArray[np.bool_]
    calls: NDArray[np.int64]

    def sums(self, columns: Sequence[int]) -> Sums:
        """Of all groups, with these models and those that are always there."""
        import numpy as np

        if not len(self.calls):
            return Sums()
        kept = [*columns, self.rank.shape[1] - 1]
        ranks = self.rank[:, kept]
        first = ranks.argmin(axis=1)
        rows = np.arange(len(first))
        there = np.isfinite(ranks[rows, first])
        taken = np.array(kept)[first]
        calls = np.where(there, self.calls, 0)
        return Sums(
            calls=int(calls.sum()),
            micro_usd=float((self.cost[rows, taken] * calls).sum()),
            unknown=int(calls[self.unknown[rows, taken]].sum()),
            quality=float((self.quality[rows, taken] * calls).sum()),
            below=int(calls[self.below[rows, taken]].sum()),
        )


@dataclass(slots=True)
class Sums:
    """Over calls that are served."""

    calls: int = 0
    micro_usd: float = 0.0
    unknown: int = 0
    quality: float = 0.0
    below: int = 0

    def add(self, served: Served, calls: int) -> None:
        """So many calls that are served alike."""
        self.calls += calls
        self.micro_usd += (served.micro_usd or 0.0) * calls
        self.unknown += calls * (served.micro_usd is None)
        self.quality += served.quality * calls
        self.below += calls * served.below_floor

    @property
    def usd(self) -> float:
        """Of the calls whose price is known."""
        return self.micro_usd / MICRO_USD
