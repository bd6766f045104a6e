"""Checks of policy.yaml: names against the fleet, and what stands twice or contradicts itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from orchestrator.errors import Problem
from orchestrator.project._check_detect import check_detect
from orchestrator.project._check_filter import check_filter
from orchestrator.project._check_guard import check_redaction
from orchestrator.project._check_strategy import check_strategy
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import as_list, duplicates, listed, unknown
from orchestrator.project._words import Words
from orchestrator.project.compiled import Entry
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.names import listing, misspelt
from orchestrator.project.policy_schema import Budget, Policy, Route


def check_policy(
    policy: Policy, document: Document, *, classes_known: bool, tasks: Words
) -> list[Problem]:
    """The policy by itself.

    Args:
        classes_known: False where the list of data classes is itself broken.
    """
    problems = _data_classes(policy, document, known=classes_known)
    objective = policy.objective
    if objective.minimize and objective.maximize:
        message = "choose one: minimize or maximize"
        allowed = f"minimize: {objective.minimize}, or maximize: {objective.maximize}"
        problems.append(
            document.problem(
                ("objective",), message, of_key=True, allowed=allowed, code="two-objectives"
            )
        )
    names = [route.name for route in policy.routes]
    problems += duplicates(document, "route", names, lambda i: ("routes", i, "name"))
    for index, route in enumerate(policy.routes):
        problems += _matched_tasks(route, ("routes", index), document, tasks)
        problems += _preferred_twice(route, ("routes", index), document)
        problems += check_strategy(route, ("routes", index), document)
    problems += check_detect(policy, document, classes_known=classes_known)
    problems += _budgets(policy, document)
    problems += _limits(policy, document)
    problems += check_redaction(policy, document)
    return problems


def _data_classes(policy: Policy, document: Document, *, known: bool) -> list[Problem]:
    classes = policy.data_classes
    problems = duplicates(document, "data class", classes, lambda i: ("data_classes", i))
    if not known:
        return problems
    # A default that the file does not spell out is judged where the classes are declared.
    stated = "default_data_class" in document.root.items
    at: KeyPath = ("default_data_class",) if stated else ("data_classes",)
    default = (policy.default_data_class,)
    problems += unknown(document, "default data class", default, classes, lambda _: at)
    for index, route in enumerate(policy.routes):
        path = ("routes", index, "match", "data_class")
        problems += listed(document, "data class", route.match.data_class, classes, path)
    return problems


def _matched_tasks(
    route: Route, path: KeyPath, document: Document, tasks: Words
) -> Iterator[Problem]:
    single = isinstance(route.match.task, str)
    for index, task in enumerate(as_list(route.match.task)):
        near = tasks.slip(task)
        if near:
            at = (*path, "match", "task")
            yield document.problem(
                at if single else (*at, index),
                "no model, agent or other route has this task, so the route never matches it",
                found=task,
                allowed=listing(set(tasks.used) - {task}),
                near=near,
                code="unknown-task",
                severity="warning",
            )


def _preferred_twice(route: Route, path: KeyPath, document: Document) -> Iterator[Problem]:
    seen = {route.primary}
    for index, model in enumerate(route.fallbacks):
        if model in seen:
            yield document.problem(
                (*path, "fallbacks", index),
                "this model is the primary already"
                if model == route.primary
                else "this model stands twice among the fallbacks",
                found=model,
                allowed="each model once, in the order in which to try them",
                code="duplicate-fallback",
                severity="warning",
            )
        seen.add(model)


def _budgets(policy: Policy, document: Document) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, budget in enumerate(policy.budgets):
        at: KeyPath = ("budgets", index)
        yield from _window(budget, at, document)
        yield from _soft(budget, at, document)
        # A run has one window, its own, whatever the budget says.
        place = f"{budget.per} and {'run' if budget.per == 'run' else budget.window}"
        if budget.label in seen:
            line = document.place(("budgets", seen[budget.label]))[0]
            yield document.problem(
                at,
                f"there is a budget per {place} already, in line {line}",
                found=f"usd: {budget.usd:g}",
                allowed="one budget for each per, window and match; of two the smaller counts",
                code="duplicate-budget",
                severity="warning",
            )
        seen.setdefault(budget.label, index)


def _window(budget: Budget, at: KeyPath, document: Document) -> Iterator[Problem]:
    """Who leaves the window out most likely means all time, and would get each run."""
    if budget.per != "run" and "window" not in budget.model_fields_set:
        yield document.problem(
            at,
            f"a budget per {budget.per} without a window holds for each run alone",
            found="no window",
            allowed="window: hour, day or month; window: run where each run is meant",
            code="budget-without-window",
        )


def _soft(budget: Budget, at: KeyPath, document: Document) -> Iterator[Problem]:
    if budget.soft is None:
        return
    if budget.of_models:
        yield document.problem(
            (*at, "soft"),
            "a budget of models cannot be soft: where it is used up, other models are taken anyway",
            found=f"soft: {'true' if budget.soft is True else format(budget.soft, 'g')}",
            allowed="a budget without soft, or one that is not about models",
            code="soft-budget-of-models",
        )
    elif budget.soft is not True and budget.soft >= budget.usd:
        yield document.problem(
            (*at, "soft"),
            "the soft limit comes after the hard one, so it never does anything",
            found=f"soft: {budget.soft:g}, usd: {budget.usd:g}",
            allowed=f"less than {budget.usd:g}; or true, where nothing is to be refused",
            code="soft-above-hard",
        )


def _limits(policy: Policy, document: Document) -> Iterator[Problem]:
    for index, limit in enumerate(policy.limits):
        if limit.requests_per_minute is None and limit.tokens_per_minute is None:
            yield document.problem(
                ("limits", index),
                f"a limit per {limit.per} that says no number limits nothing",
                allowed="requests_per_minute, tokens_per_minute, or both",
                code="limit-without-number",
            )


# ── against the fleet ────────────────────────────────────────────────────────────────────


def check_routes(policy: Policy, document: Document, fleet: Entry[Fleet]) -> list[Problem]:
    """Names in routes that the fleet must know."""
    table = fleet.document.root.items.get("models") if fleet.document else None
    if table is None or not table.keys:
        return []
    models = list(table.keys)
    problems: list[Problem] = []
    for index, budget in enumerate(policy.budgets):
        path = ("budgets", index, "match", "model")
        problems += listed(document, "model", budget.match.model, models, path)
    for index, route in enumerate(policy.routes):
        at: KeyPath = ("routes", index)
        problems += listed(document, "model", route.primary, models, (*at, "primary"))
        problems += listed(document, "model", route.fallbacks, models, (*at, "fallbacks"))
        problems += check_filter(route, at, document, fleet.declared if fleet.whole else None)
        at = (*at, "require")
        required = route.require
        problems += listed(document, "model", required.models, models, (*at, "models"))
        problems += listed(document, "model", required.not_models, models, (*at, "not_models"))
        if fleet.whole and fleet.declared:
            problems += _facts(route, at, document, fleet.declared)
    return problems


def _facts(route: Route, at: KeyPath, document: Document, fleet: Fleet) -> list[Problem]:
    """Families are a closed set; a region or certification may be one that is yet to come."""
    families = sorted({model.family for model in fleet.models.values() if model.family})
    deployments = [d for model in fleet.models.values() for d in model.deployments]
    regions = {d.region for d in deployments if d.region}
    certifications = {c for d in deployments for c in d.certifications}
    required = route.require
    path = (*at, "not_families")
    problems = listed(document, "family", required.not_families, families, path)
    problems += _slips(document, "region", required.regions or (), regions, (*at, "regions"))
    path = (*at[:-1], "prefer_regions")
    problems += _slips(document, "region", route.prefer_regions, regions, path)
    path = (*at, "certifications")
    problems += _slips(document, "certification", required.certifications, certifications, path)
    return problems


def _slips(
    document: Document, kind: str, names: Sequence[str], stated: Collection[str], path: KeyPath
) -> Iterator[Problem]:
    for index, name in enumerate(names):
        # eu-east and eu-west are two letters apart, and both are right.
        near = "" if name in stated else misspelt(name, stated, most=1)
        if near:
            yield document.problem(
                (*path, index),
                f"no deployment states this {kind}",
                found=name,
                allowed=listing(stated),
                near=near,
                code=f"unknown-{kind}",
                severity="warning",
            )
