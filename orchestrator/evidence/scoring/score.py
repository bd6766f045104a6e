"""Claims, scored: the probability, the best passage, and what speaks against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.evidence.scoring.model import SupportModel
from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import Citation, Claim, Passage, ReasonKind
from orchestrator.project.protocols import Embedder


@dataclass(frozen=True, slots=True)
class Scored:
    """`probability` in 0..1; `best` is the window that carries the claim best, if any does.

    `kind` is set where something speaks against the claim: a number that the source gives
    otherwise, a name that it does not mention, too little support.
    """

    probability: float
    best: Citation | None
    kind: ReasonKind | None = None
    claim_says: str = ""
    source_says: str = ""
    reason: str = ""


def score(
    claims: Sequence[str], passages: Sequence[Passage], embedder: Embedder, model: SupportModel
) -> list[Scored]:
    """Each claim's probability by the model, and with the gates a reason for a person."""
    found = []
    for text in claims:
        check = check_claim(Claim(id="c", sentence="c", text=text), passages, embedder, model)
        found.append(
            Scored(
                probability=check.probability or 0.0,
                best=check.against,
                kind=check.kind,
                claim_says=check.claim_says,
                source_says=check.source_says,
                reason=check.reason,
            )
        )
    return found
