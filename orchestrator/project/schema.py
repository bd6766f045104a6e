"""What people write, as pydantic classes: loader, JSON Schema and reference in one.

An unknown key is refused at every level (`extra="forbid"`), values are never coerced from
another type, and a loaded value cannot be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from orchestrator.project._frozen import FrozenDict, frozen
from orchestrator.types import Hosting, LogLevel, Risk, Tier, VerdictName

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
VARIABLE_PATTERN = r"^[A-Z][A-Z0-9_]*$"
FAMILY_PATTERN = r"^other-than [a-z0-9._-]+$"

K = TypeVar("K")
V = TypeVar("V")

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
Table = Annotated[dict[K, V], AfterValidator(frozen)]
"""A mapping that cannot be changed once it is loaded."""
Quality = Annotated[float, Field(ge=0, le=1)]
Usd = Annotated[float, Field(ge=0)]
Milliseconds = Annotated[int, Field(gt=0)]


class Declared(BaseModel):
    """The base of everything declared."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, data: Any) -> Any:
        """Sequences are tuples once loaded; a list is how people and YAML write them."""
        if not isinstance(data, Mapping):
            return data
        return {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}


# ── mesh.yaml ────────────────────────────────────────────────────────────────────────────


class Storage(Declared):
    """Where a project keeps what it learns and records."""

    path: str = Field(default=".mesh", description="Folder for traces, journal and vectors.")


class Settings(Declared):
    """`mesh.yaml`: settings of the project."""

    storage: Storage = Storage()
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

    input: Usd
    output: Usd
    cache_read: Usd | None = None


class DeploymentDeclaration(Declared):
    """One way to reach a model."""

    id: Name
    via: Name = Field(description="A registered transport: litellm, openai, llamacpp, builtin.")
    model: str | None = Field(default=None, description="The provider's name for the model.")
    weights: str | None = Field(
        default=None, description="A .gguf path, a hub reference, or an installed weights package."
    )
    function: Name | None = Field(default=None, description="A registered builtin.")
    endpoint: str | None = Field(default=None, description="Base URL, usually from ${ENV_VAR}.")
    key: str | None = Field(
        default=None,
        pattern=VARIABLE_PATTERN,
        description="The name of the environment variable that holds the key; never the key.",
    )
    hosting: Hosting
    region: Name | None = None
    retention_days: Annotated[int, Field(ge=0)] | None = None
    trains_on_data: bool | None = None
    certifications: tuple[Name, ...] = ()
    price: PriceDeclaration | None = None
    first_token_ms: Milliseconds | None = Field(
        default=None, description="Typical time to the first token, until it was measured."
    )
    tokens_per_second: Annotated[float, Field(gt=0)] | None = None
    prompt_tokens_per_second: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="How fast it reads; unset: a part of first_token_ms."
    )
    discover: bool = Field(
        default=False, description="Probe the endpoint on loopback before it counts as available."
    )


class ModelDeclaration(Declared):
    """Weights with a name and a family, and the ways to reach them."""

    family: Name | None = Field(default=None, description="Who trained it; null: deterministic.")
    tier: Tier
    context: Annotated[int, Field(gt=0)] | None = None
    max_output: Annotated[int, Field(gt=0)] | None = None
    tasks: Table[str, Quality] = Field(
        default_factory=FrozenDict,
        description='Prior quality by task; "*" stands for every task that is not listed.',
    )
    can: tuple[Name, ...] = Field(
        default=(), description="json, tools, vision, stream, cite, prefill, …"
    )
    deployments: tuple[DeploymentDeclaration, ...] = Field(min_length=1)


class Fleet(Declared):
    """`fleet.yaml`: all models and deployments."""

    models: Table[Name, ModelDeclaration] = Field(min_length=1)


# ── policy.yaml ──────────────────────────────────────────────────────────────────────────


class Objective(Declared):
    """What is preferred among all that is allowed."""

    minimize: Literal["cost", "latency"] | None = None
    maximize: Literal["quality"] | None = None
    quality_floor: Quality = 0.0
    below_floor: Literal["best", "refuse"] = Field(
        default="best",
        description="Where nobody reaches the floor: take the best there is, on record, or refuse.",
    )


class Match(Declared):
    """A route matches where every key that is set holds; a list means any of its values."""

    task: tuple[str, ...] | str | None = None
    data_class: tuple[str, ...] | str | None = None
    risk: tuple[Risk, ...] | Risk | None = None
    domain: tuple[str, ...] | str | None = None
    tags: tuple[str, ...] | str | None = None
    interactive: bool | None = None


class Require(Declared):
    """Hard constraints. A deployment that does not state a required fact is not eligible."""

    hosting: Hosting | None = None
    regions: tuple[Name, ...] | None = None
    retention_days: Annotated[int, Field(ge=0)] | None = Field(default=None, description="At most.")
    trains_on_data: Literal[False] | None = None
    certifications: tuple[Name, ...] = Field(default=(), description="All of them.")
    models: tuple[Name, ...] | None = Field(default=None, description="Only these.")
    not_models: tuple[Name, ...] = ()
    not_families: tuple[Name, ...] = ()


