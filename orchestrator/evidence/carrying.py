"""Whether the quotes of a sentence carry it, by gates and words. No model is asked."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.evidence.quotes import span_passage
from orchestrator.evidence.sources.chunks import readable
from orchestrator.evidence.support import SUPPORTED, check_claim, support
from orchestrator.evidence.values import STANDING, Citation, Claim, Passage, Sentence
from orchestrator.project.protocols import Embedder


def carried(
    sentence: Sentence, passages: Sequence[Passage], embedder: Embedder
) -> tuple[Citation, ...]:
    """The sentence's citations; of those that stand, with whether they carry it and how well.

    A quote counts where all of them together support the sentence, or where it says it verbatim.
    """
    standing = [c for c in sentence.citations if c.status in STANDING]
    if not standing:
        return sentence.citations
    claim = Claim(id=sentence.id, sentence=sentence.id, text=sentence.text)
    spans = [span_passage(c, passages) for c in standing]
    together = check_claim(claim, spans, embedder)
    found = []
    for citation in sentence.citations:
        if citation.status not in STANDING:
            found.append(citation)
            continue
        update: dict[str, object] = {
            "supported": True,
            "support": 1.0,
            "reason": "says it verbatim",
        }
        if _shown(citation) != " ".join(claim.text.split()):
            alone = support(claim.text, [span_passage(citation, passages)], embedder).score
            supported = together.status == "supported"
            least = alone if supported else min(alone, SUPPORTED)
            update = {
                "supported": supported,
                "support": round(least, 3),
                "reason": together.reason,
            }
        found.append(citation.model_copy(update=update))
    return tuple(found)


def _shown(citation: Citation) -> str:
    text = readable(citation.quote, citation.file).strip(" |") or citation.quote
    return " ".join(text.split())
