"""The files of the audit log, and what each of them holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.guard.auditing.entry import Entry, Head, read_line

FOLDER = "audit"
SUFFIX = ".jsonl"
_NAME = re.compile(r"\d{6}\.jsonl")
_WINDOW = 1_000_000
"""So much of a file's end is looked at for its last entry."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place of a file at which the chain does not hold."""

    file: str
    line: int
    """From 1."""
    number: int
    """Of the entry that was expected there."""
    problem: str


@dataclass(frozen=True, slots=True)
class Tail:
    """Bytes after the last whole entry."""

    size: int
    digest: str
    """SHA-256, hexadecimal."""

    @classmethod
    def of(cls, data: bytes) -> Tail:
        return cls(len(data), hashlib.sha256(data).hexdigest())


def segments(folder: Path) -> list[Path]:
    """The files in the order of the chain."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def number_of(path: Path) -> int:
    """Which file of the log it is."""
    return int(path.name.removesuffix(SUFFIX))


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines; the last one without a line end where it is torn.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        yield from file


def last_of(path: Path) -> tuple[Head | None, Tail]:
    """The head after the last whole entry of a file, and what comes behind it.

    `None` where the file holds no entry that is whole. Looks at the end of the file only, unless
    that is damaged.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _WINDOW))
        data = file.read()
    end = data.rfind(b"\n") + 1
    begin = data.rfind(b"\n", 0, max(0, end - 1)) + 1
    if end and (begin or size <= _WINDOW):
        try:
            entry = read_line(data[begin : end - 1], None)
        except ValueError:
            pass
        else:
            return Head(entry.number, entry.hash), Tail.of(data[end:])
    return _searched(path)


def _searched(path: Path) -> tuple[Head | None, Tail]:
    """Likewise, from the beginning: what does not follow is no part of the chain."""
    head: Head | None = None
    data, at = path.read_bytes(), 0
    while (end := data.find(b"\n", at)) >= 0:
        try:
            entry = read_line(data[at:end], head)
        except ValueError:
            break
        head, at = Head(entry.number, entry.hash), end + 1
    return head, Tail.of(data[at:])


def entries(folder: Path) -> Iterator[Entry]:
    """Every entry that can be read, in order; what cannot is left out, `verify` says where.

    Raises:
        OSError: a file cannot be read.
    """
    for path in segments(folder):
        for line in whole_lines(path):
            try:
                yield read_line(line.rstrip(b"\n"), None)
            except ValueError:
                continue
