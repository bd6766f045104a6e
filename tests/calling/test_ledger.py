"""Both ledgers beyond the conformance suite, and what only the one with a file can do."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from orchestrator.calling.ledger import MemoryLedger, SqliteLedger
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget
from orchestrator.testing.stores import charge, used
from tests.calling.fake_clock import FakeClock

DAILY = Budget(per="workspace", usd=0.000010, window="day")
"""Ten micro-dollars a day."""
USED = Usage(input=3, output=2)
Make = Callable[..., MemoryLedger | SqliteLedger]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def make(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Make]:
    made: list[MemoryLedger | SqliteLedger] = []

    def make(*budgets: Budget) -> MemoryLedger | SqliteLedger:
        if request.param == "memory":
            made.append(MemoryLedger(budgets, clock, lease_s=60))
        else:
            made.append(SqliteLedger(tmp_path / "ledger.sqlite", budgets, clock, lease_s=60))
        return made[-1]

    yield make
    for ledger in made:
        await ledger.close()


async def test_what_is_settled_replaces_what_was_reserved(make: Make) -> None:
    ledger = make(DAILY)
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), 10), used(4, USED))
    assert await ledger.spent("run") == 4
    await ledger.reserve(charge("run", "m/d"), 6)
    with pytest.raises(OverBudgetError, match=r"the budget of 0\.00001 USD per workspace and day"):
        await ledger.reserve(charge("run", "m/d"), 1)


async def test_an_unknown_price_is_refused_where_there_is_a_budget(make: Make) -> None:
    with pytest.raises(OverBudgetError, match="no known price"):
        await make(DAILY).reserve(charge("run", "m/d"), None)


async def test_what_was_to_cost_nothing_and_did_is_charged(make: Make) -> None:
    ledger = make(DAILY)
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), 0), used(3, USED))
    assert await ledger.spent("run") == 3


@pytest.mark.parametrize(("window", "passes_s"), [("hour", 3600), ("day", 86400)])
async def test_a_window_starts_anew(
    make: Make, clock: FakeClock, window: str, passes_s: float
) -> None:
    ledger = make(DAILY.model_copy(update={"window": window}))
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), 10), used(10, USED))
    with pytest.raises(OverBudgetError):
        await ledger.reserve(charge("run", "m/d"), 1)
    clock.advance(passes_s)
    assert await ledger.reserve(charge("run", "m/d"), 10)


async def test_a_month_is_longer_than_a_day(make: Make, clock: FakeClock) -> None:
    ledger = make(DAILY.model_copy(update={"window": "month"}))
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), 10), used(10, USED))
    clock.advance(86400)  # from the 14th to the 15th
    with pytest.raises(OverBudgetError):
        await ledger.reserve(charge("run", "m/d"), 1)
    clock.advance(20 * 86400)
    assert await ledger.reserve(charge("run", "m/d"), 10)


# ── the file ─────────────────────────────────────────────────────────────────────────────


async def test_two_ledgers_on_one_file_share_the_cap(tmp_path: Path, clock: FakeClock) -> None:
    ledgers = [SqliteLedger(tmp_path / "l.sqlite", (DAILY,), clock) for _ in range(2)]
    results = await asyncio.gather(
        *(ledgers[n % 2].reserve(charge("run", "m/d"), 1) for n in range(40)),
        return_exceptions=True,
    )
    assert sum(isinstance(r, str) for r in results) == 10
    for ledger in ledgers:
        await ledger.close()


async def test_a_cancelled_reservation_leaves_nothing(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "l.sqlite"
    ledger = SqliteLedger(path, (DAILY,), clock)
    await ledger.reserve(charge("run", "m/d"), 1)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")  # keeps the next reservation waiting
    waiting = asyncio.create_task(ledger.reserve(charge("run", "m/d"), 5))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.sleep(0)
    blocker.execute("ROLLBACK")
    blocker.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await ledger.spent() == 1
    await ledger.close()


async def test_a_file_that_cannot_be_written_is_a_named_error(
    tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "file").write_text("in the way")
    ledger = SqliteLedger(tmp_path / "file" / "l.sqlite", (DAILY,), clock)
    with pytest.raises(StorageError, match=r"l\.sqlite"):
        await ledger.reserve(charge("run", "m/d"), 1)
    await ledger.close()
