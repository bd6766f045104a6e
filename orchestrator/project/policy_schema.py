"""What people write in `policy.yaml`, as pydantic classes; see `schema`."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project.declared import (
    Declared,
    DeclaredRisk,
    Milliseconds,
    Name,
    Quality,
    Usd,
)
from orchestrator.project.guard_schema import (
    Detection,
    RedactDeclaration,
    RiskDeclaration,
    UnsafeDeclaration,
)
from orchestrator.project.tools_schema import ToolRule
from orchestrator.types import (
    Before,
    CacheMode,
    CacheRule,
    Effort,
    Hosting,
    LogLevel,
    OnInjection,
    OnUnsafe,
    Strategy,
)


class Objective(Declared):
    """What is preferred among all that is allowed."""

    minimize: Literal["cost", "latency"] | None = Field(
        default=None, description="Prefer the cheapest, or the fastest."
    )
    maximize: Literal["quality"] | None = Field(default=None, description="Prefer the best.")
    quality_floor: Quality = Field(
        default=0.0, description="Models expected to be worse than this, from 0 to 1, are left out."
    )
    below_floor: Literal["best", "refuse"] = Field(
        default="best",
        description="Where nobody reaches the floor: take the best there is, on record, or refuse.",
    )
    checking: Effort | None = Field(
        default=None,
        description="How much an answer is checked at least, in graphs that check: none; quotes, "
        "letter by letter; scorer, gates and a scorer without a model; model, one model checker "
        "(unset); two, of different kinds; human, a person says the last word. Each with all "
        "before it.",
    )


class Match(Declared):
    """A route matches where every key that is set holds; a list means any of its values."""

    task: tuple[str, ...] | str | None = Field(default=None, description="draft, math, check, …")
    data_class: tuple[str, ...] | str | None = Field(
        default=None, description="One of the policy's data_classes."
    )
    risk: tuple[DeclaredRisk, ...] | DeclaredRisk | None = Field(
        default=None, description="How much a mistake would cost."
    )
    domain: tuple[str, ...] | str | None = Field(default=None, description="law, medicine, …")
    tags: tuple[str, ...] | str | None = Field(default=None, description="Tags of the request.")
    interactive: bool | None = Field(
        default=None, description="Whether somebody waits for the answer."
    )


class Require(Declared):
    """Hard constraints. A deployment that does not state a required fact is not eligible."""

    hosting: Hosting | None = Field(
        default=None, description="Only on machines of your own, or only at providers."
    )
    regions: tuple[Name, ...] | None = Field(default=None, description="Only in one of these.")
    retention_days: Annotated[int, Field(ge=0)] | None = Field(default=None, description="At most.")
    trains_on_data: Literal[False] | None = Field(
        default=None, description="false: only where the provider does not train on the data."
    )
    certifications: tuple[Name, ...] = Field(default=(), description="All of them.")
    models: tuple[Name, ...] | None = Field(default=None, description="Only these.")
    not_models: tuple[Name, ...] = Field(default=(), description="None of these.")
    not_families: tuple[Name, ...] = Field(default=(), description="None that these have trained.")
    providers: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="At least so many different providers can serve the request, so that one may "
        "fail. Counted are those that reach the quality floor.",
    )


class CallDeclaration(Declared):
    """How to call. The first route that says something about a setting has the word."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        default=None, description="From 0, always the same, to 2."
    )
    max_tokens: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="How much may be written, at most."
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = Field(
        default=None, description="How long a reasoning model may think."
    )
    guardrails: tuple[Name, ...] | None = Field(default=None, description="Registered guardrails.")


RACERS = 2
PANELISTS = 3
SURE = 0.7
"""On average the model gave each token that it wrote seven chances in ten."""


class StrategyDeclaration(Declared):
    """How those that may serve a request are asked. Each of them has passed every limit."""

    kind: Strategy | Literal["auto"] = Field(
        description="single: one after the other; cascade: the cheapest first, a better one where "
        "it is not sure; race: several, the first valid answer counts; panel: several models, "
        "what enough of them agree on counts; auto: one call, or cheap models in turn until "
        "enough agree and else a better one, whichever is worth more."
    )
    models: Annotated[int, Field(ge=2, le=9)] | None = Field(
        default=None,
        description=f"How many take part in a race (unset: {RACERS}) or a panel (unset: "
        f"{PANELISTS}).",
    )
    start: Literal["together", "after_p95"] | None = Field(
        default=None,
        description="Of a race: all at once (unset), or the next one only where the first takes "
        "longer than 95 of 100 of its calls did.",
    )
    agree: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="Of a panel: how many equal answers settle it; unset: more than half.",
    )
    confidence: Quality | None = Field(
        default=None,
        description="Of a cascade: an answer of which its model is less sure goes to a better "
        f"one; unset: {SURE}. What does not pass its checks goes there anyway.",
    )
    error_usd: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Of auto: what a wrong answer costs, US dollars, against which calls are "
        "weighed; unset: the least cost that reaches the quality floor, or as the objective says.",
    )


