"""Length and patterns, and how problems are said."""

from __future__ import annotations

import pytest

from orchestrator.validation.text import (
    BadPatternError,
    compiled,
    found_in,
    joined,
    matching,
    of_length,
    shortened,
)

HANGS = r"(a|aa)+b"
"""Takes half as long again for each further letter of a text without a `b`."""
LONG = "a" * 80


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"[A-Z]{3}-\d+", "ABC-12"),
        (r"[A-Z]{3}-\d+", " ABC-12\n"),
        (r"(?s)a.*b", "a\nb"),
        (r"\p{Lu}\p{Ll}+", "Ämter"),  # which `re` does not know
        (r"a|ab", "ab"),
    ],
)
def test_a_text_that_matches_passes_as_it_is(pattern: str, text: str) -> None:
    assert matching(pattern)(text) == text


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"[A-Z]{3}-\d+", "see ABC-12"),
        (r"[A-Z]{3}-\d+", "ABC-12."),
        (r"[A-Z]{3}-\d+", ""),
        (r"a.*b", "a\nb"),
        (r"yes", "yes\nyes"),
    ],
)
def test_the_whole_text_must_match(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match="does not match the pattern"):
        matching(pattern)(text)


def test_a_pattern_that_would_hang_is_given_up() -> None:
    with pytest.raises(ValueError, match=r"takes more than 0\.25 s"):
        matching(HANGS)(LONG)
    with pytest.raises(ValueError, match=r"takes more than 0\.25 s"):
        found_in(f"^{HANGS}$", LONG)


@pytest.mark.parametrize(
    ("pattern", "at", "says"),
    [
        ("a(b", 3, "missing"),
        ("[a-", 3, "unterminated"),
        ("a**", 2, "multiple repeat"),
        ("*", 0, "repeat"),
    ],
)
def test_a_bad_pattern_says_where(pattern: str, at: int, says: str) -> None:
    with pytest.raises(BadPatternError, match=says) as caught:
        compiled(pattern)
    assert caught.value.at == at


@pytest.mark.parametrize("text", ["12345", "  12345\n", "1234567890"])
def test_a_length_within_its_limits_passes(text: str) -> None:
    assert of_length(5, 10)(text) == text


@pytest.mark.parametrize(
    ("text", "says"), [("1234", "4 characters; at least 5"), ("1" * 11, "11 characters; at most")]
)
def test_a_length_beyond_its_limits_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        of_length(5, 10)(text)


def test_many_problems_are_the_first_few_and_a_count() -> None:
    said = joined(f"problem\n{n}" for n in range(9))
    assert said == "problem 0; problem 1; problem 2; problem 3; problem 4; and 4 more"


def test_a_long_text_keeps_both_its_ends() -> None:
    said = shortened("a" + "x" * 1000 + "z", 100)
    assert said.startswith("a")
    assert said.endswith("z")
    assert "902 characters left out" in said
    assert shortened("x" * 100, 100) == "x" * 100
