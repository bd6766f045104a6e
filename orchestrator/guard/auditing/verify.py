"""Looks through the whole chain, and holds it against the heads that were sent elsewhere.

The chain alone shows every change within it. That its end was cut off at the end of a line, or that
all of it was written anew, only the heads can show.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError
from orchestrator.guard.auditing.entry import Entry, Head, read_line
from orchestrator.guard.auditing.heads import SentHead, signature_holds
from orchestrator.guard.auditing.segments import Broken, Tail, number_of, segments, whole_lines

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHead:
    """What one file of the log holds."""

    file: str
    first: int
    """The number of its first entry."""
    last: int
    hash: str
    """Of its last entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found."""

    entries: int = 0
    """That hold, from the first one on."""
    first_at: float | None = None
    last_at: float | None = None
    head: Head = field(default_factory=Head)
    files: tuple[SegmentHead, ...] = ()
    broken: Broken | None = None
    """The first place at which it does not hold."""
    torn: str = ""
    """In words, where the last entry was cut off, which a crash leaves as well."""
    removed: int = 0
    """Entries that were removed by retention, on record."""
    heads: int = 0
    """That were sent elsewhere, and that the chain was held against."""
    mismatch: str = ""
    """In words, where it is not the chain that one of them speaks of."""
    since_head: int = 0
    """Entries after the last head, which nothing but the chain itself vouches for."""

    @property
    def holds(self) -> bool:
        """Whether nothing was changed, as far as can be told."""
        return self.broken is None and not self.mismatch


def verify(
    folder: Path,
    heads: Sequence[SentHead] = (),
    key: Ed25519PublicKey | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Look through all of it.

    Args:
        heads: that were sent elsewhere.
        key: they must be signed with it; `None`: signatures are not looked at.
        progress: told the number of entries so far, now and then.

    Raises:
        StorageError: a file cannot be read.
    """
    walk = _Walk(frozenset(head.number for head in heads), progress)
    try:
        walk.all(folder)
    except OSError as error:
        raise StorageError(f"the audit log {folder} cannot be read: {error}") from error
    mismatch = _mismatch(walk, heads, key)
    last = max((head.number for head in heads), default=0)
    return Verified(
        entries=walk.count,
        first_at=walk.first_at,
        last_at=walk.last_at,
        head=walk.head,
        files=tuple(walk.files),
        broken=walk.broken,
        torn=walk.torn,
        removed=walk.start.number,
        heads=len(heads),
        mismatch=mismatch,
        since_head=max(0, walk.head.number - last),
    )


