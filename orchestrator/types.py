"""The values that every layer shares.

All are frozen, hold only JSON-like content, and can be hashed with `digest`.
Money is counted in micro-dollars (`money`). Times are milliseconds unless the name says otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, Literal, TypeVar, cast

from orchestrator.money import Price

Tier = Literal["nano", "small", "mid", "frontier"]
Risk = Literal["low", "normal", "high"]
RiskWord = Literal["low", "normal", "medium", "high"]
"""As people may write it; `medium` is another word for `normal`."""
Hosting = Literal["self", "hosted"]
LogLevel = Literal["full", "redacted", "hashed", "none"]
Strategy = Literal["single", "cascade", "race", "panel"]
Ending = Literal["complete", "continued", "restarted", "incomplete"]
ClaimStatus = Literal["supported", "unverified", "unsupported", "contradicted"]
"""From the best that may be found of a claim to the worst. `unverified`: nobody could say."""
VerdictName = Literal["accepted", "revised", "abstained"]
AbstainCause = Literal["no_evidence", "conflict", "gate_failed", "budget"]
"""Why there is no answer: the sources do not hold one, they contradict each other, what was
drafted did not pass its checks, or time or money were up."""
Effort = Literal["none", "quotes", "scorer", "model", "two", "human"]
"""How much checking an answer gets, each with all before it: quotes letter by letter; gates and
scorer without a model; one model checker; two of different kinds; a person."""
BreakerState = Literal["closed", "open", "half_open"]
CacheMode = Literal["off", "exact", "semantic"]
Before = Literal["none", "hosted", "all"]
"""Before which models placeholders take the place of what is found."""
GiveBack = Literal["none", "own", "all"]
"""What is put back in the answer: nothing, what the caller sent himself, or everything."""
OnUnsafe = Literal["off", "next", "review", "refuse"]
OnInjection = Literal["off", "fence", "refuse"]
ToolLevel = Literal["read", "write", "destructive"]

WORDLESS = frozenset({"embed", "image"})
"""Tasks whose answer is no text: vectors, and images. `"*"` does not stand for them."""
BEFORE: tuple[Before, ...] = ("none", "hosted", "all")  # loosest first, as the next three
GIVE_BACK: tuple[GiveBack, ...] = ("all", "own", "none")
ON_UNSAFE: tuple[OnUnsafe, ...] = ("off", "next", "review", "refuse")
ON_INJECTION: tuple[OnInjection, ...] = ("off", "fence", "refuse")
TOOL_LEVELS: tuple[ToolLevel, ...] = ("read", "write", "destructive")
RISKS: tuple[Risk, ...] = ("low", "normal", "high")
TIERS: tuple[Tier, ...] = ("nano", "small", "mid", "frontier")
LOG_LEVELS: tuple[LogLevel, ...] = ("full", "redacted", "hashed", "none")  # loosest first
EFFORTS: tuple[Effort, ...] = ("none", "quotes", "scorer", "model", "two", "human")  # least first


class Stage(StrEnum):
    """The stages of the funnel, in the order in which a candidate meets them."""

    CAPABILITY = "capability"
    DATA_POLICY = "data_policy"
    AVAILABILITY = "availability"
    BUDGET = "budget"
    LATENCY = "latency"
    QUALITY = "quality"
    RANK = "rank"


class Outcome(StrEnum):
    """How one attempt ended. Each has exactly one rule in `calling.next_action`."""

    OK = "ok"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    TIMEOUT_SILENT = "timeout_silent"
    TIMEOUT_FIRST_TOKEN = "timeout_first_token"
    STALLED = "stalled"
    CUT = "cut"
    MALFORMED = "malformed"
    EMPTY = "empty"
    CONTEXT_EXCEEDED = "context_exceeded"
    REFUSED = "refused"
    AUTH = "auth"
    INVALID_REQUEST = "invalid_request"
    INVALID_OUTPUT = "invalid_output"
    UNREACHABLE = "unreachable"
    OVER_BUDGET = "over_budget"
    SKIPPED_OPEN = "skipped_open"
    BUSY = "busy"
    """A limit of our own, of requests, tokens or places, leaves no room there now."""
    UNSURE = "unsure"
    """A valid answer that its model was not sure of; a cascade asks a stronger one."""
    UNSAFE = "unsafe"
    """A whole answer that our filter does not let out; a provider's own refusal is `refused`."""
    DIVERGED = "diverged"
    """Asked again from the beginning, it wrote another text than what was handed on."""
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


_BESIDE = {"beside": True}
"""Marks a field that is recorded beside its value, not within it."""


def risk_of(word: Any) -> Any:
    """The tier that a word stands for; what is none stays what it is."""
    return "normal" if word == "medium" else word


