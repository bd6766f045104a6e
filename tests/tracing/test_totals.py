"""What many traces come to, counted by both databases alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.records import Attempt, AttemptKind, Hop, Trace
from orchestrator.tracing.store import TraceStore
from orchestrator.tracing.totals import (
    NOTHING,
    Answered,
    Ended,
    FellBack,
    Range,
    Tried,
    Validated,
)
from orchestrator.types import Caller, Outcome, TaskProfile
from tests.gateway.postgres import a_database

from .samples import HOP, TRACE

HOUR = 3600
START = 1_790_002_800.0 // HOUR * HOUR
SPAN = Range(since=START, until=START + 3 * HOUR, step_s=HOUR)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TraceStore]:
    path = tmp_path / "traces.sqlite"
    if request.param == "sqlite":
        with closing(TraceStore(path)) as opened:
            yield opened
    else:
        with a_database() as url, closing(TraceStore(path, database=url)) as opened:
            yield opened


def tried(
    model: str, outcome: Outcome = Outcome.OK, ms: float = 10.0, kind: AttemptKind = "first"
) -> Attempt:
    return Attempt(
        deployment=f"{model}/d",
        model=model,
        family=None,
        outcome=outcome,
        started_at=START,
        ms=ms,
        kind=kind,
    )


def request(store: TraceStore, id: str, at: float, *attempts: Attempt, **changes: object) -> None:
    """Record a request that began so many seconds after `START` and has one hop."""
    about = {"validated": None, "task": "draft", "verdict": "accepted", "workspace": ""} | changes
    trace: Trace = replace(
        TRACE,
        id=id,
        status="ok",
        verdict=about["verdict"],  # type: ignore[arg-type]
        started_at=START + at,
        ms=100.0 + at,
        caller=Caller(workspace=str(about["workspace"])),
    )
    hop: Hop = replace(
        HOP,
        trace_id=id,
        attempts=attempts,
        validated=about["validated"],  # type: ignore[arg-type]
        profile=TaskProfile(task=str(about["task"])),
    )
    store.start(replace(trace, status="running"))
    store.hop(hop)
    store.finish(trace)


def test_an_empty_store_comes_to_nothing(store: TraceStore) -> None:
    assert store.totals(SPAN) == NOTHING


def test_requests_fall_into_the_step_in_which_they_began(store: TraceStore) -> None:
    request(store, "a", 0)
    request(store, "b", HOUR - 0.001)
    request(store, "c", HOUR, verdict="abstained")
    request(store, "before", -0.001)
    request(store, "after", 3 * HOUR)
    assert store.totals(SPAN).ended == (
        Ended(START, "ok", "accepted", 2),
        Ended(START + HOUR, "ok", "abstained", 1),
    )
    assert SPAN.buckets == (START, START + HOUR, START + 2 * HOUR)


def test_attempts_are_counted_by_model_and_outcome(store: TraceStore) -> None:
    request(store, "a", 1, tried("x", Outcome.CUT), tried("y", kind="fallback"))
    request(store, "b", 2, tried("x"))
    found = store.totals(SPAN)
    assert found.tried == (
        Tried(START, "x", "cut", 1),
        Tried(START, "x", "ok", 1),
        Tried(START, "y", "ok", 1),
    )
    assert found.fell_back == (FellBack(START, "x/d", "y/d", 1),)


def test_answers_are_counted_by_task(store: TraceStore) -> None:
    request(store, "a", 1, tried("x"))
    request(store, "b", 2, tried("x"), task="plan")
    request(store, "c", 3, tried("x", Outcome.CUT), task="plan")
    assert store.totals(SPAN).answered == (
        Answered("draft", "x", 1),
        Answered("plan", "x", 1),
    )


def test_a_validation_counts_for_the_model_that_answered_last(store: TraceStore) -> None:
    request(store, "a", 1, tried("x", Outcome.INVALID_OUTPUT), tried("y"), validated=True)
    request(store, "b", 2, tried("x"), validated=False)
    request(store, "c", 3, tried("x"))
    assert store.totals(SPAN).validated == (
        Validated(START, "x", 0, 1),
        Validated(START, "y", 1, 0),
    )


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 100, 101])
def test_percentiles_are_those_of_the_nearest_rank(store: TraceStore, count: int) -> None:
    values = [float((n * 37) % count + 1) for n in range(count)]  # 1 to count, in no order
    request(store, "a", 1, *(tried("x", ms=ms) for ms in values))
    (speed,) = store.totals(SPAN).models
    ranks = [-(-count * p // 100) for p in (50, 90, 99)]
    assert (speed.model, speed.count) == ("x", count)
    assert speed.ms == tuple(float(rank) for rank in ranks)


def test_answers_from_the_cache_say_nothing_of_a_model_s_speed(store: TraceStore) -> None:
    request(store, "a", 1, tried("x", ms=0.1, kind="cached"))
    assert store.totals(SPAN).models == ()


def test_whole_requests_are_measured_by_step(store: TraceStore) -> None:
    request(store, "a", 0)
    request(store, "b", HOUR)
    assert [(s.at, s.count, s.ms) for s in store.totals(SPAN).requests] == [
        (START, 1, (100.0, 100.0, 100.0)),
        (START + HOUR, 1, (3700.0, 3700.0, 3700.0)),
    ]


def test_one_workspace_alone(store: TraceStore) -> None:
    request(store, "a", 1, tried("x"), workspace="acme")
    request(store, "b", 2, tried("y"), workspace="other")
    found = store.totals(replace(SPAN, workspace="acme"))
    assert [one.model for one in found.tried] == ["x"]
    assert [one.count for one in found.ended] == [1]
    assert [one.model for one in found.models] == ["x"]
