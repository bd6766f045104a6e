"""What agents hand to each other besides evidence: plans, assignments, results, verdicts."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from orchestrator.evidence.values import Calculation, Citation, ClaimCheck, Sentence, Value
from orchestrator.project.registry import output_model
from orchestrator.types import AbstainCause, Effort, VerdictName


class PastTurn(Value):
    """An earlier question of the same conversation. Its answer is no source: nothing cites it."""

    question: str
    answer: str = ""
    verdict: VerdictName | None = None
    citations: tuple[str, ...] = ()
    """What the answer cited, as `file:start-end`."""


class Subtask(Value):
    """One part of a request."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    description: str = Field(min_length=1, description="What to do, understandable on its own.")
    task: str = Field(description="draft, math, summarize, extract, classify, code, chat, …")
    needs: tuple[str, ...] = Field(default=(), description="Ids of subtasks that come first.")
    specialist: str = Field(default="", description="The agent; filled by the routing agent.")


@output_model("plan")
class Plan(Value):
    """A DAG of subtasks. `by` says who planned, `note` why a plan was replaced."""

    subtasks: tuple[Subtask, ...] = Field(min_length=1, max_length=12)
    by: str = ""
    note: str = ""


class Assignment(Value):
    """What the routing agent found for one subtask: its specialist, and what decided that."""

    subtask: str
    specialist: str
    deployment: str = ""
    profile: dict[str, Any] = Field(default_factory=dict)
    """The `TaskProfile` as JSON."""
    note: str = ""


class Routing(Value):
    """The routing agent's output. `specialist` is that of the last subtask."""

    assignments: tuple[Assignment, ...]
    specialist: str
    subtasks: tuple[Subtask, ...] = ()


class Result(Value):
    """What a specialist brought back for a subtask."""

    subtask: str
    specialist: str
    task: str
    text: str = ""
    sentences: tuple[Sentence, ...] = ()
    calculation: Calculation | None = None
    failed: str = ""
    """Not empty: why there is no result; subtasks that need it run without it."""


@output_model("verdicts")
class Checks(Value):
    """The checker's findings, one a claim."""

    checks: tuple[ClaimCheck, ...] = ()
    independence: str = Field(default="none", description="other-family, deterministic or none.")
    by: str = ""
    effort: Effort = "model"
    """How much checking was asked for."""
    cost_micro_usd: int | None = 0
    """Of all model checkers, in micro-dollars; `None`: unknown."""
    ms: float = 0.0
    """How long the checking took."""


@output_model("citations")
class CitationReport(Value):
    """The citation validator's findings: every citation with its status and support."""

    sentences: tuple[Sentence, ...] = ()
    by: str = ""


class Verdict(Value):
    """What cross-validation says, and what goes back to the generator where it says revise."""

    verdict: VerdictName
    reason: str = ""
    cause: AbstainCause | None = None
    """Of an abstention."""
    draft: tuple[Sentence, ...] = ()
    checks: tuple[ClaimCheck, ...] = ()
    rejected: tuple[ClaimCheck, ...] = ()
    disputed: tuple[Citation, ...] = ()
    """Where the sources contradict each other on what was asked: the spans on both sides."""
    gaps: dict[str, str] = Field(default_factory=dict)
    """Subtask of which nothing is left → why."""
    round: int = 0


@output_model("answer")
class FinalAnswer(Value):
    """What the caller gets."""

    text: str
    verdict: VerdictName | None
    """`None` where nobody has checked the answer."""
    reason: str = ""
    cause: AbstainCause | None = None
    """Of an abstention."""
    citations: tuple[Citation, ...] = ()
    claims: tuple[ClaimCheck, ...] = ()
    independence: str = "none"
