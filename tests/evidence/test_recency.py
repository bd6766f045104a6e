"""Which of two documents is newer."""

from __future__ import annotations

import pytest

from orchestrator.evidence.recency import date_of, newer
from orchestrator.evidence.values import Passage


def passage(file: str, about: str = "", heading: str = "") -> Passage:
    return Passage(
        id="p1", file=file, start=0, end=1, text="x", doc_hash="", about=about, heading=heading
    )


@pytest.mark.parametrize(
    ("file", "about", "heading", "date"),
    [
        ("minutes_2024-06-11.md", "", "", 20240611),
        ("notice-2024.md", "", "", 20240000),
        ("minutes.md", "Minutes of the board | Date: Tuesday, 11 June 2024", "", 20240611),
        ("minutes.md", "", "Prices from March 2024", 20240300),
        ("minutes.md", "Minutes of the board", "", None),
        ("minutes.md", "", "On Mondays", None),
    ],
)
def test_where_a_document_says_its_date(
    file: str, about: str, heading: str, date: int | None
) -> None:
    found = date_of(file, [passage(file, about, heading)])
    assert (found and found[0]) == date


def test_the_newer_one_is_named_with_both_dates() -> None:
    known = [passage("a/old.md", "Edition of 2021"), passage("a/new.md", "of 1 February 2024")]
    said = "new.md is newer: 1 February 2024 against 2021"
    assert newer("a/old.md", "a/new.md", known) == said
    assert newer("a/new.md", "a/old.md", known) == said


def test_nobody_can_tell() -> None:
    known = [passage("a.md", "Edition of 2021"), passage("b.md"), passage("c.md", "In 2021")]
    assert newer("a.md", "b.md", known) == ""
    assert newer("a.md", "c.md", known) == ""
    assert newer("a.md", "a.md", known) == ""
