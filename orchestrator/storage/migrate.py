"""Schema versions: an older database is brought up to date, a newer one is refused.

How to change a schema (in `graph/journal.py`, `calling/ledger.py`, `tracing/_tables.py`): change
what makes a *new* database, and append a `Step` with the SQL that makes an *old* one the same.
Never change or remove a step. `tests/storage/test_upgrade.py` opens the files of the first
version and compares.

Version 1 is what the first release wrote; step n leads from version n to n + 1. All steps that
a file needs run in one write transaction, which is also the lock between processes, and before
them the file is copied to `NAME.v1.bak` beside it. There is no way back but that copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.errors import StorageError


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a schema.

    Attributes:
        what: says it in a few words (`runs know their thread`).
        sql: one statement each, in words that SQLite and Postgres share.
    """

    what: str
    sql: tuple[str, ...]


class Target(Protocol):
    """A database inside a write transaction."""

    def version(self) -> int:
        """The version of its schema; 0 where it holds no tables yet."""
        ...

    def create(self) -> None:
        """Make the tables of the newest version."""
        ...

    def execute(self, sql: str) -> None:
        """Run one statement."""
        ...

    def mark(self, version: int) -> None:
        """Write down the version."""
        ...

    def back_up(self, version: int) -> None:
        """Copy the database as it was before the transaction."""
        ...


def newest(steps: Sequence[Step]) -> int:
    """The version after the last step."""
    return len(steps) + 1


def is_current(version: int, steps: Sequence[Step], name: str) -> bool:
    """Whether a database of that version needs nothing.

    Raises:
        StorageError: it was written by a newer program.
    """
    if version > newest(steps):
        raise StorageError(
            f"{name} was written by a newer version of mesh (schema {version}, this one knows up "
            f"to {newest(steps)}): upgrade mesh, or let storage.path in mesh.yaml name another "
            "folder"
        )
    return version == newest(steps)


def upgrade(target: Target, steps: Sequence[Step], name: str) -> None:
    """Bring the database to the newest version. The caller commits, or takes all of it back.

    Args:
        name: the file, for messages.

    Raises:
        StorageError: it was written by a newer program.
    """
    version = target.version()
    if is_current(version, steps, name):
        return
    if version == 0:
        target.create()
    else:
        target.back_up(version)
        for step in steps[version - 1 :]:
            for statement in step.sql:
                target.execute(statement)
    target.mark(newest(steps))
