"""The exceptions, all of them.

MeshError
├── UserError            the user can mend it: printed without a traceback, exit code 2
│   ├── ProjectError     declared files that do not load; carries every Problem found
│   ├── SourceError      a source that cannot be read, or holds no text
│   ├── UnknownNameError a name that is not in a registry or a store
│   ├── PrerequisiteError something that must be installed, set or started first
│   └── ChangedProjectError a run is to be resumed under a project that was edited since
├── RunError             the run failed for a reason outside the project, exit code 3
│   ├── NoCandidateError no deployment is left; names the rules to relax
│   ├── CallError        every attempt failed; carries the attempts
│   │   └── IncompleteError a part of the answer was handed on before it broke off
│   ├── OverBudgetError  the ledger refused the reservation
│   ├── RateLimitedError the caller asks more often than the policy allows; says when to come back
│   ├── KeyRefusedError  a virtual key opens nothing, or not what was asked for
│   ├── InjectionError   a text gives orders that it may not, and the policy refuses it
│   ├── CrossValidationError a single call is asked for what must be checked
│   ├── UnsafeError      a filter rejects a prompt or an answer, and the policy refuses it
│   ├── StorageError     the disk is full or the database cannot be written
│   ├── CancelledRunError the caller stopped the run
│   └── WaitingError     the run waits for a person's answer, exit code 4
└── InternalError        our bug: an invariant does not hold
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from orchestrator.records import Attempt
    from orchestrator.types import Outcome


class MeshError(Exception):
    """The root. `exit_code` is what the command exits with, `retryable` whether again may help."""

    exit_code: ClassVar[int] = 1
    retryable: bool = False


class UserError(MeshError):
    """Something that the user wrote or asked for cannot be; the message says what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a declared file. Lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1
    key: str = ""
    """The key path, for example `models.claude-sonnet.deployments[0].regoin`."""
    message: str
    found: str = ""
    allowed: str = ""
    near: str = ""
    """The nearest valid name, where there is one near enough."""
    snippet: str = ""
    code: str = ""
    """What kind of mistake it is, for programs: `unknown-agent`, `loop-without-bound`, …"""
    severity: Literal["error", "warning"] = "error"
    """An error cannot work as it is written; a warning most likely is not what was meant."""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: "
        if self.key:
            text += f"{self.key}: "
        text += self.message
        if self.found:
            text += f"; found {self.found}"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.near:
            text += f"; did you mean '{self.near}'?"
        return text


