"""The ledger that spends from memory: caps over processes, deaths, lines, and how somebody stands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.spending import spooled
from orchestrator.calling.spending.allowance import AllowanceLedger
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget
from orchestrator.testing.stores import charge, used
from orchestrator.types import Caller, Charge
from tests.calling.test_ledger_file import lines

TEN = 0.000010
"""Dollars: ten micro-dollars."""
USED = Usage(input=3, output=2)
ROOT = Path(__file__).parents[3]
Make = Callable[..., AllowanceLedger]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
async def make(path: Path) -> AsyncIterator[Make]:
    made: list[AllowanceLedger] = []

    def make(*budgets: Budget, **given: Any) -> AllowanceLedger:
        made.append(AllowanceLedger(path, budgets, **given))
        return made[-1]

    yield make
    for ledger in made:
        await ledger.close()


def of(run: str = "run", **said: str) -> Charge:
    return replace(charge(run, "m/d"), caller=Caller(**said))


async def spend(ledger: AllowanceLedger, who: Charge, micro_usd: int) -> None:
    await ledger.settle(await ledger.reserve(who, micro_usd), used(micro_usd, USED))


# ── several processes ────────────────────────────────────────────────────────────────────

CALLS = """
import asyncio, sys
from pathlib import Path
from orchestrator.calling.spending.allowance import AllowanceLedger
from orchestrator.errors import OverBudgetError
from orchestrator.testing.stores import charge, used
from tests.calling.spending.test_allowance import HUNDRED, USED

async def main():
    ledger = AllowanceLedger(Path(sys.argv[1]), (HUNDRED,))
    print("ready", flush=True)
    sys.stdin.readline()

    async def one(n):
        try:
            lease = await ledger.reserve(charge(f"run-{n}", "m/d"), 10)
        except OverBudgetError:
            return False
        if n % 2:
            await ledger.settle(lease, used(10, USED))
        return True

    print(sum(await asyncio.gather(*(one(n) for n in range(250)))), flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # what is reserved stays so until all have asked

asyncio.run(main())
"""


def start(code: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def test_of_a_thousand_calls_from_four_processes_a_hundred_are_admitted(path: Path) -> None:
    processes = [start(CALLS, path) for _ in range(4)]
    assert [said(p) for p in processes] == ["ready\n"] * 4
    for process in processes:
        tell(process, "go")
    counts = [int(said(p)) for p in processes]
    for process in processes:
        process.communicate("end\n", timeout=60)
    assert sum(counts) == 100, counts
    spooled.book(path, wait_s=10)
    assert len(lines(path)) == 100
    assert sum(line["amount"] for line in lines(path)) == 1000