def as_json(value: Any) -> Any:
    """`value` as plain JSON content; dataclasses, pydantic models, sets and enums included."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = (f.name for f in dataclasses.fields(value) if "beside" not in f.metadata)
        return {name: as_json(getattr(value, name)) for name in kept}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(as_json(v) for v in value)
    if isinstance(value, (list, tuple)):
        return [as_json(v) for v in value]
    if isinstance(value, StrEnum):
        return str(value)
    return value


_T = TypeVar("_T")


def from_json(kind: type[_T], data: Any) -> _T:
    """The inverse of `as_json`: `data` as a value of the dataclass `kind`.

    Raises:
        pydantic.ValidationError: `data` is not what `as_json` makes of such a value.
    """
    return cast(_T, _adapter(cast(Any, kind)).validate_python(data))


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def digest(value: Any) -> str:
    """The first 16 hex digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(as_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """How an encoder's scores become an answer; see `calling/transports/encoder.py`."""

    kind: Literal["similarity", "pairs", "classifier"]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The classes that it tells apart, each with texts that describe it or belong to it."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """The weights' own name of an output → what it means here."""
    threshold: float | None = None
    """The score in 0..1 from which the single output of a pair means `supported`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much may be asked of a deployment. Unset: as much as anybody likes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    """Of prompts and answers together."""
    concurrent: int | None = None
    """How many calls may run there at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One way to reach a model: everything that routing and calling need to know of it."""

    id: str
    """`model/deployment`, for example `claude-sonnet/direct`."""
    model: str
    family: str | None
    """Who trained it; `None` for a deterministic model."""
    tier: Tier
    via: str
    """The transport's registered name."""
    target: str
    """What the transport calls: the provider's model name, the weights, or the function."""
    provider: str
    endpoint: str | None = None
    key: str | None = None
    """The *name* of the environment variable that holds the key."""
    params: Mapping[str, str] = field(default_factory=dict)
    """What litellm must know besides: the version of the interface, the provider's region, …"""
    hosting: Hosting
    region: str | None = None
    retention_days: int | None = None
    trains_on_data: bool | None = None
    certifications: tuple[str, ...] = ()
    context: int | None = None
    max_output: int | None = None
    can: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    """The tools that its model may be offered; `None`: all of them."""
    reads: Literal["prompt", "values"] = "prompt"
    """`values`: it reads an agent's inputs by name, and can do nothing with a prompt alone."""
    tasks: Mapping[str, float] = field(default_factory=dict)
    """Prior quality in 0..1 for each task that it serves; `"*"` stands for every other task."""
    price: Price | None = None
    first_token_ms: int | None = None
    tokens_per_second: float | None = None
    prompt_tokens_per_second: float | None = None
    """How fast it reads; `None` where reading is a part of `first_token_ms`."""
    connect_timeout_ms: int | None = None
    first_token_timeout_ms: int | None = None
    between_tokens_timeout_ms: int | None = None
    limits: Capacity = Capacity()
    discover: bool = False
    """Its endpoint is looked for on loopback before it counts as available."""
    encoder: Encoder | None = None
    """Of a deployment via `encoder`."""
    retires: str | None = None
    """ISO date on which the provider says it retires the model."""

    @property
    def deterministic(self) -> bool:
        return self.family is None

    @property
    def any_length(self) -> bool:
        """Whether it takes inputs of any length: code, and encoders, which read in parts; and what
        writes nothing, whose limit is for each text apart."""
        if self.family is None or self.encoder is not None:
            return True
        return bool(self.tasks) and self.tasks.keys() <= WORDLESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Live state of a deployment, quantised so that snapshots are few."""

    available: bool = True
    reason: str = ""
    """Why it is not available, in words for a person (`OPENAI_API_KEY is not set`)."""
    breaker: BreakerState = "closed"
    error_rate: float = 0.0
    """The share of its recent calls that failed by its own doing, in 0..1."""
    first_token_ms: int | None = None
    """The median of its recent calls, as all numbers here; `None`: not measured."""
    tokens_per_second: float | None = None
    p50_ms: int | None = None
    """Of whole answers."""
    p95_ms: int | None = None
    room: float = 1.0
    """What is left of its rate limits and places, in 0..1; 1 where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSnapshot:
    """An immutable, hashed picture of the fleet. Deployments are sorted by id."""

    deployments: tuple[Deployment, ...]
    health: Mapping[str, Health]
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature of a task profile, with how sure it is and where it came from."""

    value: Any
    confidence: float
    origin: str
    """`declared`, `rule`, `embedding`, `agent`, `model:<deployment>` or `default`."""


_confidence: Callable[[Feature], float] = attrgetter("confidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What one request may not exceed. Unset means unconstrained; all set ones must hold."""

    hosting: Hosting | None = None
    regions: tuple[str, ...] | None = None
    retention_days: int | None = None
    trains_on_data: bool | None = None
    certifications: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    not_models: tuple[str, ...] = ()
    not_families: tuple[str, ...] = ()
    latency_ms: int | None = None
    max_cost_usd: float | None = None
    quality_floor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProfile:
    """The features of one request that routing sees; never the text itself."""

    task: str
    complexity: float = 0.5
    domain: str = "general"
    language: str = "en"
    output: str = "text"
    """`text`, `json`, `code`, `list`, `number` or `table`."""
    input_tokens: int = 0
    output_tokens: int = 256
    data_class: str = "internal"
    risk: Risk = "normal"
    interactive: bool = True
    images: int = 0
    """How many images are to be made."""
    needs: tuple[str, ...] = ()
    """Capabilities that a model must have: `json`, `tools`, `vision`, `cite`, …"""
    tools: tuple[str, ...] = ()
    """The tools of the project that the model is offered."""
    tags: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    values: bool = True
    """It brings an agent's inputs by name, besides the prompt."""
    features: Mapping[str, Feature] = field(default_factory=dict)
    reading: Sequence[float] | None = field(
        default=None, compare=False, repr=False, metadata=_BESIDE
    )
    """What a predictor that knows texts sees of this one, where there is such a predictor. Never
    recorded: it would tell much of the text."""

    @property
    def confidence(self) -> float:
        """The least confidence among its features; 1.0 where nothing was guessed."""
        return min(map(_confidence, self.features.values()), default=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A predicted quality in 0..1 with its standard deviation."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose behalf a request is made. What is empty was not said."""

    workspace: str = ""
    user: str = ""
    tier: str = ""
    """The class of user that budgets and limits tell apart: `free`, `paid`, …"""
    key: str = ""
    """The id of the virtual key, never the key."""
    feature: str = ""
    """The part of the application that asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one call is charged to; each field can be asked for in the ledger."""

    trace_id: str
    deployment: str
    model: str
    caller: Caller = Caller()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What it says of an answer that others agree with it, as learned from answers to one task."""

    models: tuple[str, ...]
    """Those worth asking one after the other."""
    spread: float
    """How much harder, in logits, one request is than another for all models alike: with 0 they
    err independently of each other."""
    variety: float
    """How many ways there are to be wrong: of two wrong answers 1 in 1 + `variety` are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What belongs to one request and to no other: estimates, budget, time, limits, seed."""

    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    """By deployment id; where one is missing the fleet's prior for the task counts."""
    predictor: str = "prior"
    agreement: Agreement | None = None
    """How answers to requests of this task agree; `None`: nobody knows."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """How the agent asks to be called: `temperature`, `max_tokens`, `reasoning_effort`,
    `guardrails`."""
    budget_micro_usd: int | None = None
    budget_rule: str = "request.budget_usd"
    """Whose limit that is: the caller's, or `budget:LABEL` of a budget of the policy."""
    deadline_ms: int | None = None
    rate_limited: tuple[str, ...] = ()
    cached_tokens: Mapping[str, int] = field(default_factory=dict)
    """How much of the prompt a deployment's provider most likely holds in its cache, by id."""
    soft_limits: tuple[str, ...] = ()
    """Names of the soft budgets that are used up: the cheapest that is allowed goes first."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What became of one deployment in the funnel. `stage` is `None` for those that stayed.

    Those that stayed are exactly the members of the decision's chain. One that stayed with a
    `rule` is below the quality floor and comes after all that reach it.
    """

    deployment: str
    model: str
    stage: Stage | None
    rule: str = ""
    found: Any = None
    required: Any = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    """`quality`, `cost_usd` (`None`: unknown), `latency_ms` (`None`: unknown), and where they
    matter: `preference`, its place among the models that a route prefers, 0 the first;
    `error_rate` and `room` as in `Health`; `cached_tokens`, which the cost counts as such."""

    @property
    def reason(self) -> str:
        """One line for a person."""
        if self.stage is None and self.rule:
            return (
                f"last resort, {self.rule}: found {_show(self.found)}, "
                f"required {_show(self.required)}"
            )
        if self.stage is None:
            return "eligible"
        if self.stage is Stage.AVAILABILITY:
            return f"{self.rule}: {_show(self.found)}"
        return f"{self.rule}: found {_show(self.found)}, required {_show(self.required)}"


def _show(value: Any) -> str:
    if value is None:
        return "nothing stated"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(str(v) for v in value) or "none"
    return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A value of how to call, and the place that set it (`agent:checker`, `route:pii`, …)."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRule:
    """What a trace keeps of a hop's texts."""

    prompts: LogLevel = "full"
    outputs: LogLevel = "full"
    tool_args: LogLevel = "full"

    @property
    def keeps_all(self) -> bool:
        return self.prompts == self.outputs == self.tool_args == "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRule:
    """What is done about what stands in the texts of a request; the strictest of all routes."""

    redact: Before = "none"
    kinds: tuple[str, ...] = ()
    """Of what is found these kinds get placeholders; empty: all."""
    give_back: GiveBack = "own"
    unsafe: OnUnsafe = "off"
    filter: str = "local"
    """Who says what is unsafe."""
    injection: OnInjection = "fence"
    """What is done about a text that gives orders and may not."""
    origin: tuple[str, ...] = ()
    """The routes that asked for any of it, as `route:NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRule:
    """Whether an answer that was given before may be given again."""

    mode: CacheMode = "off"
    """`exact`: to the very same request; `semantic`: also to one that asks for the same in other
    words."""
    error_rate: float = 0.01
    """Of the answers that are given again to other words, at most so many may be wrong, 0..1."""
    ttl_s: int = 86_400
    """How long an answer is good."""
    per: Literal["workspace", "user"] = "workspace"
    """Who shares answers."""
    origin: str = ""
    """Who allowed it: `route:NAME`, or empty."""


@dataclass(frozen=True, slots=True)
class Move:
    """What a panel in turn does after some answers."""

    place: int
    """In the chain: whom to ask, or whose answer to give."""
    gives: bool
    """It gives an answer; else it asks."""
    sure: float
    """How likely the best answer until now is right, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tactics:
    """How a strategy goes about it. A deployment is never asked twice at the same time."""

    models: int = 1
    """How many of the chain's first take part: racers of a `race`, members of a `panel`, steps of
    a `cascade`. Who comes after them is a fallback, never a step up."""
    start: Literal["together", "after_p95", "in_turn"] = "together"
    """Of a `race`: at once, or the next one when the first takes longer than its live p95. Of a
    `panel`: at once, or one after the other as `moves` say."""
    agree: int = 1
    """Of a `panel`: how many equal answers settle it."""
    confidence: float = 0.0
    """Of a `cascade`: an answer that is less sure, in 0..1, goes to the next model."""
    moves: Mapping[str, Move] = field(default_factory=dict)
    """Of a `panel` in turn: what comes next, by who has said what (`calling/in_turn.py`)."""
    origin: str = ""
    """Who asked for it: `route:NAME`, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The choice and the whole funnel behind it."""

    chosen: str
    strategy: Strategy = "single"
    tactics: Tactics = Tactics()
    fallbacks: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    """Every deployment of the snapshot: first those that stayed, by rank, then the removed."""
    routes: tuple[str, ...] = ()
    """The names of all routes that matched, in the order of the policy."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """`temperature`, `max_tokens`, `reasoning_effort`, `guardrails`."""
    log: LogRule = LogRule()
    cache: CacheRule | None = None
    """`None`: nobody is given an answer that was given before."""
    guard: GuardRule = GuardRule()
    """What is done about what stands in the texts."""
    checking: Effort = "model"
    """How much an answer is checked, in a graph that checks."""
    checking_origin: str = "default"
    """Who asked for that much: `route:NAME`, `objective`, or `default` where nobody did."""
    degraded: str | None = None
    """In words, where nobody reached the quality floor and the best below it was taken."""
    notes: tuple[str, ...] = ()
    """In words, where it is not as the policy would have it: a strategy for which too few are
    left, a soft limit that is used up."""
    least_usd: float | None = None
    """What an answer is expected to cost at least: of a cascade its first step alone, of a race
    its cheapest member, of a panel as many as must agree. `None`: unknown."""
    most_usd: float | None = None
    """At most: all steps or members. Retries and fallbacks after a failure are not in it."""
    confidence: float = 1.0
    """The lesser of the profile's confidence and the expected quality of the chosen one."""
    policy_hash: str
    fleet_hash: str
    predictor: str = "prior"
    context: Context | None = field(default=None, compare=False)
    """What it was decided under: with the profile, and the policy and the fleet of these hashes, it
    can be decided again. `None`: not known."""
    fleet: FleetSnapshot | None = field(default=None, compare=False, repr=False, metadata=_BESIDE)
    """The fleet of `fleet_hash`, which is recorded once for all that saw it; `None` in what was
    read from a record."""

    @property
    def chain(self) -> tuple[str, ...]:
        """The chosen deployment and then its fallbacks, in order."""
        return (self.chosen, *self.fallbacks)
