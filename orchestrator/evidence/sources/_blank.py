"""Chroma's index files without what happened to lie in memory.

The index reserves room for elements that are still to come, and writes that room out as it is: as
whatever the process had in that memory before, texts of requests among it. So what is not used is
overwritten with zeros, each time that an index was written.

The layout of `header.bin` is that of hnswlib's `saveIndex`, with a version in front: see
`hnswalg.h` of chroma-core/hnswlib.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_HEADER = struct.Struct("<i4Q")
"""Version, offset of level 0, room for elements, elements, bytes of an element."""
_NORM_BYTES = 4
_AT_ONCE = 1 << 20


def blank_unused(folder: Path) -> None:
    """Overwrite what no element uses, in every index of Chroma's folder, which the caller holds.

    An index that was not written since is left alone. Raises `OSError` where one cannot be written.
    """
    for header in folder.glob("*/header.bin"):
        data, norms = header.with_name("data_level0.bin"), header.with_name("length.bin")
        content = header.read_bytes()
        if len(content) < _HEADER.size or not data.exists():
            continue
        # By us, below; the clock of a file system is much coarser than that.
        blanked = header.stat().st_mtime_ns + 1
        if data.stat().st_mtime_ns == blanked:
            continue
        _, _, room, used, size = _HEADER.unpack_from(content)
        if data.stat().st_size == room * size:
            if norms.exists():
                _blank(norms, used * _NORM_BYTES)
            _blank(data, used * size)
            os.utime(data, ns=(blanked, blanked))


def _blank(file: Path, start: int) -> None:
    with file.open("r+b") as opened:
        left = opened.seek(0, os.SEEK_END) - start
        opened.seek(start)
        while left > 0:
            left -= opened.write(bytes(min(left, _AT_ONCE)))
        opened.flush()
        os.fsync(opened.fileno())
