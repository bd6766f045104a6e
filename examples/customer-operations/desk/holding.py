"""The last word on a draft: a checker's findings, and rules that need no judgement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from orchestrator import function
from orchestrator.evidence.values import Citation, ClaimCheck, Passage, Sentence, Value
from orchestrator.roles.values import Checks, FinalAnswer

from .deciding import Decision, Outcome
from .handbook import INTERNAL, banned, clauses

OPENING = {
    "angry": "We are sorry for the trouble that you have had.",
    "annoyed": "We are sorry that you are not satisfied.",
    "calm": "Thank you for your message.",
}
UNDECIDED: tuple[Outcome, ...] = ("ask", "outside", "escalate")
_AMOUNT = re.compile(r"\d[\d.,]*(?= ?(?:EUR|€))")


class Held(Value):
    """What of a draft may go out."""

    sentences: tuple[Sentence, ...]
    faults: tuple[str, ...]
    """What was wrong with the draft; a second one is told."""
    checks: tuple[ClaimCheck, ...]
    independence: str
    rounds: int


class Resolution(FinalAnswer):
    """The answer, with what the application needs to act on it."""

    outcome: Outcome
    order: str
    refund_eur: str
    voucher_eur: int
    handover: str


@function("hold_to_handbook")
def hold_to_handbook(inputs: Mapping[str, Any]) -> tuple[Literal["again", "done"], Held]:
    """`again` once, where a sentence breaks a rule; then only the sentences that break none."""
    passages, checks, sentences = inputs["clauses"], inputs["check"], inputs["cite"].sentences
    wrong = {s.id: why for s in sentences for why in _faults(s, passages, checks)}
    faults = (*wrong.values(), *_uncited(passages, sentences))
    held = Held(
        sentences=tuple(s for s in sentences if s.id not in wrong),
        faults=faults,
        checks=checks.checks,
        independence=checks.independence,
        rounds=inputs["round"],
    )
    again = bool(faults) and inputs["round"] < inputs["at_most"]
    return ("again" if again else "done"), held


def _faults(sentence: Sentence, passages: Sequence[Passage], checks: Checks) -> Iterator[str]:
    """What is wrong with one sentence of a draft."""
    for word in banned():
        if word in sentence.text.lower():
            yield f"it says '{word}'"
    stated = {amount for clause in passages for amount in _AMOUNT.findall(clause.text)}
    for amount in _AMOUNT.findall(sentence.text):
        if amount not in stated:
            yield f"it promises {amount} EUR, which no clause states"
    if not sentence.citations or not all(citation.supported for citation in sentence.citations):
        yield f"no clause that it cites says so: {sentence.text}"
    for found in checks.checks:
        if found.status != "supported" and found.text in sentence.text:
            yield f"{found.status}: {found.text} ({found.reason})"


def _uncited(passages: Sequence[Passage], sentences: Sequence[Sentence]) -> Iterator[str]:
    cited = {citation.passage for s in sentences for citation in s.citations}
    for clause in passages:
        if clause.id not in cited:
            yield f"clause {clause.id} is not cited"


@function("write_answer")
def write_answer(inputs: Mapping[str, Any]) -> Resolution:
    """What the customer reads. Names, dates and amounts come from the book and the rules alone."""
    case, decision, held = inputs["case"], inputs["decision"], inputs["held"]
    opening = OPENING.get(inputs["sentiment"].label, OPENING["calm"])
    reasons = "\n".join(f"{s.text} [{n}]" for n, s in enumerate(held.sentences, start=1))
    parts = (
        f"Dear {case.order.customer}," if case.order else "Hello,",
        f"{opening} {decision.says}",
        f"Our handbook says:\n{reasons}" if reasons else "",
        "Your service desk",
    )
    undecided = decision.outcome in UNDECIDED
    told = tuple(s.citations[0] for s in held.sentences)
    return Resolution(
        text="\n\n".join(part for part in parts if part),
        verdict="abstained" if undecided else "revised" if held.rounds else "accepted",
        reason=f"{decision.outcome} by {', '.join(decision.clauses)}",
        citations=(*told, *_internal(decision)),
        claims=held.checks,
        independence=held.independence,
        outcome=decision.outcome,
        order=case.order.number if case.order else "",
        refund_eur=str(decision.refund_eur),
        voucher_eur=decision.voucher_eur,
        handover=decision.handover,
    )


def _internal(decision: Decision) -> tuple[Citation, ...]:
    """The desk's own rules behind a decision: for the record, and not in the letter."""
    found = (clauses()[id] for id in decision.clauses)
    return tuple(
        Citation(file=c.file, start=c.start, end=c.end, quote=c.text, status="exact")
        for c in found
        if c.file == INTERNAL
    )
