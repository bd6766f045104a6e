"""Times of day in running text, written and spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evidence.dates import dates
from orchestrator.evidence.numbers import agrees, quantities


def clocks(text: str) -> list[str]:
    found = [m for m in dates(text) if m.unit == "clock"]
    return [f"{m.value // 60}:{m.value % 60:02d}" for m in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The bell rings at half past nine.", ["9:30"]),
        ("We meet at a quarter to eight in the evening.", ["19:45"]),
        ("quarter past 7", ["7:15"]),
        ("The ferry sails at twenty past four.", ["4:20"]),
        ("at five minutes past three in the afternoon", ["15:05"]),
        ("He left at ten to six.", ["5:50"]),
        ("at a quarter to noon", ["11:45"]),
        ("at seven o'clock, at 11 o’clock at night", ["7:00", "23:00"]),
        ("at 9 in the morning", ["9:00"]),
        ("8 p.m., 8pm, 12 am", ["20:00", "20:00", "0:00"]),
        ("from 8 to 10 p.m.", ["20:00", "22:00"]),
        ("the 08.30 train, until 17.30 hrs", ["8:30", "17:30"]),
        ("The kiosk is open from ten to four.", ["10:00", "4:00"]),
        ("Lunch is served at twelve.", ["12:00"]),
        ("The gate opens at 7, closes at 19.", ["7:00", "19:00"]),
        ("Open Mon-Fri 9-5", ["9:00", "5:00"]),
        ("open daily 8.30-17.00", ["8:30", "17:00"]),
        ("Doors at noon, doors at midnight", ["12:00", "0:00"]),
    ],
)
def test_a_time_of_day_is_read_as_minutes(text: str, expected: list[str]) -> None:
    assert clocks(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It takes five to ten minutes.",
        "Ten to twelve years later it closed.",
        "open to children from 6.",
        "Tickets start at 12.",
        "It opens 10-15 doors",
        "chapters 4-6 open the book",
        "between 3 and 5 guests daily",
        "He met 9-10 people daily",
        "a rise of 8.30 percent",
        "version 1.20 opens files",
        "a ratio of 2.45 to one",
    ],
)
def test_another_number_is_no_time(text: str) -> None:
    assert clocks(text) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("half past five", "17:30", True),
        ("half past five", "5:30", True),
        ("half past five in the morning", "17:30", False),
        ("5:30", "17:30", False),
        ("nine o'clock", "9 p.m.", True),
        ("noon", "midnight", False),
    ],
)
def test_a_time_without_its_half_of_the_day_may_be_either(one: str, other: str, same: bool) -> None:
    (left,), (right,) = quantities(one), quantities(other)
    assert agrees(left, right) is same
    assert agrees(right, left) is same


@given(st.integers(0, 23), st.integers(0, 59))
def test_every_minute_of_the_day(hour: int, minute: int) -> None:
    assert clocks(f"at {hour}:{minute:02d}") == [f"{hour}:{minute:02d}"]
