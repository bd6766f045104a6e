"""How much of a claim stands in a sentence, how much of the sentence in the claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from orchestrator.evidence.language.lexicon import antonyms, negative_prefix
from orchestrator.evidence.language.reading import Reading, clauses, read
from orchestrator.evidence.language.similarity import Vocabulary
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.passage_index import Located, PassageIndex

if TYPE_CHECKING:
    import numpy as np

ALIKE = 0.6
"""Corrected similarity from which two words may speak of the same. Cosines of the static
embedder: `allowed`/`permitted` 0.89, `cost`/`price` 0.68, `director`/`manager` 0.34."""
_ALWAYS = 3
_REPLACES = 0.7
"""From which one may stand in the other's place where two sentences are compared."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """A claim against one sentence, or against the clause of it that fits best.

    `cover` and `back` are weighted shares in 0..1 of the content words of the claim that stand in
    the sentence (or its context), and of the sentence's that stand in the claim.
    """

    claim: Reading
    source: Reading
    at: Located
    cover: float
    back: float
    pairs: tuple[tuple[int, int], ...]
    """Indices into `claim.content` and `source.content` of the words that match."""
    only_claim: tuple[Word, ...]
    only_source: tuple[Word, ...]

    @property
    def apart(self) -> float:
        """How sure it is that the two speak of different things: both have words of their own."""
        return min(1 - self.cover, 1 - self.back)


class ClaimAligner:
    """One claim, ready to be laid over the sentences of an index."""

    def __init__(self, text: str, index: PassageIndex) -> None:
        self.claim = read(text)
        self.index = index

    @cached_property
    def similarities(self) -> np.ndarray:
        """Corrected similarity of the claim's content words to the vocabulary of the index."""
        return self.index.vocabulary.similarities(self.claim.content)

    def candidates(self, limit: int, least: float = 0.0) -> list[int]:
        """The sentences that share most with the claim, best first.

        Args:
            limit: at most so many.
            least: the weighted share of the claim's words below which a sentence is left out,
                but for the best few.
        """
        import numpy as np

        if not self.claim.content or not self.index.sentences:
            return []
        weights = self.index.weights(self.claim.content)
        hits = np.where(self.similarities >= ALIKE, self.similarities, 0.0)
        best = np.maximum(self.index.best_of(hits), 0.8 * self.index.best_of_context(hits))
        scores: list[float] = (weights @ best).tolist()
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        asked = least * float(weights.sum())
        return [
            i
            for place, i in enumerate(order[:limit])
            if scores[i] > 0 and (scores[i] >= asked or place < _ALWAYS)
        ]

    def align(self, number: int) -> Alignment:
        """The claim over a sentence of the index."""
        at = self.index.sentences[number]
        parts = clauses(at.reading.text)
        if len(parts) == 1:
            return self._over(at, at.reading, ())
        found = [
            self._over(at, read(part), read(" ".join(parts[:i])).content)
            for i, part in enumerate(parts)
        ]
        if len(clauses(self.claim.text)) > 1:
            found = [self._over(at, at.reading, ())]
        return max(found, key=lambda a: (a.cover + a.back, -len(a.only_source)))

    def _over(self, at: Located, source: Reading, before: Sequence[Word]) -> Alignment:
        vocabulary: Vocabulary = self.index.vocabulary
        context = {vocabulary.ids[w.stem] for w in at.context}
        elided = {vocabulary.ids[w.stem] for w in before if w.stem in vocabulary.ids}
        names = (self.claim.named, source.named)
        pairs, only_claim, covered, total = [], [], 0.0, 0.0
        matched: set[int] = set()
        for i, word in enumerate(self.claim.content):
            weight = self.index.weight(word.stem)
            total += weight
            own = [j for j, other in enumerate(source.content) if self._alike(i, other, names)]
            pairs += [(i, j) for j in own]
            matched.update(own)
            if own or self._stands_in(i, context):
                covered += weight
            elif self._stands_in(i, elided):
                covered += 0.7 * weight  # `Adults pay 12 EUR and children 6`: pay is understood
            else:
                only_claim.append(word)
        sums = [self.index.weight(w.stem) for w in source.content]
        returned = sum(s for j, s in enumerate(sums) if j in matched)
        return Alignment(
            claim=self.claim,
            source=source,
            at=at,
            cover=covered / total if total else 0.0,
            back=returned / sum(sums) if sums else 0.0,
            pairs=tuple(pairs),
            only_claim=tuple(only_claim),
            only_source=tuple(w for j, w in enumerate(source.content) if j not in matched),
        )

    def _alike(self, row: int, other: Word, names: tuple[frozenset[str], frozenset[str]]) -> bool:
        mine, theirs = self.claim.content[row].stem, other.stem
        if mine == theirs:
            return True
        if mine in names[0] or theirs in names[1]:
            return False  # Lisbon and Porto are alike and yet two cities
        column = self.index.vocabulary.ids.get(theirs)
        if column is not None and self.similarities[row, column] >= _REPLACES:
            return True
        # They fill the same place; the gates say that they disagree.
        return (mine, theirs) in antonyms() or (
            mine.endswith(theirs[-3:]) and negative_prefix(mine, theirs)
        )

    def _stands_in(self, row: int, columns: set[int]) -> bool:
        if self.claim.content[row].stem in self.claim.named:
            same = self.index.vocabulary.ids.get(self.claim.content[row].stem)
            return same in columns
        return any(self.similarities[row, c] >= _REPLACES for c in columns)


@lru_cache(maxsize=64)
def aligner_of(text: str, index: PassageIndex) -> ClaimAligner:
    """The claim over the index; the last ones are kept, for several checks look at each."""
    return ClaimAligner(text, index)
