"""Records on their way to a database: written to a file at once, taken from there in batches.

Each writer appends to files of its own, `KIND-OWNER.NUMBER.spool` in the folder, and begins a new
one when the last has grown. A record is framed by its length, a checksum and the time; what a
process handed to the system survives its death. The first length of zero is the end: a file that
is written through memory (`appended`) goes on with zeros. `drain` hands the records of all writers
to a `Sink` and removes files that were taken whole.

A record is taken exactly once: the sink keeps with it, in one transaction, how far the file was
taken, and `drain` goes on from there. The torn end of a writer that was killed is dropped.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestrator.storage.appended import Appended
from orchestrator.storage.collect import Collector

if TYPE_CHECKING:
    from filelock import BaseFileLock

SEGMENT_BYTES = 16_000_000
"""A file of this size gets no further records."""
BATCH_BYTES = 1_000_000
"""About as much goes to the sink at a time."""
MOST_BYTES = 256_000_000
"""A record that claims to be longer is damaged."""
_FRAME = struct.Struct("<IId")
"""Length of the record, its CRC-32, seconds since the epoch."""
_NOTHING = bytes(4)
"""The length at the end of what was written."""
_SUFFIX = ".spool"


class Spool:
    """The files of one writer, which threads may share. Make it after the process has forked.

    Nothing raises because of a disk: what could not be written is lost, counted, and `problem`
    says so.

    Args:
        folder: for all writers; made at the first record, for its owner alone to read.
        kind: what the records are of, a word (`traces`).
        mapped: write through memory: for who writes often, a little, and must not wait.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        mapped: bool = False,
    ) -> None:
        self.folder, self.kind, self.owner = folder, kind, uuid.uuid4().hex[:16]
        self._segment_bytes, self._mapped = segment_bytes, mapped
        self._lock = threading.Lock()
        self._mark: BaseFileLock | None = None
        self._file: Appended | None = None
        self._number = 0
        self._closed = False
        self._lost = 0
        self._why = ""
        self._soon: Collector[bytes] = Collector(self._write_all, f"mesh-spool-{kind}")

    def append(self, record: bytes, *, now: bool = False) -> bool:
        """Write the record, which is not empty, within 20 ms, or, with `now`, before this returns.

        Records with `now` go before those that still wait.

        Returns:
            False where it is known by now that it could not be written.
        """
        if now:
            return self.write((record,))
        self._soon.put(record)
        return True

    def write(self, records: Sequence[bytes]) -> bool:
        """Write all of them at once, or none; whether that worked.

        Raises:
            ValueError: one of them is empty.
        """
        if not records:
            return True
        if not all(records):
            raise ValueError("a record of a spool is empty")
        at = time.time()
        frames = b"".join(
            [_FRAME.pack(len(record), zlib.crc32(record), at) + record for record in records]
        )
        with self._lock:
            try:
                self._put(frames)
            except OSError as error:
                self._lost += len(records)
                self._why = error.strerror or str(error)
                return False
        return True

    def flush(self) -> None:
        """Write what waits."""
        self._soon.flush()

    def rotate(self) -> None:
        """Go on in a new file, so that the last one is removed as soon as it was taken."""
        with self._lock, contextlib.suppress(OSError):  # then it is the next record's trouble
            self._file = self._begin()

    @property
    def lost(self) -> int:
        """How many records could not be written."""
        return self._lost + self._soon.lost

    @property
    def problem(self) -> str | None:
        """What was lost and why, for a person; `None` where nothing was."""
        if not self.lost:
            return None
        return f"{self.lost} records ({self.kind}) could not be written: {self._why or 'too many'}"

    def close(self) -> None:
        """Write what waits and let go of the files: `drain` takes them to the end.

        What comes later is lost.
        """
        self._soon.close()
        with self._lock:
            self._closed = True
            self._end()
            if self._mark is not None:
                self._mark.release()
                self._mark = None

    def _write_all(self, records: list[bytes]) -> None:
        self.write(records)

    def _put(self, frames: bytes) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the spool was closed")
        if self._file is None or self._file.size >= self._segment_bytes:
            self._file = self._begin()
        self._file.append(frames)

    def _begin(self) -> Appended:
        if self._mark is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._mark = _take_mark(self.folder, self.kind, self.owner)
        self._end()
        name = f"{self.kind}-{self.owner}.{self._number + 1:06}{_SUFFIX}"
        begun = Appended(self.folder / name, mapped=self._mapped)
        self._number += 1
        return begun

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Sink(Protocol):
    """Where the records go."""

    def taken(self) -> Mapping[str, int]:
        """How many bytes of each segment it has, by the segment's name."""
        ...

    def take(self, segment: str, records: Sequence[bytes], end: int) -> None:
        """Keep the records, and in the same transaction that the segment is taken up to `end`."""
        ...

    def ended(self, owner: str) -> None:
        """The process that wrote as `owner` is no more and all its records are taken.

        May be called again where a reader was killed in the meantime.
        """
        ...

    def forget(self, segments: Sequence[str]) -> None:
        """These files are no more: what is kept of them in `taken` may go."""
        ...


@dataclass(slots=True)
class Drained:
    """What `drain` has done."""

    records: int = 0
    bytes: int = 0
    """Of these records."""
    torn: int = 0
    """Bytes at the ends of files that were no whole records."""
    busy: bool = False
    """Somebody else drains; nothing was done."""
    complete: bool = True
    """False where time ran out."""


