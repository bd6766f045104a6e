"""The two best single signals, which a scorer has to beat. Nothing of the scorer is used for them.

*Alignment*: the mean over the claim's content words of the best cosine with a word of the
passages. *Containment*: the share of the claim's words, function words included, that stand in the
best window of three sentences. Of the obvious variants these tell claims apart best.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.evidence.language.words import content_words
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

BASELINES = ("alignment", "containment")
_WINDOW = 3
_WORD = re.compile(r"\w+")
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")


class Baselines:
    """Both signals of claims on some passages.

    Args:
        passages: the texts; read once for all claims.
        embedder: gives the vectors of single words.
    """

    def __init__(self, passages: Sequence[str], embedder: Embedder) -> None:
        sentences = [part for text in passages for part in _ENDS.split(text) if part.strip()]
        self._sentences = [frozenset(_words(sentence)) for sentence in sentences]
        content = {word: None for sentence in sentences for word in _content(sentence)}
        self._vectors = embedder.embed(list(content)) if content else None
        self._embedder = embedder

    def of(self, claim: str) -> tuple[float, float]:
        """Alignment and containment in 0..1, in the order of `BASELINES`."""
        return self._alignment(_content(claim)), self._containment(_words(claim))

    def _alignment(self, words: Sequence[str]) -> float:
        if not words or self._vectors is None:
            return 0.0
        cosines: np.ndarray = self._embedder.embed(list(words)) @ self._vectors.T
        return float(cosines.max(axis=1).mean())

    def _containment(self, words: Sequence[str]) -> float:
        if not words or not self._sentences:
            return 0.0
        mine = frozenset(words)
        hits = [mine & sentence for sentence in self._sentences]
        windows = (frozenset().union(*hits[i : i + _WINDOW]) for i in range(len(hits)))
        return max(sum(word in window for word in words) for window in windows) / len(words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _content(text: str) -> list[str]:
    return [word.text.lower() for word in content_words(text)]
