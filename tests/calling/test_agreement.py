"""When two answers come to the same."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.calling.agreement import ballot, vote


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("18", "18.0"),
        ("$1,200.00", "1200"),
        ("\\frac{1}{2}", "0.5"),
        ("3/4", "0.75"),
        ("45^\\circ", "45"),
        ("The answer is 18.", "6 times 3 is 18.\n#### 18"),
        ("so we get $\\boxed{\\frac{1}{2}}$.", "**Final Answer:** 0.5"),
        ("Answer: (B) Paris", "b)"),
        ('{"reasoning": "long", "answer": "18"}', '```json\n{"answer": 18}\n```'),
        ({"answer": 18, "reasoning": "x"}, {"answer": "18", "reasoning": "y"}),
        ("[1, 2, 3]", "[1,2,3]"),
        ("'tr'", "tr"),
        ("Paris.", "  paris"),
    ],
)
def test_the_same_in_other_words(one: Any, other: Any) -> None:
    assert ballot(one) == ballot(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("18", "-18"),
        ("1.5", "15"),
        ("1/2", "2"),
        ("A", "B"),
        ("A", "a man walked in"),
        ("[1, 2]", "[2, 1]"),
        ("5 km", "5 miles"),
        ({"answer": 1}, {"answer": 2}),
        ({"a": 1}, {"a": 2}),
        ("def f():\n    return 1", "def f():\n    return 2"),
        ("1/0", "1"),
        (True, 1),
    ],
)
def test_something_else(one: Any, other: Any) -> None:
    assert ballot(one) != ballot(other)


def test_a_broken_object_is_a_text() -> None:
    assert ballot('{"answer": 18') == ballot('{"answer": 18')
    assert ballot("[" * 100_000) == ballot("[" * 100_000)


def test_a_vote_looks_at_the_whole_text() -> None:
    assert vote("The answer is 18.") != vote("18")


def test_a_word_in_a_sentence_is_no_mark() -> None:
    one, other = "We looked. The result was good, at least.", "They slept. The result was good"
    assert ballot(one) != ballot(other)
    assert ballot("**Answer**: 5") == ballot("5")