class ProjectError(UserError):
    """The project does not load. All problems of all files, sorted by file and line.

    Those that alone would not keep it from loading are the `warnings`.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = sorted(problems, key=lambda p: (p.file, p.line, p.column, p.key))
        self.problems: tuple[Problem, ...] = tuple(p for p in found if p.severity == "error")
        self.warnings: tuple[Problem, ...] = tuple(p for p in found if p.severity == "warning")
        super().__init__("\n".join(str(p) for p in self.problems))


class SourceError(UserError):
    """A source cannot be read, is of no known kind, or holds no text."""


class UnknownNameError(UserError):
    """A name that nothing answers to: `kind`, `name`, and the near name if there is one."""

    def __init__(self, kind: str, name: str, known: Sequence[str], where: str = "") -> None:
        from orchestrator.project.names import listing, nearest

        self.kind, self.name, self.near = kind, name, nearest(name, known)
        hint = f"; did you mean '{self.near}'?" if self.near else ""
        place = f"{where}: " if where else ""
        super().__init__(f"{place}unknown {kind} '{name}'; known: {listing(known)}{hint}")


class PrerequisiteError(UserError):
    """Something is missing on this machine; the message says how to get it."""


class ChangedProjectError(UserError):
    """The project was edited since the run began; resuming it needs consent.

    Attributes:
        changes: what was changed, each in words.
        reused: the nodes whose recorded results are still good.
        anew: the nodes that run (again), because they or something before them changed.
    """

    def __init__(
        self, run: str, changes: Sequence[str], reused: Sequence[str], anew: Sequence[str]
    ) -> None:
        self.run, self.changes = run, tuple(changes)
        self.reused, self.anew = tuple(reused), tuple(anew)
        lines = [f"the project was edited since run '{run}' began:"]
        lines += [f"  {change}" for change in self.changes]
        lines.append(f"kept from what is recorded: {', '.join(self.reused) or 'nothing'}")
        lines.append(f"run now: {', '.join(self.anew) or 'nothing'}")
        super().__init__("\n".join(lines))


class RunError(MeshError):
    """The run could not be completed."""

    exit_code = 3


class NoCandidateError(RunError):
    """The funnel is empty. `relax` is the smallest set of rules whose removal leaves somebody.

    `advice` says the same in words, with what was found and required.
    """

    def __init__(
        self,
        message: str,
        relax: Sequence[str] = (),
        candidates: Sequence[object] = (),
        advice: str = "",
    ):
        self.relax = tuple(relax)
        self.advice = advice
        self.candidates = tuple(candidates)
        super().__init__(message)


class AttemptError(RunError):
    """One attempt failed with a typed outcome. Never leaves `calling/`."""

    def __init__(
        self, outcome: Outcome, message: str = "", *, retry_after_s: float | None = None
    ) -> None:
        self.outcome = outcome
        self.retry_after_s = retry_after_s
        super().__init__(message or str(outcome))


class CallError(RunError):
    """Every attempt that the decision allowed has failed."""

    retryable = True

    def __init__(self, message: str, attempts: Sequence[Attempt] = ()) -> None:
        self.attempts = tuple(attempts)
        super().__init__(message)


class IncompleteError(CallError):
    """The answer broke off after a part of it was handed on, and nobody could go on with it.

    Attributes:
        text: what was handed on.
        reason: why it ends there.
    """

    def __init__(
        self, message: str, attempts: Sequence[Attempt] = (), *, text: str, reason: str
    ) -> None:
        self.text, self.reason = text, reason
        super().__init__(message, attempts)


class OverBudgetError(RunError):
    """A reservation would pass a budget.

    Attributes:
        retry_after_s: in how many seconds the budget's window ends, or else when it is worth asking
            again; `None` where time alone frees nothing.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class RateLimitedError(RunError):
    """The caller asks for more than a limit of the policy allows.

    Attributes:
        retry_after_s: in how many seconds there is room again.
    """

    retryable = True

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class KeyRefusedError(RunError):
    """A virtual key opens nothing, or not this. Its message never holds what was presented.

    Attributes:
        status: 401 (no key, unknown, expired, revoked), 403 (not within its scope), or 503 (it
            cannot be told, since the keys could not be read for too long).
        code: for programs: `missing_key`, `invalid_key`, `expired_key`, `revoked_key`,
            `not_allowed`, `keys_unavailable`.
    """

    def __init__(self, message: str, *, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


class InjectionError(RunError):
    """A text gives orders that it may not give, and the policy says `injection: refuse`.

    Its message says where and of what kind, and holds nothing of the text.
    """

    exit_code = 5


class CrossValidationError(RunError):
    """A single call is asked for what the policy wants cross-validated.

    Attributes:
        graph: that answers such requests; empty where the policy says `refuse`.
    """

    exit_code = 5

    def __init__(self, rule: str, graph: str = "") -> None:
        self.graph = graph
        how = f"run the graph '{graph}'" if graph else "run a graph that checks its answers"
        super().__init__(f"{rule} wants the answer cross-validated, which no single call is; {how}")


class UnsafeError(RunError):
    """A filter rejects a prompt, or every answer to it. The message holds nothing of either.

    Attributes:
        where: `prompt` or `answer`.
        categories: what it was found to be, surest first.
        review: the id under which it waits for a person; empty where nobody is asked.
    """

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        where: Literal["prompt", "answer"] = "prompt",
        categories: Sequence[str] = (),
        review: str = "",
    ) -> None:
        self.where, self.categories, self.review = where, tuple(categories), review
        super().__init__(message)


class StorageError(RunError):
    """What must be kept, or counted together with others, cannot be.

    Attributes:
        retry_after_s: in how many seconds it is worth another try, where that is known.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class CancelledRunError(RunError):
    """The caller stopped the run; what was finished is in the journal."""

    exit_code = 130


class WaitingError(RunError):
    """The run has stopped at a question to a person; everything before it is recorded.

    Attributes:
        run: its id; `Mesh.run(resume=run, answer=…)` goes on.
        node: the node that asks.
        question: what it asks.
        shown: what the person is to see, by node or input name.
        allowed: the answers that it takes; empty where any text will do.
        approval: the id of the approval that it is about; empty for a question of the graph.
    """

    exit_code = 4

    def __init__(
        self,
        run: str,
        node: str,
        question: str,
        shown: Mapping[str, str],
        allowed: Sequence[str] = (),
        *,
        approval: str = "",
    ) -> None:
        self.run, self.node, self.question = run, node, question
        self.approval = approval
        self.shown, self.allowed = dict(shown), tuple(allowed)
        choice = f" ({' or '.join(self.allowed)})" if self.allowed else ""
        super().__init__(f"run '{run}' waits at '{node}' for an answer{choice}: {question}")


class InternalError(MeshError):
    """An invariant of ours does not hold; please report it."""

    exit_code = 70
