"""Quantities: how numbers, money, durations, dates and times are read and compared."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evidence.numbers import agrees, comparable, missing, quantities


def read(text: str) -> list[tuple[str, str]]:
    return [(f"{q.value.normalize():f}", q.unit) for q in quantities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200 employees", [("1200", "")]),
        ("a fee of 40 EUR", [("40", "EUR")]),
        ("€40 or $1,000.50", [("40", "EUR"), ("1000.5", "USD")]),
        ("forty euros", [("40", "EUR")]),
        ("£1.5 million and $3.2bn", [("1500000", "GBP"), ("3200000000", "USD")]),
        ("25% or 15 percent", [("25", "percent"), ("15", "percent")]),
        ("two weeks, fourteen days", [("2", "week"), ("14", "day")]),
        ("twenty-two people", [("22", "")]),
        ("one hundred and five visitors", [("105", "")]),
        ("a 30-day notice", [("30", "day")]),
        ("10 to 20 days", [("10", "day"), ("20", "day")]),
        ("500 mg and 2 km", [("0.5", "gram"), ("2000", "metre")]),
        ("below 25 °C", [("25", "celsius")]),
        ("8 GB of memory", [("8000000000", "byte")]),
        ("founded in 1889", [("18890000", "date")]),
        ("12 May 1889 and May 12, 1889", [("18890512", "date"), ("18890512", "date")]),
        ("on 2021-05-12", [("20210512", "date")]),
        ("in May 2020", [("20200500", "date")]),
        ("the season 2018–19", [("20180000", "date")]),
        ("from 9:30 to 6 pm", [("570", "clock"), ("1080", "clock")]),
        ("closed at noon", [("720", "clock")]),
        ("the third edition", [("3", "ordinal")]),
        ("version 3.2", [("3.2", "label")]),
        ("employees may 5 days", [("5", "day")]),
        ("closed on Mondays and Fri 9:00", [("1", "weekday"), ("16", "weekday")]),
        ("open Monday to Thursday", [("15", "weekday")]),
        ("from Sat–Mon", [("97", "weekday")]),
        ("on weekdays", [("31", "weekday")]),
        ("every October, or in May", [("1000", "date"), ("500", "date")]),
        ("The sun rises, we sat, and you May march with April Hill", []),
        ("one of them", []),
        ("as shown [12] and (passage 3)", []),
        ("on 31 February 2020", [("31", ""), ("20200200", "date")]),
        ("open 9:0-17:30", [("540", "clock"), ("1050", "clock")]),
        ("at 31 W Carrillo St", [("31", "")]),
        ("a 60 W lamp", [("60", "watt")]),
        ("in the 1990s and the '80s", [("1990", "decade"), ("1980", "decade")]),
        ("half of them, a quarter of us", [("50", "percent"), ("25", "percent")]),
        ("half an hour or 1 1/2 hours", [("0.5", "hour"), ("1.5", "hour")]),
        ("a quarter of an hour", [("0.25", "hour")]),
        ("two and a half years", [("2.5", "year")]),
        ("an hour and a half, a fortnight", [("1.5", "hour"), ("2", "week")]),
        (
            "two thirds, one in five",
            [("66.66666666666666666666666667", "percent"), ("20", "percent")],
        ),
        ("3 out of 4", [("75", "percent")]),
        ("50 cents, 75 pence, 20p", [("50", "cent"), ("0.75", "GBP"), ("0.2", "GBP")]),
        ("18 crowns and 40 roubles", [("18", "crown"), ("40", "RUB")]),
        ("1,50 € or EUR 1.200,50", [("1.5", "EUR"), ("1200.5", "EUR")]),
        ("1.200 EUR, but 1.659 EUR per litre", [("1200", "EUR"), ("1.659", "EUR")]),
        ("3,5 kg and 1.200.000 people", [("3500", "gram"), ("1200000", "")]),
        ("1, 2 and 3", [("1", ""), ("2", ""), ("3", "")]),
        ("minus 5 degrees", [("-5", "degree")]),
        ("120 m², 80 square metres", [("120", "square metre"), ("80", "square metre")]),
        ("50 km/h or 30 mph", [("50", "km/h"), ("30", "mile/h")]),
        ("48 Nm, 230 V and 4 MiB", [("48", "newton metre"), ("230", "volt"), ("4194304", "byte")]),
        ("5 bar in two bars", [("5", "bar"), ("2", "")]),
        ("12 inches, 3 lb", [("12", "inch"), ("48", "ounce")]),
        ("2.5m users, a pole of 2.5 m", [("2500000", ""), ("2.5", "metre")]),
        ("call +49 30 1234567 or 555-0199", [("49301234567", "label"), ("5550199", "label")]),
        ("flight 417, ext. 415", [("417", "label"), ("415", "label")]),
        ("the first of May 2020", [("20200501", "date")]),
        ("on the twenty-first of March", [("321", "date")]),
        ("in nineteen eighty-four", [("19840000", "date")]),
        ("in AD 79, not in 44 BC", [("790000", "date"), ("-440000", "date")]),
        ("in 1250, before 1250 people came", [("12500000", "date"), ("1250", "")]),
        ("3/4 cup", [("0.75", "")]),
        ("one in five people", [("20", "percent")]),
        ("375 degrees F or 190 °C", [("375", "fahrenheit"), ("190", "celsius")]),
        ("42 percentage points", [("42", "percent")]),
        ("the nineteenth century", [("19", "ordinal")]),
        ("2. Wait. It takes a minute", []),
    ],
)
def test_reading(text: str, expected: list[tuple[str, str]]) -> None:
    found = read(text)
    for each in expected:
        assert each in found, found
    if not expected:
        assert found == []


def test_span_covers_number_and_unit() -> None:
    text = "They pay 40 EUR per month."
    (found,) = quantities(text)
    assert text[slice(*found.span)] == found.text == "40 EUR per month"
    assert found.per == "month"


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("1,200 EUR", "EUR 1200"),
        ("two weeks", "14 days"),
        ("a term of one year", "12 months"),
        ("€40", "forty euros"),
        ("in 1889", "on 12 May 1889"),
        ("in May 1889", "12 May 1889"),
        ("18:00", "6 pm"),
        ("more than 40,000 objects", "42,000 objects"),
        ("about 5,000 people", "4,950 people"),
        ("12/05/2021", "2021-05-12"),
        ("2 km", "2000 m"),
        ("in the 1990s", "in 1994"),
        ("two-thirds of the vote", "67% of the vote"),
        ("145°F", "63 °C"),
        ("375°F", "375 degrees"),
        ("Ana Costa, 48, won", "the 48-year-old won"),
        ("half a dozen eggs and a dozen", "6 eggs and 12"),
    ],
)
def test_same_values(claim: str, source: str) -> None:
    assert missing(quantities(claim), quantities(source)) == []


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("40 EUR", "50 EUR"),
        ("40 EUR", "40 USD"),
        ("40 EUR a month", "40 EUR a year"),
        ("3 days", "3 weeks"),
        ("1889", "1899"),
        ("in June 1889", "12 May 1889"),
        ("9:30", "9:00"),
        ("at least 12 characters", "at most 12 characters"),
        ("up to four days", "up to three days"),
        ("the first floor", "the second floor is the 2nd"),
    ],
)
def test_different_values(claim: str, source: str) -> None:
    assert missing(quantities(claim), quantities(source)) != []


def test_only_what_measures_the_same_is_comparable() -> None:
    (days,), (euros,), (people,) = (
        quantities("10 days"),
        quantities("10 EUR"),
        quantities("10 people"),
    )
    (rooms,), (months,), (years,) = (
        quantities("12 rooms"),
        quantities("36 months"),
        quantities("two years"),
    )
    assert not comparable(days, euros)
    assert not comparable(people, rooms)
    assert comparable(months, years)


@given(st.integers(0, 10**9), st.sampled_from(["EUR", "days", "%", "kg", "visitors"]))
def test_a_number_agrees_with_itself_however_it_is_grouped(value: int, unit: str) -> None:
    (plain,) = quantities(f"x {value} {unit}.")
    (grouped,) = quantities(f"x {value:,} {unit}.")
    assert plain.value == grouped.value
    assert agrees(plain, grouped)
    assert plain.value >= Decimal(0)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = quantities(text)
    assert all(0 <= q.span[0] < q.span[1] <= len(text) for q in found)
    assert all(a.span[1] <= b.span[0] for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("at most 5 guests", "max"),
        ("5 guests or fewer", ""),
        ("5 or fewer guests", "max"),
        ("65 and over", "min"),
        ("18+", "min"),
        ("no more than 20", "max"),
        ("max. 4 persons", "max"),
        ("at least two", "min"),
    ],
)
def test_bounds_before_and_after_a_number(text: str, bound: str) -> None:
    assert [q.bound for q in quantities(text)] == [bound]


@pytest.mark.parametrize(
    ("text", "per"),
    [
        ("12 EUR per night", "night"),
        ("4 pounds an hour", "hour"),
        ("30 EUR/month", "month"),
        ("2 € per kilo", "kilo"),
        ("€10 p.a.", "year"),
        ("7 EUR a ticket", "ticket"),
        ("7 EUR a generous gift", ""),
    ],
)
def test_what_a_rate_is_per(text: str, per: str) -> None:
    assert [q.per for q in quantities(text)] == [per]


def test_small_coins_are_money() -> None:
    (cents,), (euros,), (dollars,) = map(quantities, ("50 cents", "€0.50", "$0.60"))
    assert agrees(cents, euros)
    assert agrees(euros, cents)
    assert not agrees(cents, dollars)


def test_the_years_before_our_era_are_no_months() -> None:
    assert [q.is_named_day for q in quantities("in 44 BC")] == [False]
