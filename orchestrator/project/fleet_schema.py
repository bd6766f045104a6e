"""What people write in `fleet.yaml`, as pydantic classes; see `schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.declared import (
    VARIABLE_PATTERN,
    Declared,
    Milliseconds,
    Name,
    Quality,
    Table,
    Usd,
)
from orchestrator.project.tools_schema import ToolName
from orchestrator.types import Hosting, Tier


class Prices(Declared):
    """US dollars a million tokens."""

    input: Usd = Field(description="Of what is sent.")
    output: Usd = Field(description="Of what is written.")
    cache_read: Usd | None = Field(
        default=None,
        description="Of what is sent and was in the provider's cache; unset: as input.",
    )
    cache_write: Usd | None = Field(
        default=None,
        description="Of what is sent and put into its cache; unset: unknown where that happens.",
    )
    audio_input: Usd | None = Field(
        default=None, description="Of sound that is sent; unset: unknown where there is some."
    )
    audio_output: Usd | None = Field(
        default=None, description="Of sound that is made; unset: unknown where there is some."
    )
    reasoning: Usd | None = Field(
        default=None, description="Of what is thought before the answer; unset: as output."
    )


class LongPrices(Prices):
    """Prices for longer prompts."""

    above: Annotated[int, Field(gt=0)] = Field(
        description="For prompts of more tokens than that; then they count for all tokens."
    )


class PriceDeclaration(Prices):
    """US dollars a million tokens. Unset: from litellm's price file, else unknown."""

    per_image: Usd | None = Field(
        default=None,
        description="US dollars an image that is made; unset: they cost their output tokens, and "
        "where none are reported, nobody knows what.",
    )
    long: tuple[LongPrices, ...] = Field(
        default=(), description="Where the provider charges more for long prompts."
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


class Timeouts(Declared):
    """How long a deployment may be silent. Unset: 10 s each; on machines of one's own 120 s for
    the first token and 30 s between two."""

    connect_ms: Milliseconds | None = Field(default=None, description="Until it is connected.")
    first_token_ms: Milliseconds | None = Field(
        default=None, description="Until something of the answer comes."
    )
    between_tokens_ms: Milliseconds | None = Field(
        default=None, description="From one piece of the answer to the next."
    )


class CapacityDeclaration(Declared):
    """How much may be asked of a deployment; what is beyond goes elsewhere, or waits."""

    requests_per_minute: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="At most so many in any 60 seconds."
    )
    tokens_per_minute: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Of prompts and answers together, in any 60 seconds."
    )
    concurrent: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="How many calls may run there at the same time."
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
    timeouts: Timeouts = Field(
        default=Timeouts(), description="How long it may be silent before another is asked."
    )
    limits: CapacityDeclaration = Field(
        default=CapacityDeclaration(), description="How much may be asked of it."
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
    tools: tuple[ToolName, ...] | None = Field(
        default=None,
        description="The tools that it knows how to use, and may be offered; unset: all.",
    )
    reads: Literal["prompt", "values"] = Field(
        default="prompt",
        description="values: it reads what an agent hands in by name, and can do nothing with a "
        "prompt alone.",
    )
    deployments: tuple[DeploymentDeclaration, ...] = Field(
        min_length=1, description="The ways to reach it."
    )


class Fleet(Declared):
    """`fleet.yaml`: all models and deployments."""

    models: Table[Name, ModelDeclaration] = Field(min_length=1, description="The models by name.")
