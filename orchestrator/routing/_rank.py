"""The order of those that stayed: preference, objective, siblings, last resorts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.project.policy_schema import Objective
from orchestrator.routing._policy import CompiledRoute
from orchestrator.routing._rules import Facts, Rule

_Key = Callable[[Facts], tuple[float | str, ...]]


def ranked(
    stayed: Sequence[Facts],
    floor: Rule | None,
    objective: Objective,
    preferred: Mapping[str, int],
) -> tuple[list[Facts], list[Facts]]:
    """Those that reach the floor and those below it, each in the order in which to try them.

    Those that reach it go by `preferred` (see `preferences`), then by the objective. Those
    below are last resorts, the best first. Siblings of the first deployment, which serve the
    same model, follow it directly.
    """
    by_objective = _objective_key(objective)
    reach = [f for f in stayed if floor is None or floor.holds(f)]
    below = [f for f in stayed if floor is not None and not floor.holds(f)]
    reach.sort(key=lambda f: (preferred.get(f.deployment.model, len(preferred)), *by_objective(f)))
    below.sort(key=lambda f: (-f.quality, *by_objective(f)))
    return _siblings_first(reach), (below if reach else _siblings_first(below))


def _siblings_first(order: list[Facts]) -> list[Facts]:
    if not order:
        return order
    model = order[0].deployment.model
    return sorted(order, key=lambda f: f.deployment.model != model)


def preferences(routes: Sequence[CompiledRoute]) -> Mapping[str, int]:
    """Models with their places, from the first route that prefers any; empty without one."""
    for compiled in routes:
        route = compiled.route
        if route.primary is not None or route.fallbacks:
            first = () if route.primary is None else (route.primary,)
            models = tuple(dict.fromkeys((*first, *route.fallbacks)))
            return {model: place for place, model in enumerate(models)}
    return {}


def _objective_key(objective: Objective) -> _Key:
    """The objective, then the other two, then the name. What is unknown ranks last."""

    def cost(f: Facts) -> tuple[bool, int]:
        return (f.cost is None, f.cost or 0)

    def latency(f: Facts) -> tuple[bool, int]:
        return (f.latency is None, f.latency or 0)

    if objective.minimize == "latency":
        return lambda f: (*latency(f), -f.quality, *cost(f), f.deployment.id)
    if objective.minimize is None and objective.maximize == "quality":
        return lambda f: (-f.quality, *cost(f), *latency(f), f.deployment.id)
    return lambda f: (*cost(f), -f.quality, *latency(f), f.deployment.id)
