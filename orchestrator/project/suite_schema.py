"""`evals/NAME.yaml` as pydantic classes; see `schema` for all other files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.declared import (
    Declared,
    DeclaredRisk,
    Milliseconds,
    Name,
    Quality,
    Table,
    Usd,
)
from orchestrator.types import VerdictName


class ExpectedNumber(Declared):
    """A number that the answer must state, however it writes it: `57,600 EUR`, `EUR 57600`."""

    value: int | float = Field(description="The number.")
    unit: str | None = Field(
        default=None,
        min_length=1,
        description="EUR, days, %, or the noun that is counted; unset: whatever the unit.",
    )
    tolerance: Annotated[int | float, Field(ge=0)] = Field(
        default=0, description="How far off it may be, in the same unit."
    )


class Expect(Declared):
    """What must hold of an answer. What is not set is not checked."""

    verdict: tuple[VerdictName, ...] | VerdictName | None = Field(
        default=None, description="The verdict, or a list of those that will do."
    )
    contains: tuple[str, ...] = Field(
        default=(), description="Texts that the answer contains, in whatever case and spacing."
    )
    not_contains: tuple[str, ...] = Field(
        default=(), description="Texts that the answer must not contain."
    )
    matches: str | None = Field(
        default=None, description="A regular expression that is found in the answer."
    )
    number: ExpectedNumber | None = Field(
        default=None, description="A number that the answer must state."
    )
    cites: tuple[str, ...] = Field(
        default=(), description="Files that are cited; relative to the project, like the sources."
    )
    quotes_exact: bool = Field(
        default=True, description="Every quote stands in its file at its place, letter by letter."
    )
    max_cost_usd: Usd | None = Field(default=None, description="Of the whole run.")
    max_ms: Milliseconds | None = Field(default=None, description="The whole run's time.")
    checks: tuple[Name, ...] = Field(default=(), description="Registered checks.")


class Case(Declared):
    """One case of a suite."""

    name: Name | None = Field(
        default=None, description="Unique in the suite; unset: made of the first text input."
    )
    tags: tuple[Name, ...] = Field(default=(), description="To run a part of the suite.")
    input: Table[str, Any] = Field(
        default_factory=FrozenDict,
        description="A value for each input of the graph; paths are relative to the project.",
    )
    expect: Expect = Field(default=Expect(), description="What must hold of the answer.")
    known_failing: str | None = Field(
        default=None,
        min_length=1,
        description="Why this case fails for now; its failing then counts as expected.",
    )


class CaseDefaults(Declared):
    """What holds for every case. A case overrides it key by key; tags add up."""

    tags: tuple[Name, ...] = Field(default=(), description="To run a part of the suite.")
    input: Table[str, Any] = Field(
        default_factory=FrozenDict, description="A value for inputs that a case leaves out."
    )
    expect: Expect = Field(default=Expect(), description="What must hold of every answer.")


class SuiteOptions(Declared):
    """How the runs of a suite are asked for, as by the options of `mesh ask`."""

    data_class: Name | None = Field(
        default=None, description="Unset: what is found in the request."
    )
    risk: DeclaredRisk | None = Field(default=None, description="How much a mistake would cost.")
    tags: tuple[Name, ...] = Field(default=(), description="Tags of the request, for routes.")
    budget_usd: Usd | None = Field(default=None, description="At most, each run.")
    deadline_ms: Milliseconds | None = Field(default=None, description="The whole run's time.")


class Suite(Declared):
    """`evals/NAME.yaml`: cases, the graph that runs them, and what is checked."""

    description: str = Field(default="", description="What it is about.")
    graph: Name = Field(description="The graph that answers the cases.")
    repetitions: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="How often each case is run."
    )
    pass_at_least: Quality = Field(
        default=1.0, description="The share of the cases that must pass."
    )
    options: SuiteOptions = Field(default=SuiteOptions(), description="How the runs are asked for.")
    defaults: CaseDefaults = Field(default=CaseDefaults(), description="What holds for every case.")
    cases: tuple[Case, ...] = Field(
        min_length=1, description="What is asked, and what must hold of each answer."
    )
    name: str = Field(default="", exclude=True, json_schema_extra={"from": "file name"})
