"""A decision can be made again from what is on record."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from orchestrator.errors import NoCandidateError
from orchestrator.project.policy_schema import Policy
from orchestrator.project.schema import KeepDays
from orchestrator.records import Hop
from orchestrator.routing.decide import decide
from orchestrator.storage.sweep import DAY, limits
from orchestrator.tracing.spooled import SpoolRecorder
from orchestrator.tracing.store import TraceStore
from orchestrator.tracing.sweep import TraceSweep
from orchestrator.types import (
    Constraints,
    Context,
    Estimate,
    FleetSnapshot,
    Health,
    Setting,
    TaskProfile,
    as_json,
)
from tests.routing.fleets import OPEN, contexts, deployment, fleet, fleets, policies, profiles

from .samples import TRACE, hop

SECRET = "sk-ant-api03-" + "abcdefghij" * 9
PROFILE = TaskProfile(task="draft", input_tokens=100)
FLEET = fleet(
    deployment("alpha/one", endpoint="https://inner.example/v1", params={"version": "a-param"}),
    deployment("beta/one", key="BETA_KEY"),
    health={"alpha/one": Health(error_rate=0.1), "beta/one": Health()},
)


def kept(
    folder: Path, profile: TaskProfile, seen: FleetSnapshot, policy: Policy, context: Context
) -> Hop:
    """A hop as it comes back, decided so; and what came back decides alike."""
    decision = decide(profile, seen, policy, context)
    with closing(TraceStore(folder / "traces.sqlite")) as store:
        store.start(TRACE)
        store.hop(hop(1, profile=profile, decision=decision, output=None, prompt=None))
        store.finish(replace(TRACE, status="ok"))
        (found,) = store.hops(TRACE.id)
        assert found.decision is not None
        assert found.profile is not None
        assert found.decision.context is not None
        recorded = store.snapshot(found.decision.fleet_hash)
    assert recorded is not None
    again = decide(found.profile, recorded, policy, found.decision.context)
    assert as_json(again) == as_json(found.decision)
    return found


free = profiles.map(lambda profile: replace(profile, task="draft", constraints=Constraints()))


# Of what is drawn at random most cannot be served.
@settings(suppress_health_check=[HealthCheck.filter_too_much], max_examples=40)
@given(profile=free, seen=fleets(), policy=policies, context=contexts)
def test_any_decision_is_made_again_from_its_record(
    profile: TaskProfile, seen: FleetSnapshot, policy: Policy, context: Context
) -> None:
    try:
        decide(profile, seen, policy, context)
    except NoCandidateError:
        assume(False)
    with tempfile.TemporaryDirectory() as folder:
        kept(Path(folder), profile, seen, policy, context)


def test_estimates_are_part_of_the_record(tmp_path: Path) -> None:
    context = Context(estimates={"beta/one": Estimate(mean=0.9, sd=0.1)}, predictor="learned:1")
    found = kept(tmp_path, PROFILE, FLEET, OPEN, context)
    assert found.decision is not None
    assert found.decision.context == context


def test_what_only_a_call_needs_is_not_on_record(tmp_path: Path) -> None:
    kept(tmp_path, PROFILE, FLEET, OPEN, Context())
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"alpha/one" in written
    assert not [word for word in (b"inner.example", b"a-param", b"BETA_KEY") if word in written]


def test_a_secret_among_the_settings_is_nowhere_on_record(tmp_path: Path) -> None:
    context = Context(settings={"guardrails": Setting(value=[SECRET], origin="agent:a")})
    decision = decide(PROFILE, FLEET, OPEN, context)
    with closing(TraceStore(tmp_path / "traces.sqlite")) as store:
        store.hop(hop(1, profile=PROFILE, decision=decision))
        store.finish(replace(TRACE, status="ok"))
        (found,) = store.hops(TRACE.id)
    assert found.decision is not None
    assert found.decision.context is not None
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert SECRET.encode() not in written


def test_what_a_service_spooled_holds_the_fleet(tmp_path: Path) -> None:
    decision = decide(PROFILE, FLEET, OPEN, Context())
    with closing(SpoolRecorder(tmp_path)) as recorder:
        recorder.start(TRACE)
        recorder.hop(hop(1, profile=PROFILE, decision=decision))
    with closing(TraceStore(tmp_path / "traces.sqlite")) as store:
        found = store.snapshot(FLEET.hash)
    assert found is not None
    assert found.health == FLEET.health
    assert [d.id for d in found.deployments] == [d.id for d in FLEET.deployments]


def test_a_fleet_that_nobody_saw_is_not_there(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "traces.sqlite")
    assert store.snapshot("0" * 16) is None
    store.start(TRACE)
    assert store.snapshot("0" * 16) is None
    store.close()


@pytest.mark.parametrize(
    ("seen_at", "left"),
    [(lambda now: now - 3 * DAY, 0), (lambda now: now - DAY / 2, 2)],
)
def test_fleets_go_some_time_after_the_last_trace_that_saw_them(
    tmp_path: Path, seen_at: Callable[[float], float], left: int
) -> None:
    path, now = tmp_path / "traces.sqlite", TRACE.started_at + 10 * DAY
    old, young = TRACE, replace(TRACE, id="01m7yak0d9t6vwng6cwpxkqgd0", started_at=now)
    decision = decide(PROFILE, FLEET, OPEN, Context())
    with closing(TraceStore(path)) as store:
        store.start(old)
        store.hop(hop(1, profile=PROFILE, decision=decision))
        store.finish(replace(old, status="ok"))
        store.finish(replace(young, status="ok"))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE fleets SET seen_at = ?", (seen_at(now),))
    TraceSweep(path).sweep(limits(KeepDays(), now, 5), dry_run=False)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM fleets").fetchone() == (left,)
