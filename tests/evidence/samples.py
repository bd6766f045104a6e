"""The fixture documents as passages, and passages made of a text."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from orchestrator.embedding.load import load_embedder
from orchestrator.evidence.sources.chunks import chunks
from orchestrator.evidence.sources.documents import load_document
from orchestrator.evidence.values import Passage
from orchestrator.project.protocols import Embedder

EMBEDDER = os.environ.get("MESH_TEST_EMBEDDER", "static")
"""Which embedder the tests of evidence run on; `make test-embeddings` says the accurate one."""
FIXTURES = Path(__file__).parent / "fixtures"


@lru_cache(maxsize=1)
def embedder() -> Embedder:
    return load_embedder(EMBEDDER)


@lru_cache(maxsize=8)
def document(name: str) -> tuple[str, tuple[Passage, ...]]:
    """The text of a fixture, and its passages with offsets into it."""
    loaded = load_document(FIXTURES / name)
    passages = tuple(
        Passage(
            id=f"p{n}",
            file=name,
            start=c.start,
            end=c.end,
            text=loaded.text[c.start : c.end],
            doc_hash="hash",
            heading=c.heading,
        )
        for n, c in enumerate(chunks(loaded), start=1)
    )
    return loaded.text, passages


def passage(text: str, file: str = "a.md", number: int = 1) -> Passage:
    """A text as the only passage of a file."""
    return Passage(id=f"p{number}", file=file, start=0, end=len(text), text=text, doc_hash=file)
