"""Two runs of one suite: which cases got worse, better, were added, edited or are gone."""

from __future__ import annotations

import dataclasses

from orchestrator.evaluation.statistics import drop_p
from orchestrator.evaluation.values import CaseResult, Change, Comparison, EvalRun

SIGNIFICANT = 0.05
"""The exact test's p at or below which a drop counts. 3 of 3 before and 0 of 3 now is 0.05."""


def compare(before: EvalRun, now: EvalRun, against: str, *, partial: bool = False) -> Comparison:
    """`now` against `before`, case by case.

    A regression is a case that always passed and fails now in its only run; with repetitions, a
    drop of its share that Fisher's exact test (one-sided) finds significant. A case that is
    marked as known to fail is no regression, nor is one that was edited.

    Args:
        against: what `before` is called in messages.
        partial: only some cases were asked for now, so those missing are not gone.
    """
    then = {case.name: case for case in before.cases}
    changes = [_change(then.get(case.name), case) for case in now.cases]
    names = {case.name for case in now.cases}
    if now.complete and not partial:
        changes += [
            Change(case=case.name, kind="gone", before=case.share)
            for case in before.cases
            if case.name not in names
        ]
    return Comparison(against=against, changes=tuple(changes), differs=_differs(before, now))


def _change(before: CaseResult | None, now: CaseResult) -> Change:
    if before is None:
        return Change(case=now.name, kind="new", now=now.share)
    if before.digest != now.digest:
        return Change(case=now.name, kind="edited", before=before.share, now=now.share)
    if before.share is None or now.share is None:
        return Change(case=now.name, kind="no result", before=before.share, now=now.share)
    change = Change(case=now.name, kind="same", before=before.share, now=now.share)
    if now.share > before.share:
        return dataclasses.replace(change, kind="better")
    if now.share == before.share:
        return change
    p = None if _once(before, now) else _p(before, now)
    regression = not now.known_failing and (p is None or p <= SIGNIFICANT)
    return dataclasses.replace(change, kind="worse", regression=regression, p=p)


def _once(before: CaseResult, now: CaseResult) -> bool:
    """Whether a case that always passed failed in its only run: there is nothing to test."""
    return before.share == 1 and now.judged == 1


def _p(before: CaseResult, now: CaseResult) -> float:
    return drop_p(before.passed, before.judged, now.passed, now.judged)


def _differs(before: EvalRun, now: EvalRun) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for field in dataclasses.fields(now.circumstances):
        pair = (getattr(before.circumstances, field.name), getattr(now.circumstances, field.name))
        if pair[0] != pair[1]:
            found[field.name] = (str(pair[0]), str(pair[1]))
    return found
