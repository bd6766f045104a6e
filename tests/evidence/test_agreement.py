"""What agrees with a quantity is found without trying each: as many as by trying each."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from orchestrator.evidence.agreement import Stated
from orchestrator.evidence.numbers import Quantity, agrees, missing, quantities

TEXTS = (
    "The ferry takes 90 minutes, 1.5 hours or about an hour and costs €0.50, 50 cents or $3.",
    "On 3 May 1987, in May 1987, on 4 May, in 1987 and in the 1980s, at 9:30 or 21:30.",
    "Mondays, weekends and weekdays; 1987 boxes, 48 people, a 48-year-old, forty-eight, 48 %.",
    "It was 20 °C, 68 °F, 20 degrees, 293 kelvin, at least 10 kg, at most 20 kg, about 15 kg.",
    "Room 12, version 1.2, the third of 3, two weeks, 14 days, a fortnight, 24 months, 2 years.",
    "5/6/2020, 6/5/2020, 2020-05-06, at noon, 12 o'clock, 5 GB per month, 5 GB a year, 10 EUR/day.",
    "3 feet, 36 inches, 1 yard, half of them, 50 %, 0.5, 100 pence, 1 pound, 1,000 m, 1 km.",
)


def every() -> list[Quantity]:
    """The quantities of the texts, bounded in each way."""
    found = [q for text in TEXTS for q in quantities(text)]
    bounded = [replace(q, bound=bound) for q in found for bound in ("", "min", "max", "approx")]
    return list(dict.fromkeys(bounded))


def test_none_that_agrees_is_overlooked() -> None:
    held = every()
    stated = Stated(held)
    assert len(held) > 150
    for q in held:
        assert stated.agreeing(q) == [s for s in held if agrees(q, s)], q


def test_like_holds_what_agrees_and_what_has_the_value() -> None:
    held = every()
    stated = Stated(held)
    for q in held:
        like = set(stated.like(q))
        assert all(i in like for i, s in enumerate(held) if agrees(q, s) or s.value == q.value), q


@pytest.mark.parametrize(("claim", "source"), list(product(TEXTS, TEXTS)))
def test_the_same_is_missing(claim: str, source: str) -> None:
    asked, held = quantities(claim), quantities(source)
    assert Stated(held).missing(asked) == missing(asked, held)


def test_days_count_together() -> None:
    stated = Stated(quantities("open on Saturday and on Sunday"))
    assert stated.missing(quantities("open on weekends")) == []
    assert stated.missing(quantities("open on Friday")) != []
