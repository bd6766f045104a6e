"""Numbers that the processes of one gateway write and each of them can read: shared memory.

The supervisor makes the board before it forks, with a slot for each process. A process that takes
the place of one that died goes on with its slot, so that no counter ever runs backwards.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterator

HALF_BYTES = 4_000_000
"""The longest content of a slot. What is never written takes no memory."""
_HEAD = struct.Struct("<qqq")
"""A number that is changed in place, which half holds, and the process that writes."""
_CONTENT = struct.Struct("<II")
"""Length and CRC-32."""
_SLOT_BYTES = _HEAD.size + 2 * (_CONTENT.size + HALF_BYTES)
_READS = 100


class Board:
    """Slots in memory that is shared with processes forked later.

    Args:
        slots: how many; the numbers begin at 0.
    """

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, slots * _SLOT_BYTES)
        self.slots = [Slot(self._memory, number * _SLOT_BYTES) for number in range(slots)]

    def contents(self) -> Iterator[bytes]:
        """What the slots hold that were written."""
        for slot in self.slots:
            content = slot.read()
            if content:
                yield content

    @property
    def number(self) -> int:
        """The sum of the slots' numbers."""
        return sum(slot.number for slot in self.slots)


class Slot:
    """One process's part; only that one writes. Reading never waits for it."""

    def __init__(self, memory: mmap.mmap, at: int) -> None:
        self._memory, self._at = memory, at
        self._numbers = memoryview(memory)[at : at + _HEAD.size].cast("q")

    def add(self, number: int) -> None:
        """To the number, at once: for what goes up and down."""
        self._numbers[0] += number

    @property
    def number(self) -> int:
        return self._numbers[0]

    def take(self) -> None:
        """This process writes from now on. The number is 0: who counted before is no more."""
        self._numbers[0], self._numbers[2] = 0, os.getpid()

    def leave(self) -> None:
        """This process writes nothing more."""
        self._numbers[2] = 0

    @property
    def is_held(self) -> bool:
        """Whether the process that took it last is alive, and has not left it."""
        process = self._numbers[2]
        if not process:
            return False
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # another one's, which has got the number since
            return False
        return True

    def write(self, content: bytes) -> bool:
        """Put it in the place of what the slot held; False where it is too long."""
        if len(content) > HALF_BYTES:
            return False
        half = 1 - self._half()
        begin = self._begin(half)
        _CONTENT.pack_into(self._memory, begin, len(content), zlib.crc32(content))
        begin += _CONTENT.size
        self._memory[begin : begin + len(content)] = content
        # Last of all: who dies before it leaves the other half as it was.
        self._numbers[1] = half
        return True

    def read(self) -> bytes:
        """What was written last; empty where nothing was."""
        for _ in range(_READS):  # both halves may be written anew while this one is read
            begin = self._begin(self._half())
            length, checksum = _CONTENT.unpack_from(self._memory, begin)
            begin += _CONTENT.size
            content = bytes(self._memory[begin : begin + min(length, HALF_BYTES)])
            if zlib.crc32(content) == checksum:
                return content
        return b""

    def _half(self) -> int:
        return self._numbers[1] & 1

    def _begin(self, half: int) -> int:
        return self._at + _HEAD.size + half * (_CONTENT.size + HALF_BYTES)