def drain(
    folder: Path, kind: str, sink: Sink, *, wait_s: float = 0.0, limit_s: float | None = None
) -> Drained:
    """Hand everything that lies in the folder to the sink.

    Args:
        wait_s: how long to wait while somebody else drains.
        limit_s: stop after about so many seconds and leave the rest to the next one.

    Raises:
        OSError: a file cannot be read.
        Exception: whatever the sink raises; what it has not taken stays.
    """
    from filelock import FileLock, Timeout

    done = Drained()
    until = None if limit_s is None else time.monotonic() + limit_s
    if not any(folder.glob(f"{kind}-*{_SUFFIX}")):
        return done
    try:
        with FileLock(folder / f"{kind}.drain.lock", timeout=wait_s, mode=0o600):
            _drain(folder, kind, sink, until, done)
    except Timeout:
        done.busy, done.complete = True, False
    return done


def _drain(folder: Path, kind: str, sink: Sink, until: float | None, done: Drained) -> None:
    taken = sink.taken()
    for owner, segments in _segments(folder, kind).items():
        # Asked before reading: what it wrote until now is seen below.
        gone = _is_gone(folder, kind, owner)
        for path in segments:
            end = _take_file(path, taken.get(path.name, 0), sink, until, done)
            if not done.complete:
                return
            if gone or path != segments[-1]:
                done.torn += _torn(path, end)
                if path != segments[-1]:
                    path.unlink()
        if gone:
            sink.ended(owner)
            for path in (segments[-1], _mark(folder, kind, owner)):
                path.unlink(missing_ok=True)
    if stale := [name for name in taken if not (folder / name).exists()]:
        sink.forget(stale)


def _torn(path: Path, end: int) -> int:
    """Bytes beyond there that are more than the zeros of a file written through memory."""
    with path.open("rb") as file:
        file.seek(end)
        return len(file.read().rstrip(b"\0"))


def _take_file(path: Path, offset: int, sink: Sink, until: float | None, done: Drained) -> int:
    """Up to where it was taken."""
    for records, end in _batches(path, offset):
        sink.take(path.name, records, end)
        done.records += len(records)
        done.bytes += end - offset
        offset = end
        if until is not None and time.monotonic() > until:
            done.complete = False
            break
    return offset


def _batches(path: Path, offset: int) -> Iterator[tuple[list[bytes], int]]:
    """The whole records from there on, about a megabyte at a time, and where they end."""
    with path.open("rb") as file:
        wanted = BATCH_BYTES
        while True:
            file.seek(offset)
            data = file.read(wanted)
            records, size, needed = _whole(data)
            if records:
                offset += size
                yield records, offset
                wanted = BATCH_BYTES
            elif needed > len(data) == wanted:
                wanted = needed
            else:
                return


def _whole(data: bytes) -> tuple[list[bytes], int, int]:
    """The records that `data` begins with, their bytes, and how many the next one needs."""
    records: list[bytes] = []
    at = 0
    while at + _FRAME.size <= len(data):
        length, checksum, _ = _FRAME.unpack_from(data, at)
        begin, end = at + _FRAME.size, at + _FRAME.size + length
        if not length or length > MOST_BYTES:
            break
        if end > len(data):
            return records, at, end - at
        record = data[begin:end]
        if zlib.crc32(record) != checksum:
            break
        records.append(record)
        at = end
    return records, at, _FRAME.size if at + _FRAME.size > len(data) else 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be taken."""

    bytes: int = 0
    oldest: float | None = None
    """When the oldest record was written, in seconds since the epoch."""


def backlog(folder: Path, kind: str, taken: Mapping[str, int]) -> Backlog:
    """What lies in the folder beyond what was `taken`."""
    size, oldest = 0, None
    for segments in _segments(folder, kind).values():
        for path in segments:
            offset = taken.get(path.name, 0)
            with contextlib.suppress(OSError), path.open("rb") as file:
                file.seek(offset)
                head = file.read(_FRAME.size)
                if len(head) == _FRAME.size and head[:4] != _NOTHING:
                    size += _end_of(path, offset) - offset
                    at = _FRAME.unpack(head)[2]
                    oldest = at if oldest is None else min(oldest, at)
    return Backlog(size, oldest)


def _end_of(path: Path, offset: int) -> int:
    """Where the records from `offset` on end, or the file, where it does not end with zeros."""
    with path.open("rb") as file:
        size = file.seek(-1, os.SEEK_END) + 1
        if file.read(1) != b"\0":
            return size
    return max((end for _, end in _batches(path, offset)), default=offset)


def _segments(folder: Path, kind: str) -> dict[str, list[Path]]:
    """The files by owner, each owner's in the order of writing."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(f"{kind}-*{_SUFFIX}")):
        found.setdefault(path.name[len(kind) + 1 :].split(".")[0], []).append(path)
    return found


# ── who is alive ─────────────────────────────────────────────────────────────────────────


def _mark(folder: Path, kind: str, owner: str) -> Path:
    """A file that its owner holds locked: the system lets go of it however the process dies."""
    return folder / f"{kind}-{owner}.lock"


def _take_mark(folder: Path, kind: str, owner: str) -> BaseFileLock:
    from filelock import FileLock

    # Taken and given back in different threads.
    lock = FileLock(_mark(folder, kind, owner), timeout=0, thread_local=False, mode=0o600)
    lock.acquire()
    return lock


def _is_gone(folder: Path, kind: str, owner: str) -> bool:
    from filelock import FileLock, Timeout

    mark = _mark(folder, kind, owner)
    if not mark.exists():
        return True
    try:
        with FileLock(mark, timeout=0, thread_local=False):
            return True
    except Timeout:
        return False
