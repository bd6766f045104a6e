"""What a predictor sees of a request: numbers that its text cannot be told from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from orchestrator.learning.style import style

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.project.protocols import Embedder

_HEAD, _TAIL = 1500, 500
"""Characters that are embedded: a request stands at one end of its material."""


class Reader:
    """Reads requests: the embedding of a text, and beside it how the text is written.

    Args:
        embedder: readings of different embedders do not go together; see `name`.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.name = f"{embedder.name}+style-1"
        self.meaning = embedder.dimensions
        """How many of the numbers are the embedding's; the others tell the style."""
        self.style = len(style(""))

    def read_one(self, text: str) -> Sequence[float]:
        """Of one text: what stands in `TaskProfile.reading`, an array of shape `(numbers,)`."""
        row: Any = self.read([text])[0]
        return cast("Sequence[float]", row)

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text, float32: its unit vector, then its style."""
        import numpy as np

        seen = [
            text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"
            for text in texts
        ]
        written = np.array([style(text) for text in texts], dtype=np.float32)
        return np.hstack([self._embedder.embed(seen), written.reshape(len(texts), self.style)])