class CacheDeclaration(Declared):
    """Whether an answer that was given before is given again, to whom, and for how long."""

    mode: CacheMode = Field(
        description="off; exact: to the very same request; semantic: also to one that asks for the "
        "same in other words."
    )
    error_rate: Annotated[float, Field(gt=0, le=0.2)] | None = Field(
        default=None,
        description="Of the answers that are given to other words, at most so many may be wrong; "
        f"unset: {CacheRule().error_rate}.",
    )
    ttl_s: Annotated[int, Field(gt=0)] | None = Field(
        default=None,
        description="For how many seconds an answer is good; unset: a day.",
    )
    per: Literal["workspace", "user"] | None = Field(
        default=None,
        description="Who shares answers: all of a workspace (unset), or each user alone. Who names "
        "no workspace shares with nobody else.",
    )


class Route(Declared):
    """A rule: constraints of all matching routes compose, preferences come from the first."""

    name: Name = Field(description="Stands in every decision that it took part in.")
    match: Match = Field(default=Match(), description="Unset: every request.")
    require: Require = Field(default=Require(), description="What a deployment must fulfil.")
    quality_floor: Quality | None = Field(
        default=None, description="As in the objective, for what matches."
    )
    below_floor: Literal["best", "refuse"] | None = Field(
        default=None, description="As in the objective, for what matches."
    )
    latency_ms: Milliseconds | None = Field(
        default=None, description="The whole answer within this time."
    )
    max_cost_usd: Usd | None = Field(default=None, description="At most, a call.")
    checking: Effort | None = Field(
        default=None, description="As in the objective, for what matches; never less than there."
    )
    independence: Literal["required"] | None = Field(
        default=None,
        description="required: as many checkers of other families than the author's as `checking` "
        "asks for, or the answer is withheld; unset: it says how independent they were.",
    )
    cross_validate: Name | None = Field(
        default=None,
        description="What matches gets no answer that nobody has checked: refuse, or the name of a "
        "graph that cross-validates, which answers in the place of a single call.",
    )
    primary: Name | None = Field(default=None, description="A model that is tried first.")
    fallbacks: tuple[Name, ...] = Field(default=(), description="Models tried next, in order.")
    prefer_regions: tuple[Name, ...] = Field(
        default=(), description="Of several deployments of one model: those in the first of these."
    )
    strategy: Strategy | Literal["auto"] | StrategyDeclaration | None = Field(
        default=None, description="How they are asked; unset: single, one after the other."
    )
    cache: CacheMode | CacheDeclaration | None = Field(
        default=None,
        description="Whether an answer that was given before is given again; off where no route "
        "says so. The tightest of all that match wins, and nothing is kept whose prompts or "
        "outputs a trace may not keep in full.",
    )
    call: CallDeclaration = Field(default=CallDeclaration(), description="How to call.")
    redact: Before | RedactDeclaration | None = Field(
        default=None,
        description="Before which models placeholders take the place of personal data, secrets and "
        "the patterns of `detect`: hosted, all; unset: none.",
    )
    unsafe: OnUnsafe | UnsafeDeclaration | None = Field(
        default=None,
        description="What is done where a filter finds a prompt or an answer unsafe: refuse; next, "
        "the next model; review, a person decides; unset: off, there is no filter.",
    )
    injection: OnInjection | None = Field(
        default=None,
        description="What is done about orders in sources, in results of tools and in prompts that "
        "would set our own aside: fence, they are marked as no orders (unset); refuse; off.",
    )
    store_prompts: LogLevel | None = Field(
        default=None, description="What the trace keeps of what is sent."
    )
    store_outputs: LogLevel | None = Field(
        default=None, description="What the trace keeps of what comes back."
    )
    store_tool_args: LogLevel | None = Field(
        default=None, description="What the trace keeps of the tools' arguments."
    )


