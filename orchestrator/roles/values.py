"""What agents hand to each other besides evidence: plans, assignments, results, verdicts."""

from __future__ import annotations

from typing import Any, Literal

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


Bound = Literal["steps", "time", "money", "call"]
"""What ended an agent's work with tools before it had an answer; `call`: a model call that failed
for a reason of its own."""


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
    bound: Bound | None = None
    """Where `failed` says that a bound was reached: which. `text` is then what was said last."""


@output_model("verdicts")
class Checks(Value):
    """The checker's findings, one a claim."""

    checks: tuple[ClaimCheck, ...] = ()
    independence: str = Field(default="none", description="other-family, deterministic or none.")
    by: str = ""
    effort: Effort = "model"
    """How much checking was asked for."""
    reached: Effort | None = None
    """How much there was: less than asked for where the fleet has no checker for it."""
    cost_micro_usd: int | None = 0
    """Of all model checkers, in micro-dollars; `None`: unknown."""
    ms: float = 0.0
    """How long the checking took."""


@output_model("citations")
class CitationReport(Value):
    """The citation validator's findings: every citation with its status and support."""

    sentences: tuple[Sentence, ...] = ()
    by: str = ""
    cost_micro_usd: int | None = 0
    """Of a model that was asked, in micro-dollars; `None`: unknown."""
    ms: float = 0.0


class Checking(Value):
    """What the checking of an answer did, and what it took. All rounds together."""

    effort: Effort
    origin: str = ""
    """Who asked for that much: `route:NAME`, `objective` or `default`."""
    reached: Effort | None = None
    """How much there was: less than asked for where the fleet has no checker for it."""
    claims: int = 0
    """Different claims that were checked."""
    kept: int = 0
    deleted: int = 0
    replaced: int = 0
    """Of those deleted, how many a verified claim of an earlier round stands in for."""
    why: str = ""
    """Why the first of the deleted ones went."""
    revisions: int = 0
    ms: float = 0.0
    cost_micro_usd: int | None = 0
    """In micro-dollars; `None`: unknown."""

    @property
    def ms_per_kept(self) -> float | None:
        """Milliseconds for each claim of the answer; `None` where it has none."""
        return self.ms / self.kept if self.kept else None

    @property
    def micro_usd_per_kept(self) -> float | None:
        """Micro-dollars for each claim of the answer; `None` where it has none or it is unknown."""
        known = self.kept and self.cost_micro_usd is not None
        return (self.cost_micro_usd or 0) / self.kept if known else None


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
    passages: int = 0
    """How many the draft could draw on; 0 where nobody counted."""
    effort: Effort = "model"
    checking: Checking | None = None

    @property
    def text(self) -> str:
        """For a person who decides on it: the draft, and each claim with its verdict and votes."""
        lines = [s.text if s.kind != "heading" else f"## {s.text}" for s in self.draft]
        return "\n".join([*lines, "", *(_told(check) for check in self.checks)])


def _told(check: ClaimCheck) -> str:
    status = check.status + (f", {check.probability:.0%} sure" if check.probability else "")
    lines = [f"- {check.text} [{status}]" + (f": {check.reason}" if check.reason else "")]
    lines += [f"    {v.by} ({v.checker}): {v.status}" for v in check.votes]
    return "\n".join(lines)


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
    checking: Checking | None = None
    """`None` where nobody has checked the answer."""
