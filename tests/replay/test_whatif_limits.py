"""`--fail-if`: what trips, and what is refused."""

from __future__ import annotations

import pytest

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.replay.whatif import (
    STANDINGS,
    Change,
    Comparison,
    Group,
    Interval,
    Standing,
)
from orchestrator.replay.whatif_limits import read_limit


def change(before: float, low: float, high: float) -> Change:
    after = Interval((low + high) / 2, low, high)
    by = Interval(after.mean - before, low - before, high - before)
    relative = Interval(*(v / before for v in (by.mean, by.low, by.high))) if before else None
    return Change(before=Interval(before, before, before), after=after, by=by, relative=relative)


NOTHING = Group(hops=0, cost=None, quality=None, latency=None)


def compared(**counts: int) -> Comparison:
    """10 to 12 dollars become 9 to 11.5; quality falls by 1 to 3 hundredths; 1000 ms stay."""
    groups: dict[Standing, Group] = {
        s: Group(hops=counts.get(s, 0), cost=None, quality=None, latency=None) for s in STANDINGS
    }
    total = Group(
        hops=100,
        cost=change(10, 9, 11.5),
        quality=change(0.9, 0.87, 0.89),
        latency=change(1000, 1000, 1000),
    )
    return Comparison(hops=(), groups=groups, total=total, served=total)


@pytest.mark.parametrize(
    ("text", "trips"),
    [
        ("cost>+10%", True),  # 15 % at the worse end
        ("cost>+20%", False),
        ("cost > +1", True),
        ("cost>+2", False),
        ("cost>11", True),
        ("cost>$12", False),
        ("cost<-5%", True),
        ("cost<8.5", False),
        ("quality<-0.02", True),
        ("quality<-0.05", False),
        ("quality<0.88", True),
        ("quality<0.8", False),
        ("quality<-2%", True),
        ("latency>+1%", False),
        ("latency>999", True),
        ("unserved>0", True),
        ("unserved>3", False),
        ("unknown>0", False),
        ("Cost>+10%", True),
    ],
)
def test_the_worse_end_of_the_interval_counts(text: str, trips: bool) -> None:
    assert (read_limit(text).tripped(compared(unserved=3)) is not None) == trips


def test_nothing_known_trips() -> None:
    empty = Comparison(hops=(), groups=compared().groups, total=NOTHING, served=NOTHING)
    assert read_limit("cost>+10%").tripped(empty) == "nothing can be said of it"


def test_it_says_what_was_found() -> None:
    assert read_limit("cost>+10%").tripped(compared()) == "it may be +15.0%"
    assert read_limit("cost>11").tripped(compared()) == "it may be 11.5"


def test_an_unknown_word_is_refused_with_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'quality'"):
        read_limit("qualtiy<0.9")


@pytest.mark.parametrize(
    "text",
    ["cost", "cost>", "cost>=10", "cost>+10 percent", "cost>10%", "unserved>+1", "cost>+1e3", ""],
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--fail-if"):
        read_limit(text)
