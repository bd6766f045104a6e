"""Faults 8 to 11, 14, 17 and 21: after the answer has begun."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tests.calling.server import words
from tests.faults.bench import Bench
from tests.faults.checks import (
    Whole,
    answered,
    asked_to_continue,
    broke_off,
    by_via,
    by_way,
    either,
    left,
    never_continued,
    outcomes,
    reached,
    within,
)
from tests.faults.project import Fleet
from tests.faults.scenario import FINE, HEALTHY, SPARE, SPARED, Check, Scenario, need
from tests.faults.steps import FAULTS

RESTARTED = Whole(SPARE, "fallback", "restarted")
GOES_ON = dataclasses.replace(SPARED, prefill="continued")
"""A fallback that goes on with a text, as its fleet entry says."""


def begun(count: int) -> str:
    """What the caller has of the primary's answer after so many words."""
    return "".join(words(HEALTHY)[:count])


def _continued_where_asked(cut: int) -> Check:
    """While streaming the fallback was asked to go on; else it may begin anew."""

    def check(bench: Bench) -> None:
        if bench.streams:
            asked_to_continue("fallback", begun(cut))(bench)

    return check


def _broken(number: int, fault: str, named: str, cut: int, wait_s: float) -> Iterator[Scenario]:
    """The variants of an answer that breaks off after `cut` words."""
    step = FAULTS[named](FINE)
    time = within(wait_s + 5)
    yield Scenario(
        number=number,
        fault=fault,
        variant="nobody can go on",
        primary=step,
        caller=(by_way(streaming=broke_off(begun(cut)), otherwise=answered(RESTARTED)), time),
        provider=(never_continued, reached(primary=range(1, 4))),
        seconds=wait_s + 2,
    )
    whole = Whole(HEALTHY, "fallback", "continued")
    yield Scenario(
        number=number,
        fault=fault,
        variant="the fallback can go on",
        fleet=Fleet(prefill=True),
        primary=step,
        fallback=GOES_ON,
        caller=(by_way(streaming=answered(whole), otherwise=answered(RESTARTED, whole)), time),
        provider=(_continued_where_asked(cut), reached(primary=range(1, 4))),
        seconds=wait_s + 2,
    )


def _once(number: int, fault: str, named: str, cut: int) -> Scenario:
    """The primary breaks off once, and is well the second time it is asked."""
    again = Whole(HEALTHY, "primary", "restarted")
    return Scenario(
        number=number,
        fault=fault,
        variant="once",
        primary=(FAULTS[named](FINE), FINE),
        caller=(
            by_way(
                streaming=either(answered(again), broke_off(begun(cut))),
                otherwise=answered(again, RESTARTED),
            ),
            within(5),
        ),
        provider=(never_continued, reached(primary=range(1, 4))),
    )


def _idle(bench: Bench) -> None:
    """The silent stream was let go of soon after the limit, not at the deadline."""
    arrival = bench.primary[0]
    need(arrival.ended_at is not None, "the silent stream is still open")
    assert arrival.ended_at is not None
    held = arrival.ended_at - arrival.at
    need(held <= 15, f"the silent stream was held for {held:.1f} s")


JUNK = by_via(
    openai=answered(Whole(HEALTHY, "primary")),
    # Its parser ends the stream there; then 8 holds.
    litellm=either(
        answered(
            Whole(HEALTHY, "primary"),
            Whole(HEALTHY, "primary", "restarted"),
            Whole(SPARE, "fallback", "restarted"),
        ),
        by_way(streaming=broke_off(begun(30)), otherwise=answered(Whole(HEALTHY, "primary"))),
    ),
)

REFUSES = "dies, and the fallback refuses a prefill"
SCENARIOS = (
    *_broken(8, "stream dies after 40 of 60 tokens", "dies", 40, 3),
    _once(8, "stream dies after 40 of 60 tokens", "dies", 40),
    *(
        dataclasses.replace(s, provider=(*s.provider, _idle, left("primary"), reached(primary=1)))
        for s in _broken(9, "stream silent after 20 tokens", "stalls", 20, 11)
    ),
    Scenario(
        number=10,
        fault="one event is no JSON",
        primary=FAULTS["junk_event"](FINE),
        caller=(JUNK, within(5)),
        provider=(by_via(openai=reached(primary=1, fallback=0), litellm=reached()),),
    ),
    *(
        Scenario(
            number=11,
            fault="complete, but no [DONE]",
            variant=variant,
            primary=FAULTS[variant](FINE),
            caller=(answered(Whole(HEALTHY, "primary")), outcomes("ok"), within(1)),
            provider=(reached(primary=1, fallback=0),),
        )
        for variant in ("no_done", "no_done_lingers")
    ),
    Scenario(
        number=14,
        fault=REFUSES,
        variant="and the primary is dead",
        fleet=Fleet(prefill=True),
        primary=FAULTS["dies"](FINE),
        fallback=dataclasses.replace(SPARED, prefill="refused"),
        caller=(
            by_way(
                streaming=broke_off(begun(40), never_says="prefill"),
                otherwise=answered(RESTARTED),
            ),
            within(8),
        ),
        provider=(reached(primary=range(1, 4), fallback=range(1, 3)),),
        seconds=3,
    ),
    Scenario(
        number=14,
        fault=REFUSES,
        variant="and the primary is well again",
        fleet=Fleet(prefill=True),
        primary=(FAULTS["dies"](FINE), FINE),
        fallback=dataclasses.replace(SPARED, prefill="refused"),
        caller=(answered(Whole(HEALTHY, "primary", "restarted"), RESTARTED), within(8)),
        provider=(reached(primary=range(1, 3), fallback=range(2)),),
        seconds=3,
    ),
    *_broken(17, "closed cleanly in the middle", "closes", 40, 3),
    _once(17, "closed cleanly in the middle", "closes", 40),
    *_broken(21, "error event after 40 tokens", "error_event", 40, 3),
    _once(21, "error event after 40 tokens", "error_event", 40),
)
