"""A file that grows at its end, written through memory where that is wanted and possible."""

from __future__ import annotations

import errno
import mmap
import os
from contextlib import suppress
from pathlib import Path

WINDOW_BYTES = 1_000_000
"""About so much of the file is allocated, and mapped, at a time."""
_NO_MAP = frozenset({errno.EINVAL, errno.ENODEV, errno.ENOSYS, errno.EOPNOTSUPP})
"""What a file system answers that cannot allocate, or cannot map."""


class Appended:
    """A new file. For one thread at a time.

    Written through memory, an append takes a microsecond or two: it is no call of the system, and
    no other thread goes first. What was appended is in the page cache all the same, and survives
    the process. Disk space is allocated before it is mapped, so that a full disk is an `OSError`
    and never a `SIGBUS`; until `close` the file ends with zeros therefore.

    Args:
        path: must not exist; made for its owner alone to read.
        mapped: write through memory; where the system cannot, the file is written as any other.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path, *, mapped: bool) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._mapped = mapped and hasattr(os, "posix_fallocate")
        self._window: mmap.mmap | None = None
        self._begin = self._end = 0
        """Of the window."""
        self.size = 0
        """Bytes that were appended."""

    def append(self, data: bytes) -> None:
        """Write all of it or none. Who reads at the same time sees its first four bytes last.

        Raises:
            OSError: the disk does not take it; what comes next may be appended all the same.
        """
        end = self.size + len(data)
        if end > self._end and not (self._mapped and self._map(len(data))):
            if os.pwrite(self._file, data, self.size) < len(data):
                with suppress(OSError):  # the next one overwrites what stands there
                    os.ftruncate(self._file, self.size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        else:
            assert self._window is not None
            at = self.size - self._begin
            self._window[at + 4 : at + len(data)] = data[4:]
            self._window[at : at + 4] = data[:4]
        self.size = end

    def close(self) -> None:
        """Let go of the file; it is as long as what was appended. Raises nothing."""
        mapped = self._window is not None
        self._unmap()
        if mapped:
            with suppress(OSError):  # then zeros stay at its end, which nobody takes for anything
                os.ftruncate(self._file, self.size)
        os.close(self._file)

    def _map(self, length: int) -> bool:
        """A window in which so many more bytes have room; false where the system has none."""
        page = mmap.ALLOCATIONGRANULARITY
        begin = self.size // page * page
        wanted = max(WINDOW_BYTES, self.size - begin + length)
        wanted = -(-wanted // page) * page
        try:
            os.posix_fallocate(self._file, begin, wanted)
            window = mmap.mmap(self._file, wanted, offset=begin)
        except OSError as error:
            if error.errno not in _NO_MAP:
                raise
            self._unmap()
            self._mapped, self._end = False, 0
            return False
        self._unmap()
        self._window, self._begin, self._end = window, begin, begin + wanted
        return True

    def _unmap(self) -> None:
        if self._window is not None:
            self._window.close()
            self._window = None
