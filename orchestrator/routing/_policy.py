"""A policy made ready for deciding: matchers as sets, limits as rules. Made once a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.guard.risk import REFUSE, Demand
from orchestrator.project.guard_schema import RedactDeclaration, UnsafeDeclaration
from orchestrator.project.policy_schema import CacheDeclaration, Policy, Route
from orchestrator.routing._rules import (
    Rule,
    cost_rule,
    data_rules,
    floor_rule,
    latency_rule,
    micro_usd,
)
from orchestrator.types import (
    BEFORE,
    EFFORTS,
    GIVE_BACK,
    LOG_LEVELS,
    ON_INJECTION,
    ON_UNSAFE,
    CacheMode,
    CacheRule,
    Effort,
    GuardRule,
    LogLevel,
    LogRule,
    Setting,
    TaskProfile,
    digest,
)

_Names = frozenset[str] | None

DEFAULT_CHECKING: Effort = "model"


@dataclass(frozen=True, slots=True)
class CompiledRoute:
    """A route with its matcher and its rules."""

    route: Route
    task: _Names
    data_class: _Names
    risk: _Names
    domain: _Names
    tags: _Names
    rules: tuple[Rule, ...]

    def matches(self, profile: TaskProfile, data_class_known: bool) -> bool:
        """Whether every key that is set holds.

        A data class that the policy does not declare matches every data class: what nobody
        knows is treated as the strictest.
        """
        interactive = self.route.match.interactive
        return (
            (self.task is None or profile.task in self.task)
            and (
                self.data_class is None
                or profile.data_class in self.data_class
                or not data_class_known
            )
            and (self.risk is None or profile.risk in self.risk)
            and (self.domain is None or profile.domain in self.domain)
            and (self.tags is None or not self.tags.isdisjoint(profile.tags))
            and (interactive is None or profile.interactive == interactive)
        )


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """All routes, and the rules that hold for every request."""

    policy: Policy
    hash: str
    data_classes: frozenset[str]
    routes: tuple[CompiledRoute, ...]
    rules: tuple[Rule, ...]
    least_checking: Setting
    """What the objective says of checking."""

    def matching(self, profile: TaskProfile) -> tuple[CompiledRoute, ...]:
        """The routes that match, in the order of the policy."""
        known = profile.data_class in self.data_classes
        return tuple(r for r in self.routes if r.matches(profile, known))

    def checking(self, routes: Iterable[CompiledRoute]) -> Setting:
        """The strictest effort of checking that the objective or one of these routes asks for."""
        strictest = self.least_checking
        for compiled in routes:
            effort = compiled.route.checking
            if effort and EFFORTS.index(effort) > EFFORTS.index(strictest.value):
                strictest = Setting(value=effort, origin=f"route:{compiled.route.name}")
        return strictest


@lru_cache(maxsize=64)
def compile_policy(policy: Policy) -> CompiledPolicy:
    """The policy made ready; equal policies share one result."""
    return CompiledPolicy(
        policy=policy,
        hash=digest(policy),
        data_classes=frozenset(policy.data_classes),
        routes=tuple(_compile_route(route) for route in policy.routes),
        rules=tuple(_policy_rules(policy)),
        least_checking=_least_checking(policy),
    )


def checking(policy: Policy, profile: TaskProfile) -> Setting:
    """How much the answer to such a request is checked, and who asked for that much."""
    compiled = compile_policy(policy)
    return compiled.checking(compiled.matching(profile))


@lru_cache(maxsize=64)
def tags_of(policy: Policy) -> frozenset[str]:
    """The tags that the policy names, in routes, budgets, limits and rules of tools."""
    named = (
        *(route.match.tags for route in policy.routes),
        *(budget.match.tags for budget in policy.budgets),
        *(limit.match.tags for limit in policy.limits),
        *(rule.match.tags for rule in policy.tools),
    )
    return frozenset(tag for tags in named for tag in _names(tags) or ())


def demand(policy: Policy, profile: TaskProfile) -> Demand:
    """What the policy asks of the answer to such a request."""
    compiled = compile_policy(policy)
    routes = compiled.matching(profile)
    effort = compiled.checking(routes)
    strict = (r.route for r in routes if r.route.independence == "required")
    crossing = [r.route for r in routes if r.route.cross_validate]
    refusing = [r for r in crossing if r.cross_validate == REFUSE]
    crossed = next(iter((*refusing, *crossing)), None)
    return Demand(
        effort=effort.value,
        origin=effort.origin,
        independent=next((f"route:{r.name}" for r in strict), ""),
        cross_validate=(crossed.cross_validate or "") if crossed else "",
        cross_validate_origin=f"route:{crossed.name}" if crossed else "",
    )


@lru_cache(maxsize=64)
def crosses(policy: Policy) -> bool:
    """Whether it wants anything cross-validated."""
    return any(route.cross_validate for route in policy.routes)


def kept(policy: Policy, profile: TaskProfile) -> LogRule:
    """What may be kept of the texts of such a request."""
    return log_rule(compile_policy(policy).matching(profile))


def _least_checking(policy: Policy) -> Setting:
    stated = policy.objective.checking
    return Setting(value=stated or DEFAULT_CHECKING, origin="objective" if stated else "default")


def _compile_route(route: Route) -> CompiledRoute:
    match = route.match
    return CompiledRoute(
        route=route,
        task=_names(match.task),
        data_class=_names(match.data_class),
        risk=_names(match.risk),
        domain=_names(match.domain),
        tags=_names(match.tags),
        rules=tuple(_route_rules(route)),
    )


def _names(value: tuple[str, ...] | str | None) -> _Names:
    if value is None:
        return None
    return frozenset((value,) if isinstance(value, str) else value)


def _route_rules(route: Route) -> Iterator[Rule]:
    prefix = f"route:{route.name}"
    yield from data_rules(f"{prefix}.require", route.require)
    if route.max_cost_usd is not None:
        yield cost_rule(f"{prefix}.max_cost_usd", micro_usd(route.max_cost_usd))
    if route.latency_ms is not None:
        yield latency_rule(f"{prefix}.latency_ms", route.latency_ms)
    if route.quality_floor is not None:
        yield floor_rule(f"{prefix}.quality_floor", route.quality_floor)


def _policy_rules(policy: Policy) -> Iterator[Rule]:
    """A call that alone costs more than a whole budget could never be reserved."""
    for budget in policy.budgets:
        if budget.binds_all:
            yield cost_rule(f"budget:{budget.label}", micro_usd(budget.usd))
    if policy.objective.quality_floor > 0:
        yield floor_rule("objective.quality_floor", policy.objective.quality_floor)


_CACHE_MODES: tuple[CacheMode, ...] = ("off", "exact", "semantic")  # tightest first


def cache_rule(routes: tuple[CompiledRoute, ...]) -> CacheRule | None:
    """The tightest of all that matching routes say; `None` where an answer is not to be kept.

    What a trace may not keep in full is not kept here either: without the prompt's words only the
    very same request is known again.
    """
    said = [
        (r.route.name, CacheDeclaration(mode=c) if isinstance(c, str) else c)
        for r in routes
        if (c := r.route.cache) is not None
    ]
    if not said:
        return None
    name, first = min(said, key=lambda one: _CACHE_MODES.index(one[1].mode))
    kept = log_rule(routes)
    if first.mode == "off" or kept.outputs != "full":
        return None
    default = CacheRule()
    every = [c for _, c in said]
    return CacheRule(
        mode="exact" if kept.prompts != "full" else first.mode,
        error_rate=min((c.error_rate for c in every if c.error_rate), default=default.error_rate),
        ttl_s=min((c.ttl_s for c in every if c.ttl_s), default=default.ttl_s),
        per="user" if any(c.per == "user" for c in every) else default.per,
        origin=f"route:{name}",
    )


_NO_GUARD = GuardRule()


def guard_rule(routes: tuple[CompiledRoute, ...]) -> GuardRule:
    """The strictest of all that matching routes say of each, and all kinds that any of them names.

    An injection is fenced where no route says otherwise, and only a route that says so turns that
    off."""
    stated = [r.route for r in routes if r.route.redact or r.route.unsafe or r.route.injection]
    if not stated:
        return _NO_GUARD
    redacts = [
        RedactDeclaration(before=r.redact) if isinstance(r.redact, str) else r.redact
        for r in stated
        if r.redact
    ]
    unsafe = [
        UnsafeDeclaration(found=r.unsafe) if isinstance(r.unsafe, str) else r.unsafe
        for r in stated
        if r.unsafe
    ]
    asking = [r for r in redacts if r.before != "none"]
    strictest = max(unsafe, key=lambda u: ON_UNSAFE.index(u.found), default=None)
    orders = [r.injection for r in stated if r.injection]
    return GuardRule(
        redact=max((r.before for r in redacts), key=BEFORE.index, default="none"),
        kinds=()
        if any(r.kinds is None for r in asking)
        else tuple(sorted({kind for r in asking for kind in r.kinds or ()})),
        give_back=max((r.give_back for r in asking), key=GIVE_BACK.index, default="own"),
        unsafe=strictest.found if strictest else "off",
        filter=strictest.filter if strictest else _NO_GUARD.filter,
        injection=max(orders, key=ON_INJECTION.index, default=_NO_GUARD.injection),
        origin=tuple(f"route:{r.name}" for r in stated),
    )


def log_rule(routes: tuple[CompiledRoute, ...]) -> LogRule:
    """The strictest of all that matching routes say, for each kind of text."""

    def strictest(levels: Iterator[LogLevel | None]) -> LogLevel:
        stated = [level for level in levels if level is not None]
        return max(stated, key=LOG_LEVELS.index, default="full")

    return LogRule(
        prompts=strictest(r.route.store_prompts for r in routes),
        outputs=strictest(r.route.store_outputs for r in routes),
        tool_args=strictest(r.route.store_tool_args for r in routes),
    )
