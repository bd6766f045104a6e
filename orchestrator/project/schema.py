"""What people write, as pydantic classes: loader, JSON Schema and reference in one.

An unknown key is refused at every level, values are never coerced from another type, and a
loaded value cannot be changed; `declared` holds the base that does so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.declared import (
    FAMILY_PATTERN,
    VARIABLE_PATTERN,
    Declared,
    Milliseconds,
    Name,
    Quality,
    Table,
    Usd,
)
from orchestrator.project.suite_schema import Suite
from orchestrator.types import Hosting, LogLevel, Risk, Tier

# ── mesh.yaml ────────────────────────────────────────────────────────────────────────────


Days = Annotated[int, Field(ge=0)] | None


class KeepDays(Declared):
    """For how many days it is kept; null: for ever. What a run still needs always stays."""

    traces: Days = Field(default=None, description="Recorded runs, as `mesh trace` shows them.")
    runs: Days = Field(
        default=30, description="Finished runs' journals, from which --resume answers again."
    )
    threads: Days = Field(default=None, description="Conversations, after their last turn.")
    ledger: Days = Field(
        default=None, description="Money; nothing of the current month is ever removed."
    )
    vectors: Days = Field(
        default=90, description="Vectors of documents that nobody uses; made anew if used again."
    )
    backups: Days = Field(
        default=30, description="Copies of databases from before an upgrade of their schema."
    )


class Storage(Declared):
    """Where a project keeps what it learns and records, and for how long."""

    path: str = Field(default=".mesh", description="Folder for traces, journal and vectors.")
    keep_days: KeepDays = KeepDays()
    max_mb: Annotated[int, Field(gt=0)] | None = Field(
        default=None,
        description="Above that many megabytes the oldest traces are removed; null: no limit.",
    )


class Settings(Declared):
    """`mesh.yaml`: settings of the project."""

    storage: Storage = Field(
        default=Storage(), description="Where traces, journal and vectors are kept."
    )
    embedder: Literal["static", "sentence-transformers"] = Field(
        default="static", description="Which embedder turns texts into vectors."
    )
    python: tuple[str, ...] = Field(
        default=(), description="The project's Python files that register names."
    )
    default_graph: Name = Field(default="cross-validated", description="What `mesh ask` runs.")
    deadline_ms: Milliseconds = Field(
        default=300_000, description="A request's whole time where no route says less."
    )


# ── fleet.yaml ───────────────────────────────────────────────────────────────────────────


class PriceDeclaration(Declared):
    """US dollars a million tokens. Unset: from litellm's price file, else unknown."""

    input: Usd = Field(description="Of what is sent.")
    output: Usd = Field(description="Of what is written, reasoning included.")
    cache_read: Usd | None = Field(
        default=None,
        description="Of what is sent and was in the provider's cache; unset: as input.",
    )


ProviderParameter = Literal[
    "api_version", "aws_region_name", "organization", "vertex_location", "vertex_project"
]


class EncoderDeclaration(Declared):
    """What an encoder is, and what its outputs stand for."""

    kind: Literal["similarity", "pairs", "classifier"] = Field(
        description="Compare vectors, judge pairs of texts (a cross-encoder), or name a class."
    )
    labels: Table[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=FrozenDict,
        description="Classes, each with texts that describe it; unset: the request names them.",
    )
    outputs: Table[str, str] = Field(
        default_factory=FrozenDict,
        description="The weights' name of an output → a class, or supported, contradicted, "
        "unsupported.",
    )
    threshold: Quality | None = Field(
        default=None, description="The score from which a pair's single output means supported."
    )


class DeploymentDeclaration(Declared):
    """One way to reach a model."""

    id: Name = Field(description="Its name within the model; routing calls it MODEL/ID.")
    via: Name = Field(description="A registered transport: litellm, openai, …")
    model: str | None = Field(default=None, description="The provider's name for the model.")
    weights: str | None = Field(
        default=None,
        description="A .gguf file or an encoder's folder: a path, package:NAME, or hf:REFERENCE.",
    )
    function: Name | None = Field(default=None, description="A registered builtin.")
    encoder: EncoderDeclaration | None = Field(
        default=None, description="For `via: encoder`: its kind, and what its outputs mean."
    )
    endpoint: str | None = Field(default=None, description="Base URL, usually from ${ENV_VAR}.")
    key: str | None = Field(
        default=None,
        pattern=VARIABLE_PATTERN,
        description="The name of the environment variable that holds the key; never the key.",
    )
    params: Table[ProviderParameter, str] = Field(
        default_factory=FrozenDict,
        description="What litellm must know besides; an empty text counts as unset.",
    )
    hosting: Hosting = Field(description="self: on machines of your own; hosted: at a provider.")
    region: Name | None = Field(
        default=None,
        description="Where it computes: eu, us, local, …; only what the provider says.",
    )
    retention_days: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="How long the provider keeps prompts and answers; 0: not at all."
    )
    trains_on_data: bool | None = Field(
        default=None, description="Whether the provider trains on what it is sent."
    )
    certifications: tuple[Name, ...] = Field(default=(), description="soc2, iso27001, …")
    price: PriceDeclaration | None = Field(
        default=None, description="Unset: from litellm's price file; a self-hosted one is free."
    )
    first_token_ms: Milliseconds | None = Field(
        default=None, description="Typical time to the first token, until it was measured."
    )
    tokens_per_second: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="How fast it writes, until it was measured."
    )
    prompt_tokens_per_second: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="How fast it reads; unset: a part of first_token_ms."
    )
    discover: bool = Field(
        default=False, description="Probe the endpoint on loopback before it counts as available."
    )


