"""What people write in `policy.yaml` of what is looked for in texts and done about it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.declared import Declared, DeclaredRisk, Name, Quality, Table
from orchestrator.types import Before, GiveBack, OnUnsafe

KINDS: tuple[str, ...] = (
    *("email", "phone", "iban", "card", "national-id", "address", "birth-date", "name"),
    *("key", "token", "password", "private-key", "entropy"),
)
"""What is looked for besides a project's own patterns."""

PERSONAL = ("email", "phone", "iban", "card", "national-id", "address", "birth-date", "name")
SECRETS = ("key", "token", "password", "private-key", "entropy")


class Pattern(Declared):
    """Something that only this project knows: numbers of customers, names of projects."""

    pattern: Annotated[str, Field(min_length=1)] = Field(description="A regular expression.")
    data_class: Name | None = Field(
        default=None, description="Of a text that holds it; unset: as personal data."
    )
    confidence: Quality = Field(
        default=0.95, description="How often what looks so is what it looks like, from 0 to 1."
    )


class Detection(Declared):
    """What is looked for in everything that is sent, and what class of data it makes of it.

    The stricter counts of what the caller declares and what is found.
    """

    personal: Name | None = Field(
        default=None,
        description="The data class of personal data; unset: pii, where the policy has it.",
    )
    secrets: Name | None = Field(
        default=None,
        description="Of keys, tokens and passwords; unset: confidential, where the policy has it.",
    )
    kinds: Table[Name, Name] = Field(
        default_factory=FrozenDict,
        description="Of single kinds, where it is another: {national-id: regulated}.",
    )
    patterns: Table[Name, Pattern] = Field(
        default_factory=FrozenDict, description="What besides is looked for, by name."
    )
    confidence: Quality = Field(
        default=0.5, description="What is less sure than this, from 0 to 1, does not count."
    )


class RiskDeclaration(Declared):
    """How high the risk of a run is at least once it has met something; low: it raises nothing.

    Unset, what was declared low becomes normal, and nothing becomes high by itself: that may ask
    for checkers which a fleet does not have.
    """

    personal: DeclaredRisk = Field(
        default="normal", description="Personal data in what a tool or a source brought."
    )
    secrets: DeclaredRisk = Field(default="normal", description="Keys, tokens or passwords in it.")
    contradiction: DeclaredRisk = Field(
        default="normal", description="Sources that contradict each other on what was asked."
    )
    injection: DeclaredRisk = Field(
        default="normal", description="Orders in a text that may not give any."
    )
    destructive: DeclaredRisk = Field(
        default="normal", description="A tool is to be called that destroys something."
    )


class RedactDeclaration(Declared):
    """Placeholders take the place of what is found before a model sees it, and in its answer the
    values take theirs."""

    before: Before = Field(
        default="hosted",
        description="hosted: before models at providers; all: before every model, code of this "
        "process excepted.",
    )
    kinds: tuple[Name, ...] | None = Field(
        default=None, description="Of these kinds only; unset: whatever is found."
    )
    give_back: GiveBack = Field(
        default="own",
        description="What is put back into the answer: own, what the caller sent himself (unset); "
        "all, also what stood in sources and results of tools; none.",
    )


class UnsafeDeclaration(Declared):
    """A filter looks at prompts and answers."""

    filter: Name = Field(
        default="local",
        description="local, or a model of the fleet with the task moderate, which is routed.",
    )
    found: OnUnsafe = Field(
        default="refuse",
        description="refuse; next: the next model may answer; review: it waits for a person.",
    )
