"""Documents as passages in Chroma, found by meaning and by words.

A passage is stored under its document's hash, kind and offsets, in a collection that is named
after the embedder and the chunker. So nothing is embedded twice, a changed file is new, and
vectors of two embedders never mix. The folder can be deleted at any time: it is made anew. Which
versions were used, and when, stands beside the vectors, so that `sweep` knows what nobody needs.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import StorageError
from orchestrator.evidence.sources._blank import blank_unused
from orchestrator.evidence.sources._lexical import lexical_scores
from orchestrator.evidence.sources.chunks import CHUNKER, Chunk, chunks
from orchestrator.evidence.sources.documents import Document, about_of
from orchestrator.evidence.sources.used import UseRegister
from orchestrator.evidence.values import Passage
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

CONFIGURATION = {"hnsw": {"space": "cosine"}}
USED = "used.sqlite"
_BATCH = 4000  # Chroma takes at most 5461 in one call
_LOCK_SECONDS = 60.0
_BY_MEANING = 0.5  # the share of similarity in a score; words have the rest
_NEIGHBOURS = 64  # passages that are compared by meaning, at least


class Library:
    """Passages of documents, in the folder `path`. Safe to use from many processes at once."""

    def __init__(
        self, path: Path, embedder: Embedder, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._embedder = embedder
        self._now = now
        self._used = UseRegister(path / USED)
        self._busy = threading.Lock()
        slug = "".join(c if c.isalnum() else "-" for c in embedder.name)[:40].strip("-")
        tag = hashlib.sha256(embedder.name.encode()).hexdigest()[:8]
        self._collection = f"p{CHUNKER}-{slug}-{tag}-{embedder.dimensions}"

    async def retrieve(
        self, query: str, documents: Sequence[Document], k: int = 8
    ) -> tuple[Passage, ...]:
        """The `k` passages of these documents that fit the query best, best first.

        A score is the mean of the cosine similarity (0 where negative) and the share of the
        query's words, so it lies in 0..1. What is new is chunked, embedded and stored first.

        Raises:
            StorageError: the folder cannot be written or read, or the disk is full.
        """
        return await asyncio.to_thread(self._retrieve, query, documents, k)

    def _retrieve(self, query: str, documents: Sequence[Document], k: int) -> tuple[Passage, ...]:
        found: dict[str, tuple[Document, Chunk]] = {}
        for document in documents:
            for chunk in chunks(document):
                key = f"{document.hash}-{document.kind}-{chunk.start}-{chunk.end}"
                found.setdefault(key, (document, chunk))
        if not found or k < 1:
            return ()
        texts = {key: _text(chunk) for key, (_, chunk) in found.items()}
        about = {document.file: about_of(document) for document in documents}
        with self._busy:
            self._index(texts, {key: document.hash for key, (document, _) in found.items()})
            self._note_use(documents)
        hashes = sorted({document.hash for document in documents})
        meaning = self._nearest(query, hashes, min(len(found), max(_NEIGHBOURS, 4 * k)))
        known = [f"{about[document.file]}\n{texts[key]}" for key, (document, _) in found.items()]
        words = lexical_scores(query, known)
        scores = {
            key: _BY_MEANING * meaning.get(key, 0.0) + (1 - _BY_MEANING) * lexical
            for key, lexical in zip(texts, words, strict=True)
        }
        best: dict[str, str] = {}
        for key in sorted(found, key=lambda key: (-scores[key], *_place(*found[key]))):
            best.setdefault(texts[key], key)  # what stands in many places is found once
        return tuple(
            _passage(i, *found[key], scores[key], about[found[key][0].file])
            for i, key in enumerate(list(best.values())[:k], 1)
        )

    def _index(self, texts: dict[str, str], hashes: dict[str, str]) -> None:
        """Embed and store what is not stored yet; no lock is held while the embedder works."""
        with self._open() as collection:
            stored = set(collection.get(ids=list(texts), include=[])["ids"])
        missing = [key for key in texts if key not in stored]
        if not missing:
            return
        vectors: np.ndarray = self._embedder.embed([texts[key] for key in missing])
        with self._open() as collection:
            for at in range(0, len(missing), _BATCH):
                keys = missing[at : at + _BATCH]
                collection.upsert(
                    ids=keys,
                    embeddings=vectors[at : at + _BATCH],
                    metadatas=[{"document": hashes[key]} for key in keys],
                )

    def _note_use(self, documents: Sequence[Document]) -> None:
        """What is used stays when old vectors are removed."""
        pairs = {(document.hash, document.file) for document in documents}
        with _storage_errors(self._path):
            self._used.note(self._collection, pairs, self._now())

    def _nearest(self, query: str, hashes: list[str], count: int) -> dict[str, float]:
        vector = self._embedder.embed([query])
        with self._open() as collection:
            found = collection.query(
                query_embeddings=vector,
                n_results=count,
                where={"document": {"$in": hashes}},
                include=["distances"],
            )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return {key: max(0.0, 1.0 - float(distance)) for key, distance in pairs}

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """The collection, for one process at a time."""
        with held(self._path), closing(client_of(self._path)) as client:
            yield client.get_or_create_collection(
                self._collection, embedding_function=None, configuration=CONFIGURATION
            )


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold Chroma's folder, alone among all processes.

    Chroma expects one process a folder: each keeps its own index in memory and drops the
    shared log when it writes that index out. So the client lives only as long as the lock.

    Raises:
        StorageError: the folder cannot be written or read, or another process keeps it.
    """
    from filelock import FileLock, Timeout

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: cannot be made ({error.strerror})") from error
    try:
        with (
            _storage_errors(path),
            FileLock(path / "lock", timeout=_LOCK_SECONDS, poll_interval=0.01),
        ):
            try:
                yield
            finally:
                blank_unused(path)
    except Timeout as error:
        raise StorageError(
            f"{path}: another process has held it for {_LOCK_SECONDS:.0f} s"
        ) from error


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    from chromadb.errors import ChromaError
    from filelock import Timeout

    try:
        yield
    except Timeout:  # an OSError that says something else
        raise
    except (ChromaError, sqlite3.Error, OSError, ValueError, RuntimeError) as error:
        raise StorageError(
            f"{path}: the passages cannot be stored or read ({error}); free some space, "
            "or delete the folder: it is made anew from the documents"
        ) from error


def client_of(path: Path) -> Any:
    """A Chroma client on the folder, which the caller holds."""
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(path, settings=Settings(anonymized_telemetry=False))


def _text(chunk: Chunk) -> str:
    return f"{chunk.heading}\n{chunk.prose}" if chunk.heading else chunk.prose


def _place(document: Document, chunk: Chunk) -> tuple[str, int]:
    return document.file, chunk.start


def _passage(number: int, document: Document, chunk: Chunk, score: float, about: str) -> Passage:
    return Passage(
        id=f"p{number}",
        file=document.file,
        start=chunk.start,
        end=chunk.end,
        text=document.text[chunk.start : chunk.end],
        doc_hash=document.hash,
        heading=chunk.heading,
        about=about,
        page=chunk.page,
        score=round(score, 4),
    )
