"""No line of the ledger goes that a budget, a run or an open lease still needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.calling.ledger import SqliteLedger
from orchestrator.calling.sweep import LedgerSweep
from orchestrator.money import Usage
from orchestrator.project.schema import KeepDays
from orchestrator.storage.sweep import DAY, limits
from orchestrator.testing.stores import charge, used

from .fake_clock import FakeClock

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


async def spend(path: Path, run: str, at: float, *, settle: bool = True) -> None:
    ledger = SqliteLedger(path, clock=FakeClock(at))
    lease = await ledger.reserve(charge(run, "m/d"), 100)
    if settle:
        await ledger.settle(lease, used(100, Usage(input=1, output=1)))
    await ledger.close()


async def left(path: Path, *runs: str) -> list[str]:
    ledger = SqliteLedger(path, clock=FakeClock(NOW))
    kept = [run for run in runs if await ledger.spent(run)]
    await ledger.close()
    return kept


async def test_only_what_no_window_counts_goes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    await spend(path, "last-month", NOW - 22 * DAY)
    await spend(path, "first-of-month", NOW - 20.4 * DAY)
    await spend(path, "today", NOW - 60)
    within = limits(KeepDays(), NOW, 0)
    assert LedgerSweep(path).sweep(within, dry_run=True) == {"lines": 1}
    assert await left(path, "last-month") == ["last-month"]
    assert LedgerSweep(path).sweep(within, dry_run=False) == {"lines": 1}
    runs = ("last-month", "first-of-month", "today")
    assert await left(path, *runs) == ["first-of-month", "today"]


async def test_lines_of_a_run_that_can_be_resumed_stay(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    await spend(path, "killed", NOW - 100 * DAY)
    await spend(path, "done", NOW - 100 * DAY)
    within = replace(limits(KeepDays(), NOW, 1), protected=frozenset({"killed"}))
    assert LedgerSweep(path).sweep(within, dry_run=False) == {"lines": 1}
    assert await left(path, "killed", "done") == ["killed"]


async def test_dead_leases_go_and_open_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    first = datetime(2026, 12, 1, 0, 0, 30, tzinfo=UTC).timestamp()
    await spend(path, "dead", first - 3 * DAY, settle=False)
    await spend(path, "open", first - 60, settle=False)
    assert LedgerSweep(path).sweep(limits(KeepDays(), first, 0), dry_run=False) == {"lines": 1}


async def test_money_is_kept_unless_the_project_says_for_how_long(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    await spend(path, "old", NOW - 4000 * DAY)
    assert LedgerSweep(path).sweep(limits(KeepDays(), NOW), dry_run=False) == {}
    kept = KeepDays(ledger=400)
    assert LedgerSweep(path).sweep(limits(kept, NOW), dry_run=False) == {"lines": 1}