class _Walk:
    """The chain from its beginning to its end, or to its first break."""

    def __init__(self, wanted: frozenset[int], progress: Callable[[int], None]) -> None:
        self._wanted, self._progress = wanted, progress
        self.hashes: dict[int, str] = {}
        """Of the entries that heads speak of."""
        self.start = self.head = Head()
        self.count = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.files: list[SegmentHead] = []
        self.broken: Broken | None = None
        self.torn = ""
        self._cut: tuple[str, Tail] | None = None
        """What the file before ended with behind its last whole entry."""
        self._pruned: dict[int, str] = {}
        """Up to which entry, of what hash, older files were removed, on record."""

    def all(self, folder: Path) -> None:
        """Every file in turn."""
        files = segments(folder)
        for place, path in enumerate(files):
            if place and number_of(path) != number_of(files[place - 1]) + 1:
                self._break(path, 1, "a file of the log before this one is missing")
            if self.broken is None:
                self._file(path, last=path == files[-1])
        if self._cut is not None and self.broken is None:
            self.torn = (
                f"entry {self.head.number + 1} in {self._cut[0]} is cut off after "
                f"{self._cut[1].size} bytes: a process ended while it wrote, or the file was cut"
            )
        self._check_start(files)

    def _file(self, path: Path, *, last: bool) -> None:
        first = self.head.number + 1
        lines = 0
        for number, line in enumerate(whole_lines(path), start=1):
            if not line.endswith(b"\n"):
                self._tail(path, number, line)
                break
            try:
                entry = self._entry(path, line[:-1])
            except ValueError as error:
                self._break(path, number, str(error))
                return
            if number == 1 and not self._follows_cut(entry):
                self._break(
                    path, 1, f"what stands at the end of {self._cut_file()} is not on record"
                )
                return
            self._take(entry)
            lines = number
        if lines:
            self.files.append(
                SegmentHead(file=path.name, first=first, last=self.head.number, hash=self.head.hash)
            )
        elif not last and self._cut is None:
            self._break(path, 1, "the file is empty, and others follow it")

    def _entry(self, path: Path, line: bytes) -> Entry:
        if self.count or number_of(path) == 1:
            return read_line(line, self.head)
        # Retention has removed the files before; `_check_start` asks for its word.
        entry = read_line(line, None)
        self.start = self.head = Head(entry.number - 1, entry.previous)
        return entry

    def _take(self, entry: Entry) -> None:
        self.head = Head(entry.number, entry.hash)
        self.count += 1
        self.first_at = entry.at if self.first_at is None else self.first_at
        self.last_at = entry.at
        if entry.number in self._wanted:
            self.hashes[entry.number] = entry.hash
        if entry.kind == "retention" and "through" in entry.facts:
            self._pruned[entry.facts["through"]] = str(entry.facts.get("hash"))
        if self.count % 10_000 == 0:
            self._progress(self.count)

    def _tail(self, path: Path, number: int, data: bytes) -> None:
        """What has no line end: the beginning of the next entry, or something else."""
        begin = f'{{"n":{self.head.number + 1},"prev":"{self.head.hash}","at":'.encode()
        written = data.rstrip(b"\0")  # what a power cut leaves of a file that had grown
        if begin[: len(written)] != written[: len(begin)] or _goes_on(written):
            self._break(path, number, "what stands behind the last entry is no part of an entry")
        else:
            self._cut = path.name, Tail.of(data)

    def _follows_cut(self, entry: Entry) -> bool:
        """Whether it says what the file before ended with, where that was torn."""
        if self._cut is None:
            return True
        file, tail = self._cut
        said = (entry.kind, entry.facts.get("file"), entry.facts.get("bytes"))
        if said != ("gap", file, tail.size) or entry.facts.get("sha256") != tail.digest:
            return False
        self._cut = None
        return True

    def _cut_file(self) -> str:
        return self._cut[0] if self._cut else ""

    def _check_start(self, files: Sequence[Path]) -> None:
        if self.broken is not None or not self.start.number:
            return
        if self._pruned.get(self.start.number) != self.start.hash:
            self._break(
                files[0],
                1,
                f"entries 1 to {self.start.number} are missing, and no retention is on record",
                1,
            )

    def _break(self, path: Path, line: int, problem: str, number: int | None = None) -> None:
        if self.broken is None:
            expected = self.head.number + 1 if number is None else number
            self.broken = Broken(path.name, line, expected, problem)


def _goes_on(data: bytes) -> bool:
    """Whether more follows where an entry has ended: nobody writes that."""
    try:
        _, end = json.JSONDecoder().raw_decode(data.decode("latin-1"))
    except ValueError:
        return False
    return end < len(data)


def _mismatch(walk: _Walk, heads: Sequence[SentHead], key: Ed25519PublicKey | None) -> str:
    """The first head that does not speak of this chain, in words."""
    for head in sorted(heads, key=lambda one: one.number):
        name = f"the head of entry {head.number:,} that was sent on {_day(head.at)}"
        if key is not None and not signature_holds(head, key):
            return f"{name} is not signed with the declared key"
        if head.number > walk.head.number:
            if walk.broken is not None:
                continue
            return f"{name} shows that entries after {walk.head.number:,} were cut off"
        found = (
            walk.start.hash if head.number == walk.start.number else walk.hashes.get(head.number)
        )
        if found is not None and found != head.hash:
            return (
                f"{name} shows that the log was written anew: expected {head.hash[:12]}…, "
                f"found {found[:12]}…"
            )
    return ""


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
