"""What is kept is bounded by its size, and goes with what it was made of."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

from orchestrator.evidence.alignment import aligner_of
from orchestrator.evidence.keeping import Beside, Kept
from orchestrator.evidence.passage_index import PassageIndex
from orchestrator.evidence.relations.places import field_of
from orchestrator.evidence.relations.signals import relations
from orchestrator.evidence.scoring.passages import words_of

from .samples import embedder, passage


def recording(made: list[str]) -> Callable[[str], str]:
    """A function that notes what it is asked for, and says it in capitals."""

    def make(key: str) -> str:
        made.append(key)
        return key.upper()

    return make


def sized(key: str) -> int:
    return len(key)


def test_the_last_are_kept_as_far_as_there_is_room() -> None:
    made: list[str] = []
    kept = Kept(recording(made), size=sized, room=10)
    assert [kept(key) for key in ("aaaa", "bbbb", "aaaa")] == ["AAAA", "BBBB", "AAAA"]
    assert made == ["aaaa", "bbbb"]
    kept("cccc")  # now b has to go, which was asked for longest ago
    kept("aaaa")
    assert made == ["aaaa", "bbbb", "cccc"]
    kept("bbbb")
    assert made == ["aaaa", "bbbb", "cccc", "bbbb"]


def test_one_that_is_too_large_is_kept_alone() -> None:
    made: list[str] = []
    kept = Kept(recording(made), size=sized, room=10)
    for key in ("a", "b" * 50, "b" * 50, "a"):
        kept(key)
    assert made == ["a", "b" * 50, "a"]


def test_what_stands_beside_is_made_once() -> None:
    class Thing(Beside):
        pass

    def make(thing: Thing) -> list[Thing]:
        return [thing]

    thing = Thing()
    assert thing.beside(make) is thing.beside(make)
    assert thing.beside(make) == [thing]


def test_nothing_holds_an_index_that_is_no_longer_kept() -> None:
    index = PassageIndex([passage("The lamp was lit in 1889 by Ana Costa.")], embedder())
    aligner = aligner_of("The lamp was lit in 1899.", index)
    relations(aligner)
    field_of(index)
    words_of(index)
    assert aligner_of("The lamp was lit in 1899.", index) is aligner
    gone = weakref.ref(index)
    del index, aligner
    gc.collect()
    assert gone() is None