class ModelDeclaration(Declared):
    """Weights with a name and a family, and the ways to reach them."""

    family: Name | None = Field(default=None, description="Who trained it; null: deterministic.")
    tier: Tier = Field(description="How strong it is, roughly.")
    context: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Tokens of input that it takes."
    )
    max_output: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Tokens that it writes at most."
    )
    tasks: Table[str, Quality] = Field(
        default_factory=FrozenDict,
        description='Prior quality by task; "*" stands for every task that is not listed.',
    )
    can: tuple[Name, ...] = Field(
        default=(), description="json, tools, vision, stream, cite, prefill, …"
    )
    deployments: tuple[DeploymentDeclaration, ...] = Field(
        min_length=1, description="The ways to reach it."
    )


class Fleet(Declared):
    """`fleet.yaml`: all models and deployments."""

    models: Table[Name, ModelDeclaration] = Field(min_length=1, description="The models by name.")


# ── policy.yaml ──────────────────────────────────────────────────────────────────────────


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


# ── agents/NAME.md ───────────────────────────────────────────────────────────────────────


class Agent(Declared):
    """`agents/NAME.md`: the front matter. The body is the prompt."""

    description: str = Field(
        min_length=1, description="What it is for; routing finds specialists by it."
    )
    role: Name = Field(default="specialist", description="A registered role.")
    task: str = Field(min_length=1, description="draft, math, check, …: which models may serve it.")
    needs: tuple[Name, ...] = Field(
        default=(), description="What the model must be able to do: json, tools, vision, cite, …"
    )
    output: Name | None = Field(default=None, description="A registered output model.")
    output_tokens: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="How much it usually writes, for estimates."
    )
    risk: Risk | None = Field(default=None, description="How much a mistake would cost.")
    call: CallDeclaration = Field(default=CallDeclaration(), description="How to call.")
    name: str = Field(default="", exclude=True, json_schema_extra={"from": "file name"})
    prompt: str = Field(default="", json_schema_extra={"from": "body"})


# ── graphs/NAME.yaml ─────────────────────────────────────────────────────────────────────

InputType = Literal[
    "text", "text?", "paths", "paths?", "number", "number?", "json", "json?", "turns?"
]
"""`turns?`: the conversation so far, which the run's thread fills in."""


class Node(Declared):
    """One step. Exactly one of `agent`, `tool`, `function`, `ask`; `each` goes with `agent`.

    `of` and `from` name the nodes (or inputs) whose results this one reads; edges follow.
    `agent` may be a dotted reference (`subtask.specialist`, `route.specialist`).
    """

    agent: str | None = Field(default=None, description="An agent, or a reference to one.")
    tool: Name | None = Field(default=None, description="A registered tool.")
    function: Name | None = Field(default=None, description="A registered function.")
    ask: str | None = Field(
        default=None,
        min_length=1,
        description="A question to a person, who sees what `from` names. The answers allowed are "
        "the labels of `to`; without `to` the answer is any text.",
    )
    each: str | None = Field(
        default=None, description="A reference to subtasks (`plan.subtasks`): a DAG, run eagerly."
    )
    of: str | None = Field(default=None, description="The node or input that this one works on.")
    from_: tuple[str, ...] = Field(
        default=(), alias="from", description="Further nodes or inputs whose results it reads."
    )
    with_: Table[str, str | int | float | bool] = Field(
        default_factory=FrozenDict,
        alias="with",
        description="Parameters of a tool; a string that names an input or node is a reference.",
    )
    family: str | None = Field(
        default=None,
        pattern=FAMILY_PATTERN,
        description="other-than NODE: a model that others have trained than that node's.",
    )
    when: Name | None = Field(default=None, description="A registered condition.")
    to: Table[Name, Name] = Field(
        default_factory=FrozenDict,
        description="Label that the function returns or the person answers → next node.",
    )
    at_most: Annotated[int, Field(gt=0, le=20)] | None = Field(
        default=None, description="How often this node may send the run back."
    )
    latency_ms: Milliseconds | None = Field(
        default=None, description="At most, this agent's step each time it runs."
    )
    usd: Usd | None = Field(
        default=None,
        description="At most, all model calls of this agent's step each time it runs.",
    )


class Graph(Declared):
    """`graphs/NAME.yaml`: a declared workflow."""

    description: str = Field(default="", description="What it is for.")
    input: Table[Name, InputType] = Field(
        description="What a caller hands in, by name; a question mark makes it optional."
    )
    nodes: Table[Name, Node] = Field(min_length=1, description="The steps by name.")
    output: Name = Field(description="The node whose result is the answer.")
    name: str = Field(default="", exclude=True, json_schema_extra={"from": "file name"})


# ── the whole ────────────────────────────────────────────────────────────────────────────


class Project(Declared):
    """The compiled project: frozen, printable, hashed."""

    root: str = Field(exclude=True)
    settings: Settings
    fleet: Fleet
    policy: Policy
    agents: Table[str, Agent]
    graphs: Table[str, Graph]
    suites: Table[str, Suite]
    python: Table[str, str] = Field(
        default_factory=FrozenDict, description="Python file → digest of its text."
    )
    hash: str = ""
    policy_hash: str = ""
