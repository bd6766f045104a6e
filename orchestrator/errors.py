"""The exceptions, all of them.

MeshError
├── UserError            the user can mend it: printed without a traceback, exit code 2
│   ├── ProjectError     declared files that do not load; carries every Problem found
│   ├── SourceError      a source that cannot be read, or holds no text
│   ├── UnknownNameError a name that is not in a registry or a store
│   └── PrerequisiteError something that must be installed, set or started first
├── RunError             the run failed for a reason outside the project, exit code 3
│   ├── NoCandidateError no deployment is left; names the rules to relax
│   ├── CallError        every attempt failed; carries the attempts
│   ├── OverBudgetError  the ledger refused the reservation
│   ├── StorageError     the disk is full or the database cannot be written
│   └── CancelledRunError the caller stopped the run
└── InternalError        our bug: an invariant does not hold
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from orchestrator.types import Attempt, Outcome


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
    """The project does not load. All problems of all files, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            sorted(problems, key=lambda p: (p.file, p.line, p.column, p.key))
        )
        super().__init__("\n".join(str(p) for p in self.problems))


class SourceError(UserError):
    """A source cannot be read, is of no known kind, or holds no text."""


class UnknownNameError(UserError):
    """A name that nothing answers to: `kind`, `name`, and the near name if there is one."""

    def __init__(self, kind: str, name: str, known: Sequence[str], where: str = "") -> None:
        from orchestrator.project.names import nearest

        self.kind, self.name, self.near = kind, name, nearest(name, known)
        hint = f"; did you mean '{self.near}'?" if self.near else ""
        listing = ", ".join(sorted(known)[:12]) or "none"
        place = f"{where}: " if where else ""
        super().__init__(f"{place}unknown {kind} '{name}'; known: {listing}{hint}")


class PrerequisiteError(UserError):
    """Something is missing on this machine; the message says how to get it."""


class RunError(MeshError):
    """The run could not be completed."""

    exit_code = 3


class NoCandidateError(RunError):
    """The funnel is empty. `relax` is the smallest set of rules whose removal leaves somebody."""

    def __init__(self, message: str, relax: Sequence[str] = (), candidates: Sequence[object] = ()):
        self.relax = tuple(relax)
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


class OverBudgetError(RunError):
    """A reservation would pass a budget."""


class StorageError(RunError):
    """What must be kept cannot be written."""


class CancelledRunError(RunError):
    """The caller stopped the run; what was finished is in the journal."""

    exit_code = 130


class InternalError(MeshError):
    """An invariant of ours does not hold; please report it."""

    exit_code = 70
