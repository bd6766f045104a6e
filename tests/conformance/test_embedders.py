"""The embedders."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.project.protocols import Embedder
from orchestrator.testing import EmbedderConformance
from tests.conformance.encoders import needs_encoders


class TestStatic(EmbedderConformance):
    def make(self) -> Embedder:
        return load_embedder("static")


@needs_encoders
class TestSentenceTransformers(EmbedderConformance):
    def make(self) -> Embedder:
        return load_embedder("sentence-transformers", {"HF_HUB_OFFLINE": "1"})


def test_a_wrong_embedder_is_found_out() -> None:
    import numpy as np

    class Wrong(EmbedderConformance):
        def make(self) -> Embedder:
            class Constant:
                name, dimensions = "constant", 2

                def embed(self, texts: Sequence[str]) -> np.ndarray:
                    return np.ones((len(texts), 2), dtype=np.float64)

            return Constant()

    suite = Wrong()
    suite.test_it_satisfies_the_protocol()
    for requirement in (
        suite.test_vectors_are_float32_of_length_one,
        suite.test_no_texts_give_no_vectors,
        suite.test_what_is_alike_lies_nearer,
    ):
        with pytest.raises(AssertionError):
            requirement()
