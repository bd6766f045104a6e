"""Budgets over several machines: a real Valkey, which goes and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from orchestrator.calling.spending import spooled
from orchestrator.calling.spending.allowance import AllowanceLedger
from orchestrator.calling.spending.shared_treasury import SharedTreasury
from orchestrator.errors import OverBudgetError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget
from orchestrator.project.protocols import Standing
from orchestrator.sharing.client import Shared
from orchestrator.testing.stores import charge, used
from orchestrator.types import Caller
from tests.calling.test_ledger_file import HUNDRED
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]

USED = Usage(input=3, output=2)
LOOSE = Budget(per="project", usd=1, window="day")
"""A million micro-dollars: of so much, more is held than calls need."""
Make = Callable[..., AllowanceLedger]


@pytest.fixture
async def make(valkey: Valkey, tmp_path: Path) -> AsyncIterator[Make]:
    made: list[AllowanceLedger] = []

    def make(machine: str, *budgets: Budget) -> AllowanceLedger:
        path = tmp_path / machine / "ledger.sqlite"
        client = Shared(valkey.url, project="p")
        treasury = SharedTreasury(client, path, silence_s=0.2)
        made.append(AllowanceLedger(path, budgets, treasury=treasury))
        return made[-1]

    yield make
    for ledger in made:
        await ledger.close()


async def reserve(ledger: AllowanceLedger, micro_usd: int) -> str | None:
    """A lease, or `None` where a budget has no room."""
    try:
        return await ledger.reserve(charge("run", "m/d"), micro_usd)
    except OverBudgetError:
        return None


async def spend(ledger: AllowanceLedger, reserved: int, cost: int) -> None:
    lease = await ledger.reserve(charge("run", "m/d"), reserved)
    await ledger.settle(lease, used(cost, USED))


async def test_of_a_thousand_calls_on_two_machines_a_hundred_are_admitted(make: Make) -> None:
    ledgers = [make(name, HUNDRED) for name in ("one", "two")]
    got = await asyncio.gather(*(reserve(ledgers[n % 2], 10) for n in range(1000)))
    assert sum(lease is not None for lease in got) == 100


async def test_what_one_does_not_need_the_other_gets(make: Make) -> None:
    one, two = make("one", LOOSE), make("two", LOOSE)
    for _ in range(5):
        await spend(one, 1000, 600)
    (holding,) = one._holdings.accounts.values()
    assert holding.free > 0
    assert await reserve(two, 1_000_000 - 5 * 600) is not None
    assert await reserve(one, 1) is None


async def test_a_closed_one_leaves_what_it_has_spent(make: Make) -> None:
    one = make("one", HUNDRED)
    await spend(one, 700, 500)
    await reserve(one, 300)
    await one.close()
    two = make("two", HUNDRED)
    assert await reserve(two, 501) is None
    assert await reserve(two, 500) is not None


async def test_whoever_has_no_server_leaves_the_rest_to_those_who_have(
    make: Make, tmp_path: Path
) -> None:
    """The recorder books; what a dead process held on the server waits for one with a client."""
    one = make("one", HUNDRED)
    await spend(one, 700, 500)
    one._lines._spool.close()  # as if it were dead
    spooled.book(tmp_path / "one" / "ledger.sqlite")
    two = make("one", HUNDRED)
    assert await reserve(two, 300) is not None
    two.flush()
    assert await reserve(two, 200) is not None
    assert await reserve(two, 1) is None


async def test_while_the_server_is_gone_only_what_is_held_may_be_spent(
    make: Make, valkey: Valkey
) -> None:
    one = make("one", LOOSE)
    for _ in range(5):
        await spend(one, 1000, 1000)
    (holding,) = one._holdings.accounts.values()
    held = holding.free
    assert held > 0
    valkey.kill()
    assert await reserve(one, held) is not None
    with pytest.raises(OverBudgetError, match="nobody can say what is left of the budgets") as no:
        await one.reserve(charge("run", "m/d"), 1)
    assert no.value.retry_after_s == 1.0
    fresh = make("two", LOOSE)
    assert await fresh.standing("run", Caller(), ()) == Standing()
    assert await reserve(fresh, 1) is None
    assert await fresh.reserve(charge("run", "m/d"), 0), "what costs nothing goes on"


async def test_a_server_that_has_forgotten_everything_is_told_it_again(
    make: Make, valkey: Valkey
) -> None:
    """What closed processes have spent, and what others hold."""
    closed = make("one", HUNDRED)
    await spend(closed, 300, 300)
    await closed.close()
    one = make("one", HUNDRED)
    await spend(one, 100, 100)
    lease = await one.reserve(charge("run", "m/d"), 200)
    valkey.kill()
    valkey.start()
    async with asyncio.timeout(30):
        while (await one.standing("run", Caller(), ())).left_micro_usd != 400 or (
            got := await reserve(one, 400)
        ) is None:
            await asyncio.sleep(0.05)
    assert await reserve(one, 1) is None
    assert await reserve(make("two", HUNDRED), 1) is None
    await one.settle(lease, used(150, USED))
    await one.release(got)
    two = make("two", HUNDRED)
    async with asyncio.timeout(30):
        while await reserve(two, 450) is None:
            await asyncio.sleep(0.05)
    assert await reserve(two, 1) is None
