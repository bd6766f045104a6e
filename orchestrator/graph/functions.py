"""The functions and conditions that the shipped graphs name.

A function takes the values of its nodes by name, the graph's inputs, `round` and `at_most`. One
with `to:` returns `(label, value)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from orchestrator.evidence.values import Draft, Passage, Sentence, Value
from orchestrator.graph.judging import judge
from orchestrator.graph.mending import mended
from orchestrator.graph.rounds import Last
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
from orchestrator.types import AbstainCause, VerdictName

V = TypeVar("V", bound=Value)
NOT_CHECKED = "not cross-checked"


@condition("draft_is_verbatim")
def draft_is_verbatim(inputs: Mapping[str, Any]) -> bool:
    """Whether code selected the draft's spans, so that somebody may phrase them."""
    draft = _maybe(inputs, Draft)
    return draft is not None and draft.verbatim and not draft.abstain


@condition("a_person_decides")
def a_person_decides(inputs: Mapping[str, Any]) -> bool:
    """Whether there is an answer that must not go out before a person has said so."""
    verdict = _maybe(inputs, Verdict)
    return verdict is not None and verdict.effort == "human" and verdict.verdict != "abstained"


@function(
    "accept_revise_or_abstain",
    reads=(Draft | None, Checks | None, CitationReport | None, Passage | None, Verdict | None),
)
def accept_revise_or_abstain(
    inputs: Mapping[str, Any],
) -> tuple[Literal["revise", "done"], Verdict]:
    """The verdict over a checked draft: `revise` while a revision may still bring something, else
    `done`.

    Done is `accepted` where every claim is supported and every citation stands and supports;
    `revised` where an earlier round or this one had to drop or replace something and an answer is
    left; `abstained`, with its cause, where none is left, or where the sources disagree on what was
    asked. No revision follows one that was rejected for the same, or that had no new evidence and
    gained nothing.

    In a later round it finds among its inputs what it said in the one before.
    """
    draft = _maybe(inputs, Draft) or Draft(abstain="there is no draft")
    checks = _maybe(inputs, Checks) or Checks()
    report = _maybe(inputs, CitationReport) or CitationReport()
    before = _maybe(inputs, Verdict)
    passages = _all(inputs, Passage)
    now, most = int(inputs["round"]), int(inputs["at_most"])
    if draft.abstain:
        return "done", _without_draft(draft, before, now)
    asked = in_context(str(inputs.get("question") or ""), turns_in(inputs))[0]
    found = judge(draft, checks, report, asked, passages)
    last = Last(before, found, checks, report, now, len(passages))
    if not found.undecided and found.rejected and now < most and last.may_gain:
        return "revise", last.verdict("revised", found.kept, reason=found.summary())
    kept, came = mended(found, draft, before.draft if before else ())
    return "done", _done(last, kept, came)


def _without_draft(draft: Draft, before: Verdict | None, now: int) -> Verdict:
    """Nothing new was written: what earlier rounds have verified is the answer, if there is any."""
    if before is not None and any(s.kind != "heading" for s in before.draft):
        changes = {"round": now, "reason": f"{before.reason}; {draft.abstain}"}
        return before.model_copy(update={"verdict": "revised", **changes})
    checking = before.checking if before else None
    return Verdict(
        verdict="abstained",
        reason=draft.abstain,
        cause=draft.cause or ("gate_failed" if draft.rejected else "no_evidence"),
        rejected=draft.rejected,
        round=now,
        checking=checking,
    )


def _done(last: Last, kept: Sequence[Sentence], came: Sequence[Sentence]) -> Verdict:
    found = last.found
    answers = any(s.kind != "heading" for s in kept)
    if found.undecided:
        name: VerdictName = "revised" if answers else "abstained"
        verdict = last.verdict(name, kept, came, found.dispute(), None if answers else "conflict")
        return verdict.model_copy(update={"disputed": found.spans})
    if not answers:
        cause: AbstainCause = "budget" if last.out_of_means else "gate_failed"
        return last.verdict("abstained", kept, came, found.summary(), cause)
    if found.rejected:
        return last.verdict("revised", kept, came, found.summary())
    if last.round:
        return last.verdict("revised", kept, came, "what was rejected before is left out")
    return last.verdict("accepted", kept, came)


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


def _all(inputs: Mapping[str, Any], kind: type[V]) -> list[V]:
    found: list[V] = []
    for value in inputs.values():
        items = value if isinstance(value, (list, tuple)) else [value]
        found += [item for item in items if isinstance(item, kind)]
    return found


def _maybe(inputs: Mapping[str, Any], kind: type[V]) -> V | None:
    found = _all(inputs, kind)
    return found[-1] if found else None
