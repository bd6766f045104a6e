"""Passages, citations, claims: what evidence is made of. JSON-like, so that a graph can carry it.

All offsets are Unicode code points into the text of the file: `text[start:end]`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.types import AbstainCause, ClaimStatus


class Value(BaseModel):
    """The base of the values that travel between nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Passage(Value):
    """A piece of one source, exactly as it stands there."""

    id: str
    """`p1`, `p2`, … in order of relevance, within one retrieval."""
    file: str
    start: int
    end: int
    text: str
    doc_hash: str
    heading: str = ""
    about: str = ""
    """How its document begins, and the names that stand in it most: what all of it is about."""
    page: int | None = None
    score: float = 0.0


QuoteStatus = Literal[
    "exact", "normalised", "moved", "wrong_document", "stitched", "altered", "absent"
]
STANDING: frozenset[QuoteStatus] = frozenset({"exact", "normalised", "moved"})
"""Quotes that stand in their file, letter by letter or after folding. No other reaches a model."""

CheckerKind = Literal["gates", "scorer", "entailment", "model", "calculator", "person"]

ReasonKind = Literal[
    "number",
    "date",
    "name",
    "negation",
    "modality",
    "antonym",
    "roles",
    "swapped",
    "missing_number",
    "missing_name",
    "unmentioned",
    "little_support",
    "quote",
    "calculation",
    "conflict",
    "model",
    "canary",
    "no_verdict",
    "malformed",
    "timeout",
    "truncated",
]
"""What a claim was rejected for, or is not verified for (the last five)."""


class Citation(Value):
    """A character span of a source."""

    file: str
    start: int
    end: int
    quote: str
    doc_hash: str = ""
    passage: str = ""
    status: QuoteStatus | None = None
    """What the quote gate found; `None` before it ran."""
    supported: bool | None = None
    """Whether the span supports the sentence that cites it; `None` before that was checked."""
    support: float | None = None
    reason: str = ""
    afterwards: bool = False
    """Found by code for a sentence that cited nothing that carries it, and not by its author."""


Unchecked = Literal[
    "greeting", "hedge", "opinion", "request", "meta", "heading", "question", "fragment"
]
"""Why a text states nothing that a source could bear out. `request`: the user's own words; `meta`:
about the answer; `fragment`: too little to be a statement."""


class Resolution(Value):
    """What a word that refers back was taken to mean, and where that comes from."""

    pronoun: str
    """`It`, `their`, `The company`: as it is written."""
    replacement: str
    sentence: str
    """The id of the draft sentence in which the replacement stands."""
    start: int
    end: int
    """Its span there, before any resolution."""


class Claim(Value):
    """One atomic statement of a draft.

    A compound sentence makes a claim of its own, `s1.0`, besides those of its parts, `s1.1`, …
    """

    id: str
    sentence: str
    """The id of the draft sentence that it comes from."""
    text: str
    """What is checked: pronouns replaced where it is sure what they mean."""
    written: str = ""
    """As it is written, where that is another text."""
    resolved: tuple[Resolution, ...] = ()
    part_of: str = ""
    """The id of the claim of the whole sentence; empty where this is one."""
    citations: tuple[Citation, ...] = ()
    checkworthy: bool = True
    unchecked: Unchecked | None = None
    """Why it is not worth checking; `None` where it is."""


class Vote(Value):
    """What one checker found of a claim. How many agree is no confidence: they err together."""

    by: str
    """The deployment, or the name of the gates or of the scorer."""
    checker: CheckerKind
    family: str | None = None
    """Of the model that really answered; `None` for what is no model."""
    status: ClaimStatus
    kind: ReasonKind | None = None
    reason: str = ""
    probability: float | None = None
    """Calibrated, that the claim is supported, in 0..1; of the scorer alone."""


class ClaimCheck(Value):
    """What was found out about a claim. `by` is the deployment or gate that found it."""

    claim: str
    text: str
    status: ClaimStatus
    reason: str = ""
    """A sentence for a person."""
    kind: ReasonKind | None = None
    """What sort of reason; `None` where the claim is supported."""
    claim_says: str = ""
    source_says: str = ""
    """The words that differ: `1899` and `1889`."""
    probability: float | None = None
    """Calibrated, that the claim is supported, in 0..1; `None` where no scorer ran."""
    votes: tuple[Vote, ...] = ()
    """What each checker found, in the order in which they were asked."""
    by: str = ""
    against: Citation | None = None
    """The passage that contradicts it, or that supports it best."""


class Calculation(Value):
    """An exact calculation that anyone can repeat."""

    expression: str
    """With numbers and units only: `120 * 40 EUR/month * 12 month/year`."""
    result: str
    """The exact value as a plain decimal, without separators: `57600`."""
    unit: str = ""
    shown: str = ""
    """For a person: `57,600 EUR`."""
    working: str = ""
    """For a person: `120 employees × 40 EUR × 12 months = 57,600 EUR`."""


class Sentence(Value):
    """One sentence of a draft with the citations that carry it."""

    id: str
    text: str
    citations: tuple[Citation, ...] = ()
    calculation: Calculation | None = None
    kind: Literal["evidence", "calculation", "heading", "connective"] = "evidence"
    subtask: str = ""


class Draft(Value):
    """What the generator wrote, or why it would not."""

    sentences: tuple[Sentence, ...] = ()
    abstain: str = Field(default="", description="Not empty: why there is no answer.")
    cause: AbstainCause | None = None
    """Of an abstention, where it is another one than that the sources do not say it."""
    rejected: tuple[ClaimCheck, ...] = Field(
        default=(), description="What was rejected in earlier rounds, where nothing else is left."
    )
    verbatim: bool = Field(
        default=False, description="True where code selected the spans and nobody phrased them."
    )

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.sentences)
