"""The chain on the disk: one for all processes of a project, each of which appends under a lock.

One chain and not one for each writer: then an entry that is missing, moved or doubled is seen by
its number alone, and one head stands for all that every process has done. The price is a lock that
is held for a write of some kilobytes, in threads that nobody waits for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError
from orchestrator.guard.auditing.entry import Head, line_of
from orchestrator.guard.auditing.segments import SUFFIX, Tail, last_of, number_of, segments
from orchestrator.records import AuditEvent

if TYPE_CHECKING:
    from filelock import BaseFileLock

SEGMENT_BYTES = 16_000_000
"""A file of this size gets no further entries."""
WAIT_S = 10.0
"""For other processes that write."""


class Chain:
    """Appends to the audit log of one folder. For several threads and processes.

    Args:
        folder: of the log alone; made, for its owner alone to read, at the first entry.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._known: tuple[Path, int, Head] | None = None
        """The last file, its size and the head, as they were when we last wrote."""

    def lock(self) -> BaseFileLock:
        """Held by who writes, and by who copies or removes files of the log.

        Raises:
            StorageError: the folder cannot be made.
        """
        from filelock import FileLock

        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"the audit log cannot be kept: {error}") from error
        return FileLock(self.folder / "lock", timeout=WAIT_S, mode=0o600, thread_local=False)

    def append(self, events: Sequence[AuditEvent]) -> Head:
        """Put them at the end; they are on the disk when this returns.

        Raises:
            StorageError: they cannot be written; none of them is kept then, or the last are torn.
        """
        from filelock import Timeout

        try:
            with self.lock():
                return self.append_locked(events)
        except Timeout:
            raise StorageError(
                f"the audit log {self.folder} was held by another process for {WAIT_S:.0f} s"
            ) from None

    def append_locked(self, events: Sequence[AuditEvent]) -> Head:
        """`append` for who holds the lock."""
        try:
            path, size, head, torn = self._end()
            lines = []
            if torn is not None:
                line, head = line_of(_torn(*torn, at=events[0].at), head)
                lines.append(line)
            for event in events:
                line, head = line_of(event, head)
                lines.append(line)
            data = b"".join(lines)
            _write(path, data)
        except OSError as error:
            self._known = None
            raise StorageError(f"the audit log cannot be written: {error}") from error
        self._known = path, size + len(data), head
        return head

    def head(self) -> Head:
        """How far the chain goes now.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            for path in reversed(segments(self.folder)):
                if found := last_of(path)[0]:
                    return found
        except OSError as error:
            raise StorageError(f"the audit log cannot be read: {error}") from error
        return Head()

    def _end(self) -> tuple[Path, int, Head, tuple[str, Tail] | None]:
        """Where to write, the size and the head there, and what a crash has torn before it."""
        files = segments(self.folder)
        if not files:
            return self.folder / f"{1:06}{SUFFIX}", 0, Head(), None
        last = files[-1]
        size = last.stat().st_size
        if self._known is not None and self._known[:2] == (last, size):
            head: Head | None = self._known[2]
            tail = Tail.of(b"")
        else:
            head, tail = last_of(last)
            if head is None and not tail.size:  # somebody died before the first entry of it
                return last, 0, self._before(files[:-1]), None
        following = self.folder / f"{number_of(last) + 1:06}{SUFFIX}"
        if tail.size:
            return following, 0, head or self._before(files[:-1]), (last.name, tail)
        assert head is not None
        if size >= self._segment_bytes:
            return following, 0, head, None
        return last, size, head, None

    def _before(self, files: Sequence[Path]) -> Head:
        """The head at the end of those files."""
        for path in reversed(files):
            if found := last_of(path)[0]:
                return found
        return Head()


def _torn(file: str, tail: Tail, at: float) -> AuditEvent:
    """Says of the bytes behind the last whole entry that they were there when somebody went on."""
    return AuditEvent(
        kind="gap",
        what=f"an entry was cut off in {file}: a process ended while it wrote, or was ended",
        at=at,
        by="mesh",
        facts={"file": file, "bytes": tail.size, "sha256": tail.digest},
    )


def _write(path: Path, data: bytes) -> None:
    """Append and wait for the disk."""
    new = not path.exists()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)
    if new:
        with suppress(OSError):  # a system that cannot open folders keeps names anyway
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
