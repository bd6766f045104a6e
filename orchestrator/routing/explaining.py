"""A policy taken apart by asking routing itself about every kind of request.

Nothing here interprets a rule: whoever may serve a case is whom `decide` leaves, with everybody
available and prices and speeds as they were declared. What depends on one request alone (its
length, its budget, what is free now) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast

from orchestrator.errors import NoCandidateError
from orchestrator.guard.detecting.detect import Detectors
from orchestrator.guard.explaining.values import Barred, Case, Explained, Group, Idle, Treatment
from orchestrator.project.guard_schema import KINDS
from orchestrator.project.policy_schema import Budget, CallerLimit, Policy, Route
from orchestrator.project.schema import Project
from orchestrator.project.tools_schema import ToolRule
from orchestrator.project.vocabulary import tasks as known_tasks
from orchestrator.routing._policy import cache_rule, compile_policy, demand, guard_rule, log_rule
from orchestrator.routing.decide import decide
from orchestrator.routing.predict import PriorPredictor
from orchestrator.types import RISKS, Candidate, Context, FleetSnapshot, TaskProfile, digest

_KEYS = ("task", "data_class", "risk", "domain", "tags")


def explain_project(project: Project, fleet: FleetSnapshot, wanted: Mapping[str, Any]) -> Explained:
    """`explain` for all tasks that the project knows."""
    return explain(project.policy, fleet, known_tasks(project), wanted)


def explain(
    policy: Policy, fleet: FleetSnapshot, tasks: Sequence[str], wanted: Mapping[str, Any] = {}
) -> Explained:
    """What the policy does with requests of these tasks, of each data class and risk.

    Args:
        fleet: every deployment of it counts as available.
        wanted: only cases of which these hold: `data_class`, `risk`, `task`, `tags`, `domain`,
            `interactive`.
    """
    everybody = replace(fleet, health={})
    groups: dict[str, tuple[Treatment, list[Case]]] = {}
    for case in cases(policy, tasks, wanted):
        treatment = treated(case, policy, everybody)
        key = digest(treatment)
        groups.setdefault(key, (treatment, []))[1].append(case)
    detectors = Detectors(policy.detect, policy.data_classes)
    detection = policy.detect
    kinds = (*KINDS, *detection.patterns) if detection is not False else ()
    return Explained(
        policy_hash=compile_policy(policy).hash,
        groups=tuple(Group(cases=tuple(c), treatment=t) for t, c in groups.values()),
        looked_for={kind: detectors.class_of(kind) for kind in kinds},
        least_confidence=detection.confidence if detection is not False else 0.0,
        rises=policy.risk.model_dump(),
        tools=tuple(_tool_rule(rule) for rule in policy.tools),
        spending=(*map(_budget, policy.budgets), *map(_limit, policy.limits)),
        idle=tuple(idle(policy, tasks)),
        defaults=tuple(_defaults(policy)),
    )


def cases(policy: Policy, tasks: Sequence[str], wanted: Mapping[str, Any]) -> Iterator[Case]:
    """Every data class with every risk and task, and the same with what single routes ask for."""
    classes = [wanted["data_class"]] if "data_class" in wanted else policy.data_classes
    risks = [wanted["risk"]] if "risk" in wanted else RISKS
    of_tasks = [wanted["task"]] if "task" in wanted else tasks
    if {"tags", "domain", "interactive"} & wanted.keys():
        beside = [{key: wanted[key] for key in ("tags", "domain", "interactive") if key in wanted}]
    else:
        beside = [{}, *_beside(policy.routes)]
    for more, data_class, risk, task in product(beside, classes, risks, of_tasks):
        yield Case(data_class=data_class, risk=risk, task=task, **more)


def _beside(routes: Iterable[Route]) -> list[dict[str, Any]]:
    """What routes ask for besides data class, risk and task, each once."""
    found: list[dict[str, Any]] = []
    for route in routes:
        match = route.match
        more: dict[str, Any] = {}
        if match.tags is not None and _listed(match.tags):
            more["tags"] = (_listed(match.tags)[0],)
        if match.domain is not None and _listed(match.domain):
            more["domain"] = _listed(match.domain)[0]
        if match.interactive is False:
            more["interactive"] = False
        if more and more not in found:
            found.append(more)
    return found


def profile_of(case: Case) -> TaskProfile:
    """The smallest request of that kind."""
    return TaskProfile(
        task=case.task,
        data_class=case.data_class,
        risk=case.risk,
        tags=case.tags,
        domain=case.domain,
        interactive=case.interactive,
        input_tokens=1,
        output_tokens=1,
    )


def treated(case: Case, policy: Policy, fleet: FleetSnapshot) -> Treatment:
    """What is done with such a request."""
    profile, predictor = profile_of(case), PriorPredictor()
    context = Context(
        estimates=predictor.predict(profile, fleet.deployments), predictor=predictor.version
    )
    advice = ""
    try:
        decision = decide(profile, fleet, policy, context)
        candidates, served = decision.candidates, tuple(sorted(decision.chain))
    except NoCandidateError as error:
        candidates, served = cast("tuple[Candidate, ...]", error.candidates), ()
        advice = error.advice or str(error)
    routes = compile_policy(policy).matching(profile)
    barred = [
        Barred(deployment=c.deployment, rule=c.rule, reason=c.reason)
        for c in candidates
        if c.stage is not None
    ]
    return Treatment(
        served_by=served,
        barred=tuple(sorted(barred, key=lambda b: b.deployment)),
        advice=advice,
        routes=tuple(r.route.name for r in routes),
        log=log_rule(routes),
        guard=guard_rule(routes),
        cache=cache_rule(routes),
        demand=demand(policy, profile),
    )


# ── what does nothing ────────────────────────────────────────────────────────────────────


def idle(policy: Policy, tasks: Sequence[str]) -> Iterator[Idle]:
    """Routes that match nothing, and preferences that an earlier route always takes away."""
    for index, route in enumerate(policy.routes):
        why = _matches_nothing(route, policy, tasks)
        if why:
            yield Idle(route=route.name, what="the whole route", why=f"never matches: {why}")
            continue
        for what, stated in _PREFERENCES.items():
            if not stated(route):
                continue
            before = next(
                (r for r in policy.routes[:index] if stated(r) and _covers(r, route)), None
            )
            if before is not None:
                why = f"'{before.name}' comes before it, matches whatever it does, and has its own"
                yield Idle(route=route.name, what=what, why=why)


_PREFERENCES: Mapping[str, Any] = {
    "its primary and fallbacks": lambda r: r.primary is not None or bool(r.fallbacks),
    "its strategy": lambda r: r.strategy is not None,
    "its prefer_regions": lambda r: bool(r.prefer_regions),
}


def _matches_nothing(route: Route, policy: Policy, tasks: Sequence[str]) -> str:
    for key, known in (("data_class", policy.data_classes), ("task", tasks)):
        said = getattr(route.match, key)
        if said is not None and not set(_listed(said)) & set(known):
            return f"no request has the {key} {' or '.join(_listed(said)) or 'of an empty list'}"
    for key in ("risk", "domain", "tags"):
        said = getattr(route.match, key)
        if said is not None and not _listed(said):
            return f"its list of {key} is empty"
    return ""


def _covers(one: Route, other: Route) -> bool:
    """Whether whatever matches the other matches the one."""
    for key in _KEYS:
        mine, its = getattr(one.match, key), getattr(other.match, key)
        if mine is not None and (its is None or not set(_listed(its)) <= set(_listed(mine))):
            return False
    return one.match.interactive in (None, other.match.interactive)


def _listed(value: tuple[str, ...] | str) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


# ── in words ─────────────────────────────────────────────────────────────────────────────


def _matching(match: Any) -> str:
    """`data_class pii or regulated, risk high`; empty where it matches everything."""
    said = match.model_dump(exclude_none=True)
    words = [
        f"{key} {' or '.join(map(str, v)) if isinstance(v, (list, tuple)) else v}"
        for key, v in said.items()
    ]
    return ", ".join(words)


def _tool_rule(rule: ToolRule) -> str:
    said = {"allow": "may be called", "refuse": "are never called"}.get(rule.then or "", "")
    if rule.then == "approve" or rule.double_check:
        said = "are called after a person has agreed"
    parts = [said] if said else []
    parts += ["a second model must find the call sensible"] if rule.double_check else []
    parts += [f"at most {rule.calls_per_minute} calls a minute"] if rule.calls_per_minute else []
    parts += [f"at most {rule.timeout_s:g} s a call"] if rule.timeout_s else []
    parts += [f"{rule.max_output_chars} characters of output"] if rule.max_output_chars else []
    where = _matching(rule.match) or "all of them"
    return f"{rule.name}: tools of which this holds: {where}: {', '.join(parts) or 'no limit'}."


def _budget(budget: Budget) -> str:
    window = "run" if budget.per == "run" else budget.window
    soft = (
        "; beyond that the cheapest model goes first, and nothing is refused"
        if budget.soft is True
        else f"; from ${budget.soft:g} on the cheapest model goes first"
        if budget.soft is not None
        else ""
    )
    return (
        f"At most ${budget.usd:g} a {window} for each {budget.per}{_counted(budget.match)}{soft}."
    )


def _limit(limit: CallerLimit) -> str:
    parts = [
        f"{n} {what} a minute"
        for n, what in (
            (limit.requests_per_minute, "requests"),
            (limit.tokens_per_minute, "tokens"),
        )
        if n is not None
    ]
    most = " and ".join(parts) or "as much as it likes"
    return f"At most {most} for each {limit.per}{_counted(limit.match)}."


def _counted(match: Any) -> str:
    said = _matching(match)
    return f", counting only {said}" if said else ""


def _defaults(policy: Policy) -> Iterator[str]:
    routes = policy.routes
    stated = policy.default_data_class
    yield f"A request that states no data class, and in which nothing is found, is '{stated}'."
    yield "A data class that the policy does not declare is treated as all of them at once."
    if policy.detect is False:
        yield "Nothing is looked for in texts: a data class is what the caller says."
    if not any(r.store_prompts or r.store_outputs or r.store_tool_args for r in routes):
        yield "No route limits what is stored: texts are kept in full, without known secrets."
    if not any(r.redact for r in routes):
        yield "No route replaces anything before a model sees it."
    if not any(r.unsafe for r in routes):
        yield "No route has prompts and answers filtered."
    if not any(r.injection for r in routes):
        yield "Orders in sources and results of tools are marked as no orders, and not refused."
    if not any(r.cache for r in routes):
        yield "No answer is given twice from a cache."
    if policy.objective.checking is None and not any(r.checking for r in routes):
        yield "In graphs that check, one model checker looks at each answer."
    if not any(r.cross_validate for r in routes):
        yield "A single call may be answered whatever its risk: nothing must be cross-validated."
    if not any(r.independence for r in routes):
        yield "Checkers of the author's family are never asked; where none is left it is said."
    if not policy.budgets:
        yield "There is no budget."
    if not policy.limits:
        yield "There is no limit of requests or tokens."
    yield (
        "Tools that only read may be called; all others need a person's agreement unless a rule "
        "allows them, and destructive ones always do."
    )
