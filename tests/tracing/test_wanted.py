"""Filters as they are said, and what of them is refused."""

from __future__ import annotations

import pytest

from orchestrator.tracing.wanted import Place, Wanted, read_wanted

NOW = 1_790_000_000.0
DAY = 86_400.0


def test_what_is_said_is_what_is_wanted() -> None:
    said = {"q": " lease ", "model": "m/d", "cost_from": "$0.01", "cost_to": "2", "tag": ""}
    read = read_wanted(said, NOW)
    assert read.problems == {}
    assert read.wanted == Wanted(text="lease", model="m/d", cost_from=10_000, cost_to=2_000_000)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("since", "24h", NOW - DAY),
        ("until", "1.5d", NOW - 1.5 * DAY),
        ("since", "2026-11-01", 1_793_491_200.0),
        ("until", "2026-11-01", 1_793_491_200.0 + DAY),
        ("since", "2026-11-01T12:00+02:00", 1_793_527_200.0),
    ],
)
def test_a_time_is_so_long_ago_or_a_day_or_a_moment(name: str, text: str, found: float) -> None:
    read = read_wanted({name: text}, NOW)
    assert read.problems == {}
    assert getattr(read.wanted, name) == found


@pytest.mark.parametrize("word", ["timeout silent", "TIMEOUT_SILENT", "timeout-silent"])
def test_an_outcome_is_known_however_it_is_spelt(word: str) -> None:
    assert read_wanted({"outcome": word}, NOW).wanted.outcome == "timeout_silent"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"verdict": "acepted"}, "did you mean 'accepted'"),
        ({"status": "broken"}, "allowed: cancelled, failed, ok"),
        ({"outcome": "timeout"}, "did you mean 'timeout_silent'"),
        ({"modle": "x"}, "did you mean 'model'"),
        ({"since": "yesterday"}, "24h"),
        ({"cost_from": "cheap"}, "US dollars"),
        ({"cost_to": "-1"}, "US dollars"),
        ({"q": "x" * 201}, "at most 200"),
        ({"cost_from": "2", "cost_to": "1"}, "at least $2 and at most $1"),
        ({"since": "1h", "until": "2h"}, "ends before it begins"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(said: dict[str, str], words: str) -> None:
    problems = read_wanted(said, NOW).problems
    assert len(problems) == 1
    assert words in next(iter(problems.values()))
    assert next(iter(problems)) in said


def test_a_place_is_read_as_it_is_written() -> None:
    place = Place(1_790_000_000.123456, "01m7yak0")
    assert Place.read(str(place)) == place
    for wrong in ("", "x~y", "nan~a", "1~", "1~'; drop", "inf~a"):
        with pytest.raises(ValueError, match=r".*"):
            Place.read(wrong)
