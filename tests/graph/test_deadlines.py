"""Time is divided so that nobody is starved: properties over random courses."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.graph.deadlines import Course

LEFT = 60_000.0


def random_course(seed: int) -> Course:
    """A DAG of steps, some with limits, perhaps with a loop in it."""
    chance = random.Random(seed)
    names = [f"n{i}" for i in range(chance.randint(1, 9))]
    follows = {
        name: tuple(chance.sample(names[i + 1 :], k=chance.randint(0, min(3, len(names) - i - 1))))
        for i, name in enumerate(names)
    }
    loops: dict[str, frozenset[str]] = {}
    if len(names) > 2 and chance.random() < 0.6:
        first, last = sorted(chance.sample(range(len(names)), k=2))
        loops[names[last]] = frozenset(names[first : last + 1])
    return Course(
        order=tuple(names),
        follows=follows,
        expected={name: chance.choice([1.0, 50.0, 1000.0, 20_000.0]) for name in names},
        limits={n: chance.choice([5.0, 800.0, 90_000.0]) for n in names if chance.random() < 0.3},
        loops=loops,
    )


def ways(course: Course, start: str) -> Iterator[list[str]]:
    if not course.follows[start]:
        yield [start]
    for after in course.follows[start]:
        for rest in ways(course, after):
            yield [start, *rest]


courses = st.integers(0, 10_000).map(random_course)


@given(courses, st.floats(1.0, 1e7))
def test_steps_that_take_their_whole_share_end_in_time_on_every_way(
    course: Course, left: float
) -> None:
    for way in ways(course, course.order[0]):
        remaining = left
        for step in way:
            share = course.share(step, remaining)
            assert 0 < share <= remaining * (1 + 1e-9)
            remaining -= share
        assert remaining >= -1e-6 * left


@given(courses, st.floats(1.0, 1e6), st.floats(1.0, 1e6))
def test_more_time_is_never_a_smaller_share(course: Course, one: float, other: float) -> None:
    low, high = sorted((one, other))
    for step in course.order:
        assert course.share(step, low) <= course.share(step, high) * (1 + 1e-9)


@given(courses, st.floats(0.0, 1e7))
def test_a_share_is_within_the_steps_own_limit(course: Course, left: float) -> None:
    for step, limit in course.limits.items():
        assert course.share(step, left) <= limit


@given(courses, st.integers(1, 4))
def test_a_loop_may_run_as_often_as_it_is_bounded(course: Course, times: int) -> None:
    for back, body in course.loops.items():
        first = next(step for step in course.order if step in body)
        inside = [way for way in ways(course, first) if back in way]
        for way in inside:
            around = way[: way.index(back) + 1]
            remaining = LEFT
            for turn in range(times, -1, -1):
                for step in around:
                    share = course.share(step, remaining, {back: turn})
                    assert share > 0
                    remaining -= share
            assert remaining >= -1e-6 * LEFT


def line(**limits: float) -> Course:
    return Course(
        order=("a", "b", "c"),
        follows={"a": ("b",), "b": ("c",), "c": ()},
        expected={"a": 1.0, "b": 1.0, "c": 2.0},
        limits=limits,
    )


def test_time_is_divided_by_what_each_usually_takes() -> None:
    assert line().share("a", 4000) == pytest.approx(1000)
    assert line().share("c", 4000) == pytest.approx(4000)


def test_what_a_limited_step_cannot_use_goes_to_the_others() -> None:
    assert line(c=500.0).share("a", 4000) == pytest.approx(1750)
    assert line(a=100.0).share("a", 4000) == 100.0
    assert line(a=9000.0).share("a", 4000) == pytest.approx(1000), "a limit reserves nothing"


def test_unused_time_flows_on() -> None:
    assert line().share("b", 3900) == pytest.approx(1300)  # a took 100 of its 1000 ms


def test_a_loop_that_is_used_up_gives_its_time_to_what_follows() -> None:
    course = Course(
        order=("draft", "judge", "end"),
        follows={"draft": ("judge",), "judge": ("end",), "end": ()},
        expected=dict.fromkeys(("draft", "judge", "end"), 1.0),
        loops={"judge": frozenset({"draft", "judge"})},
    )
    assert course.share("draft", 7000, {"judge": 2}) == pytest.approx(1000)
    assert course.share("draft", 3000, {"judge": 0}) == pytest.approx(1000)
    assert course.share("end", 3000, {"judge": 2}) == pytest.approx(3000), "nobody comes back to it"


def test_no_time_is_no_share() -> None:
    assert line().share("a", 0) == 0
    assert line().share("a", -5) == 0
