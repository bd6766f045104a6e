"""What `mesh eval` shows: progress while it runs, then tables, or one JSON object."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli._show import Screen, Tone, terminal
from orchestrator.money import total_cost, usd
from orchestrator.tracing.explain import dollars, duration
from orchestrator.types import as_json

if TYPE_CHECKING:
    from rich.status import Status

    from orchestrator.evaluation.run import Evaluation
    from orchestrator.evaluation.values import (
        CaseResult,
        CaseStatus,
        Change,
        Comparison,
        EvalRun,
        Sample,
    )

_TONES: dict[str, Tone] = {
    "passed": "good",
    "failed": "bad",
    "flaky": "bad",
    "error": "bad",
    "known failing": "warn",
    "unexpected pass": "warn",
}
_ORDER: tuple[CaseStatus, ...] = (
    "passed",
    "failed",
    "flaky",
    "error",
    "known failing",
    "unexpected pass",
)


class EvalProgress:
    """Counts on standard error while a suite runs; silent where nobody watches."""

    def __init__(self) -> None:
        self._screen = Screen(sys.stderr) if terminal(sys.stderr) else None
        self._status: Status | None = None
        self._name, self._planned = "", 0
        self._samples: list[Sample] = []

    @contextmanager
    def of(self, evaluation: Evaluation) -> Iterator[None]:
        """While that evaluation runs."""
        self._name, self._planned, self._samples = evaluation.suite.name, evaluation.planned, []
        if self._screen is None:
            yield
            return
        text = self._screen.text(self._line(), "quiet")
        with self._screen.console.status(text) as self._status:
            yield

    def sample(self, sample: Sample) -> None:
        """A run was judged."""
        self._samples.append(sample)
        screen = self._screen
        if screen is None:
            return
        if sample.status != "passed":
            tone = _TONES[sample.status]
            screen.print(screen.join((f"  {sample.status:<7}", tone), f" {sample.case}"))
        if self._status is not None:
            self._status.update(screen.text(self._line(), "quiet"))

    def _line(self) -> str:
        passed = sum(sample.status == "passed" for sample in self._samples)
        cost = dollars(usd(total_cost([sample.cost_micro_usd for sample in self._samples])))
        done = f"{len(self._samples)} of {self._planned}"
        return f"{self._name}: {done}, {passed} passed, {cost} so far"


# ── tables ───────────────────────────────────────────────────────────────────────────────


def show_runs(runs: Sequence[tuple[EvalRun, Comparison | None]]) -> None:
    """Every run: its cases, what failed and why, the comparison, the summary."""
    screen = Screen()
    for run, comparison in runs:
        screen.heading(f"{run.suite} ({run.graph})")
        _cases(screen, run)
        _failures(screen, run)
        if comparison:
            _comparison(screen, comparison)
        screen.print("")
        _summary(screen, run)


def _cases(screen: Screen, run: EvalRun) -> None:
    names = screen.names("case", [case.name for case in run.cases], share=0.4)
    right = {"justify": "right", "no_wrap": True}
    table = screen.table(
        names, ("result", {"no_wrap": True}), "verdict", ("cost", right), ("time", right), "models"
    )
    for case in run.cases:
        table.add_row(
            screen.text(case.name),
            _status(screen, case),
            screen.text(_verdicts(case) or screen.sign("none")),
            screen.text(dollars(usd(case.cost_micro_usd))),
            screen.text(duration(case.ms)),
            screen.text(_models(case), "quiet"),
        )
    screen.show(table)


def _status(screen: Screen, case: CaseResult) -> Any:
    repeated = f" {case.passed}/{len(case.samples)}" if len(case.samples) > 1 else ""
    return screen.text(f"{case.status}{repeated}", _TONES[case.status])


def _verdicts(case: CaseResult) -> str:
    return ", ".join(dict.fromkeys(sample.verdict for sample in case.samples if sample.verdict))


def _models(case: CaseResult) -> str:
    if all(sample.error for sample in case.samples):
        return ""
    used = dict.fromkeys(model for sample in case.samples for model in sample.models)
    return ", ".join(used) or "deterministic"


def _failures(screen: Screen, run: EvalRun) -> None:
    """Expected against found, for every case that did not simply pass."""
    bad = [case for case in run.cases if case.status != "passed"]
    if bad:
        screen.heading("What did not pass")
    for case in bad:
        screen.print(screen.join((f"  {case.name}", "strong"), (f"  {case.status}", "quiet")))
        if case.known_failing:
            screen.prose(case.known_failing, 4, "quiet")
        told: set[str] = set()
        for sample in case.samples:
            for line in _reasons(screen, sample):
                if line not in told:
                    screen.prose(line, 4)
                told.add(line)
        traces = [sample.trace_id for sample in case.samples if sample.status != "passed"]
        if any(traces):
            screen.prose(f"mesh trace why {next(t for t in traces if t)}", 4, "quiet")


def _reasons(screen: Screen, sample: Sample) -> Iterator[str]:
    if sample.error:
        yield f"error: {sample.error}"
    for failure in sample.failures:
        expected, found = screen.short(failure.expected, 200), screen.short(failure.found, 300)
        yield f"{failure.check}: expected {expected}; found {found}"


def _comparison(screen: Screen, comparison: Comparison) -> None:
    screen.heading(f"Against {comparison.against}")
    shown = [change for change in comparison.changes if change.kind != "same"]
    for change in shown:
        tone: Tone = "bad" if change.regression else "good" if change.kind == "better" else ""
        screen.print(
            screen.join((f"  {change.kind:<10}", tone), f" {change.case}", _change(change))
        )
    same = len(comparison.changes) - len(shown)
    screen.prose(f"{same} the same", 2, "quiet")
    for name, (before, now) in comparison.differs.items():
        screen.prose(f"{name.replace('_', ' ')}: {before} before, {now} now", 2, "quiet")


def _change(change: Change) -> str:
    def share(value: float | None) -> str:
        return "none" if value is None else f"{value:.0%}"

    told = f": {share(change.before)} before, {share(change.now)} now"
    if change.p is not None:
        told += f" (p = {change.p:.2f}{'' if change.regression else ', may be chance'})"
    return told if change.kind in ("better", "worse", "no result") else ""


def _summary(screen: Screen, run: EvalRun) -> None:
    counts = run.counts
    parts = [f"{counts[kind]} {kind}" for kind in _ORDER if counts.get(kind)]
    facts = [", ".join(parts), dollars(usd(run.cost_micro_usd)), duration(run.ms)]
    good = run.met and not counts.get("error") and run.complete
    sign = screen.sign("yes" if good else "no")
    rate = ""
    if run.pass_rate is not None and run.interval is not None:
        low, high = run.interval
        n = len(run.rated)
        rate = f"pass rate {run.pass_rate:.0%} of {n} (95 % interval {low:.0%} to {high:.0%})"
    stopped = "" if run.complete else "stopped before the end"
    line = f" {screen.facts([*facts[:1], rate, *facts[1:], stopped])}"
    screen.print(screen.join((sign, "good" if good else "bad"), line))


# ── JSON ─────────────────────────────────────────────────────────────────────────────────


def runs_json(
    runs: Sequence[tuple[EvalRun, Comparison | None, Path]], reasons: Sequence[str]
) -> dict[str, Any]:
    """Everything, with what is derived; costs as micro-dollars and US dollars, null if unknown."""
    return {
        "ok": not reasons and not any(run.counts.get("error") for run, _, _ in runs),
        "reasons": list(reasons),
        "runs": [
            {**_run_json(run), "file": str(file), "comparison": _comparison_json(comparison)}
            for run, comparison, file in runs
        ],
    }


def _run_json(run: EvalRun) -> dict[str, Any]:
    return {
        **as_json(run),
        "cases": [
            {**as_json(c), "status": c.status, "passed": c.passed, "share": c.share}
            for c in run.cases
        ],
        "counts": dict(run.counts),
        "pass_rate": run.pass_rate,
        "interval": as_json(run.interval),
        "met": run.met,
        "cost_usd": usd(run.cost_micro_usd),
    }


def _comparison_json(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {**as_json(comparison), "regressions": list(comparison.regressions)}
