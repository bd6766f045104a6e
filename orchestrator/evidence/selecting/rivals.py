"""Claims that answer a question against another sentence of the sources that answers it too."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.evidence.selecting.select import select
from orchestrator.evidence.values import Citation, Claim, ClaimCheck, Passage
from orchestrator.project.protocols import Embedder

BY = "claim-gates"
_QUESTION = re.compile(
    r"^\W*(?:\w+ )?(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did|can"
    r"|may"
    r"|must|should|will|has|have)\b.*\?\W*$",
    re.IGNORECASE | re.DOTALL,
)


def rivals(question: str, passages: Sequence[Passage], embedder: Embedder) -> tuple[Citation, ...]:
    """Two sentences that answer a plain question differently; none where the sources agree."""
    if not passages or not _QUESTION.match(question):
        return ()
    return select(question, passages, embedder, limit=2).disputed


def contested(claim: Claim, disputed: Sequence[Citation]) -> ClaimCheck | None:
    """The claim as contradicted, where it stands on one of two sentences that disagree."""
    for own, other in zip(disputed, reversed(disputed), strict=True):
        if any(_overlap(cited, own) for cited in claim.citations) and not any(
            _overlap(cited, other) for cited in claim.citations
        ):
            said = " ".join(other.quote.split())
            return ClaimCheck(
                claim=claim.id,
                text=claim.text,
                status="contradicted",
                reason=f'the sources disagree: {other.file} says "{said}"',
                kind="conflict",
                source_says=said,
                by=BY,
                against=other,
            )
    return None


def _overlap(left: Citation, right: Citation) -> bool:
    return left.file == right.file and left.start < right.end and right.start < left.end