class CallerMatch(Declared):
    """Counted are the calls for which every key that is set holds; a list means any of its
    values. A caller who does not say whether it matches is counted as one who does."""

    workspace: tuple[str, ...] | str | None = Field(default=None, description="Of these.")
    user: tuple[str, ...] | str | None = Field(default=None, description="Of these users.")
    user_tier: tuple[str, ...] | str | None = Field(
        default=None, description="Of users of these tiers: free, paid, …"
    )
    key: tuple[str, ...] | str | None = Field(default=None, description="Made with these keys.")
    feature: tuple[str, ...] | str | None = Field(
        default=None, description="Made by these parts of the application."
    )
    tags: tuple[str, ...] | str | None = Field(
        default=None, description="Of requests with one of these tags."
    )


class BudgetMatch(CallerMatch):
    """What a budget counts, as a limit does; besides, calls to some models only."""

    model: tuple[Name, ...] | Name | None = Field(default=None, description="To these models.")


class Budget(Declared):
    """At most `usd` in each window."""

    per: Literal["run", "project", "workspace", "user", "user_tier", "key", "feature", "model"] = (
        Field(
            description="For each of these apart, or for the whole project. Callers who do not say "
            "which they are share one."
        )
    )
    match: BudgetMatch = Field(default=BudgetMatch(), description="Unset: every call.")
    usd: Usd = Field(description="US dollars.")
    window: Literal["run", "hour", "day", "month"] = Field(
        default="run",
        description="From the start of the hour, the day or the month (UTC); run: of each run.",
    )
    soft: Literal[True] | Usd | None = Field(
        default=None,
        description="From so many US dollars on, the cheapest model that is allowed is taken. "
        "true: from `usd` on, and nothing is refused.",
    )

    @cached_property
    def label(self) -> str:
        """Its name in decisions: `user.day`, `user.day(user_tier=free)`."""
        window = "run" if self.per == "run" else self.window
        stated = self.match.model_dump(exclude_none=True).items()
        words = (f"{k}={v if isinstance(v, str) else '|'.join(v)}" for k, v in stated)
        return f"{self.per}.{window}" + (f"({','.join(words)})" if stated else "")

    @property
    def of_models(self) -> bool:
        """Whether it counts only some models, or each apart."""
        return self.per == "model" or self.match.model is not None

    @property
    def binds_all(self) -> bool:
        """Whether it refuses whoever asks and whichever model is to answer."""
        return self.soft is not True and self.per != "model" and self.match == BudgetMatch()


class CallerLimit(Declared):
    """How much each caller may ask for; what is beyond is refused, with a time to come back."""

    per: Literal["project", "workspace", "user", "user_tier", "key", "feature"] = Field(
        description="For each of these apart, or for the whole project. Callers who do not say "
        "which they are share one."
    )
    match: CallerMatch = Field(default=CallerMatch(), description="Unset: every call.")
    requests_per_minute: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="At most so many model calls in any 60 seconds."
    )
    tokens_per_minute: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Of prompts and answers together, in any 60 seconds."
    )


class Policy(Declared):
    """`policy.yaml`: what is allowed and what is preferred."""

    data_classes: tuple[Name, ...] = Field(
        default=("public", "internal", "confidential", "pii", "regulated"),
        min_length=1,
        description="From the least to the most strict.",
    )
    default_data_class: Name = Field(
        default="internal",
        description="Of a request that states none and in which nothing is found.",
    )
    detect: Detection | Literal[False] = Field(
        default=Detection(),
        description="What is looked for in everything that is sent; false: nothing.",
    )
    risk: RiskDeclaration = Field(
        default=RiskDeclaration(),
        description="How high the risk of a run becomes by what it meets. It never falls.",
    )
    objective: Objective = Field(
        default=Objective(minimize="cost"),
        description="What is preferred among all that is allowed.",
    )
    routes: tuple[Route, ...] = Field(
        default=(),
        description="Limits of all that match add up; preferences come from the first.",
    )
    budgets: tuple[Budget, ...] = Field(
        default=(), description="What may be spent; all of them hold."
    )
    limits: tuple[CallerLimit, ...] = Field(
        default=(), description="How much each caller may ask for; all of them hold."
    )
    tools: tuple[ToolRule, ...] = Field(
        default=(),
        description="Which tools may be called, and how; of all rules that match the tightest "
        "counts. Where none says: what reads may, for all else a person must agree.",
    )
