"""How those that stayed are asked: one after the other, from cheap to good, at once, or as a panel.

A strategy is a preference: it orders those that have passed every rule and adds nobody. Where too
few are left for it, the first is asked alone, and the plan says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.money import MICRO_USD, total_cost
from orchestrator.project.policy_schema import (
    PANELISTS,
    RACERS,
    SURE,
    Objective,
    Route,
    StrategyDeclaration,
)
from orchestrator.routing._policy import CompiledRoute
from orchestrator.routing._providers import provider_of
from orchestrator.routing._rank import siblings_first
from orchestrator.routing._rules import Facts, Rule
from orchestrator.types import Strategy, Tactics


@dataclass(frozen=True, slots=True)
class Plan:
    """In which order and how to ask, and what that is expected to cost, in micro-dollars."""

    order: list[Facts]
    strategy: Strategy = "single"
    tactics: Tactics = Tactics()
    note: str = ""
    least: int | None = None
    most: int | None = None


class Aim(NamedTuple):
    """What a policy wants where it leaves the strategy to what is worth most."""

    error_usd: float | None = None
    """What an error costs, against which money is weighed; `None`: nobody says."""
    floor: float = 0.0
    """The least quality."""
    best: bool = False
    """Where nobody says what an error costs: the best quality, not the least cost."""
    origin: str = ""
    """`route:NAME`."""


def asked_for(routes: Sequence[CompiledRoute]) -> tuple[Strategy, Tactics]:
    """The strategy of the first route that has one, with what it leaves unsaid filled in."""
    for compiled in routes:
        if compiled.route.strategy is not None:
            return tactics_of(compiled.route)
    return "single", Tactics()


def tactics_of(route: Route) -> tuple[Strategy, Tactics]:
    """What the route says about its strategy, and the defaults for the rest."""
    said, origin = _said(route), f"route:{route.name}"
    if said.kind == "cascade":
        sure = SURE if said.confidence is None else said.confidence
        return "cascade", Tactics(confidence=sure, origin=origin)
    if said.kind == "race":
        start = said.start or "together"
        return "race", Tactics(models=said.models or RACERS, start=start, origin=origin)
    if said.kind == "panel":
        models = said.models or PANELISTS
        return "panel", Tactics(models=models, agree=said.agree or models // 2 + 1, origin=origin)
    return "single", Tactics(origin=origin)  # auto too, where nothing can be weighed


def _said(route: Route) -> StrategyDeclaration:
    said = route.strategy
    if isinstance(said, StrategyDeclaration):
        return said
    return StrategyDeclaration.model_construct(kind=said or "single")


def aim_of(routes: Sequence[CompiledRoute], objective: Objective, floor: Rule | None) -> Aim | None:
    """What a plan is to be weighed by, where the first route with a strategy asks for `auto`."""
    route = next((r.route for r in routes if r.route.strategy is not None), None)
    if route is None or (said := _said(route)).kind != "auto":
        return None
    best = objective.minimize is None and objective.maximize == "quality"
    least = 0.0 if floor is None else floor.required
    return Aim(said.error_usd, least, best, f"route:{route.name}")


def plan(
    asked: tuple[Strategy, Tactics],
    reach: list[Facts],
    below: list[Facts],
    cap: Rule | None,
    *,
    saving: bool,
) -> Plan:
    """The plan for those that reach the quality floor and those below it, both by rank.

    Args:
        reach: of a cascade the cheapest first.
        cap: the tightest limit on the cost of a call; all who are asked at once share it.
        saving: a soft limit is used up, so nobody is asked at once.
    """
    strategy, tactics = asked
    if strategy == "single":
        return _alone(reach, below, tactics.origin)
    if not reach:
        why = "nobody reaches the quality floor"
    elif strategy == "cascade":
        steps, others = _steps(reach)
        if len(steps) > 1:
            tactics = dataclasses.replace(tactics, models=len(steps))
            return _together(steps, [*others, *below], "cascade", tactics)
        why = f"nobody better than {reach[0].deployment.id} is left to go to"
    elif saving:
        why = "a soft limit is used up"
    else:
        found = _members(strategy, tactics, reach, cap)
        if len(found) >= tactics.models:
            return _joined(found, reach, below, strategy, tactics)
        why = _too_few(strategy, tactics, found, reach, cap)
        if len(found) >= max(2, tactics.agree):
            note = f"{_wish(strategy, tactics)}, but {why}: {len(found)} take part"
            fewer = dataclasses.replace(tactics, models=len(found))
            smaller = _joined(found, reach, below, strategy, fewer)
            return dataclasses.replace(smaller, note=note)
    alone = _alone(reach, below, tactics.origin)
    note = f"{_wish(strategy, tactics)}, but {why}: {alone.order[0].deployment.id} is asked alone"
    return dataclasses.replace(alone, note=note)


def _wish(strategy: Strategy, tactics: Tactics) -> str:
    size = "" if strategy == "cascade" else f" of {tactics.models}"
    return f"{tactics.origin} asks for a {strategy}{size}"


def _alone(reach: list[Facts], below: list[Facts], origin: str) -> Plan:
    order = [*siblings_first(reach), *(below if reach else siblings_first(below))]
    cost = order[0].cost
    return Plan(order, tactics=Tactics(origin=origin), least=cost, most=cost)


# ── cascade ──────────────────────────────────────────────────────────────────────────────


def _steps(by_cost: Sequence[Facts]) -> tuple[list[Facts], list[Facts]]:
    """The cheapest, then each that answers better than all before it; and the others, by quality.

    A second deployment of the same model is no step: it would be as unsure.
    """
    steps: list[Facts] = []
    others: list[Facts] = []
    for f in by_cost:
        better = not steps or f.quality > steps[-1].quality
        known = any(f.deployment.model == s.deployment.model for s in steps)
        (steps if better and not known else others).append(f)
    others.sort(key=lambda f: -f.quality)
    return steps, others


# ── race and panel ───────────────────────────────────────────────────────────────────────


class _Entry(NamedTuple):
    """One that could take part."""

    place: int
    facts: Facts
    cost: int
    is_a: str
    """Of those that are the same only one may take part."""
    marks: tuple[tuple[str, str], ...]
    """What others had better not share with it, the worst first."""


def _members(
    strategy: Strategy, tactics: Tactics, order: Sequence[Facts], cap: Rule | None
) -> list[Facts]:
    """Who takes part: as many as asked for, or as many as there are and `cap` pays for."""
    make = _racer if strategy == "race" else _panelist
    entries = [make(place, f) for place, f in enumerate(order)]
    hedged = strategy == "race" and tactics.start == "after_p95"
    left = None if cap is None or hedged else round(cap.required * MICRO_USD)
    if left is not None and tactics.models * max(e.cost for e in entries) <= left:
        left = None  # whoever takes part, it is enough
    found: list[Facts] = []
    for count in range(tactics.models, 1, -1):
        found = _pick(count, entries, left)
        if len(found) == count:
            break
    return found


def _racer(place: int, f: Facts) -> _Entry:
    """Two deployments of one dead provider are no race; two of one model are a lesser one."""
    d = f.deployment
    marks = (("provider", provider_of(d)), ("model", d.model))
    return _Entry(place, f, f.cost or 0, d.id, marks)


def _panelist(place: int, f: Facts) -> _Entry:
    """One model has one vote; and models of one family make the same mistakes."""
    d = f.deployment
    return _Entry(place, f, f.cost or 0, d.model, (("family", d.family or d.model),))


def _pick(count: int, entries: Sequence[_Entry], left: int | None) -> list[Facts]:
    """Up to `count`, each the one least like those before it, by rank among equals.

    Nobody is taken who would leave too little of `left` for the cheapest that could follow.
    """
    taken: list[Facts] = []
    seen: set[tuple[str, str]] = set()
    able = list(entries)
    while len(taken) < count:
        if left is not None:
            able = _affordable(able, count - len(taken) - 1, left)
        if not able:
            break
        best = min(able, key=lambda e: (*(mark in seen for mark in e.marks), e.place))
        taken.append(best.facts)
        seen.update(best.marks)
        able = [e for e in able if e.is_a != best.is_a]
        left = None if left is None else left - best.cost
    return taken


def _affordable(entries: Sequence[_Entry], following: int, left: int) -> list[_Entry]:
    """Those that leave enough of `left` for the cheapest `following` others."""
    cheapest: dict[str, int] = {}
    for e in entries:
        cheapest[e.is_a] = min(cheapest.get(e.is_a, e.cost), e.cost)
    by_cost = sorted((cost, name) for name, cost in cheapest.items())
    first = by_cost[: following + 1]
    together = sum(cost for cost, _ in first)

    def others(e: _Entry) -> int:
        own = next((cost for cost, name in first if name == e.is_a), None)
        spare = first[-1][0] if len(first) > following else 0
        return together - (spare if own is None else own)

    return [e for e in entries if e.cost + others(e) <= left]


def _joined(
    members: list[Facts],
    reach: list[Facts],
    below: list[Facts],
    strategy: Strategy,
    tactics: Tactics,
) -> Plan:
    """Members first; then those who could stand in for one or, in a panel, cast a further vote."""
    models = {m.deployment.model for m in members} if strategy == "panel" else set()
    taken = {m.deployment.id for m in members}
    others = [f for f in reach if f.deployment.id not in taken]
    others.sort(key=lambda f: f.deployment.model in models)
    return _together(members, [*others, *below], strategy, tactics)


def _together(
    members: list[Facts], others: list[Facts], strategy: Strategy, tactics: Tactics
) -> Plan:
    costs = [m.cost for m in members]
    first_only = strategy == "cascade" or tactics.start == "after_p95"
    fewest = costs[:1] if first_only else _cheapest(costs, max(tactics.agree, 1))
    return Plan(
        [*members, *others],
        strategy,
        tactics,
        least=total_cost(fewest),
        most=total_cost(costs),
    )


def _cheapest(costs: Sequence[int | None], count: int) -> list[int | None]:
    known = sorted(c for c in costs if c is not None)
    return [None] if len(known) < len(costs) else list(known[:count])


def _too_few(
    strategy: Strategy,
    tactics: Tactics,
    found: Sequence[Facts],
    order: Sequence[Facts],
    cap: Rule | None,
) -> str:
    """Why there are not as many as asked for: there are no more, or more would cost too much."""
    kind = "model" if strategy == "panel" else "deployment"
    there = len({f.deployment.model if strategy == "panel" else f.deployment.id for f in order})
    if cap is not None and len(found) < min(there, tactics.models):
        return f"more at once would cost over ${cap.required:g} ({cap.name})"
    return f"only {there} {kind}{'s' * (there != 1)} may serve it"
