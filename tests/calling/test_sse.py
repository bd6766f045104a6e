"""Server-sent events, however they are cut into pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calling.transports.wire.sse import Events, data_of


def values(data: bytes, cuts: list[int] | None = None) -> list[bytes]:
    events = Events()
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts or [])})
    pieces = (data[start:end] for start, end in itertools.pairwise(edges))
    found = [data_of(event) for piece in pieces for event in events.feed(piece)]
    return [value for value in found if value is not None]


single_lines = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=40)


@given(
    given=st.lists(single_lines, max_size=6),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_the_same_values_come_out_wherever_the_stream_is_cut(
    given: list[str], cuts: list[int], end: str
) -> None:
    data = "".join(f"data: {text}{end}{end}" for text in given).encode()
    assert values(data, cuts) == [text.encode() for text in given]


def test_comments_and_other_fields_are_passed_over() -> None:
    data = b": keep-alive\n\nevent: delta\nid: 7\nretry: 10\ndata:one\n\n\n\ndata: two\n\n"
    assert values(data) == [b"one", b"two"]


def test_an_event_of_several_lines_is_one_value() -> None:
    assert values(b"data: one\ndata: two\n\n") == [b"one\ntwo"]


def test_what_the_end_cuts_off_is_dropped() -> None:
    assert values(b"data: one\n\ndata: tw") == [b"one"]
    assert values(b"data: one\n\ndata: two\n") == [b"one"]


def test_broken_bytes_break_nothing_else() -> None:
    assert values(b"data: a\xffb\n\ndata: c\n\n") == [b"a\xffb", b"c"]


def test_a_token_of_a_megabyte_arrives() -> None:
    big = "x" * 1_000_000
    assert values(f"data: {big}\n\n".encode(), list(range(0, 1_000_000, 1000))) == [big.encode()]


def test_what_stands_between_events_is_not_read_as_one() -> None:
    assert values(b"\n\n\ndata: one\n\n\n\n\ndata: two\r\n\r\n\r\n") == [b"one", b"two"]


@pytest.mark.parametrize("cut", range(20))
def test_a_line_end_of_any_kind_is_one_line_end(cut: int) -> None:
    assert values(b"data: a\r\rdata: b\r\r\ndata: c\n\r", [cut]) == [b"a", b"b", b"c"]


@given(
    pieces=st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"data: ", b"\n\n"]), max_size=40
    ),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
)
def test_line_ends_mean_the_same_wherever_they_are_cut(
    pieces: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(pieces)
    assert values(data, cuts) == values(data) == values(data, list(range(len(data))))


def test_a_hundred_thousand_tiny_pieces_are_looked_at_once() -> None:
    """An event that comes byte by byte takes no longer than its length asks for."""
    events = Events()
    looked_at = 0
    for _ in range(100_000):
        looked_at += len(events.feed(b"x"))
    assert looked_at == 0
    assert events.feed(b"\n\n") == [b"x" * 100_000]