class CallDeclaration(Declared):
    """How to call. The first route that says something about a setting has the word."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    guardrails: tuple[Name, ...] | None = None


class Route(Declared):
    """A rule: constraints of all matching routes compose, preferences come from the first."""

    name: Name
    match: Match = Match()
    require: Require = Require()
    quality_floor: Quality | None = None
    below_floor: Literal["best", "refuse"] | None = None
    latency_ms: Milliseconds | None = None
    max_cost_usd: Usd | None = None
    cross_validate: bool | None = None
    primary: Name | None = Field(default=None, description="A model that is tried first.")
    fallbacks: tuple[Name, ...] = Field(default=(), description="Models tried next, in order.")
    call: CallDeclaration = CallDeclaration()
    store_prompts: LogLevel | None = None
    store_outputs: LogLevel | None = None
    store_tool_args: LogLevel | None = None


class Budget(Declared):
    """At most `usd` in each window."""

    per: Literal["run", "workspace"]
    usd: Usd
    window: Literal["run", "hour", "day", "month"] = "run"


class Policy(Declared):
    """`policy.yaml`: what is allowed and what is preferred."""

    data_classes: tuple[Name, ...] = Field(
        default=("public", "internal", "confidential", "pii", "regulated"),
        min_length=1,
        description="From the least to the most strict.",
    )
    default_data_class: Name = "internal"
    objective: Objective = Objective(minimize="cost")
    routes: tuple[Route, ...] = ()
    budgets: tuple[Budget, ...] = ()


# ── agents/NAME.md ───────────────────────────────────────────────────────────────────────


class Agent(Declared):
    """`agents/NAME.md`: the front matter. The body is the prompt."""

    description: str = Field(min_length=1)
    role: Name = Field(default="specialist", description="A registered role.")
    task: str = Field(min_length=1)
    needs: tuple[Name, ...] = ()
    output: Name | None = Field(default=None, description="A registered output model.")
    output_tokens: Annotated[int, Field(gt=0)] | None = None
    risk: Risk | None = None
    call: CallDeclaration = CallDeclaration()
    name: str = Field(default="", exclude=True, json_schema_extra={"from": "file name"})
    prompt: str = Field(default="", json_schema_extra={"from": "body"})


# ── graphs/NAME.yaml ─────────────────────────────────────────────────────────────────────

InputType = Literal["text", "text?", "paths", "paths?", "number", "number?", "json", "json?"]


class Node(Declared):
    """One step. Exactly one of `agent`, `tool`, `function`; `each` goes with `agent`.

    `of` and `from` name the nodes (or inputs) whose results this one reads; edges follow.
    `agent` may be a dotted reference (`subtask.specialist`, `route.specialist`).
    """

    agent: str | None = None
    tool: Name | None = None
    function: Name | None = None
    each: str | None = Field(
        default=None, description="A reference to subtasks (`plan.subtasks`): a DAG, run eagerly."
    )
    of: str | None = None
    from_: tuple[str, ...] = Field(default=(), alias="from")
    with_: Table[str, str | int | float | bool] = Field(
        default_factory=FrozenDict,
        alias="with",
        description="Parameters of a tool; a string that names an input or node is a reference.",
    )
    family: str | None = Field(default=None, pattern=FAMILY_PATTERN)
    when: Name | None = Field(default=None, description="A registered condition.")
    to: Table[Name, Name] = Field(
        default_factory=FrozenDict, description="Label that the function returns → next node."
    )
    at_most: Annotated[int, Field(gt=0, le=20)] | None = Field(
        default=None, description="How often this node may send the run back."
    )


class Graph(Declared):
    """`graphs/NAME.yaml`: a declared workflow."""

    description: str = ""
    input: Table[Name, InputType]
    nodes: Table[Name, Node] = Field(min_length=1)
    output: Name
    name: str = Field(default="", exclude=True, json_schema_extra={"from": "file name"})


class Expect(Declared):
    """What must hold of an answer. What is not set is not checked."""

    verdict: VerdictName | None = None
    contains: tuple[str, ...] = Field(default=(), description="Texts that the answer contains.")


class Case(Declared):
    """One case of a suite."""

    input: Table[str, Any] = Field(description="A value for each input of the graph.")
    expect: Expect = Expect()


class Suite(Declared):
    """`evals/NAME.yaml`: cases, the graph that runs them, and what is checked."""

    description: str = ""
    graph: Name
    cases: tuple[Case, ...] = Field(min_length=1)
    name: str = Field(default="", exclude=True, json_schema_extra={"from": "file name"})


class Project(Declared):
    """The compiled project: frozen, printable, hashed."""

    root: str = Field(exclude=True)
    settings: Settings
    fleet: Fleet
    policy: Policy
    agents: Table[str, Agent]
    graphs: Table[str, Graph]
    suites: Table[str, Suite]
    hash: str = ""
    policy_hash: str = ""
