"""Calculations, calculated once more: no model is asked about a number that code can prove."""

from __future__ import annotations

from orchestrator.evidence.values import Calculation, ClaimCheck, Sentence
from orchestrator.roles.calc.solve import again
from orchestrator.types import ClaimStatus

CALCULATOR = "calculator"


def recomputed(sentence: Sentence, calculation: Calculation) -> ClaimCheck:
    """A calculation, calculated once more from its expression."""
    status, reason = _agrees(calculation, sentence.text)
    return ClaimCheck(
        claim=sentence.id,
        text=sentence.text,
        status=status,
        reason=reason,
        kind=None if status == "supported" else "calculation",
        by=CALCULATOR,
    )


def _agrees(calculation: Calculation, text: str) -> tuple[ClaimStatus, str]:
    try:
        result = again(calculation)
    except ValueError as error:
        return "unsupported", f"cannot be calculated again: {error}"
    if result != calculation.result:
        return "contradicted", f"{calculation.expression} is {result}, not {calculation.result}"
    if calculation.shown and calculation.shown not in text:
        return "contradicted", f"the sentence does not say {calculation.shown}"
    return "supported", f"{calculation.expression} = {result}"
