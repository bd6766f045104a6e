"""The default embedder: one vector a token, averaged. No torch, no network, no download."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.embedding._text import whole_characters
from orchestrator.errors import PrerequisiteError

if TYPE_CHECKING:
    import numpy as np

FOLDER = Path(__file__).parent / "static"
_SPREAD = 512  # tokens from which counting distinct ones is cheaper than gathering every row
_PIECE = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
"""What the tokenizer takes a lower-case text in ASCII apart into, before it looks at words."""
_UNPRINTED = re.compile(r"[^\t\n\r -~]")
_SPECIAL = re.compile(r"\[(?:PAD|UNK)\]")
_WORDS = 50_000  # words that are kept with their tokens; with more, all are forgotten


class StaticEmbedder:
    """Mean of token vectors distilled from all-MiniLM-L6-v2 (`static/README.md`).

    A text without any known token gets the last axis of the space: the direction along which
    the vocabulary varies least, so it is near to nothing.

    Raises:
        PrerequisiteError: a file of the embedding is missing or damaged.
    """

    name = "static-minilm-l6-v2-256-int8"
    dimensions = 256

    def __init__(self, folder: Path = FOLDER) -> None:
        import numpy as np
        from tokenizers import Tokenizer

        try:
            # Mapped, not read: a process touches only the rows of the words it meets.
            self._rows: Any = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r"))
            self._scales: Any = np.load(folder / "scales.npy")
            text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise PrerequisiteError(
                f"the static embedding in {folder} cannot be read ({error}); install "
                "the package again: pip install --force-reinstall model-mesh-orchestrator"
            ) from error
        self._tokenizer: Any = Tokenizer.from_str(text)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._unknown = self._tokenizer.token_to_id("[UNK]")
        self._words: dict[str, tuple[int, ...]] = {}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape `(len(texts), 256)`; about 0.05 ms a short text."""
        import numpy as np

        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for i, text in enumerate(texts):
            vectors[i] = self._mean(self._tokens(text))
        return vectors

    def _tokens(self, text: str) -> list[int]:
        """The tokens that the tokenizer finds, which in ASCII are those of each word by itself."""
        if _UNPRINTED.search(text) or ("[" in text and _SPECIAL.search(text)):
            return self._encoded(whole_characters(text))
        words, found = self._words, list[int]()
        for piece in _PIECE.findall(text.lower()):
            known = words.get(piece)
            if known is None:
                if len(words) >= _WORDS:
                    words.clear()
                known = words[piece] = tuple(self._encoded(piece))
            found += known
        return found

    def _encoded(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _mean(self, token_ids: list[int]) -> Any:
        import numpy as np

        ids = np.array([t for t in token_ids if t != self._unknown], dtype=np.int64)
        weights = np.ones(len(ids), dtype=np.float32)
        if len(ids) > _SPREAD:
            ids, counts = np.unique(ids, return_counts=True)
            weights = counts.astype(np.float32)
        total = (weights * self._scales[ids]) @ self._rows[ids].astype(np.float32)
        norm = float(np.linalg.norm(total))
        if norm == 0.0:
            total[-1] = norm = 1.0
        return total / norm
