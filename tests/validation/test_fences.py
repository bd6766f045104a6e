"""What was asked for is found in a fence or as the whole, and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.validation.fences import bare
from orchestrator.validation.text import LONGEST


def number(text: str) -> int:
    return int(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", "42"),
        ("\n 42 \n", "42"),
        ("```\n42\n```", "42"),
        ("```json\n42\n```", "42"),
        ("~~~\n42\n~~~", "42"),
        ("````\n42\n````", "42"),
        ("Here it is:\n\n```\n42\n```\nI hope this helps.", "42"),
        ("   ```\n42\n   ```", "42"),
        ("```\r\n42\r\n```", "42\r"),
    ],
)
def test_what_was_asked_for_is_taken_out(text: str, expected: str) -> None:
    assert bare(text, number) == (expected, 42)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("It is 42.", "invalid literal"),
        ("42 is it", "invalid literal"),
        ("```\n42\n```\n```\n43\n```", "2 code blocks"),
        ("```\n42", "not closed"),
        ("````\n42\n```", "not closed"),
        ("```\n42\n~~~", "not closed"),
        ("```\nforty-two\n```", "forty-two"),
        ("", "invalid literal"),
        ("1" * (LONGEST + 1), "at most 500,000"),
    ],
)
def test_anything_unclear_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        bare(text, number)


def test_a_whole_that_is_right_may_hold_fences_of_its_own() -> None:
    text = "Say:\n```\nx\n```\nand\n```\ny\n```"
    assert bare(text, str) == (text, text)


@given(st.text(alphabet=st.characters(blacklist_characters="`~\r"), max_size=200))
def test_a_fence_never_changes_what_is_inside(inside: str) -> None:
    def same(text: str) -> str:
        if text != inside:
            raise ValueError("another text")
        return text

    assert bare(f"Here:\n```text\n{inside}\n```\nDone.", same) == (inside, inside)
