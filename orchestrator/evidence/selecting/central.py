"""The sentences that say most of what all say together, each thing once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.evidence.passage_index import index_of
from orchestrator.evidence.values import Citation, Passage
from orchestrator.project.protocols import Embedder

_RELEVANCE = 0.7  # against novelty; the usual weight of maximal marginal relevance


def central(
    passages: Sequence[Passage],
    embedder: Embedder,
    *,
    limit: int,
    among: Collection[Citation] | None = None,
) -> tuple[Citation, ...]:
    """At most `limit` sentences in document order, chosen by likeness to the centroid and novelty.

    Maximal marginal relevance (Carbonell and Goldstein, 1998) with the cosine to the mean of the
    sentence vectors as relevance.

    Args:
        among: only sentences that overlap one of these spans; all of them where it is `None`.
    """
    index = index_of(passages, embedder)
    pool = [
        i
        for i, s in enumerate(index.sentences)
        if among is None
        or any(c.file == s.file and c.start < s.end and s.start < c.end for c in among)
    ]
    if not pool:
        return ()
    vectors = index.sentence_vectors[pool]
    relevance = vectors @ vectors.mean(axis=0)
    alike = vectors @ vectors.T
    chosen: list[int] = []
    rest = list(range(len(pool)))
    while rest and len(chosen) < limit:
        best = max(
            rest,
            key=lambda i: (
                _RELEVANCE * float(relevance[i])
                - (1 - _RELEVANCE) * max((float(alike[i, j]) for j in chosen), default=0.0)
            ),
        )
        chosen.append(best)
        rest.remove(best)
    return tuple(index.sentences[pool[i]].citation() for i in sorted(chosen))
