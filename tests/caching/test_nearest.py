"""The index in memory finds what comparing with all finds."""

from __future__ import annotations

import numpy as np

from orchestrator.caching.nearest import Nearest


def units(number: int, seed: int, dimensions: int = 96) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((number, dimensions)).astype(np.float32)
    unit: np.ndarray = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def test_the_nearest_of_many_is_found() -> None:
    vectors, index = units(3_000, 1), Nearest(96)
    index.add("a", list(range(1, 3_001)), vectors)
    asked = vectors[::50] + 0.02 * units(60, 2)
    for vector in asked / np.linalg.norm(asked, axis=1, keepdims=True):
        [(id, cosine)] = index.near("a", vector, 1)
        assert id == int((vectors @ vector).argmax()) + 1
        assert abs(cosine - float((vectors @ vector).max())) < 0.01


def test_partitions_do_not_see_each_other_and_what_is_forgotten_is_gone() -> None:
    vectors, index = units(4, 3), Nearest(96)
    index.add("a", [1, 2], vectors[:2])
    index.add("b", [3, 4], vectors[2:])
    assert {id for id, _ in index.near("a", vectors[2], 9)} == {1, 2}
    index.forget("a", 2)
    assert [id for id, _ in index.near("a", vectors[1], 9)] == [1]
    assert (index.last("a"), index.last("b"), index.last("c")) == (2, 4, 0)


def test_what_is_known_is_not_added_twice() -> None:
    vectors, index = units(3, 4), Nearest(96)
    index.add("a", [1, 2], vectors[:2])
    index.add("a", [1, 2, 3], vectors)
    assert sorted(id for id, _ in index.near("a", vectors[0], 9)) == [1, 2, 3]
