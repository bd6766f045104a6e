"""Embedders by name."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.errors import PrerequisiteError, UnknownNameError


def test_an_unknown_name_is_refused_with_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'static'"):
        load_embedder("statik")


@pytest.mark.skipif(
    find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed"
)
def test_a_missing_extra_says_how_to_install_it() -> None:
    with pytest.raises(PrerequisiteError, match=r"pip install .*embeddings.*embedder: static"):
        load_embedder("sentence-transformers")
