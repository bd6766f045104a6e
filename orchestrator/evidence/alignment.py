"""How much of a claim stands in a sentence, how much of the sentence in the claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from orchestrator.evidence.keeping import Beside
from orchestrator.evidence.language.lexicon import antonyms, prefixed
from orchestrator.evidence.language.reading import Reading, clauses, read
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.passage_index import Located, PassageIndex

if TYPE_CHECKING:
    import numpy as np

ALIKE = 0.6
"""Corrected similarity from which two words may speak of the same. Cosines of the static
embedder: `allowed`/`permitted` 0.89, `cost`/`price` 0.68, `director`/`manager` 0.34."""
_ALWAYS = 3
_KEPT = 16  # claims over one index
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


class ClaimAligner(Beside):
    """One claim, ready to be laid over the sentences of an index."""

    def __init__(self, text: str, index: PassageIndex) -> None:
        super().__init__()
        self.claim = read(text)
        self.index = index
        self._named = self.claim.named

    @cached_property
    def similarities(self) -> np.ndarray:
        """Corrected similarity of the claim's content words to the vocabulary of the index."""
        return self.index.vocabulary.similarities(self.claim.content)

    @cached_property
    def weights(self) -> np.ndarray:
        """The weights of the claim's content words."""
        return self.index.weights(self.claim.content)

    @cached_property
    def hits(self) -> np.ndarray:
        """How well each content word stands in each sentence, 0 where it does not; shape
        (words, sentences)."""
        return self.index.best_of(self._alike)

    @cached_property
    def _alike(self) -> np.ndarray:
        import numpy as np

        found: np.ndarray = np.where(self.similarities >= ALIKE, self.similarities, 0.0)
        return found

    @cached_property
    def _replacing(self) -> list[set[int]]:
        """For each content word the columns that may stand in its place; of a name only its own."""
        found: list[set[int]] = [set() for _ in self.claim.content]
        rows, columns = (self.similarities >= _REPLACES).nonzero()
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            found[row].add(column)
        ids = self.index.vocabulary.ids
        return [
            {ids.get(word.stem, -1)} if word.stem in self._named else columns
            for word, columns in zip(self.claim.content, found, strict=True)
        ]

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
        best = np.maximum(self.hits, 0.8 * self.index.best_of_context(self._alike))
        scores = self.weights @ best
        order = np.argsort(-scores, kind="stable")[:limit].tolist()
        asked = least * float(self.weights.sum())
        return [
            i
            for place, i in enumerate(order)
            if scores[i] > 0 and (float(scores[i]) >= asked or place < _ALWAYS)
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
        index, named = self.index, source.named
        ids = index.vocabulary.ids
        context = {ids[w.stem] for w in at.context}
        elided = {ids[w.stem] for w in before if w.stem in ids}
        partners: list[list[int]] = [[] for _ in self.claim.content]
        only_source, returned, length = [], 0.0, 0.0
        for j, other in enumerate(source.content):
            weight = index.weight(other.stem)
            length += weight
            rows = (self._same if other.stem in named else self._instead).get(other.stem, ())
            for i in rows:
                partners[i].append(j)
            if rows:
                returned += weight
            else:
                only_source.append(other)
        only_claim, covered, total = [], 0.0, 0.0
        for i, word in enumerate(self.claim.content):
            weight = index.weight(word.stem)
            total += weight
            if partners[i] or not self._replacing[i].isdisjoint(context):
                covered += weight
            elif not self._replacing[i].isdisjoint(elided):
                covered += 0.7 * weight  # `Adults pay 12 EUR and children 6`: pay is understood
            else:
                only_claim.append(word)
        return Alignment(
            claim=self.claim,
            source=source,
            at=at,
            cover=covered / total if total else 0.0,
            back=returned / length if length else 0.0,
            pairs=tuple((i, j) for i, own in enumerate(partners) for j in own),
            only_claim=tuple(only_claim),
            only_source=tuple(only_source),
        )

    @cached_property
    def _same(self) -> dict[str, list[int]]:
        """By stem the content words of the claim that have it."""
        rows: dict[str, list[int]] = {}
        for i, word in enumerate(self.claim.content):
            rows.setdefault(word.stem, []).append(i)
        return rows

    @cached_property
    def _instead(self) -> dict[str, list[int]]:
        """By stem the content words of the claim that have it, or in whose place it may stand."""
        stems = self.index.vocabulary.stems
        rows = {stem: set(own) for stem, own in self._same.items()}
        for i, word in enumerate(self.claim.content):
            if word.stem in self._named:
                continue  # Lisbon and Porto are alike and yet two cities
            alike = (stems[column] for column in self._replacing[i])
            # Opposites fill the same place; the gates say that they disagree.
            for stem in (*alike, *_antonyms_of().get(word.stem, ()), *prefixed(word.stem)):
                rows.setdefault(stem, set()).add(i)
        return {stem: sorted(found) for stem, found in rows.items()}


@lru_cache(maxsize=1)
def _antonyms_of() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for left, right in sorted(antonyms()):
        groups.setdefault(left, []).append(right)
    return groups


def aligner_of(text: str, index: PassageIndex) -> ClaimAligner:
    """The claim over the index; the last ones are kept beside it, for several checks look at
    each."""
    return index.beside(_aligners)(text)


def _aligners(index: PassageIndex) -> Callable[[str], ClaimAligner]:
    return lru_cache(maxsize=_KEPT)(lambda text: ClaimAligner(text, index))
