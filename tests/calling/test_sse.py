"""Server-sent events, however they are cut into pieces."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calling.transports.wire.sse import data_values


async def pieces(data: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    for start, end in itertools.pairwise(edges):
        yield data[start:end]


async def values(data: bytes, cuts: list[int] | None = None) -> list[str]:
    return [value async for value in data_values(pieces(data, cuts or []))]


single_lines = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=40)


@given(
    given=st.lists(single_lines, max_size=6),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
    end=st.sampled_from(["\n", "\r\n"]),
)
async def test_the_same_values_come_out_wherever_the_stream_is_cut(
    given: list[str], cuts: list[int], end: str
) -> None:
    data = "".join(f"data: {text}{end}{end}" for text in given).encode()
    assert await values(data, cuts) == given


async def test_comments_and_other_fields_are_passed_over() -> None:
    data = b": keep-alive\n\nevent: delta\nid: 7\nretry: 10\ndata:one\n\n\n\ndata: two\n\n"
    assert await values(data) == ["one", "two"]


async def test_an_event_of_several_lines_is_one_value() -> None:
    assert await values(b"data: one\ndata: two\n\n") == ["one\ntwo"]


async def test_what_the_end_cuts_off_is_dropped() -> None:
    assert await values(b"data: one\n\ndata: tw") == ["one"]
    assert await values(b"data: one\n\ndata: two\n") == ["one"]


async def test_broken_bytes_break_nothing_else() -> None:
    assert await values(b"data: a\xffb\n\ndata: c\n\n") == ["a�b", "c"]


async def test_a_token_of_a_megabyte_arrives() -> None:
    big = "x" * 1_000_000
    assert await values(f"data: {big}\n\n".encode(), list(range(0, 1_000_000, 1000))) == [big]
