"""What people write in `policy.yaml`, as pydantic classes; see `schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project.declared import (
    Declared,
    Milliseconds,
    Name,
    Quality,
    Usd,
)
from orchestrator.types import Hosting, LogLevel, Risk


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


class Match(Declared):
    """A route matches where every key that is set holds; a list means any of its values."""

    task: tuple[str, ...] | str | None = Field(default=None, description="draft, math, check, …")
    data_class: tuple[str, ...] | str | None = Field(
        default=None, description="One of the policy's data_classes."
    )
    risk: tuple[Risk, ...] | Risk | None = Field(
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
    cross_validate: bool | None = Field(
        default=None, description="Whether another kind of model checks the answer."
    )
    primary: Name | None = Field(default=None, description="A model that is tried first.")
    fallbacks: tuple[Name, ...] = Field(default=(), description="Models tried next, in order.")
    call: CallDeclaration = Field(default=CallDeclaration(), description="How to call.")
    store_prompts: LogLevel | None = Field(
        default=None, description="What the trace keeps of what is sent."
    )
    store_outputs: LogLevel | None = Field(
        default=None, description="What the trace keeps of what comes back."
    )
    store_tool_args: LogLevel | None = Field(
        default=None, description="What the trace keeps of the tools' arguments."
    )


class Budget(Declared):
    """At most `usd` in each window."""

    per: Literal["run", "workspace"] = Field(
        description="One run, or everybody who uses this project."
    )
    usd: Usd = Field(description="US dollars.")
    window: Literal["run", "hour", "day", "month"] = Field(
        default="run",
        description="From the start of the hour, the day or the month; run: of each run.",
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
