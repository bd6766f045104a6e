"""Two texts compared by words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_TOKEN = re.compile(r"\s+|\w+(?:[.,'-]\w+)*|[^\w\s]")
_LINE = re.compile(r".*\n|.+\Z")
_MOST = 100_000_000
"""Parts of one text times parts of the other, beyond which they are not compared so finely: it
needs a bit for each, and time likewise."""
_ISLAND = 2
"""Fewer equal words than that between two changes belong to the change: they agree by chance."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of two texts: in both, in the first alone, or in the second alone."""

    kind: Literal["same", "removed", "added"]
    text: str


@dataclass(slots=True)
class _Run:
    equal: bool
    old: Sequence[str]
    new: Sequence[str]


def compare_words(before: str, after: str) -> tuple[Piece, ...]:
    """What changed from one text to the other, word by word.

    The pieces that are not `added` make up `before` to the letter, those that are not `removed`
    make up `after`.
    """
    return tuple(_pieces(_without_islands(_runs(_TOKEN.findall(before), _TOKEN.findall(after)))))


def _runs(old: list[str], new: list[str]) -> list[_Run]:
    """Tokens of the two texts, in turns equal and changed."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    middle = _middle(old[head : len(old) - tail], new[head : len(new) - tail])
    end = new[len(new) - tail :]
    return [
        run
        for run in (_Run(True, new[:head], new[:head]), *middle, _Run(True, end, end))
        if run.old or run.new
    ]


def _middle(old: list[str], new: list[str]) -> Iterator[_Run]:
    if not old or not new or len(old) * len(new) <= _MOST:
        yield from _compared(old, new)
        return
    lines = (_LINE.findall("".join(part)) for part in (old, new))
    for run in _compared(*lines):
        a, b = _TOKEN.findall("".join(run.old)), _TOKEN.findall("".join(run.new))
        yield from [_Run(True, a, b)] if run.equal else _compared(a, b)


def _compared(old: list[str], new: list[str]) -> Iterator[_Run]:
    from rapidfuzz.distance import Indel

    if not old or not new or len(old) * len(new) > _MOST:
        yield _Run(False, old, new)
        return
    for op in Indel.opcodes(old, new):
        was, now = old[op.src_start : op.src_end], new[op.dest_start : op.dest_end]
        yield _Run(op.tag == "equal", was, now)


def _without_islands(runs: Sequence[_Run]) -> Iterator[_Run]:
    """Changes that only lone equal words stand between become one."""
    changed = _Run(False, [], [])
    for place, run in enumerate(runs):
        inside = 0 < place < len(runs) - 1
        if run.equal and not (inside and sum(t[0].isalnum() for t in run.new) < _ISLAND):
            yield changed
            yield run
            changed = _Run(False, [], [])
        else:
            changed = _Run(False, [*changed.old, *run.old], [*changed.new, *run.new])
    yield changed


def _pieces(runs: Iterator[_Run]) -> Iterator[Piece]:
    for run in runs:
        if run.equal:
            yield Piece("same", "".join(run.new))
            continue
        if run.old:
            yield Piece("removed", "".join(run.old))
        if run.new:
            yield Piece("added", "".join(run.new))
