"""How alike two words are: by form, by the word lists, then by their vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator.evidence.language.lexicon import exclusive, negative_prefix, synonyms
from orchestrator.evidence.language.vectors import vectors_of
from orchestrator.evidence.language.words import Word, same_root
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

SYNONYM = 0.9
SAME_ROOT = 0.85


class Vocabulary:
    """The distinct words of some texts, to compare other words with.

    `ids[stem]` is the column of a stem in what `similarities` returns, and `stems` has them in
    the order of their columns.
    """

    def __init__(self, words: Iterable[Word], embedder: Embedder) -> None:
        surface: dict[str, str] = {}
        for word in words:
            surface.setdefault(word.stem, word.text.lower())
        self.stems = tuple(surface)
        self.ids = {stem: i for i, stem in enumerate(surface)}
        self._all = vectors_of(embedder)
        self._vectors = self._all.of(list(surface.values())) if surface else None
        self._by_prefix: dict[str, list[str]] = defaultdict(list)
        for stem in surface:
            self._by_prefix[stem[:5]].append(stem)

    def similarities(self, words: Sequence[Word], *, raw: bool = False) -> np.ndarray:
        """Similarity in -1..1 of each word to each of the vocabulary, shape (words, vocabulary).

        With `raw` the cosine of the vectors alone, else corrected by form and word lists: the
        same stem is 1, opposites and other members of a closed group are 0.
        """
        import numpy as np

        if self._vectors is None or not words:
            return np.zeros((len(words), len(self.ids)), dtype=np.float32)
        vectors = self._all.of([w.text.lower() for w in words])
        result: np.ndarray = vectors @ self._vectors.T
        for row, word in enumerate(words):
            if not raw:
                self._correct(result[row], word.stem)
            if (same := self.ids.get(word.stem)) is not None:
                result[row, same] = 1.0
        return result

    def _correct(self, row: np.ndarray, stem: str) -> None:
        for other in self._by_prefix.get(stem[:5], ()):
            if same_root(stem, other):
                row[self.ids[other]] = max(row[self.ids[other]], SAME_ROOT)
            if negative_prefix(stem, other):
                row[self.ids[other]] = 0.0
        for other in _neighbours().get(stem, ()):
            if other in self.ids:
                row[self.ids[other]] = max(row[self.ids[other]], SYNONYM)
        for other in _strangers().get(stem, ()):
            if other in self.ids:
                row[self.ids[other]] = 0.0


def has_synonym(stem: str) -> bool:
    """Whether the word lists know the word."""
    return stem in _neighbours()


@lru_cache(maxsize=1)
def _neighbours() -> dict[str, list[str]]:
    return _grouped(synonyms())


@lru_cache(maxsize=1)
def _strangers() -> dict[str, list[str]]:
    return _grouped(exclusive())


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for left, right in pairs:
        groups[left].append(right)
    return groups
