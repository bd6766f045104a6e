"""What an evaluation brings back. Frozen, JSON-like, and read back with `types.from_json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.evaluation.statistics import wilson
from orchestrator.money import total_cost
from orchestrator.types import VerdictName

SampleStatus = Literal["passed", "failed", "error"]
CaseStatus = Literal["passed", "failed", "flaky", "error", "known failing", "unexpected pass"]

FORMAT = 1
"""Of the saved file; a reader refuses one that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One expectation that an answer did not meet, in words for a person."""

    check: str
    """The key of `expect` (`verdict`, `contains`, …) or the name of a registered check."""
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one case."""

    case: str
    repetition: int
    """From 1."""
    status: SampleStatus
    failures: tuple[Failure, ...] = ()
    error: str = ""
    """Why there is no answer to judge, or why it could not be judged."""
    text: str = ""
    verdict: VerdictName | None = None
    citations: tuple[str, ...] = ()
    """The cited files, each once, in the order in which they are cited first."""
    models: tuple[str, ...] = ()
    """The trained ones that answered, in the order in which they did so first; where there is
    none, deterministic models did it all."""
    cost_micro_usd: int | None = 0
    """`None` is unknown; 0 for an error of which nothing is known to have been paid."""
    ms: float = 0.0
    trace_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """All samples of one case; fewer than asked for where the evaluation was stopped."""

    name: str
    digest: str
    """Of inputs and expectations: two results are comparable where it is the same."""
    tags: tuple[str, ...] = ()
    question: str = ""
    """The first text input."""
    known_failing: str | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def judged(self) -> int:
        """The samples that passed or failed; errors say nothing about quality."""
        return sum(sample.status != "error" for sample in self.samples)

    @property
    def passed(self) -> int:
        return sum(sample.status == "passed" for sample in self.samples)

    @property
    def share(self) -> float | None:
        """Passed of judged, 0..1; `None` where nothing could be judged."""
        return self.passed / self.judged if self.judged else None

    @property
    def status(self) -> CaseStatus:
        """One word for the whole case. `flaky`: some of its repetitions passed, some failed."""
        if self.known_failing and self.judged:
            return "unexpected pass" if self.passed == len(self.samples) else "known failing"
        if 0 < self.passed < self.judged:
            return "flaky"
        if any(sample.status == "error" for sample in self.samples):
            return "failed" if self.judged and not self.passed else "error"
        return "passed" if self.passed else "failed"

    @property
    def cost_micro_usd(self) -> int | None:
        return total_cost([sample.cost_micro_usd for sample in self.samples])

    @property
    def ms(self) -> float:
        """The mean time of a run; 0 without samples."""
        return sum(s.ms for s in self.samples) / len(self.samples) if self.samples else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Under which a result came about; figures of two runs compare only where these do."""

    project_hash: str = ""
    policy_hash: str = ""
    fleet_hash: str = ""
    commit: str | None = None
    """Of the project's repository, with `+` where files were changed since; `None` without git."""
    machine: str = ""
    python: str = ""
    version: str = ""
    """Of the orchestrator."""
    jobs: int = 1
    """How many runs went on at the same time; times are longer for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRun:
    """One evaluation of one suite."""

    suite: str
    graph: str
    started_at: float
    """Seconds since the epoch."""
    ms: float
    repetitions: int
    pass_at_least: float
    complete: bool
    """False where it was stopped; then cases or repetitions are missing."""
    circumstances: Circumstances
    cases: tuple[CaseResult, ...]
    format: int = FORMAT

    @property
    def rated(self) -> tuple[CaseResult, ...]:
        """The cases that the pass rate is made of: judged, and not known to fail."""
        return tuple(case for case in self.cases if case.judged and not case.known_failing)

    @property
    def pass_rate(self) -> float | None:
        """The mean share of passed repetitions, 0..1; `None` where nothing could be judged."""
        shares = [case.share or 0.0 for case in self.rated]
        return sum(shares) / len(shares) if shares else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The Wilson 95 % interval of the pass rate, over cases.

        Repetitions of one case are no independent evidence on others, so they do not make it
        narrower.
        """
        rate = self.pass_rate
        return None if rate is None else wilson(rate * len(self.rated), len(self.rated))

    @property
    def met(self) -> bool:
        """Whether the pass rate reaches the suite's threshold; true where nothing was rated."""
        rate = self.pass_rate
        return rate is None or rate >= self.pass_at_least - 1e-9

    @property
    def counts(self) -> Mapping[CaseStatus, int]:
        """How many cases ended how."""
        return Counter(case.status for case in self.cases)

    @property
    def cost_micro_usd(self) -> int | None:
        """The sum; `None` as soon as one cost is unknown."""
        return total_cost([case.cost_micro_usd for case in self.cases])


ChangeKind = Literal["worse", "better", "same", "new", "gone", "edited", "no result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one case since the saved run."""

    case: str
    kind: ChangeKind
    """`edited`: its inputs or expectations were changed, so the two results are not comparable.
    `no result`: one of the two runs could not judge it."""
    before: float | None = None
    """The share of passed repetitions then."""
    now: float | None = None
    regression: bool = False
    p: float | None = None
    """Of the one-sided exact test, where there were repetitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs of a suite side by side."""

    against: str
    """The id of the saved run, or its file."""
    changes: tuple[Change, ...] = ()
    """In the order of the cases now; those that are gone come last."""
    differs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By field of `Circumstances`: what it was and what it is, where they differ."""

    @property
    def regressions(self) -> tuple[str, ...]:
        return tuple(change.case for change in self.changes if change.regression)
