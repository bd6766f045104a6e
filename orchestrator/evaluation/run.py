"""Carries the cases of a suite out, a few at a time, and judges what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from orchestrator.errors import InternalError, MeshError, UnknownNameError, UserError
from orchestrator.evaluation.expectations import Check, case_content, judge
from orchestrator.evaluation.values import CaseResult, Circumstances, EvalRun, Sample
from orchestrator.graph.answer import Answer, RunOptions
from orchestrator.money import total_cost
from orchestrator.project.schema import Graph, Project
from orchestrator.project.suite_schema import Case, Suite, SuiteOptions
from orchestrator.project.suites import complete_cases
from orchestrator.records import Hop
from orchestrator.roles.events import RunEvent
from orchestrator.tracing.explain import answered
from orchestrator.types import digest

JOBS = 4
"""How many runs go on at the same time where nobody says."""


class Runner(Protocol):
    """Carries one graph out; `Mesh.run` is one."""

    async def __call__(
        self,
        graph: str,
        *,
        options: RunOptions,
        on_event: Callable[[RunEvent], None] | None,
        **inputs: Any,
    ) -> Answer: ...


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """One evaluation of one suite. `result` may be asked for at any time, also after a stop."""

    project: Project
    suite: Suite
    cases: tuple[Case, ...]
    runner: Runner
    checks: Mapping[str, Check]
    circumstances: Circumstances
    repetitions: int
    on_sample: Callable[[Sample], None] | None = None
    _samples: list[Sample] = field(default_factory=list)
    _started_at: float = 0.0
    _started: float = 0.0
    _ms: float = 0.0

    @property
    def planned(self) -> int:
        """How many runs there are in all."""
        return len(self.cases) * self.repetitions

    async def run(self) -> EvalRun:
        """Run every case, `circumstances.jobs` at a time.

        What goes wrong with one case is a sample of status `error`; the others go on.

        Raises:
            InternalError: a bug of ours, at once.
        """
        self._started_at, self._started = time.time(), time.monotonic()
        # Round by round, so that what a stop leaves is spread over the cases.
        waiting = [(case, n) for n in range(1, self.repetitions + 1) for case in self.cases]
        queue = iter(waiting)

        async def work() -> None:
            for case, repetition in queue:
                self._add(await self._sample(case, repetition))

        workers = [
            asyncio.create_task(work()) for _ in range(min(self.circumstances.jobs, self.planned))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return self.result()

    def result(self) -> EvalRun:
        """What there is so far."""
        return EvalRun(
            suite=self.suite.name,
            graph=self.suite.graph,
            started_at=self._started_at,
            ms=self._ms,
            repetitions=self.repetitions,
            pass_at_least=self.suite.pass_at_least,
            complete=len(self._samples) == self.planned,
            circumstances=self.circumstances,
            cases=tuple(result for case in self.cases if (result := self._case(case)).samples),
        )

    def _add(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._ms = (time.monotonic() - self._started) * 1000
        if self.on_sample:
            self.on_sample(sample)

    def _case(self, case: Case) -> CaseResult:
        samples = [sample for sample in self._samples if sample.case == case.name]
        return CaseResult(
            name=case.name or "",
            digest=digest(case_content(case)),
            tags=case.tags,
            question=next((v for v in case.input.values() if isinstance(v, str)), ""),
            known_failing=case.known_failing,
            samples=tuple(sorted(samples, key=lambda sample: sample.repetition)),
        )

    async def _sample(self, case: Case, repetition: int) -> Sample:
        name, root = case.name or "", Path(self.project.root)
        given = with_paths(case, self.project.graphs[self.suite.graph], root)
        hops: dict[str, Hop] = {}
        started = time.monotonic()

        def see(event: RunEvent) -> None:
            if isinstance(event, Hop):
                hops[event.id] = event

        def error(reason: str) -> Sample:
            return Sample(
                case=name,
                repetition=repetition,
                status="error",
                error=reason,
                cost_micro_usd=total_cost([hop.cost_micro_usd for hop in hops.values()]),
                ms=(time.monotonic() - started) * 1000,
                trace_id=next((hop.trace_id for hop in hops.values()), ""),
            )

        try:
            answer = await self.runner(
                self.suite.graph,
                options=run_options(self.suite.options),
                on_event=see,
                **given.input,
            )
        except InternalError:
            raise
        except MeshError as failure:
            return error(str(failure))
        ms = (time.monotonic() - started) * 1000
        try:
            failures = await judge(answer, given, root=root, ms=ms, checks=self.checks)
        except Exception as failure:  # noqa: BLE001 - a project's own check may raise anything
            return error(f"a check broke: {type(failure).__name__}: {failure}")
        return Sample(
            case=name,
            repetition=repetition,
            status="failed" if failures else "passed",
            failures=failures,
            text=answer.text,
            verdict=answer.verdict,
            citations=tuple(dict.fromkeys(citation.file for citation in answer.citations)),
            models=trained_models(answer.hops),
            cost_micro_usd=answer.cost_micro_usd,
            ms=ms,
            trace_id=answer.trace_id,
        )


def find_suite(project: Project, name: str) -> Suite:
    """The suite of that name.

    Raises:
        UserError: the project has no suites at all, or none of that name.
    """
    if not project.suites:
        raise UserError(
            f"the project in {Path(project.root).resolve()} has no suites: "
            "write one to evals/NAME.yaml, or start with mesh init"
        )
    if name not in project.suites:
        raise UnknownNameError("suite", name, tuple(project.suites))
    return project.suites[name]


def choose_cases(suite: Suite, names: Sequence[str], tags: Sequence[str]) -> tuple[Case, ...]:
    """The cases whose name fits one of `names` (shell patterns) and that have one of `tags`.

    Empty means all.

    Raises:
        UnknownNameError: a pattern or a tag that no case has.
        UserError: each is known, and no case has both.
    """
    cases = complete_cases(suite)
    known = [case.name or "" for case in cases]
    for pattern in names:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UnknownNameError("case", pattern, known, f"suite '{suite.name}'")
    known_tags = sorted({tag for case in cases for tag in case.tags})
    for tag in tags:
        if tag not in known_tags:
            raise UnknownNameError("tag", tag, known_tags, f"suite '{suite.name}'")
    chosen = tuple(
        case
        for case in cases
        if (not names or any(fnmatchcase(case.name or "", pattern) for pattern in names))
        and (not tags or set(tags) & set(case.tags))
    )
    if not chosen:
        raise UserError(f"suite '{suite.name}': no case has both that name and that tag")
    return chosen


def run_options(options: SuiteOptions) -> RunOptions:
    """A suite's options as those of a run."""
    return RunOptions(
        data_class=options.data_class,
        risk=options.risk,
        tags=options.tags,
        budget_usd=options.budget_usd,
        deadline_ms=options.deadline_ms,
    )


def with_paths(case: Case, graph: Graph, root: Path) -> Case:
    """The case with its paths as the process finds them, whatever folder it runs in."""
    found = dict(case.input)
    for name, value in case.input.items():
        if graph.input[name].rstrip("?") == "paths":
            paths = (value,) if isinstance(value, str) else value
            found[name] = tuple((root / path).as_posix() for path in paths)
    return case.model_copy(update={"input": found})


def trained_models(hops: Sequence[Hop]) -> tuple[str, ...]:
    """The models with a family that answered, each once."""
    used = [attempt for hop in hops if (attempt := answered(hop))]
    return tuple(dict.fromkeys(attempt.model for attempt in used if attempt.family))
