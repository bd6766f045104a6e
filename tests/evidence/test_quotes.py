"""Quotes: exact, folded, moved, absent; and what is returned always stands in the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evidence.quotes import verify_quote
from orchestrator.evidence.values import Citation, QuoteStatus

TEXT = (
    "The tower – built in 1889 – is 330\u00a0m high.\n"
    "Visitors said: “It’s won\u00adder\u00adful.” Yes.\n"
    "The of\ufb01ce opens at nine.\nThe tower is painted every seven years. "
    "It is closed. The tower is painted every seven years.\n"
)


def citation(quote: str, start: int = 0, end: int | None = None) -> Citation:
    return Citation(
        file="a.txt", start=start, end=start + len(quote) if end is None else end, quote=quote
    )


@pytest.mark.parametrize(
    ("quote", "start", "status", "found"),
    [
        ("The tower – built in 1889", 0, "exact", "The tower – built in 1889"),
        ("The tower - built in 1889", 0, "normalised", "The tower – built in 1889"),
        ("is 330 m high", 28, "normalised", "is 330\u00a0m high"),
        ('"It\'s wonderful."', 58, "normalised", "“It’s won\u00adder\u00adful.”"),
        ("The office opens at nine", 83, "normalised", "The of\ufb01ce opens at nine"),
        ("The  tower\nis painted every", 107, "normalised", "The tower is painted every"),
        ("The office opens at nine", 0, "moved", "The of\ufb01ce opens at nine"),
        ("is painted every seven years.", 3, "moved", "is painted every seven years."),
        ("The tower is painted every eight years.", 107, "absent", ""),
        ("", 0, "absent", ""),
    ],
)
def test_status_and_anchor(quote: str, start: int, status: QuoteStatus, found: str) -> None:
    checked = verify_quote(citation(quote, start), TEXT)
    assert checked.status == status
    if status != "absent":
        assert TEXT[checked.start : checked.end] == checked.quote == found


def test_of_two_places_the_nearer_is_taken() -> None:
    second = TEXT.rindex("The tower is painted")
    checked = verify_quote(citation("The tower is painted every seven years.", second - 4), TEXT)
    assert (checked.status, checked.start) == ("moved", second)


@pytest.mark.parametrize(
    ("quote", "status"),
    [("tower", "absent"), ("Yes.", "exact"), ("It is closed.", "exact"), ("is closed", "absent")],
)
def test_short_quotes_must_be_whole_sentences(quote: str, status: QuoteStatus) -> None:
    checked = verify_quote(citation(quote, TEXT.index(quote)), TEXT)
    assert checked.status == status


@pytest.mark.parametrize("place", [(-5, 10), (5, 2), (10_000, 10_030)])
def test_impossible_offsets_are_mended(place: tuple[int, int]) -> None:
    checked = verify_quote(citation("The tower is painted", *place), TEXT)
    assert checked.status == "moved"
    assert TEXT[checked.start : checked.end] == "The tower is painted"


def test_an_absent_quote_is_not_supported() -> None:
    checked = verify_quote(citation("a sentence that nobody wrote"), TEXT)
    assert checked.supported is False
    assert "a.txt" in checked.reason


@given(
    text=st.text(max_size=80),
    quote=st.text(max_size=40),
    start=st.integers(-10, 90),
    length=st.integers(-5, 60),
)
def test_whatever_comes_the_quote_stands_at_its_place(
    text: str, quote: str, start: int, length: int
) -> None:
    checked = verify_quote(citation(quote, start, start + length), text)
    if checked.status != "absent":
        assert text[checked.start : checked.end] == checked.quote


@given(text=st.text(min_size=12, max_size=80), data=st.data())
def test_a_real_span_is_exact(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 12))
    end = data.draw(st.integers(start + 12, len(text)))
    span = text[start:end]
    checked = verify_quote(citation(span, start), text)
    assert checked.status == ("exact" if len(span.strip()) >= 12 else checked.status)
    assert checked.status in ("exact", "absent")
