"""The one pure function: which deployment serves a request, and what became of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from types import MappingProxyType

from orchestrator.money import Usage, usd
from orchestrator.project.policy_schema import Policy
from orchestrator.routing._one_model import EMBED, one_model
from orchestrator.routing._policy import (
    CompiledRoute,
    cache_rule,
    compile_policy,
    guard_rule,
    log_rule,
)
from orchestrator.routing._providers import require_providers
from orchestrator.routing._rank import preferences, ranked
from orchestrator.routing._relax import no_candidate
from orchestrator.routing._rules import (
    HEALTH_BREAKER,
    STAGES,
    Facts,
    Rule,
    availability_rules,
    capability_rules,
    facts_of,
    request_rules,
)
from orchestrator.routing._settings import settings
from orchestrator.routing._strategy import Aim, Plan, aim_of, asked_for, plan
from orchestrator.types import (
    Candidate,
    Context,
    Decision,
    FleetSnapshot,
    Health,
    Stage,
    TaskProfile,
)

_order = attrgetter("order")
_UNSEEN = Health()
_ALL_OPEN = (
    "every deployment that may serve is out of order: the first that is to be tried again "
    "is waited for, if the time allows"
)
_NOBODY_PREFERRED: Mapping[str, int] = MappingProxyType({})


def decide(
    profile: TaskProfile, fleet: FleetSnapshot, policy: Policy, context: Context
) -> Decision:
    """The choice for one request, with the whole funnel. Pure: same arguments, same Decision.

    A candidate meets the rules in the order of the stages and is removed by the first that it
    breaks. Where open breakers alone would leave nobody, they remove nobody: a call then waits for
    the first that is to be tried again.

    Rules of all matching routes, of the policy and of the request apply together. Where
    `below_floor` is `best` (everywhere unless the objective or a matching route says `refuse`),
    those below the quality floor stay, behind all that reach it. Where a matching route requires
    several providers, those that reach the floor must come from so many.

    Raises:
        NoCandidateError: nobody is left; `relax` names the fewest rules to relax.
    """
    compiled = compile_policy(policy)
    routes = compiled.matching(profile)
    asked, saving = asked_for(routes), bool(context.soft_limits)
    checking = compiled.checking(routes)
    rules = sorted(
        chain(
            capability_rules(profile),
            availability_rules(context),
            request_rules(profile.constraints, context),
            compiled.rules,
            chain.from_iterable(r.rules for r in routes),
        ),
        key=_order,
    )
    floor = next((r for r in rules if r.stage is Stage.QUALITY), None)
    if not _refuses(policy, routes):
        rules = [r for r in rules if r.stage is not Stage.QUALITY]
    usage = _usage(profile)
    facts = [
        facts_of(d, fleet.health.get(d.id, _UNSEEN), profile, context, usage)
        for d in fleet.deployments
    ]
    stayed, removed = _funnel(facts, rules)
    waits = not stayed
    if waits:  # a breaker opens again, nothing else that removed somebody passes by itself
        rules = [r for r in rules if r is not HEALTH_BREAKER]
        stayed, removed = _funnel(facts, rules)
    if not stayed:
        raise no_candidate(profile, facts, rules, removed)
    cheapest = saving or asked[0] == "cascade"
    reach, below = ranked(stayed, floor, policy.objective, routes, cheapest=cheapest)
    if profile.task == EMBED:
        reach, below, removed = _of_one_model(reach, below, removed)
    require_providers(profile, reach, below, routes, removed)
    cap = next((r for r in rules if r.stage is Stage.BUDGET), None)
    aim = None if saving else aim_of(routes, policy.objective, floor)
    planned = _by_worth(aim, reach, below, cap, context) if aim else None
    planned = planned or plan(asked, reach, below, cap, saving=saving)
    chosen = planned.order[0]
    return Decision(
        chosen=chosen.deployment.id,
        strategy=planned.strategy,
        tactics=planned.tactics,
        fallbacks=tuple(f.deployment.id for f in planned.order[1:]),
        candidates=(*_stayed(planned, below, floor, routes), *removed),
        routes=tuple(r.route.name for r in routes),
        settings=settings(profile, chosen.deployment, routes, context),
        log=log_rule(routes),
        cache=cache_rule(routes),
        guard=guard_rule(routes),
        checking=checking.value,
        checking_origin=checking.origin,
        degraded=None if reach or floor is None else _degraded(chosen, floor),
        notes=(*((_ALL_OPEN,) if waits else ()), *_notes(context, planned)),
        least_usd=usd(planned.least),
        most_usd=usd(planned.most),
        confidence=_confidence(profile, chosen),
        policy_hash=compiled.hash,
        fleet_hash=fleet.hash,
        predictor=context.predictor,
        context=context,
        fleet=fleet,
    )


def _by_worth(
    aim: Aim, reach: list[Facts], below: list[Facts], cap: Rule | None, context: Context
) -> Plan | None:
    from orchestrator.routing._weighing import plan_by_worth  # brings numpy

    return plan_by_worth(aim, reach, below, cap, context.agreement)


def _stayed(
    planned: Plan, below: Sequence[Facts], floor: Rule | None, routes: Sequence[CompiledRoute]
) -> Iterator[Candidate]:
    """Those that may be asked, in order; with the floor those that do not reach it."""
    preferred = preferences(routes)
    lesser = {f.deployment.id for f in below}
    for f in planned.order:
        yield _candidate(f, floor if f.deployment.id in lesser else None, preferred=preferred)


def _usage(profile: TaskProfile) -> Usage:
    """What the request is expected to use."""
    return Usage(
        input=profile.input_tokens,
        output=profile.output_tokens,
        images=profile.images,
        estimated=True,
    )


def _of_one_model(
    reach: list[Facts], below: list[Facts], removed: tuple[Candidate, ...]
) -> tuple[list[Facts], list[Facts], tuple[Candidate, ...]]:
    reach, below, others = one_model(reach, below)
    return reach, below, (*(_candidate(f, rule, rule.stage) for f, rule in others), *removed)


def _refuses(policy: Policy, routes: Sequence[CompiledRoute]) -> bool:
    """The tightest wins: one `refuse` is enough."""
    return policy.objective.below_floor == "refuse" or any(
        r.route.below_floor == "refuse" for r in routes
    )


def _funnel(
    facts: Sequence[Facts], rules: Sequence[Rule]
) -> tuple[list[Facts], tuple[Candidate, ...]]:
    """Those that break no rule, and the others: the ones that came furthest first."""
    stayed = list(facts)
    removed: list[tuple[int, Candidate]] = []
    for rule in rules:
        holds, asked = rule.holds, stayed
        stayed = [f for f in asked if holds(f)]
        if len(stayed) < len(asked):
            left = {f.deployment.id for f in stayed}
            removed += [
                (-STAGES.index(rule.stage), _candidate(f, rule, rule.stage))
                for f in asked
                if f.deployment.id not in left
            ]
    removed.sort(key=lambda pair: (pair[0], pair[1].deployment))
    return stayed, tuple(candidate for _, candidate in removed)


def _candidate(
    f: Facts,
    rule: Rule | None = None,
    stage: Stage | None = None,
    preferred: Mapping[str, int] = _NOBODY_PREFERRED,
) -> Candidate:
    deployment, health, model = f.deployment, f.health, f.deployment.model
    scores: dict[str, float | None] = {
        "quality": f.quality,
        "cost_usd": usd(f.cost),
        "latency_ms": f.latency,
    }
    if model in preferred:
        scores["preference"] = preferred[model]
    if health.error_rate:
        scores["error_rate"] = health.error_rate
    if health.room < 1:
        scores["room"] = health.room
    if f.cached:
        scores["cached_tokens"] = f.cached
    if rule is None:
        return Candidate(deployment=deployment.id, model=model, stage=stage, scores=scores)
    return Candidate(
        deployment=deployment.id,
        model=model,
        stage=stage,
        rule=rule.name,
        found=rule.found(f),
        required=rule.required,
        scores=scores,
    )


def _degraded(chosen: Facts, floor: Rule) -> str:
    return (
        f"nobody reaches the quality floor of {floor.required:.2f} ({floor.name}); "
        f"the best below it was taken: {chosen.deployment.id} with {chosen.quality:.2f}"
    )


def _notes(context: Context, planned: Plan) -> tuple[str, ...]:
    names = " and ".join(context.soft_limits)
    used_up = f"{names} is used up" if len(context.soft_limits) == 1 else f"{names} are used up"
    soft = f"soft limit: {used_up}, so the cheapest that is allowed goes first"
    return tuple(note for note in (soft if names else "", planned.note) if note)


def _confidence(profile: TaskProfile, chosen: Facts) -> float:
    """No surer than of the request's features, nor than that the chosen model does it well."""
    return round(min(profile.confidence, chosen.expected), 4)
