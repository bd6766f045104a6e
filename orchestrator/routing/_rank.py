"""The order of those that stayed: what people prefer, then the objective, then last resorts.

What is compared is what an *answer* is expected to be worth, to cost and to take: of a deployment
of which every fifth call fails, an answer takes five calls in four.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

from orchestrator.project.policy_schema import Objective
from orchestrator.routing._policy import CompiledRoute
from orchestrator.routing._rules import Facts, Rule

_Key = Callable[[Facts], tuple[float | str, ...]]


def ranked(
    stayed: Sequence[Facts],
    floor: Rule | None,
    objective: Objective,
    routes: Sequence[CompiledRoute],
    *,
    cheapest: bool = False,
) -> tuple[list[Facts], list[Facts]]:
    """Those that reach the floor and those below it, each in the order in which to try them.

    Those that reach it go by the models that a route prefers, then by the objective. One whose
    failures leave less of its quality than the floor goes behind those that are steady. Those
    below are last resorts, the best first. Of one model's deployments those in a preferred
    region go first, and behind all that have room those that have none.

    Args:
        cheapest: the cheapest goes first, whatever anybody prefers.
    """
    preferred = {} if cheapest else preferences(routes)
    by_objective = _by_cost if cheapest else _key_of(objective)
    least = 0.0 if floor is None else floor.required
    others = len(preferred)
    reach = [f for f in stayed if f.quality >= least]
    below = [f for f in stayed if f.quality < least]
    reach.sort(
        key=lambda f: (
            f.expected < least,
            preferred.get(f.deployment.model, others),
            *by_objective(f),
        )
    )
    below.sort(key=lambda f: (-f.expected, *by_objective(f)))
    regions = () if cheapest else _regions(routes)
    return _among_siblings(reach, regions), _among_siblings(below, regions)


def preferences(routes: Sequence[CompiledRoute]) -> Mapping[str, int]:
    """Models with their places, from the first route that prefers any; empty without one."""
    for compiled in routes:
        route = compiled.route
        if route.primary is not None or route.fallbacks:
            first = () if route.primary is None else (route.primary,)
            models = tuple(dict.fromkeys((*first, *route.fallbacks)))
            return {model: place for place, model in enumerate(models)}
    return {}


def siblings_first(order: list[Facts]) -> list[Facts]:
    """The deployments of the first one's model directly behind it: they answer alike."""
    if not order:
        return order
    model = order[0].deployment.model
    return sorted(order, key=lambda f: f.deployment.model != model)


def _regions(routes: Sequence[CompiledRoute]) -> tuple[str, ...]:
    return next((r.route.prefer_regions for r in routes if r.route.prefer_regions), ())


def _among_siblings(order: list[Facts], regions: tuple[str, ...]) -> list[Facts]:
    """Each deployment that has no room, or is in a less preferred region, behind its siblings.

    Nobody moves forward: a model is not better because one of its deployments is elsewhere.
    """
    if not regions and all(f.health.room > 0 for f in order):
        return order
    places = {region: place for place, region in enumerate(regions)}
    models: dict[str, list[tuple[bool, int, int, Facts]]] = {}
    for index, f in enumerate(order):
        region = places.get(f.deployment.region or "", len(places))
        models.setdefault(f.deployment.model, []).append((f.health.room <= 0, region, index, f))
    moved: list[tuple[int, int, Facts]] = []
    for members in models.values():
        last = 0
        for place, (_, _, index, f) in enumerate(sorted(members, key=lambda m: m[:3])):
            last = max(last, index)
            moved.append((last, place, f))
    return [f for _, _, f in sorted(moved, key=lambda m: m[:2])]


# ── the objective, then the other two, room and the name; what is unknown ranks last ──────


def _key_of(objective: Objective) -> _Key:
    if objective.minimize == "latency":
        return _by_latency
    if objective.minimize is None and objective.maximize == "quality":
        return _by_quality
    return _by_cost


def _by_cost(f: Facts) -> tuple[float | str, ...]:
    return (_an_answer(f, f.cost), -f.expected, _or_inf(f.latency), -f.health.room, f.deployment.id)


def _by_latency(f: Facts) -> tuple[float | str, ...]:
    return (_an_answer(f, f.latency), -f.expected, _or_inf(f.cost), -f.health.room, f.deployment.id)


def _by_quality(f: Facts) -> tuple[float | str, ...]:
    return (-f.expected, _or_inf(f.cost), _or_inf(f.latency), -f.health.room, f.deployment.id)


def _an_answer(f: Facts, a_call: int | None) -> float:
    """What an answer takes where one call in `1 / steadiness` brings one."""
    return inf if a_call is None or not f.steadiness else a_call / f.steadiness


def _or_inf(value: int | None) -> float:
    return inf if value is None else value
