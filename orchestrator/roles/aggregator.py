"""The aggregator: chooses and orders verified sentences; it cannot write one.

What it is given has passed every check, and nothing else reaches the answer: a model that writes
prose here is refused, and where none can be asked the sentences stay in the order of the draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from orchestrator.errors import CallError, NoCandidateError, OverBudgetError
from orchestrator.evidence.claims import units
from orchestrator.evidence.values import ClaimCheck, Sentence
from orchestrator.project.registry import role
from orchestrator.roles.checking.calculation import CALCULATOR
from orchestrator.roles.checking.checker import CHECKERS
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.rendering import (
    checked_in_words,
    ended,
    no_answer,
    render_sentences,
    title,
)
from orchestrator.roles.values import Checking, Checks, FinalAnswer, Plan, Result, Verdict
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import ClaimStatus, as_json

WORSE: tuple[ClaimStatus, ...] = get_args(ClaimStatus)
"""From the best that may be found of a claim to the worst."""
NOT_CARRIED = "the sources do not carry what was drafted"
NOT_CHECKED = "not checked, as the policy has it"
NOBODY_ASKED = (
    "the policy wants a person's approval, and this graph asks nobody: let the aggregator read a "
    "node with `ask`"
)
APPROVED = frozenset({"approve", "approved", "yes", "ok"})


@role(
    "aggregator",
    reads=(Verdict, Checks | None, Plan | None, Result | None),
    variables=("question", "sentences"),
)
async def aggregate(work: Work) -> FinalAnswer:
    """The final answer: accepted sentences with numbered citations, or why there is none."""
    verdict, checks = decided(work), work.maybe(Checks)
    independence = checks.independence if checks else "none"
    checking = _checking(work, verdict)
    sentences = [s for s in verdict.draft if s.kind != "heading"]
    if verdict.verdict == "abstained" or not sentences:
        return abstention(verdict, independence, checking)
    titles = {s.subtask: s.text for s in verdict.draft if s.kind == "heading"}
    by_id = {s.id: s for s in sentences}
    ordered = await _order(work, sentences)
    rendered = render_sentences([by_id[i] for i in ordered], titles)
    gaps = unanswered(work, verdict)
    unchecked = verdict.effort == "none"
    return FinalAnswer(
        text="\n\n".join([rendered.text, *gaps]),
        verdict=None if unchecked else "revised" if gaps else verdict.verdict,
        reason="; ".join([*_unsaid(verdict.reason or NOT_CHECKED * unchecked, gaps), *gaps]),
        citations=rendered.citations,
        claims=_claims(verdict),
        independence=independence,
        checking=checking,
    )


def decided(work: Work) -> Verdict:
    """The verdict, and where a person has the last word that of the person.

    The person is asked by a node with `ask` that this one reads. `approve` lets the answer out;
    whatever else is said is the reason why not. Where nobody was asked nothing goes out.
    """
    verdict = work.one(Verdict)
    if lacking := not_independent(work, verdict):
        update = {"verdict": "abstained", "cause": "gate_failed", "reason": lacking, "draft": ()}
        return verdict.model_copy(update=update)
    if verdict.effort != "human" or verdict.verdict == "abstained":
        return verdict
    said = [v for v in work.inputs.values() if isinstance(v, str) and v != work.question]
    if said and said[-1].strip().lower() in APPROVED:
        return verdict.model_copy(update={"reason": verdict.reason or "a person approved it"})
    why = f"a person did not approve it: {said[-1].strip()}" if said else NOBODY_ASKED
    return verdict.model_copy(
        update={"verdict": "abstained", "cause": "gate_failed", "reason": why, "draft": ()}
    )


def not_independent(work: Work, verdict: Verdict) -> str:
    """Why the checking was not as independent as the policy requires; empty where it was, or where
    nothing was to be checked by a model."""
    wanted = CHECKERS.get(verdict.effort, 0)
    checks = work.maybe(Checks)
    if not work.independent or not wanted or verdict.verdict == "abstained":
        return ""
    if checks is not None:
        if all(check.by == CALCULATOR for check in checks.checks):
            return ""
        reached = CHECKERS.get(checks.reached or "none", 0)
        if checks.independence == "other-family" and reached >= wanted:
            return ""
    whom = "a checker" if wanted == 1 else "two checkers"
    return f"{work.independent} requires {whom} of other families than the author's; none is left"


async def _order(work: Work, sentences: Sequence[Sentence]) -> tuple[str, ...]:
    try:
        reply = await work.call(
            variables={
                "question": fence("request", work.question),
                "sentences": "\n".join(
                    fence("sentence", s.text, id=s.id, subtask=s.subtask) for s in sentences
                ),
            },
            inputs={"question": work.question, "sentences": as_json(sentences)},
            check=lambda text: read_order(text, sentences),
            schema=order_schema(sentences),
        )
    except (CallError, NoCandidateError, OverBudgetError) as error:
        work.note(f"in the order of the draft: {error}")
        return tuple(s.id for s in sentences)
    order: tuple[str, ...] = reply.value
    return order


def _checking(work: Work, verdict: Verdict) -> Checking | None:
    """What the checking has done and taken; put on record."""
    if verdict.checking is None:
        return None
    checking = verdict.checking.model_copy(update={"origin": work.effort_origin})
    if verdict.verdict == "abstained":
        lost = {"kept": 0, "deleted": checking.deleted + checking.kept}
        checking = checking.model_copy(update=lost)
    work.note(checked_in_words(checking))
    return checking


def unanswered(work: Work, verdict: Verdict) -> list[str]:
    """A line for each subtask of the plan that the answer says nothing on, with the reason."""
    plan = work.maybe(Plan)
    failed = {r.subtask: r.failed for r in work.all(Result) if r.failed}
    served = {s.subtask for s in verdict.draft}
    return [
        f"Not answered: {title(s)}: "
        + ended(verdict.gaps.get(s.id) or failed.get(s.id) or "nothing supported was found")
        for s in (plan.subtasks if plan else ())
        if s.id not in served
    ]


def abstention(
    verdict: Verdict, independence: str, checking: Checking | None = None
) -> FinalAnswer:
    """Says what was not found, or quotes both where the sources disagree.

    A rejected claim stands in the reason and never in the text, which somebody may pass on.
    """
    reason = verdict.reason or "the sources do not answer the question"
    proven = {"status": "exact", "supported": True}
    quoted = [c.model_copy(update=proven) for c in verdict.disputed]
    return FinalAnswer(
        text=no_answer(reason if verdict.disputed or not verdict.rejected else NOT_CARRIED),
        verdict="abstained",
        reason=reason,
        cause=verdict.cause,
        citations=tuple(quoted),
        claims=_claims(verdict),
        independence=independence,
        checking=checking,
    )


def order_schema(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """The JSON Schema of an order of these sentences."""
    ids = {"type": "string", "enum": [s.id for s in sentences]}
    return {
        "type": "object",
        "properties": {"order": {"type": "array", "items": ids, "minItems": 1}},
        "required": ["order"],
        "additionalProperties": False,
    }


def read_order(text: str, sentences: Sequence[Sentence]) -> tuple[str, ...]:
    """The ids of the sentences in the order that was chosen.

    Raises:
        InvalidOutputError: an id that is not there or stands twice, or a subtask or a calculation
            that the order leaves without an answer.
    """
    order = json_object(text).get("order")
    if not isinstance(order, list) or not all(isinstance(i, str) for i in order):
        raise InvalidOutputError("no list of sentence ids")
    by_id = {s.id: s for s in sentences}
    for sentence_id in order:
        if sentence_id not in by_id:
            raise InvalidOutputError(f"there is no sentence '{sentence_id}'")
        if order.count(sentence_id) > 1:
            raise InvalidOutputError(f"sentence '{sentence_id}' stands twice")
    left_out = {s.subtask for s in sentences} - {by_id[i].subtask for i in order}
    if left_out:
        raise InvalidOutputError(f"nothing is left for the subtask '{min(left_out)}'")
    lost = [s.id for s in sentences if s.kind == "calculation" and s.id not in order]
    if lost:
        raise InvalidOutputError(f"the calculation '{lost[0]}' is left out")
    return tuple(order)


def _unsaid(reason: str, gaps: Sequence[str]) -> list[str]:
    """The verdict's reason, where no gap says it already."""
    return [reason] if reason and not any(reason in gap for gap in gaps) else []


def _claims(verdict: Verdict) -> tuple[ClaimCheck, ...]:
    """Every claim once, with the worst that was found of it.

    A supported sentence with parts is its parts.
    """
    found: dict[str, ClaimCheck] = {}
    for check in (*verdict.checks, *verdict.rejected):
        held = found.get(check.text)
        if held is None or WORSE.index(check.status) > WORSE.index(held.status):
            found[check.text] = check
    told = {id(check) for check in units(list(found.values()))}
    return tuple(c for c in found.values() if id(c) in told or c.status != "supported")
