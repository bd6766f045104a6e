"""Words that say the same thing in a question and its answer, and words that are misspelt."""

from __future__ import annotations

import pytest

from orchestrator.evidence.language.paraphrase import derived, paraphrased
from orchestrator.evidence.language.spelling import distance, misspelt
from orchestrator.evidence.language.words import stem


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("lend", "borrow"),
        ("rent", "hired"),
        ("costs", "price"),
        ("closes", "ends"),
        ("seat", "holds"),
        ("mend", "repairs"),
        ("defect", "broken"),
        ("posted", "sent"),
        ("allowed", "permits"),
        ("high", "height"),
        ("warm", "warmth"),
        ("arrive", "arrival"),
        ("insure", "insurance"),
        ("depart", "departure"),
        ("differ", "difference"),
    ],
)
def test_what_may_say_the_same(asked: str, said: str) -> None:
    assert paraphrased(stem(asked), stem(said))
    assert paraphrased(stem(said), stem(asked))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("employer", "employee"),
        ("sign", "signal"),
        ("form", "formal"),
        ("part", "party"),
        ("capital", "capitalist"),
        ("adult", "child"),
        ("garage", "garden"),
    ],
)
def test_what_says_something_else(asked: str, said: str) -> None:
    assert not paraphrased(stem(asked), stem(said))


def test_classes_are_not_joined() -> None:
    assert paraphrased(stem("bear"), stem("pay"))
    assert paraphrased(stem("bear"), stem("carry"))
    assert not paraphrased(stem("pay"), stem("carry"))


def test_an_ending_is_not_a_word_of_its_own() -> None:
    assert derived(stem("close"), stem("closure"))
    assert not derived(stem("mess"), stem("message"))


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("lighthose", "lighthouse"),
        ("thermomter", "thermometer"),
        ("libarry", "library"),
        ("greenhuose", "greenhouse"),
    ],
)
def test_a_misspelt_word_finds_the_word_of_the_sources(asked: str, meant: str) -> None:
    known = [stem(w) for w in ("lighthouse", "thermometer", "library", "greenhouse", "harbour")]
    assert misspelt(stem(asked), known) == stem(meant)


@pytest.mark.parametrize(
    "asked",
    [
        "harbour",  # is there as it stands
        "boat",  # too short
        "arbours",  # the first letter is seldom wrong
        "contract",  # a word of the word lists is meant as it stands
        "libraries",  # another form
    ],
)
def test_a_word_that_is_right_is_left_alone(asked: str) -> None:
    assert misspelt(stem(asked), ["harbour", "coat", "contrast", "library"]) == ""


@pytest.mark.parametrize(
    ("left", "right", "apart"),
    [("form", "from", 1), ("abc", "abc", 0), ("", "ab", 2), ("kitten", "sitting", 3)],
)
def test_distance(left: str, right: str, apart: int) -> None:
    assert distance(left, right) == distance(right, left) == apart
