"""The functions and conditions that the shipped graphs name.

A function takes the values of its nodes by name, the graph's inputs, `round` and `at_most`. One
with `to:` returns `(label, value)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from orchestrator.evidence.values import Draft, Value
from orchestrator.graph.judging import Judgement, judge
from orchestrator.project.registry import condition, function
from orchestrator.roles.conversation import in_context, turns_in
from orchestrator.roles.rendering import ended, no_answer, render_sentences, result_sentences, title
from orchestrator.roles.values import (
    Checks,
    CitationReport,
    FinalAnswer,
    Plan,
    Result,
    Verdict,
)

V = TypeVar("V", bound=Value)
NOT_CHECKED = "not cross-checked"


@condition("draft_is_verbatim")
def draft_is_verbatim(inputs: Mapping[str, Any]) -> bool:
    """Whether code selected the draft's spans, so that somebody may phrase them."""
    draft = _maybe(inputs, Draft)
    return draft is not None and draft.verbatim and not draft.abstain


@function("accept_revise_or_abstain", reads=(Draft | None, Checks | None, CitationReport | None))
def accept_revise_or_abstain(
    inputs: Mapping[str, Any],
) -> tuple[Literal["revise", "done"], Verdict]:
    """The verdict over a checked draft: `revise` while something was rejected and rounds are
    left, else `done`.

    Done is `accepted` where every claim is supported and every citation stands and supports;
    `revised` where an earlier round or this one had to drop something and an answer is left;
    `abstained` where none is left, or where the sources disagree on what was asked.
    """
    draft = _maybe(inputs, Draft) or Draft(abstain="there is no draft")
    now, most = int(inputs["round"]), int(inputs["at_most"])
    if draft.abstain:
        return "done", Verdict(
            verdict="abstained", reason=draft.abstain, rejected=draft.rejected, round=now
        )
    found = judge(
        draft,
        _maybe(inputs, Checks) or Checks(),
        _maybe(inputs, CitationReport) or CitationReport(),
        in_context(str(inputs.get("question") or ""), turns_in(inputs))[0],
    )
    if found.undecided:
        name = "revised" if found.answers else "abstained"
        disputed = _verdict(name, found, found.dispute(), now)
        return "done", disputed.model_copy(update={"disputed": found.spans})
    if found.rejected and now < most:
        return "revise", _verdict("revised", found, found.summary(), now)
    if not found.answers:
        return "done", _verdict("abstained", found, found.summary(), now)
    if found.rejected:
        return "done", _verdict("revised", found, found.summary(), now)
    if now:
        return "done", _verdict("revised", found, "what was rejected before is left out", now)
    return "done", _verdict("accepted", found, "", now)


@function("as_answer", reads=(Result,))
def as_answer(inputs: Mapping[str, Any]) -> FinalAnswer:
    """One specialist's result as the final answer."""
    result = _maybe(inputs, Result)
    if result is None or result.failed:
        reason = result.failed if result else "there is no result"
        return FinalAnswer(text=no_answer(reason), verdict="abstained", reason=reason)
    rendered = render_sentences(result_sentences(result), {})
    return FinalAnswer(
        text=rendered.text, verdict=None, reason=NOT_CHECKED, citations=rendered.citations
    )


@function("merge_results", reads=(Plan, Result))
def merge_results(inputs: Mapping[str, Any]) -> FinalAnswer:
    """All results in the order of the plan, under headings; what failed is named."""
    plan = _maybe(inputs, Plan)
    results = {r.subtask: r for r in _all(inputs, Result)}
    subtasks = plan.subtasks if plan else ()
    done = [s for s in subtasks if s.id in results and not results[s.id].failed]
    missing = [
        f"{s.description.rstrip('.')}: {results[s.id].failed if s.id in results else 'no result'}"
        for s in subtasks
        if s not in done
    ]
    reason = "; ".join(missing)
    if not done:
        reason = reason or "there is no plan"
        return FinalAnswer(text=no_answer(reason), verdict="abstained", reason=reason)
    cited = [s for subtask in done for s in result_sentences(results[subtask.id])]
    rendered = render_sentences(cited, {s.id: title(s) for s in subtasks if len(subtasks) > 1})
    text = rendered.text + (f"\n\nNot done: {ended(reason)}" if missing else "")
    return FinalAnswer(
        text=text,
        verdict=None,
        reason="; ".join([*missing, NOT_CHECKED]),
        citations=rendered.citations,
    )


def _verdict(name: Any, found: Judgement, reason: str, now: int) -> Verdict:
    return Verdict(
        verdict=name,
        reason=reason,
        draft=() if name == "abstained" else found.kept,
        checks=found.checks,
        rejected=found.rejected,
        gaps=found.gaps,
        round=now,
    )


def _all(inputs: Mapping[str, Any], kind: type[V]) -> list[V]:
    found: list[V] = []
    for value in inputs.values():
        items = value if isinstance(value, (list, tuple)) else [value]
        found += [item for item in items if isinstance(item, kind)]
    return found


def _maybe(inputs: Mapping[str, Any], kind: type[V]) -> V | None:
    found = _all(inputs, kind)
    return found[-1] if found else None
