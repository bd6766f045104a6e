"""Faults 1 to 7, 12, 13, 16, 18 to 20: before the caller was handed a word."""

from __future__ import annotations

import dataclasses
import itertools

from tests.faults.bench import Bench
from tests.faults.checks import (
    Whole,
    answered,
    apart,
    costs,
    failed,
    left,
    not_more_than,
    outcomes,
    reached,
    told_as,
    within,
)
from tests.faults.project import Fleet
from tests.faults.scenario import FINE, HEALTHY, SPARE, SPARED, Scenario, need
from tests.faults.steps import FAULTS, Used

OWN = Whole(HEALTHY, "primary")
OTHER = Whole(SPARE, "fallback")


def _jittered(bench: Bench) -> None:
    """The pauses between the attempts grow, and are no round numbers."""
    times = [a.at for a in bench.primary]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    need(all(gap >= 0.2 for gap in gaps), f"no backoff: pauses of {gaps}")
    if bench.quick:
        need(all(gap % 0.25 > 1e-6 for gap in gaps), f"no jitter: pauses of {gaps}")


def _spare_alone(bench: Bench) -> None:
    """What the failed attempts cost, and who is told of."""
    for called in bench.calls:
        failed_ones, last = called.attempts[:-1], called.attempts[-1]
        need(failed_ones, "the failed attempts are not on the trace")
        for attempt in failed_ones:
            need(attempt.cost_micro_usd == 0, f"a refused attempt costs {attempt.cost_micro_usd}")
        said = called.said
        need(last.reported_model == "fallback-1", f"the provider calls itself {last}")
        served = bench.fallback[-1].used
        found = (last.usage.input, last.usage.output)
        need(found == (served.input, served.output), f"usage {found}, served {served}")
        need(said is not None and said.usage == last.usage, f"the caller hears of {said}")


SCENARIOS = (
    Scenario(
        number=1,
        fault="429 with Retry-After: 2, once",
        primary=(FAULTS["rate_limited_2s"](FINE), FINE),
        caller=(answered(OWN, OTHER), within(6)),
        provider=(apart(1.5),),
        seconds=3,
    ),
    Scenario(
        number=2,
        fault="429 for ever",
        primary=FAULTS["rate_limited"](FINE),
        caller=(answered(OTHER), within(15)),
        provider=(reached(primary=range(1, 7), fallback=1), not_more_than(4, in_s=3.0), _jittered),
        seconds=4,
    ),
    Scenario(
        number=3,
        fault="500 once",
        primary=(FAULTS["error_500"](FINE), FINE),
        caller=(answered(OWN), outcomes("overloaded", "ok"), within(3)),
        provider=(reached(primary=2, fallback=0),),
    ),
    Scenario(
        number=4,
        fault="503 for ever",
        primary=FAULTS["error_503"](FINE),
        caller=(answered(OTHER), within(6)),
        provider=(reached(primary=range(1, 4), fallback=1),),
    ),
    Scenario(
        number=5,
        fault="reset before any byte",
        variant="once",
        primary=(FAULTS["reset"](FINE), FINE),
        caller=(answered(OWN, OTHER), within(6)),
        provider=(reached(primary=range(1, 3)),),
    ),
    Scenario(
        number=5,
        fault="reset before any byte",
        variant="for ever",
        primary=FAULTS["reset"](FINE),
        caller=(answered(OTHER), within(6)),
        provider=(reached(primary=range(1, 4), fallback=1),),
    ),
    Scenario(
        number=6,
        fault="accepts and never answers",
        primary=FAULTS["silent"](FINE),
        caller=(answered(OTHER), outcomes("timeout_silent", "ok"), within(15)),
        provider=(reached(primary=1, fallback=1), left("primary")),
        seconds=11,
    ),
    Scenario(
        number=7,
        fault="first token after 20 s",
        primary=FAULTS["slow_first_token"](FINE),
        caller=(answered(OTHER), outcomes("timeout_first_token", "ok"), within(15)),
        provider=(reached(primary=1, fallback=1), left("primary")),
        seconds=11,
    ),
    Scenario(
        number=12,
        fault="400 context_length_exceeded",
        variant="a larger one stands by",
        fleet=Fleet(contexts=(8000, 90000)),
        primary=FAULTS["context_exceeded"](FINE),
        caller=(answered(OTHER), outcomes("context_exceeded", "ok"), within(3)),
        provider=(reached(primary=1, fallback=1),),
    ),
    Scenario(
        number=12,
        fault="400 context_length_exceeded",
        variant="no larger one",
        primary=FAULTS["context_exceeded"](FINE),
        caller=(
            failed("maximum context length"),
            outcomes("context_exceeded"),
            told_as(400, "context_length_exceeded"),
            within(3),
        ),
        provider=(reached(primary=1, fallback=0),),
    ),
    Scenario(
        number=13,
        fault="400 content_policy_violation",
        primary=FAULTS["refused"](FINE),
        caller=(
            failed("breaks rule 7 of our terms"),
            outcomes("refused"),
            told_as(400, "content_filter"),
            within(3),
        ),
        provider=(reached(primary=1, fallback=0),),
    ),
    Scenario(
        number=16,
        fault="fallback answers: who is named and paid",
        primary=FAULTS["error_503"](FINE),
        fallback=dataclasses.replace(SPARED, used=Used(input=11, output=13)),
        caller=(answered(OTHER), costs(11 + 2 * 13), _spare_alone),
        provider=(reached(primary=range(1, 4), fallback=1),),
    ),
    *(
        Scenario(
            number=18,
            fault="200 with HTML",
            variant=variant,
            primary=FAULTS[variant](FINE),
            caller=(answered(OTHER), outcomes("malformed", "ok"), within(3)),
            provider=(reached(primary=1, fallback=1),),
        )
        for variant in ("html", "html_as_json", "html_as_stream")
    ),
    *(
        Scenario(
            number=19,
            fault="200 with choices: []",
            variant=variant,
            primary=FAULTS[variant](FINE),
            caller=(answered(OTHER), outcomes("malformed", "ok"), within(3)),
            provider=(reached(primary=1, fallback=1),),
        )
        for variant in ("no_choices", "no_choices_stream")
    ),
    *(
        Scenario(
            number=20,
            fault="200 with empty text",
            variant=variant,
            primary=FAULTS[variant](FINE),
            caller=(answered(OTHER), outcomes("empty", "ok"), within(3)),
            provider=(reached(primary=1, fallback=1),),
        )
        for variant in ("empty", "blank")
    ),
)
