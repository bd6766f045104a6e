"""One claim laid over the words of its passages: every word against every word."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from orchestrator.evidence.language.lexicon import synonyms
from orchestrator.evidence.language.words import stem
from orchestrator.evidence.scoring.passages import PassageWords, in_context
from orchestrator.evidence.scoring.words import WORD, is_content, number, plain, rarity

if TYPE_CHECKING:
    import numpy as np

EXACT = 0.999
_SYNONYM = 0.9
_LONGEST = 300  # words of a claim that are looked at; nobody makes a longer statement
_TINY = 1e-6
MARKER = re.compile(
    r"\[\d+(?:[,\s\d]*)\]|\(?\bpassages? \d(?:(?:,| and) (?:passages? )?\d)*\)?", re.IGNORECASE
)
"""References to a source: no part of the statement."""


class Compared:
    """A claim's words and their similarities to those of the passages.

    Arrays over the claim have a place for each of its words. `weights` sum to 1 over the content
    words, rare ones more; `even` weighs every content word alike.
    """

    def __init__(self, claim: str, passages: PassageWords) -> None:
        import numpy as np

        self.passages = passages
        self.text = MARKER.sub(" ", claim)
        self.matches = list(WORD.finditer(self.text))[:_LONGEST]
        self.words = [plain(m[0]) for m in self.matches]
        self.stems = [stem(w) for w in self.words]
        content = np.array([is_content(w) for w in self.words], dtype=bool)
        self.content = content if content.any() else np.ones(len(self.words), dtype=bool)
        self.rarity = np.array([rarity(w) for w in self.words], dtype=np.float32)
        self.heavy = self.rarity * self.content + _TINY
        self.weights = self.heavy / self.heavy.sum()
        self.even = self.content / self.content.sum()
        self.rows = passages.vectors.of(self.words)
        self._close: dict[int, np.ndarray] = {}

    @cached_property
    def to_vocabulary(self) -> np.ndarray:
        """Cosines with the passages' vocabulary; 1 where the stem is the same, shape (n, vocab)."""
        found: np.ndarray = self.rows @ self.passages.rows.T
        by_stem = self.passages.by_stem
        for i, mine in enumerate(self.stems):
            for other in _synonyms().get(mine, ()):
                for column in by_stem.get(other, ()):
                    found[i, column] = max(found[i, column], _SYNONYM)
            for column in by_stem.get(mine, ()):
                found[i, column] = 1.0
        return found

    @cached_property
    def best(self) -> np.ndarray:
        """The best similarity of each word in all of the passages."""
        result: np.ndarray = self.to_vocabulary.max(axis=1)
        return result

    @cached_property
    def to_words(self) -> np.ndarray:
        """Similarities with every word of the passages in a row, shape (n, words)."""
        result: np.ndarray = self.to_vocabulary.take(self.passages.ids, axis=1)
        return result

    @cached_property
    def to_units(self) -> np.ndarray:
        """The best similarity in each unit, shape (n, units)."""
        return self.by_unit(self.to_words)

    def by_unit(self, to_words: np.ndarray) -> np.ndarray:
        """The largest value of each unit."""
        import numpy as np

        result: np.ndarray = np.maximum.reduceat(to_words, self.passages.bounds[:-1], axis=1)
        return result

    @cached_property
    def windows(self) -> Mapping[int, np.ndarray]:
        """The best similarity in each run of 1, 2, 3 and 5 units, shape (n, units)."""
        return {1: self.to_units, **{k: widest(self.to_units, k) for k in (2, 3, 5)}}

    @cached_property
    def found(self) -> Mapping[int, np.ndarray]:
        """Which words stand in each run of so many units in some form."""
        return {size: window >= EXACT for size, window in self.windows.items()}

    @cached_property
    def carried(self) -> Mapping[int, np.ndarray]:
        """How much of the claim each run of so many units carries; shape (units,)."""
        return {size: self.weights @ window for size, window in self.windows.items()}

    def place(self, size: int) -> int:
        """The run of so many units that carries the claim best."""
        return int(self.carried[size].argmax())

    @cached_property
    def content_at(self) -> np.ndarray:
        """Where the content words stand in the claim."""
        import numpy as np

        return np.flatnonzero(self.content)

    @cached_property
    def near(self) -> np.ndarray:
        """Similarities of the content words with those of the passages in a row."""
        found: np.ndarray = self.to_vocabulary[self.content_at]
        return found.take(self.passages.content_ids, axis=1)

    def close(self, reach: int) -> np.ndarray:
        """The largest of `near` within so many content words on either side."""
        if reach not in self._close:
            self._close[reach] = nearby(self.near, reach)
        return self._close[reach]

    @cached_property
    def around(self) -> np.ndarray:
        """For each word the best similarity in the best run of three units."""
        column: np.ndarray = self.windows[3][:, self.place(3)]
        return column

    @cached_property
    def in_context(self) -> np.ndarray:
        """Cosines of the content words with those of the passages, each in its context."""
        contexts = in_context(self.rows, self.rarity)[self.content]
        return self.passages.context_similarities(contexts)

    @cached_property
    def exact(self) -> np.ndarray:
        """Which words stand in the passages in some form."""
        result: np.ndarray = self.best >= EXACT
        return result

    @cached_property
    def capitals(self) -> np.ndarray:
        """Which words begin with a capital that no start of the claim explains."""
        import numpy as np

        return np.array([i > 0 and m[0][0].isupper() for i, m in enumerate(self.matches)])

    @cached_property
    def numerals(self) -> np.ndarray:
        """Which words are numbers."""
        import numpy as np

        return np.array([bool(number(w)) or w[0].isdigit() for w in self.words])

    @cached_property
    def lower(self) -> np.ndarray:
        """Content words that are neither names nor numbers; all content where there is none."""
        found: np.ndarray = self.content & ~self.capitals & ~self.numerals
        return found if found.any() else self.content


def widest(values: np.ndarray, size: int) -> np.ndarray:
    """The largest of so many columns that follow each other, from each on."""
    import numpy as np

    result = values.copy()
    for away in range(1, min(size, values.shape[1])):
        result[:, :-away] = np.maximum(result[:, :-away], values[:, away:])
    return result


def nearby(values: np.ndarray, reach: int) -> np.ndarray:
    """The largest value within `reach` columns on either side, by doubling; at least -1."""
    import numpy as np

    size, width = values.shape[1], 2 * reach + 1
    padded = np.full((len(values), size + 2 * reach), -1.0, dtype=values.dtype)
    padded[:, reach : reach + size] = values
    seen = 1
    while 2 * seen <= width:
        padded = np.maximum(padded[:, :-seen], padded[:, seen:])
        seen *= 2
    if seen < width:
        rest = width - seen
        padded = np.maximum(padded[:, :-rest], padded[:, rest:])
    result: np.ndarray = padded[:, :size]
    return result


@lru_cache(maxsize=1)
def _synonyms() -> Mapping[str, Iterable[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for left, right in sorted(synonyms()):
        groups[left].append(right)
    return groups
