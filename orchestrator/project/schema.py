"""What people write, as pydantic classes: loader, JSON Schema and reference in one.

An unknown key is refused at every level, values are never coerced from another type, and a
loaded value cannot be changed; `declared` holds the base that does so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.approvals_schema import Approvals
from orchestrator.project.audit_schema import AuditSettings
from orchestrator.project.calls_schema import Calls
from orchestrator.project.declared import (
    DATABASE_PATTERN,
    FAMILY_PATTERN,
    Declared,
    DeclaredRisk,
    Milliseconds,
    Name,
    Table,
    Usd,
)
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.gateway_schema import Gateway, Shared, Telemetry
from orchestrator.project.policy_schema import CallDeclaration, Policy
from orchestrator.project.refreshed_schema import Refreshed
from orchestrator.project.suite_schema import Suite
from orchestrator.project.tools_schema import ToolName, Tools
from orchestrator.project.valid_schema import Valid

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
    incidents: Days = Field(default=90, description="What `mesh incidents` shows, after its end.")
    audit: Days = Field(
        default=None, description="The audit log; the law may ask for six months and more."
    )
    by_class: Table[Name, Annotated[int, Field(ge=0)]] = Field(
        default_factory=FrozenDict,
        description="Of runs with data of a class, or of a stricter one: {pii: 30}. The least "
        "number of days counts, for traces, journals and cached answers alike.",
    )
    backups: Days = Field(
        default=30, description="Copies of databases from before an upgrade of their schema."
    )


class Storage(Declared):
    """Where a project keeps what it learns and records, and for how long."""

    path: str = Field(default=".mesh", description="Folder for traces, journal and vectors.")
    database: str | None = Field(
        default=None,
        pattern=DATABASE_PATTERN,
        description="PostgreSQL, for example ${DATABASE_URL}: keys and traces go there, for "
        "copies of the service on several machines; unset: files of that folder.",
    )
    keep_days: KeepDays = KeepDays()
    max_mb: Annotated[int, Field(gt=0)] | None = Field(
        default=None,
        description="Above that many megabytes the oldest traces are removed; null: no limit.",
    )


class Checking(Declared):
    """How claims are held against the sources."""

    support: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A model that `mesh calibrate` fitted to your own claims, relative to the "
        "project; the shipped one where absent.",
    )


class FeedbackLimits(Declared):
    """What is said of answers, and how much of it counts."""

    per_day: Annotated[int, Field(gt=0)] = Field(
        default=200,
        description="So many answers a key, or a user of this machine, may judge in 24 hours, so "
        "that nobody alone decides what is learned.",
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
    environment: Name | None = Field(
        default=None,
        description="Where this runs: dev, prod, …, for the rules of tools; MESH_ENVIRONMENT goes "
        "before it.",
    )
    tools: Tools = Field(
        default=Tools(), description="Tools besides those that the project's Python registers."
    )
    approvals: Approvals = Field(
        default=Approvals(), description="Calls of tools that a person has to agree to."
    )
    calls: Calls = Field(default=Calls(), description="How models are called.")
    deadline_ms: Milliseconds = Field(
        default=300_000, description="A request's whole time where no route says less."
    )
    gateway: Gateway = Field(default=Gateway(), description="How `mesh serve` serves.")
    telemetry: Telemetry = Field(
        default=Telemetry(), description="Where traces go besides the storage folder."
    )
    shared: Shared = Field(default=Shared(), description="What processes and machines share.")
    checking: Checking = Field(
        default=Checking(), description="How claims are held against the sources."
    )
    feedback: FeedbackLimits = Field(
        default=FeedbackLimits(), description="How much may be said of answers."
    )
    audit: AuditSettings = Field(
        default=AuditSettings(), description="The record that an auditor asks for."
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
    risk: DeclaredRisk | None = Field(default=None, description="How much a mistake would cost.")
    call: CallDeclaration = Field(default=CallDeclaration(), description="How to call.")
    valid: Valid | None = Field(default=None, description="What its answers must satisfy.")
    tools: tuple[ToolName, ...] = Field(
        default=(),
        description="Tools that its model may call, as far as the policy allows; for specialists.",
    )
    steps: Annotated[int, Field(gt=0, le=50)] = Field(
        default=8, description="With tools: at most so many model calls, the answer included."
    )
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
    refreshed: Refreshed = Refreshed()
    policy: Policy
    agents: Table[str, Agent]
    graphs: Table[str, Graph]
    suites: Table[str, Suite]
    python: Table[str, str] = Field(
        default_factory=FrozenDict, description="Python file → digest of its text."
    )
    support: str = Field(
        default="", exclude=True, repr=False, description="What `checking.support` holds."
    )
    hash: str = ""
    policy_hash: str = ""
