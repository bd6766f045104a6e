from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.tracing.ids import ALPHABET, LENGTH, new_trace_id

seconds = st.integers(min_value=0, max_value=2**47).map(lambda ms: ms / 1000)


@given(seconds, st.binary(min_size=10, max_size=10))
def test_an_id_is_26_characters_that_cannot_be_misread(now: float, noise: bytes) -> None:
    made = new_trace_id(lambda: now, lambda _: noise)
    assert len(made) == LENGTH
    assert set(made) <= set(ALPHABET)


@given(
    st.integers(min_value=0, max_value=2**40),
    st.integers(min_value=1, max_value=2**30),
    st.binary(min_size=10, max_size=10),
    st.binary(min_size=10, max_size=10),
)
def test_a_later_millisecond_sorts_later(ms: int, after: int, one: bytes, two: bytes) -> None:
    # half a millisecond in, so that no rounding of the division moves it
    early = new_trace_id(lambda: (ms + 0.5) / 1000, lambda _: one)
    late = new_trace_id(lambda: (ms + after + 0.5) / 1000, lambda _: two)
    assert early < late


def test_the_same_moment_gives_different_ids() -> None:
    assert len({new_trace_id(lambda: 1.0) for _ in range(1000)}) == 1000


def test_the_id_holds_the_time_and_the_noise() -> None:
    assert new_trace_id(lambda: 0.0, lambda _: bytes(10)) == "0" * 26
    assert new_trace_id(lambda: 0.001, lambda _: b"\xff" * 10) == "0000000001" + "z" * 16
