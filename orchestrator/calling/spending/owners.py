"""Who holds a lease: a process marks itself with a locked file, which the system lets go of when
the process dies, however it dies. A number of a process would be given to another one some day."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock


def marks_of(ledger: Path) -> Path:
    """The folder with the marks of all who use the ledger in that file."""
    return ledger.with_name(f"{ledger.stem}-owners")


class Owner:
    """The mark of one ledger in one process; `take` it before the first lease is opened.

    Args:
        folder: where the marks of all who share the ledger lie.
    """

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex[:16]
        self.folder = folder
        self._lock: BaseFileLock | None = None

    def take(self) -> None:
        """Make the mark, once. Raises `OSError` where it cannot be made."""
        if self._lock is not None:
            return
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        # Taken and given back in different threads.
        lock = FileLock(_mark(self.folder, self.id), blocking=False, thread_local=False)
        lock.acquire()
        self._lock = lock

    def leave(self) -> None:
        """Take the mark away; what it still holds is lost from now on."""
        if self._lock is not None:
            _mark(self.folder, self.id).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None


def gone(folder: Path, owners: Iterable[str]) -> list[str]:
    """Those of the owners whose process is no more. Their marks are cleared away."""
    return [owner for owner in owners if _is_gone(_mark(folder, owner))]


def _is_gone(mark: Path) -> bool:
    from filelock import FileLock, Timeout

    if not mark.exists():
        return True
    try:
        with FileLock(mark, blocking=False, thread_local=False):
            mark.unlink(missing_ok=True)
            return True
    except Timeout:
        return False
    except OSError:  # not ours to look at: its leases end by themselves
        return False


def _mark(folder: Path, owner: str) -> Path:
    return folder / f"{owner}.lock"
