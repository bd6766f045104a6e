"""What runs leave behind: journals, conversations, lock files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import StorageError
from orchestrator.graph.journal import JournalStore
from orchestrator.storage.compact import size_of
from orchestrator.storage.sweep import Limits


@dataclass(frozen=True, slots=True)
class JournalSweep:
    """A `storage.sweep.Sweep` over the journal."""

    store: JournalStore
    path: Path
    unfinished: bool = False
    """Runs that have not ended go as well, if they are old and nobody carries them out."""
    name: str = "journal"

    def size(self) -> int:
        return size_of(self.path)

    def protected(self, before: float | None) -> frozenset[str]:
        """The runs that can be resumed and are not given up."""
        rows = self.store.read("SELECT id, started_at FROM runs WHERE done = 0")
        given_up = self.unfinished and before is not None
        return frozenset(
            run
            for run, at in rows
            if not (given_up and at < (before or 0.0) and not self.store.is_held(run))
        )

    def sweep(self, limits: Limits, *, dry_run: bool) -> dict[str, int]:
        """Runs that began before the moment, and conversations that ended before theirs."""
        removed = {"runs": 0, "conversations": 0}
        if limits.runs is not None or limits.expired:
            before = float("-inf") if limits.runs is None else limits.runs
            rows = self.store.read("SELECT id, started_at FROM runs ORDER BY started_at")
            old = [run for run, at in rows if at < before or run in limits.expired]
            gone = [run for run in old if run not in limits.protected]
            removed["runs"] = len(gone) if dry_run else sum(map(self._remove, gone))
        if limits.threads is not None:
            rows = self.store.read(
                "SELECT thread FROM turns GROUP BY thread HAVING max(at) < ?", (limits.threads,)
            )
            removed["conversations"] = len(rows)
            for (thread,) in () if dry_run else rows:
                self.store.write(
                    "DELETE FROM turns WHERE thread = ?"
                    " AND (SELECT max(at) FROM turns WHERE thread = ?) < ?",
                    (thread, thread, limits.threads),
                )
        if not dry_run:  # of a sweep that was cut off in the middle
            self.store.write("DELETE FROM entries WHERE run NOT IN (SELECT id FROM runs)", ())
            self.store.forget()
        return removed

    def remove(self, runs: Sequence[str], *, dry_run: bool = False) -> tuple[int, list[str]]:
        """These, with their turns of conversations and what waited for a person, resumable or not.

        Returns:
            How many there were, and those that a process carries out now, which stay.
        """
        known = {run for (run,) in self.store.read("SELECT id FROM runs")}
        held = [run for run in runs if run in known and self.store.is_held(run)]
        gone = [run for run in runs if run in known and run not in held]
        if not dry_run:
            held += [run for run in gone if not self._remove(run)]
            for run in (run for run in runs if run not in held):
                self.store.write("DELETE FROM turns WHERE run = ?", (run,))
            self.store.forget()
        return len(gone), held

    def _remove(self, run: str) -> bool:
        """Held meanwhile, so that nobody takes up what is half gone."""
        with _held(self.store.folder / "runs" / f"{run}.lock") as free:
            if free:
                self.store.write("DELETE FROM runs WHERE id = ?", (run,))
                self.store.write("DELETE FROM entries WHERE run = ?", (run,))
                self.store.write("DELETE FROM approvals WHERE run = ?", (run,))
        return free


@dataclass(frozen=True, slots=True)
class LockSweep:
    """A `storage.sweep.Sweep` over the lock files that killed processes have left."""

    path: Path
    name: str = "locks"

    def size(self) -> int:
        return size_of(self.path)

    def sweep(self, limits: Limits, *, dry_run: bool) -> dict[str, int]:  # noqa: ARG002 - of all ages
        """All lock files that nobody holds."""
        count = 0
        for file in sorted(self.path.glob("*.lock")):
            with _held(file, keep=dry_run) as free:
                count += free
        return {"files": count}

    def nobody_runs(self) -> bool:
        """Whether no process carries out a run now."""
        for file in self.path.glob("*.lock"):
            with _held(file, keep=True) as free:
                if not free:
                    return False
        return True


@contextmanager
def _held(file: Path, *, keep: bool = False) -> Iterator[bool]:
    """Hold a run's lock and, unless `keep`, remove its file; false where a process has it."""
    from filelock import FileLock, Timeout

    lock = FileLock(file, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StorageError(f"{file} cannot be locked: {error}") from error
    try:
        yield True
        if not keep:
            file.unlink(missing_ok=True)
    finally:
        lock.release()
