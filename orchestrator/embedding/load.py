"""Embedders by the name that stands in `mesh.yaml`."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.errors import UnknownNameError
from orchestrator.project.protocols import Embedder

NAMES = ("static", "sentence-transformers")


def load_embedder(name: str, env: Mapping[str, str] | None = None) -> Embedder:
    """The embedder of that name, ready to use.

    Args:
        env: where `HF_HUB_OFFLINE` and its like are read; the process's own by default.

    Raises:
        UnknownNameError: no embedder has the name.
        PrerequisiteError: it needs something that is not installed.
    """
    if name == "static":
        from orchestrator.embedding.static_embedder import StaticEmbedder

        return StaticEmbedder()
    if name == "sentence-transformers":
        from orchestrator.embedding.sentence_transformer import SentenceTransformerEmbedder

        return SentenceTransformerEmbedder(env=env)
    raise UnknownNameError("embedder", name, NAMES, "mesh.yaml: embedder")
