"""Conversations: the turns of a thread, kept with the journal and as secretly as it.

A turn is a question with its answer, written when its run has ended. Where a route says that
texts may not be kept, the thread knows that there was a turn and nothing of what was said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.errors import UserError
from orchestrator.graph.journal import JournalStore
from orchestrator.roles.values import PastTurn

MOST_TURNS = 20
"""The latest turns that a run is given; what is older stays in the thread."""
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSummary:
    """A conversation in one line."""

    name: str
    turns: int
    kept: int
    """The turns of which the texts are there."""
    last_at: float
    """Seconds since the epoch."""
    last_run: str


@dataclass(frozen=True, slots=True)
class Threads:
    """All conversations of a project."""

    journals: JournalStore

    def turns(self, thread: str) -> tuple[PastTurn, ...]:
        """The latest turns whose texts are kept, the oldest first."""
        rows = self.journals.read(
            "SELECT value FROM turns WHERE thread = ? AND value NOT NULL"
            " ORDER BY number DESC LIMIT ?",
            (thread, MOST_TURNS),
        )
        return tuple(
            PastTurn.model_validate(self.journals.unseal(value)) for (value,) in reversed(rows)
        )

    def add(self, thread: str, run: str, at: float, turn: PastTurn | None) -> None:
        """Put a turn at the end, once for each run; `None` where its texts may not be kept."""
        value = None if turn is None else self.journals.seal(turn.model_dump(mode="json"))
        self.journals.write(
            "INSERT INTO turns (thread, number, run, at, value)"
            " SELECT ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM turns WHERE thread = ?), ?, ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM turns WHERE thread = ? AND run = ?)",
            (thread, thread, run, at, value, thread, run),
        )

    def list(self) -> list[ThreadSummary]:
        """Every conversation, the latest first."""
        rows = self.journals.read(
            "SELECT thread, COUNT(*), COUNT(value), MAX(at), MAX(run) FROM turns"
            " GROUP BY thread ORDER BY MAX(at) DESC"
        )
        return [
            ThreadSummary(name=name, turns=turns, kept=kept, last_at=at, last_run=run)
            for name, turns, kept, at, run in rows
        ]

    @contextmanager
    def holding(self, thread: str | None) -> Iterator[None]:
        """Inside the block the conversation is this run's alone.

        Raises:
            UserError: a name that is empty or too long, or another run goes on in the thread.
        """
        if thread is None:
            yield
            return
        if not thread.strip() or len(thread) > LONGEST_NAME:
            raise UserError(f"a thread's name has 1 to {LONGEST_NAME} characters; found '{thread}'")
        from filelock import FileLock, Timeout

        name = hashlib.sha256(thread.encode()).hexdigest()[:32]
        lock = FileLock(self.journals.folder / "runs" / f"thread-{name}.lock", blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(
                f"another run goes on in the thread '{thread}'; wait for it, or use another thread"
            ) from None
        try:
            yield
        finally:
            lock.release()
