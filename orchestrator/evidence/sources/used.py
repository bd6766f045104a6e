"""When which version of which document was last used: so that vectors that nobody needs can go."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from orchestrator.storage.sqlite import Schema, connect, writing

HOUR = 3600.0
"""Uses are written down at most that often, and what was used since is never stale."""

_SCHEMA = Schema(
    create=(
        "CREATE TABLE documents ("
        " collection TEXT NOT NULL, hash TEXT NOT NULL, file TEXT NOT NULL, used_at REAL NOT NULL,"
        " PRIMARY KEY (collection, hash, file))",
    )
)


@dataclass(frozen=True, slots=True)
class UseRegister:
    """A SQLite file beside the vectors, shared by all processes.

    A document whose vectors were there before the register stands under its hash as its file.
    Raises `sqlite3.Error` or `OSError` where the file cannot be read or written.
    """

    path: Path

    def note(self, collection: str, documents: Iterable[tuple[str, str]], now: float) -> None:
        """The documents, each its hash and its file, are being used."""
        with closing(connect(self.path, _SCHEMA)) as database:
            recent = database.execute(
                "SELECT hash, file FROM documents WHERE collection = ? AND used_at > ?",
                (collection, now - HOUR),
            )
            new = sorted(set(documents) - set(recent.fetchall()))
            if not new:
                return
            with writing(database):
                database.executemany(
                    "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
                    [(collection, *pair, now) for pair in new],
                )
                database.executemany(
                    "DELETE FROM documents WHERE collection = ? AND hash = ? AND file = hash",
                    [(collection, document) for document, _ in new],
                )

    def stale(
        self, collection: str, held: Iterable[str], now: float, unused_since: float | None
    ) -> frozenset[str]:
        """Which of the documents that are `held` (their hashes) nobody needs.

        Those whose every file has a later version, and those last used before `unused_since`.
        One that the register does not know counts as used now; see `adopt`.
        """
        if not self.path.exists():
            return frozenset()
        with closing(connect(self.path, _SCHEMA)) as database:
            rows = database.execute(
                "SELECT hash, file, used_at FROM documents WHERE collection = ? ORDER BY used_at",
                (collection,),
            ).fetchall()
        used = {document: at for document, _, at in rows}
        current = {file: document for document, file, _ in rows}  # the last one used
        latest = set(current.values())
        return frozenset(
            document
            for document in held
            if document in used
            and (
                (document not in latest and used[document] < now - HOUR)
                or (unused_since is not None and used[document] < unused_since)
            )
        )

    def adopt(self, collection: str, held: Iterable[str], now: float) -> None:
        """Take in documents that it does not know as used now, and forget those not held."""
        held = set(held)
        with closing(connect(self.path, _SCHEMA)) as database, writing(database):
            rows = database.execute(
                "SELECT DISTINCT hash FROM documents WHERE collection = ?", (collection,)
            )
            known = {document for (document,) in rows}
            database.executemany(
                "INSERT INTO documents VALUES (?, ?, ?, ?)",
                [(collection, document, document, now) for document in sorted(held - known)],
            )
            database.executemany(
                "DELETE FROM documents WHERE collection = ? AND hash = ?",
                [(collection, document) for document in sorted(known - held)],
            )
