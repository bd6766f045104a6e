"""The breakers of a process: threads, other processes, keys, and what routing sees of them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.health.breaker import (
    Breakers,
    Change,
    Opened,
    Permit,
    Recovered,
    account_mark,
)
from orchestrator.calling.health.conditions import conditions, health
from orchestrator.calling.health.store import HealthStore
from orchestrator.errors import AttemptError
from orchestrator.fleet.snapshot import snapshot
from orchestrator.project.calls_schema import Breaker
from orchestrator.project.policy_schema import Policy
from orchestrator.routing.decide import decide
from orchestrator.types import Context, Outcome, Stage, TaskProfile

from .seen import StillClock, attempt, deployment

DEAD = Outcome.UNREACHABLE


def make(clock: StillClock, store: HealthStore | None = None, **more: str) -> Breakers:
    return Breakers(Breaker(), clock, store, accounts=more)


def call(breakers: Breakers, outcome: Outcome, name: str = "m/a", **more: float) -> None:
    breakers.ended(breakers.permit(name), attempt(name, outcome, **more))


def break_it(breakers: Breakers, name: str = "m/a") -> None:
    for _ in range(2):
        call(breakers, DEAD, name)


def refused(breakers: Breakers, name: str = "m/a") -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        breakers.permit(name)
    assert caught.value.outcome is Outcome.SKIPPED_OPEN
    return caught.value


# ── in one process ───────────────────────────────────────────────────────────────────────


def test_each_deployment_has_its_own() -> None:
    breakers = make(StillClock())
    break_it(breakers, "m/a")
    assert isinstance(breakers.permit("m/b"), Permit)
    error = refused(breakers, "m/a")
    assert error.retry_after_s == pytest.approx(5.0)
    assert str(error) == "out of order (unreachable); next try in 5.0 s"


def test_changes_are_told_once_with_the_time_of_day() -> None:
    clock, told = StillClock(), list[Change]()
    breakers = Breakers(Breaker(), clock, tell=told.append)
    break_it(breakers)
    opened_at = clock.now()
    clock.wait(5)
    call(breakers, DEAD)
    clock.wait(10)
    call(breakers, Outcome.OK)
    assert told == [
        Change("m/a", opened_at, Opened("outage", DEAD, "it said unreachable")),
        Change("m/a", clock.now(), Recovered("outage")),
    ]


def test_reading_its_own_state_back_changes_nothing(tmp_path: Path) -> None:
    """Three in a row open it where it has answered before; the count of answers must stay."""
    stores = None, HealthStore(tmp_path / "health.sqlite", pause_s=0.0)
    for store in stores:
        breakers = make(StillClock(), store)
        call(breakers, Outcome.OK)
        for _ in range(2):
            call(breakers, DEAD)
            if store is not None:
                store.flush()
        breakers.permit("m/a")


def test_states_are_as_time_has_made_them() -> None:
    clock = StillClock()
    breakers = make(clock)
    break_it(breakers)
    state = breakers.states()["m/a"]
    assert (state.phase, state.since, state.until) == ("open", clock.now(), clock.now() + 5)
    clock.wait(5)
    assert breakers.states()["m/a"].phase == "half_open", "else nobody would ever probe it"
    call(breakers, Outcome.OK)
    assert breakers.states()["m/a"].phase == "ramping"
    clock.wait(10)
    assert breakers.states()["m/a"].phase == "closed"


def test_a_jump_of_the_clock_on_the_wall_opens_and_closes_nothing() -> None:
    clock = StillClock()
    breakers = make(clock)
    break_it(breakers)
    clock.epoch += 86_400
    refused(breakers)
    clock.epoch -= 10 * 86_400
    clock.mono += 5
    breakers.permit("m/a")


def test_many_threads_get_one_probe() -> None:
    clock = StillClock()
    breakers = make(clock)
    break_it(breakers)
    clock.wait(5)
    permits: list[Permit] = []
    ready = threading.Barrier(16)

    def ask() -> None:
        ready.wait()
        for _ in range(50):
            try:
                permits.append(breakers.permit("m/a"))
            except AttemptError:
                continue

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(permits) == 1


def test_what_many_threads_count_is_not_lost() -> None:
    clock = StillClock()
    settings = Breaker(failures=100_000, error_rate=1.0, min_calls=8 * 500 + 1)
    breakers = Breakers(settings, clock)

    def work() -> None:
        for _ in range(500):
            call(breakers, DEAD)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breakers.states()["m/a"].consecutive == 4000
    call(breakers, DEAD)
    refused(breakers)


# ── across processes ─────────────────────────────────────────────────────────────────────


def test_a_process_that_starts_knows_what_is_out_of_use(tmp_path: Path) -> None:
    clock = StillClock()
    first = HealthStore(tmp_path / "health.sqlite")
    break_it(make(clock, first))
    first.close()
    later = StillClock(epoch=clock.epoch + 2, mono=7.0)  # each process has its own scale
    assert refused(make(later, HealthStore(first.path))).retry_after_s == pytest.approx(3.0)


def test_failures_are_counted_on_by_the_next_process(tmp_path: Path) -> None:
    for _ in range(2):
        store = HealthStore(tmp_path / "health.sqlite")
        breakers = make(StillClock(), store)
        call(breakers, DEAD)
        store.close()
    refused(breakers)


def test_processes_learn_from_each_other_while_they_run(tmp_path: Path) -> None:
    clock, path = StillClock(), tmp_path / "health.sqlite"
    stores = HealthStore(path), HealthStore(path)
    one, two = (make(clock, store) for store in stores)
    two.permit("m/a")
    break_it(one)
    share(*stores)
    refused(two)
    clock.wait(5)
    call(two, Outcome.OK)
    share(*reversed(stores))
    assert one.states()["m/a"].phase == "ramping"


def share(*stores: HealthStore) -> None:
    """What the timers do within a second or two."""
    for store in stores:
        store.flush()


def test_an_older_finding_does_not_undo_a_newer_one(tmp_path: Path) -> None:
    clock, path = StillClock(), tmp_path / "health.sqlite"
    slow, quick = HealthStore(path), HealthStore(path)
    one, two = make(clock, slow), make(clock, quick)
    break_it(one)  # waits to be written
    clock.wait(1)
    break_it(two)
    clock.wait(5)
    call(two, Outcome.OK)
    share(quick, slow, quick)
    assert two.states()["m/a"].phase == "ramping"
    assert one.states()["m/a"].phase == "ramping"


def test_a_really_other_process_shares_it(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from tests.calling.health.test_breaker import break_it, make
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.health.store import HealthStore
store = HealthStore(Path(sys.argv[1]))
break_it(make(SystemClock(), store))
store.close()
"""
    path = tmp_path / "health.sqlite"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    breakers = Breakers(Breaker(), SystemClock(), HealthStore(path))
    state = breakers.states()["m/a"]
    assert (state.phase in ("open", "half_open"), state.outcome) == (True, DEAD)


