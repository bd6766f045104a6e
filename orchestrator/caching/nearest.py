"""The nearest texts of a partition, by their vectors, in memory.

Each vector is kept as it is and as the signs of its numbers, one bit each. A query compares bits
first, which for 100,000 vectors takes half a millisecond, and works out the cosine of those alone
that differ in the fewest (signs of projections: Charikar, STOC 2002). A database's index of
neighbours was measured beside it; see `evals/cache/RESULTS.md`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_SCORED = 128
"""Those whose cosine is worked out."""
_PARTITIONS = 1_000
"""Kept in memory; beyond that the one that was asked longest ago goes."""
_FIRST = 64


class Nearest:
    """Vectors by partition. Thread-safe."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Vectors] = OrderedDict()

    def last(self, partition: str) -> int:
        """The greatest id that is known of a partition; 0: none."""
        with self._lock:
            held = self._held.get(partition)
            return held.last if held else 0

    def add(self, partition: str, ids: list[int], vectors: np.ndarray) -> None:
        """Unit vectors, shape (ids, dimensions), with ids that are greater than `last`; others
        are known already and left out."""
        with self._lock:
            held = self._held.get(partition)
            if held is None:
                held = self._held[partition] = _Vectors(self._dimensions)
            self._held.move_to_end(partition)
            while len(self._held) > _PARTITIONS:
                self._held.popitem(last=False)
            new = [i for i, id in enumerate(ids) if id > held.last]
            if new:
                held.add([ids[i] for i in new], vectors[new])

    def near(self, partition: str, vector: np.ndarray, most: int) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest, the nearest first."""
        with self._lock:
            held = self._held.get(partition)
            return [] if held is None else held.near(vector, most)

    def forget(self, partition: str, id: int) -> None:
        """It is no longer there."""
        with self._lock:
            held = self._held.get(partition)
            if held is not None:
                held.forget(id)


class _Vectors:
    """Those of one partition, in arrays that double when they are full."""

    def __init__(self, dimensions: int) -> None:
        import numpy as np

        self._size = 0
        self._dimensions = dimensions
        self._bits = -(-dimensions // 64)
        self._vectors = np.zeros((_FIRST, dimensions), dtype=np.float16)
        self._signs = np.zeros((self._bits, _FIRST), dtype=np.uint64)
        self._ids = np.zeros(_FIRST, dtype=np.int64)

    @property
    def last(self) -> int:
        return int(abs(self._ids[self._size - 1])) if self._size else 0

    def add(self, ids: list[int], vectors: np.ndarray) -> None:
        self._grow(self._size + len(ids))
        place = slice(self._size, self._size + len(ids))
        self._vectors[place] = vectors
        self._signs[:, place] = self._signs_of(vectors)
        self._ids[place] = ids
        self._size += len(ids)

    def near(self, vector: np.ndarray, most: int) -> list[tuple[int, float]]:
        import numpy as np

        size, asked = self._size, self._signs_of(vector[None])[:, 0]
        if size > _SCORED:
            apart = np.bitwise_count(self._signs[0, :size] ^ asked[0]).astype(np.uint16)
            for row, bits in zip(self._signs[1:], asked[1:], strict=True):
                apart += np.bitwise_count(row[:size] ^ bits)
            places = np.argpartition(apart, _SCORED)[:_SCORED]
        else:
            places = np.arange(size)
        places = places[self._ids[places] > 0]
        cosines = self._vectors[places].astype(np.float32) @ vector
        order = np.argsort(-cosines, kind="stable")[:most]
        return [(int(self._ids[places[i]]), float(cosines[i])) for i in order]

    def forget(self, id: int) -> None:
        """Its place stays, with the id made negative."""
        import numpy as np

        place = int(np.searchsorted(np.abs(self._ids[: self._size]), id))
        if place < self._size and self._ids[place] == id:
            self._ids[place] = -id

    def _grow(self, least: int) -> None:
        import numpy as np

        room = len(self._ids)
        if least <= room:
            return
        more = max(room, least - room)
        self._vectors = np.pad(self._vectors, ((0, more), (0, 0)))
        self._signs = np.pad(self._signs, ((0, 0), (0, more)))
        self._ids = np.pad(self._ids, (0, more))

    def _signs_of(self, vectors: np.ndarray) -> np.ndarray:
        """Shape (words of 64 bits, vectors)."""
        import numpy as np

        bits = np.zeros((len(vectors), self._bits * 64), dtype=bool)
        bits[:, : self._dimensions] = vectors > 0
        found: np.ndarray = np.packbits(bits, axis=1).view(np.uint64).T
        return found
