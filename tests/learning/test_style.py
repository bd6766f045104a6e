"""What is read off the writing of any text, however odd."""

from __future__ import annotations

from math import isfinite

import pytest

from orchestrator.learning.style import style
from tests.learning.made import reader

ODD = ("", " ", "\n\n", "?", "A. ", "漢字" * 300, "\ud800", "x" * 100_000, "1,000.5\n" * 500)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_every_text_has_as_many_finite_numbers(text: str) -> None:
    found = style(text)
    assert len(found) == len(style("What is this?"))
    assert all(map(isfinite, found))


def test_forms_are_told_apart() -> None:
    plain = "Which of the following is a metal? Iron, or wood"
    choices = "Which of the following is a metal?\nA. Iron\nB. Wood\nC. Clay"
    numeric = "Which of the following is a prime?\nA. 12\nB. 13\nC. 14"
    assert len({tuple(style(text)) for text in (plain, choices, numeric)}) == 3
    assert style(plain) == style(plain)


def test_a_reading_is_a_vector_and_a_style() -> None:
    made = reader()
    rows = made.read(["What is this?", "x" * 50_000])
    assert rows.shape == (2, made.meaning + len(style("")))
    assert (rows[0, : made.meaning] ** 2).sum() == pytest.approx(1, abs=1e-5)
    assert made.read([]).shape[0] == 0