def test_a_time_from_a_wrong_clock_does_not_keep_it_out_for_days(tmp_path: Path) -> None:
    store = HealthStore(tmp_path / "health.sqlite")
    break_it(make(StillClock(epoch=1_800_000_000.0), store))
    store.close()
    right = StillClock()
    breakers = make(right, HealthStore(store.path))
    refused(breakers)
    right.wait(300)
    breakers.permit("m/a")


def test_a_probe_of_a_process_that_died_blocks_nobody(tmp_path: Path) -> None:
    clock, store = StillClock(), HealthStore(tmp_path / "health.sqlite")
    breakers = make(clock, store)
    break_it(breakers)
    clock.wait(5)
    breakers.permit("m/a")
    store.close()
    make(clock, HealthStore(store.path)).permit("m/a")


# ── keys ─────────────────────────────────────────────────────────────────────────────────


def test_another_key_is_not_refused_for_the_first_one(tmp_path: Path) -> None:
    clock, path = StillClock(), tmp_path / "health.sqlite"
    old = HealthStore(path)
    first = make(clock, old, **{"m/a": account_mark("sk-old")})
    call(first, Outcome.AUTH)
    assert "key was refused" in str(refused(first))
    old.close()
    again = make(clock, HealthStore(path), **{"m/a": account_mark("sk-old")})
    assert refused(again).retry_after_s == pytest.approx(300)
    make(clock, HealthStore(path), **{"m/a": account_mark("sk-new")}).permit("m/a")


def test_the_file_does_not_hold_the_key(tmp_path: Path) -> None:
    store = HealthStore(tmp_path / "health.sqlite")
    breakers = make(StillClock(), store, **{"m/a": account_mark("sk-very-secret")})
    call(breakers, Outcome.AUTH)
    store.close()
    assert b"very-secret" not in store.path.read_bytes()
    assert len(account_mark("sk-very-secret")) == 8


# ── what routing sees ────────────────────────────────────────────────────────────────────


def profile() -> TaskProfile:
    return TaskProfile(task="chat")


def test_decide_leaves_it_out_and_says_why_and_until_when() -> None:
    clock = StillClock(epoch=1_699_999_985.0)  # 22:13:05 UTC
    breakers = make(clock)
    break_it(breakers)
    live = health(breakers.states(), {})
    fleet = [
        dataclasses.replace(deployment(id), tasks={"*": 0.5}, context=10_000)
        for id in ("m/a", "m/b")
    ]
    decision = decide(profile(), snapshot(fleet, {}, live=live), Policy(), Context())
    assert decision.chain == ("m/b",)
    left_out = next(c for c in decision.candidates if c.deployment == "m/a")
    assert (left_out.stage, left_out.rule) == (Stage.AVAILABILITY, "health.breaker")
    assert left_out.found == "out of order (unreachable), until 22:14 UTC"
    clock.wait(5)
    back = snapshot(fleet, {}, live=health(breakers.states(), {}))
    assert set(decide(profile(), back, Policy(), Context()).chain) == {"m/a", "m/b"}


def test_a_long_outage_makes_few_snapshots() -> None:
    clock = StillClock()
    breakers = make(clock)
    break_it(breakers)
    seen = set()
    for _ in range(60):
        clock.wait(15)
        seen.add(json.dumps(repr(health(breakers.states(), {}))))
        call(breakers, DEAD)
        seen.add(json.dumps(repr(health(breakers.states(), {}))))
    assert len(seen) <= 17, "one a minute, and one for the times at which it may be probed"


def test_the_conditions_name_what_people_ask_for() -> None:
    clock = StillClock()
    breakers = make(clock)
    break_it(breakers, "m/open")
    call(breakers, Outcome.AUTH, "m/key")
    call(breakers, Outcome.RATE_LIMITED, "m/limit", retry_after_s=20.0)
    call(breakers, Outcome.OK, "m/fine")
    found = conditions(breakers.states(), {})
    assert {name: c.state for name, c in found.items()} == {
        "m/open": "open",
        "m/key": "key_refused",
        "m/limit": "throttled",
        "m/fine": "closed",
    }
    assert found["m/limit"].until == clock.now() + 20
    assert found["m/open"].why == "it said unreachable"
    seen = health(breakers.states(), {})
    assert (seen["m/limit"].breaker, seen["m/limit"].room) == ("closed", 0.0)
    assert seen["m/fine"].reason == ""
