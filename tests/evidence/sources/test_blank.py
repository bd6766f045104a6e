"""What an index file holds beside its elements is overwritten, and only once for each writing."""

from __future__ import annotations

import struct
from pathlib import Path

from orchestrator.evidence.sources._blank import blank_unused


def index(folder: Path, *, room: int, used: int, size: int) -> Path:
    own = folder / "index"
    own.mkdir()
    (own / "header.bin").write_bytes(struct.pack("<i4Q", 1, 0, room, used, size) + bytes(64))
    (own / "data_level0.bin").write_bytes(
        b"e" * used * size + b"the secret of the heap"[:size] * (room - used)
    )
    (own / "length.bin").write_bytes(b"nnnn" * room)
    return own


def test_what_is_not_used_is_overwritten(tmp_path: Path) -> None:
    own = index(tmp_path, room=10, used=3, size=8)
    blank_unused(tmp_path)
    assert (own / "data_level0.bin").read_bytes() == b"e" * 24 + bytes(56)
    assert (own / "length.bin").read_bytes() == b"nnnn" * 3 + bytes(28)


def test_an_index_that_was_not_written_since_is_left_alone(tmp_path: Path) -> None:
    own = index(tmp_path, room=2, used=1, size=8)
    blank_unused(tmp_path)
    before = (own / "data_level0.bin").stat().st_mtime_ns
    blank_unused(tmp_path)
    assert (own / "data_level0.bin").stat().st_mtime_ns == before
    index_bytes = (own / "data_level0.bin").read_bytes()
    (own / "data_level0.bin").write_bytes(index_bytes[:8] + b"again...")
    blank_unused(tmp_path)
    assert (own / "data_level0.bin").read_bytes() == index_bytes


def test_another_layout_is_left_alone(tmp_path: Path) -> None:
    own = index(tmp_path, room=10, used=3, size=8)
    with (own / "data_level0.bin").open("ab") as file:
        file.write(b"more")
    before = (own / "data_level0.bin").read_bytes()
    blank_unused(tmp_path)
    assert (own / "data_level0.bin").read_bytes() == before
