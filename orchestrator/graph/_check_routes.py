"""Routes against the declared fleet: whom they leave, and whether those they prefer may serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from orchestrator.errors import NoCandidateError, Problem
from orchestrator.graph._check_world import Places, World, route_of
from orchestrator.project._names import as_list
from orchestrator.project.policy_schema import Match, Policy, Route
from orchestrator.project.vocabulary import tasks as known_tasks
from orchestrator.types import Decision, Risk, TaskProfile

_FILE = "policy.yaml"


def check_routes(world: World, places: Places) -> tuple[list[Problem], frozenset[str]]:
    """The problems, and the routes that are known to leave nobody.

    A default policy is not held against a project's own fleet: it may well ask for more than
    that fleet has.
    """
    if not places.own(_FILE) and places.own("fleet.yaml"):
        return [], frozenset()
    policy = world.project.policy
    problems: list[Problem] = []
    empty: set[str] = set()
    for index, route in enumerate(policy.routes):
        # Budgets and other routes are left out: this is about the route itself.
        decisions, error = served(world, only(policy, route), route.match)
        if error is not None and not decisions:
            empty.add(route.name)
            if _misspelt(route, places) or () in (route.require.models, route.require.regions):
                continue  # told already, or meant: an empty list bars everybody
            problems.append(_serves_nobody(places, policy, index, error))
        elif decisions:
            problems += _unreachable(world, places, index, route, decisions)
    sound = [(i, r) for i, r in enumerate(policy.routes) if r.name not in empty]
    for (_, first), (index, second) in combinations(sound, 2):
        problems += _together(world, places, first, second, index)
    return problems, frozenset(empty)


def _misspelt(route: Route, places: Places) -> bool:
    """Whether the names that it requires were told to be slips."""
    required = {*(route.require.regions or ()), *route.require.certifications}
    codes = ("unknown-region", "unknown-certification")
    return any(p.found in required for p in places.loaded.warnings if p.code in codes)


def only(policy: Policy, *routes: Route) -> Policy:
    """The policy with these routes alone, and without budgets."""
    return policy.model_copy(update={"routes": routes, "budgets": ()})


def served(
    world: World, policy: Policy, match: Match
) -> tuple[list[Decision], NoCandidateError | None]:
    """What is decided for each task that the match lets through, and the nearest miss.

    The miss is given only where it is the routes of `policy` that stand in the way.
    """
    decisions: list[Decision] = []
    misses: list[NoCandidateError] = []
    for profile in _profiles(world, match):
        try:
            decisions.append(world.decide(profile, policy))
        except NoCandidateError as error:
            if error.relax and all(route_of(rule, policy) is not None for rule in error.relax):
                misses.append(error)
    return decisions, min(misses, key=lambda e: (len(e.relax), e.relax), default=None)


def _profiles(world: World, match: Match) -> Iterator[TaskProfile]:
    """A small request for each task, with everything else as the match wants it."""
    policy = world.project.policy
    classes, risks = as_list(match.data_class), as_list(match.risk)
    domains, interactive = as_list(match.domain), match.interactive
    risk: Risk = "normal" if not risks or "normal" in risks else risks[0]  # type: ignore[assignment]
    for task in as_list(match.task) or known_tasks(world.project):
        yield TaskProfile(
            task=task,
            input_tokens=1,
            output_tokens=1,
            data_class=classes[0] if classes else policy.default_data_class,
            risk=risk,
            domain=domains[0] if domains else "general",
            interactive=True if interactive is None else interactive,
            tags=as_list(match.tags),
        )


def _serves_nobody(places: Places, policy: Policy, index: int, error: NoCandidateError) -> Problem:
    route = policy.routes[index]
    providers = error.relax == (f"route:{route.name}.require.providers",)
    path = ("routes", index, "require", "providers") if providers else ("routes", index, "name")
    return places.of(_FILE).problem(
        path,
        "the fleet has too few providers for this route"
        if providers
        else f"no model of the fleet can satisfy the route '{route.name}'",
        found=f"all {len(error.candidates)} deployments are removed"
        if not providers
        else str(route.require.providers),
        allowed=error.advice,
        code="too-few-providers" if providers else "route-without-model",
    )


# ── preferences ──────────────────────────────────────────────────────────────────────────


def _unreachable(
    world: World, places: Places, index: int, route: Route, decisions: Sequence[Decision]
) -> Iterator[Problem]:
    """Models that the route prefers and its own limits, or the fleet, remove for every task."""
    served = {world.deployments[d].model for decision in decisions for d in decision.chain}
    preferred: list[tuple[str, tuple[str | int, ...]]] = []
    if route.primary:
        preferred.append((route.primary, ("primary",)))
    preferred += [(m, ("fallbacks", i)) for i, m in enumerate(route.fallbacks)]
    told: set[str] = set()
    for model, at in preferred:
        reason = _reason(model, decisions)
        if model in served or model in told or not reason:
            continue
        told.add(model)
        others = sorted(served)
        yield places.of(_FILE).problem(
            ("routes", index, *at),
            f"this model is never reached: {reason}",
            found=model,
            allowed="a model that the route leaves: " + ", ".join(others[:12]),
            code="unreachable-primary" if at == ("primary",) else "unreachable-fallback",
            # A quality that was declared too low may be learned to be higher.
            severity="warning" if "quality_floor" in reason else "error",
        )


def _reason(model: str, decisions: Sequence[Decision]) -> str:
    """Why it was removed; the same for every task, or that of the first."""
    reasons = [c.reason for d in decisions for c in d.candidates if c.model == model and c.stage]
    return reasons[0] if reasons else ""


# ── two routes ───────────────────────────────────────────────────────────────────────────


def _together(
    world: World, places: Places, first: Route, second: Route, index: int
) -> Iterator[Problem]:
    """Each leaves somebody, and both together nobody, for whatever matches both."""
    match = _common(first.match, second.match)
    if match is None:
        return
    policy = world.project.policy
    decisions, error = served(world, only(policy, first, second), match)
    if decisions or error is None:
        return
    if not all(served(world, only(policy, route), match)[0] for route in (first, second)):
        return  # one of them alone does it, for a part of what it matches
    yield places.of(_FILE).problem(
        ("routes", index, "name"),
        f"together with the route '{first.name}' this one leaves no model",
        found=f"a request that matches both: {_shown(match)}",
        allowed=error.advice,
        code="routes-exclude-all",
        severity="warning",
    )


def _common(one: Match, other: Match) -> Match | None:
    """What matches both; `None` where nothing can."""
    values: dict[str, object] = {}
    for key in ("task", "data_class", "risk", "domain"):
        a, b = as_list(getattr(one, key)), as_list(getattr(other, key))
        both = tuple(v for v in a if v in b) if a and b else a or b
        if a and b and not both:
            return None
        values[key] = both or None
    if None not in (one.interactive, other.interactive) and one.interactive != other.interactive:
        return None
    values["interactive"] = other.interactive if one.interactive is None else one.interactive
    values["tags"] = (*as_list(one.tags), *as_list(other.tags)) or None
    return Match.model_validate(values)


def _shown(match: Match) -> str:
    told = [
        f"{key} {' or '.join(as_list(value))}"
        for key in ("task", "data_class", "risk", "domain", "tags")
        if (value := getattr(match, key))
    ]
    if match.interactive is not None:
        told.append("interactive" if match.interactive else "not interactive")
    return ", ".join(told) or "any"
