"""Vectors of documents that were replaced, or that nobody has used for long."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.evidence.sources.library import CONFIGURATION, USED, client_of, held
from orchestrator.evidence.sources.used import UseRegister
from orchestrator.storage.compact import compact, size_of
from orchestrator.storage.sweep import Limits

_NEW = "-new"
_INDEX = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BATCH = 4000
_REBUILT = 20_000
"""Up to so many passages a collection is made anew to become smaller: a second or two."""


@dataclass(frozen=True, slots=True)
class VectorSweep:
    """A `storage.sweep.Sweep` over Chroma's folder."""

    path: Path
    name: str = "vectors"

    def size(self) -> int:
        return size_of(self.path)

    def sweep(self, limits: Limits, *, dry_run: bool) -> dict[str, int]:
        """Passages of documents that have a later version, or were last used before the moment.

        A version that was used within the last hour stays, also where it was replaced.
        """
        if not (self.path / "chroma.sqlite3").exists():
            return {}
        with held(self.path):
            with closing(client_of(self.path)) as client:
                count = self._remove_stale(client, limits, dry_run=dry_run)
            if count and not dry_run:
                _give_back(self.path)
        return {"passages": count}

    def _remove_stale(self, client: Any, limits: Limits, *, dry_run: bool) -> int:
        register = UseRegister(self.path / USED)
        count = 0
        everything = client.list_collections()
        names = {listed.name for listed in everything}
        for listed in everything:
            if listed.name.endswith(_NEW):
                if not dry_run:
                    _clear_up(client, listed, listed.name.removesuffix(_NEW) in names)
                continue
            collection = client.get_collection(listed.name, embedding_function=None)
            passages = _passages(collection)
            stale = register.stale(listed.name, passages, limits.now, limits.vectors)
            count += sum(passages[document] for document in stale)
            if not dry_run:
                register.adopt(listed.name, set(passages) - stale, limits.now)
                if stale:
                    _remove(client, collection, stale)
        return count


def _clear_up(client: Any, fresh: Any, replaced_is_there: bool) -> None:
    """What a sweep that was cut off has left: half of a collection, or the only one."""
    if replaced_is_there:
        client.delete_collection(fresh.name)
    else:  # it is whole: only then was the old one deleted
        fresh.modify(name=fresh.name.removesuffix(_NEW))


def _passages(collection: Any) -> Counter[str]:
    """How many passages there are of each document."""
    found: Counter[str] = Counter()
    for start in range(0, collection.count(), _BATCH):
        page = collection.get(include=["metadatas"], limit=_BATCH, offset=start)
        found.update(str(metadata["document"]) for metadata in page["metadatas"])
    return found


def _remove(client: Any, collection: Any, stale: frozenset[str]) -> None:
    """Delete them; Chroma's index becomes smaller only if the collection is made anew."""
    name = collection.name
    collection.delete(where={"document": {"$in": sorted(stale)}})
    left = collection.count()
    if 0 < left <= _REBUILT:
        fresh = client.create_collection(
            name + _NEW, embedding_function=None, configuration=CONFIGURATION
        )
        for start in range(0, left, _BATCH):
            page = collection.get(include=["embeddings", "metadatas"], limit=_BATCH, offset=start)
            fresh.add(ids=page["ids"], embeddings=page["embeddings"], metadatas=page["metadatas"])
        client.delete_collection(name)
        fresh.modify(name=name)
    elif not left:
        client.delete_collection(name)


def _give_back(path: Path) -> None:
    """Remove the index folders of collections that are gone, which Chroma leaves, and compact."""
    database = path / "chroma.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        used = {name for (name,) in connection.execute("SELECT id FROM segments")}
    for folder in path.iterdir():
        if folder.is_dir() and _INDEX.fullmatch(folder.name) and folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)
    compact(database, alone=lambda: True)
