"""What a deployment must satisfy, as values: each rule has a stage, a name and a test.

Every limit that anybody states is a rule of its own. Rules of one kind are met from the
tightest to the loosest, so the first that a candidate breaks is the tightest one's, and a
candidate that breaks none satisfies the intersection of all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import floor
from typing import Any, NamedTuple

from orchestrator.money import MICRO_USD, Usage
from orchestrator.project.policy_schema import Require
from orchestrator.routing.predict import prior, serves
from orchestrator.types import Constraints, Context, Deployment, Health, Stage, TaskProfile

STAGES: tuple[Stage, ...] = tuple(Stage)


class Facts(NamedTuple):
    """What the rules and the ranking look at: one deployment, for one request."""

    deployment: Deployment
    health: Health
    quality: float
    cost: int | None
    """Micro-dollars; `None` is unknown."""
    latency: int | None
    """Milliseconds to the last token; `None` is unknown."""
    cached: int
    """Tokens of the prompt that its provider holds in its cache."""
    steadiness: float
    """How likely a call brings an answer at all, in 0..1.

    What a deployment did before its breaker opened says nothing of it once it may be tried again.
    The breaker lets few calls through, and only they can close it; behind others it would never be
    called.
    """
    expected: float
    """The quality to expect of a call: none where no answer comes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit. `order` puts rules of a funnel into the order in which they are met."""

    stage: Stage
    name: str
    required: Any
    holds: Callable[[Facts], bool]
    found: Callable[[Facts], Any]
    order: tuple[int, int, float, str]


def rule(
    stage: Stage,
    name: str,
    required: Any,
    holds: Callable[[Facts], bool],
    found: Callable[[Facts], Any],
    *,
    kind: int = 0,
    tightness: float = 0.0,
) -> Rule:
    """A rule; of those of one `kind`, the one with the least `tightness` value is met first."""
    return Rule(stage, name, required, holds, found, (STAGES.index(stage), kind, tightness, name))


def facts_of(
    deployment: Deployment,
    health: Health,
    profile: TaskProfile,
    context: Context,
    usage: Usage,
) -> Facts:
    """The deployment's expected quality, cost and time for this request.

    Args:
        usage: of a call that finds nothing of the prompt in a cache.
    """
    estimate = context.estimates.get(deployment.id) or prior(deployment, profile.task)
    cached = 0
    if context.cached_tokens and deployment.id in context.cached_tokens:
        cached = min(context.cached_tokens[deployment.id], usage.input)
        usage = dataclasses.replace(usage, cached_input=cached)
    cost = deployment.price.cost(usage) if deployment.price else None
    latency = _latency(deployment, health, profile, usage.input - cached)
    quality, steady = estimate.mean, 1.0
    if health.error_rate and health.breaker == "closed":
        steady -= health.error_rate
    return Facts(deployment, health, quality, cost, latency, cached, steady, quality * steady)


def _latency(
    deployment: Deployment, health: Health, profile: TaskProfile, to_read: int
) -> int | None:
    """Milliseconds to the last token: first token, reading, writing. Measured beats declared.

    The measured median of whole answers counts where it is not known from calls when it begins
    and how fast it writes, and of what does not write (code, and encoders). Otherwise this
    answer's own length says more than that of others.

    Args:
        to_read: tokens of the prompt that are not in its provider's cache.
    """
    writes = not deployment.any_length
    first, speed = health.first_token_ms, health.tokens_per_second
    if health.p50_ms is not None and not (writes and first is not None and speed):
        return health.p50_ms
    if first is None:
        first = deployment.first_token_ms
    speed = (speed or deployment.tokens_per_second) if writes else None
    if deployment.deterministic:
        return first or 0
    if first is None or (writes and speed is None):
        return None
    reading = deployment.prompt_tokens_per_second
    seconds = profile.output_tokens / speed if speed else 0.0
    seconds += to_read / reading if reading else 0.0
    return first + round(1000 * seconds)


PROMPT_ALONE = rule(
    Stage.CAPABILITY,
    "fleet.capability.reads",
    "prompt",
    lambda f: f.deployment.reads == "prompt",
    lambda f: f.deployment.reads,
    kind=1,
)
"""For a request that brings nothing but its prompt."""


def capability_rules(profile: TaskProfile) -> Iterator[Rule]:
    """Serves the task, has what the request needs, and its context holds both texts."""
    task, tokens = profile.task, profile.input_tokens + profile.output_tokens
    yield rule(
        Stage.CAPABILITY,
        "fleet.capability.tasks",
        task,
        lambda f: serves(f.deployment, task),
        lambda f: sorted(f.deployment.tasks),
    )
    if not profile.values:
        yield PROMPT_ALONE
    if profile.needs:
        needs = frozenset(profile.needs)
        yield rule(
            Stage.CAPABILITY,
            "request.needs",
            sorted(needs),
            lambda f: needs.issubset(f.deployment.can),
            lambda f: sorted(f.deployment.can),
            kind=1,
        )
    if profile.tools:
        tools = frozenset(profile.tools)
        yield rule(
            Stage.CAPABILITY,
            "fleet.capability.tools",
            sorted(tools),
            lambda f: f.deployment.tools is None or tools.issubset(f.deployment.tools),
            lambda f: sorted(f.deployment.tools or ()),
            kind=1,
        )
    yield rule(
        Stage.CAPABILITY,
        "fleet.capability.context",
        tokens,
        lambda f: (f.deployment.context or 0) >= tokens or f.deployment.any_length,
        lambda f: f.deployment.context,
        kind=2,
    )


def data_rules(prefix: str, limits: Require | Constraints) -> Iterator[Rule]:
    """Data policy. A fact that is not stated satisfies no limit on it."""

    def made(
        kind: int,
        field: str,
        required: Any,
        holds: Callable[[Deployment], bool],
        found: Callable[[Deployment], Any],
        tightness: float = 0.0,
    ) -> Rule:
        return rule(
            Stage.DATA_POLICY,
            f"{prefix}.{field}",
            required,
            lambda f: holds(f.deployment),
            lambda f: found(f.deployment),
            kind=kind,
            tightness=tightness,
        )

    if (hosting := limits.hosting) is not None:
        yield made(0, "hosting", hosting, lambda d: d.hosting == hosting, lambda d: d.hosting)
    if limits.regions is not None:
        regions = frozenset(limits.regions)
        yield made(
            1,
            "regions",
            sorted(regions),
            lambda d: d.region in regions,
            lambda d: d.region,
            len(regions),
        )
    if (days := limits.retention_days) is not None:
        yield made(
            2,
            "retention_days",
            days,
            lambda d: d.retention_days is not None and d.retention_days <= days,
            lambda d: d.retention_days,
            days,
        )
    if limits.trains_on_data is False:
        yield made(
            3,
            "trains_on_data",
            False,
            lambda d: d.trains_on_data is False,
            lambda d: d.trains_on_data,
        )
    if limits.certifications:
        certified = frozenset(limits.certifications)
        yield made(
            4,
            "certifications",
            sorted(certified),
            lambda d: certified.issubset(d.certifications),
            lambda d: sorted(d.certifications),
            -len(certified),
        )
    yield from _name_rules(made, limits)


def _name_rules(made: Callable[..., Rule], limits: Require | Constraints) -> Iterator[Rule]:
    """Which models: a name stands for all deployments of the model, an id for one of them."""
    if limits.models is not None:
        only = frozenset(limits.models)
        yield made(
            5,
            "models",
            sorted(only),
            lambda d: d.model in only or d.id in only,
            lambda d: d.model,
            len(only),
        )
    if limits.not_models:
        never = frozenset(limits.not_models)
        yield made(
            6,
            "not_models",
            _none_of(never),
            lambda d: d.model not in never and d.id not in never,
            lambda d: d.model,
            -len(never),
        )
    if limits.not_families:
        families = frozenset(limits.not_families)
        yield made(
            7,
            "not_families",
            _none_of(families),
            lambda d: d.family not in families,
            lambda d: d.family,
            -len(families),
        )


def _none_of(names: Iterable[str]) -> str:
    return "none of " + ", ".join(sorted(names))


def availability_rules(context: Context) -> Iterator[Rule]:
    """Its key or endpoint is there, its breaker is not open, its provider still takes calls."""
    yield HEALTH_AVAILABLE
    yield HEALTH_BREAKER
    if context.rate_limited:
        limited = frozenset(context.rate_limited)
        yield rule(
            Stage.AVAILABILITY,
            "request.rate_limited",
            "not rate limited",
            lambda f: f.deployment.id not in limited,
            lambda _: "rate limited",
            kind=2,
        )


HEALTH_AVAILABLE = rule(
    Stage.AVAILABILITY,
    "health.available",
    "available",
    lambda f: f.health.available,
    lambda f: f.health.reason or "not available",
)
HEALTH_BREAKER = rule(
    Stage.AVAILABILITY,
    "health.breaker",
    "closed or half_open",
    lambda f: f.health.breaker != "open",
    lambda f: f.health.reason or f.health.breaker,
    kind=1,
)


def micro_usd(usd: float) -> int:
    """Dollars as whole micro-dollars, rounded down: a limit is never loosened by rounding."""
    # To a hundredth first: binary fractions must not turn 0.29 dollars into 289,999.
    return floor(round(usd * MICRO_USD, 2))


def cost_rule(name: str, micro_usd: int) -> Rule:
    """At most this many micro-dollars; an unknown cost is over every limit."""
    return rule(
        Stage.BUDGET,
        name,
        micro_usd / MICRO_USD,
        lambda f: f.cost is not None and f.cost <= micro_usd,
        lambda f: None if f.cost is None else f.cost / MICRO_USD,
        tightness=micro_usd,
    )


def latency_rule(name: str, ms: int, *, unknown: bool = False) -> Rule:
    """At most this many milliseconds to the last token; `unknown`: whether not known may pass."""
    return rule(
        Stage.LATENCY,
        name,
        ms,
        lambda f: unknown if f.latency is None else f.latency <= ms,
        lambda f: f.latency,
        tightness=ms,
    )


def floor_rule(name: str, floor: float) -> Rule:
    """At least this expected quality."""
    return rule(
        Stage.QUALITY,
        name,
        floor,
        lambda f: f.quality >= floor,
        lambda f: f.quality,
        tightness=-floor,
    )


def request_rules(limits: Constraints, context: Context) -> Iterator[Rule]:
    """What the caller states for this request, and what is left of budget and time."""
    yield from data_rules("request", limits)
    if limits.max_cost_usd is not None:
        yield cost_rule("request.max_cost_usd", micro_usd(limits.max_cost_usd))
    if context.budget_micro_usd is not None:
        yield cost_rule(context.budget_rule, context.budget_micro_usd)
    if limits.latency_ms is not None:
        yield latency_rule("request.latency_ms", limits.latency_ms)
    if context.deadline_ms is not None:
        # The clock of the call holds the deadline; a guess that is missing must not forbid it.
        yield latency_rule("request.deadline_ms", context.deadline_ms, unknown=True)
    if limits.quality_floor is not None:
        yield floor_rule("request.quality_floor", limits.quality_floor)
