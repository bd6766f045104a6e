"""The small filter: a sentence's vector and its marked words, and a linear model over both.

Fitted on sentences that this project wrote, so it knows what these know: plain wording, in
English. It is a first sieve for every house and no moderation service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.guard.unsafe.lexicon import CATEGORIES, SEVERITY, marks

if TYPE_CHECKING:
    import numpy as np

FILE = Path(__file__).with_name("weights.json")
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+|\n|$)")
_LEAST = 8
"""Characters; what is shorter says nothing alone."""
_LONGEST = 400
"""Characters of a sentence; a longer one is looked at in pieces."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A category that a text is of."""

    category: str
    score: float
    """0..1, of the sentence that is most of all so."""
    severity: int
    """1 to 3; see `SEVERITY`."""

    def __str__(self) -> str:
        return f"{self.category} ({self.score:.2f})"


@dataclass(frozen=True, slots=True)
class Model:
    """The linear model: a softmax over the categories and `safe`, which comes last."""

    weights: np.ndarray
    """Of shape (features, categories + 1); the features are a vector and `marks`."""
    bias: np.ndarray
    threshold: float
    """From this probability of not being safe on a sentence is flagged."""

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of each row; softmax(xW + b)."""
        import numpy as np

        logits = features @ self.weights + self.bias
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))


class LocalFilter:
    """Says which categories a text is of. Thread-safe; about 0.1 ms a sentence."""

    name = "local"

    def __init__(self) -> None:
        self._embedder = _embedder()
        self._model = shipped()

    def flags(self, text: str) -> tuple[Flag, ...]:
        """The categories of what is unsafe in `text`, surest first; empty where nothing is."""
        sentences = parts(text)
        if not sentences:
            return ()
        found = self._model.probabilities(features(self._embedder, sentences))
        best: dict[str, float] = {}
        for row in found[1 - found[:, -1] >= self._model.threshold]:
            unsafe = row[:-1]
            place = int(unsafe.argmax())
            name, sure = CATEGORIES[place], float(1 - row[-1])
            best[name] = max(best.get(name, 0.0), sure)
        order = sorted(best.items(), key=lambda one: -one[1])
        return tuple(Flag(name, round(sure, 3), SEVERITY[name]) for name, sure in order)


def parts(text: str) -> list[str]:
    """The sentences of a text that are long enough to say something."""
    return [
        piece
        for m in _SENTENCE.finditer(text)
        for at in range(0, len(m[0]), _LONGEST)
        if len(piece := m[0][at : at + _LONGEST].strip()) >= _LEAST
    ]


def features(embedder: Any, sentences: Sequence[str]) -> np.ndarray:
    """What the model sees of each sentence, of shape (sentences, 256 + marks)."""
    import numpy as np

    words = np.array([marks(one) for one in sentences], dtype=np.float32)
    return np.hstack([embedder.embed(sentences) * 4, words])


@lru_cache(maxsize=1)
def _embedder() -> Any:
    """The one that the weights were fitted with, whichever the project has."""
    from orchestrator.embedding.static_embedder import StaticEmbedder

    return StaticEmbedder()


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The model that ships."""
    import numpy as np

    content = json.loads(FILE.read_text(encoding="utf-8"))
    return Model(
        weights=np.array(content["weights"], dtype=np.float32),
        bias=np.array(content["bias"], dtype=np.float32),
        threshold=float(content["threshold"]),
    )
