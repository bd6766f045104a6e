"""The vectors of single words, each made once for all that compare words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator.embedding.static_embedder import StaticEmbedder
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

_KEPT = 32_768  # words; 1 kB each


class WordVectors:
    """The unit vectors of single words, each asked for once."""

    def __init__(self, embedder: Embedder) -> None:
        self.is_static = embedder.name == StaticEmbedder.name
        self._embedder = embedder
        self._rows: dict[str, np.ndarray] = {}

    def of(self, words: Sequence[str]) -> np.ndarray:
        """Shape `(len(words), dimensions)`, float32."""
        import numpy as np

        rows = self._rows
        new = [word for word in dict.fromkeys(words) if word not in rows]
        if new:
            if len(rows) + len(new) > _KEPT:
                rows = self._rows = {}
                new = list(dict.fromkeys(words))
            rows.update(zip(new, self._embedder.embed(new), strict=True))
        if not words:
            return np.zeros((0, self._embedder.dimensions), dtype=np.float32)
        return np.concatenate([rows[word] for word in words]).reshape(len(words), -1)


@dataclass(frozen=True, slots=True, eq=False)
class Same:
    """An embedder as a key: embedders of one name give the same vectors."""

    embedder: Embedder

    def __hash__(self) -> int:
        return hash(self.embedder.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.embedder.name == self.embedder.name


def vectors_of(embedder: Embedder) -> WordVectors:
    """The vectors of an embedder's words, which all that ask for them share."""
    return _vectors_of(Same(embedder))


@lru_cache(maxsize=4)
def _vectors_of(same: Same) -> WordVectors:
    return WordVectors(same.embedder)
