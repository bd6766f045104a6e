"""The ledger that spends from memory: caps over processes, deaths, lines, who stands how."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.ledger import SqliteLedger
from orchestrator.calling.spending import spooled
from orchestrator.calling.spending.allowance import AllowanceLedger
from orchestrator.calling.spending.report import read_costs
from orchestrator.calling.spending.treasury import FileTreasury
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget, BudgetMatch
from orchestrator.project.protocols import Standing
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.stores import charge, used
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Caller, Charge
from tests.calling.test_ledger_file import HUNDRED, lines

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


DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from orchestrator.calling.spending.allowance import AllowanceLedger
from orchestrator.testing.stores import charge, used
from tests.calling.spending.test_allowance import HUNDRED, USED

async def main():
    ledger = AllowanceLedger(Path(sys.argv[1]), (HUNDRED,))
    done = await ledger.reserve(charge("done", "m/d"), 600)
    await ledger.reserve(charge("killed", "m/d"), 400)
    await ledger.settle(done, used(500, USED))
    print("reserved", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


async def test_what_a_process_that_was_killed_held_is_free_at_once(path: Path, make: Make) -> None:
    """What it has spent is not, and each of its calls is a line."""
    process = start(DIES, path)
    assert said(process) == "reserved\n"
    ledger = make(HUNDRED)
    with pytest.raises(OverBudgetError):  # it lives
        await ledger.reserve(of(), 500)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    await ledger.settle(await ledger.reserve(of(), 500), used(500, USED))
    with pytest.raises(OverBudgetError):
        await ledger.reserve(of(), 1)
    ledger.flush()
    found = {row["trace_id"]: (row["outcome"], row["cost"], row["expires"]) for row in lines(path)}
    assert found == {
        "done": ("ok", 500, None), "killed": ("unknown", None, 0), "run": ("ok", 500, None),
    }  # fmt: skip


async def test_a_ledger_that_is_closed_gives_everything_back(path: Path, make: Make) -> None:
    first = make(HUNDRED)
    await spend(first, of(), 100)
    await first.reserve(of(), 700)
    await first.close()
    assert await make(HUNDRED).reserve(of(), 900)
    assert not list(path.with_name("spool").glob("*.spool"))[1:], "the first one's is booked"
    with pytest.raises(StorageError, match="is closed"):
        await first.reserve(of(), 10)


async def test_it_shares_a_file_with_the_other_ledger(path: Path, make: Make) -> None:
    """A command line beside the gateway counts against the same budget."""
    ours, theirs = make(HUNDRED), SqliteLedger(path, (HUNDRED,))
    await spend(ours, of(), 300)
    lease = await theirs.reserve(of(), 500)
    with pytest.raises(OverBudgetError):
        await theirs.reserve(of(), 201)
    with pytest.raises(OverBudgetError):
        await ours.reserve(of(), 201)
    await theirs.settle(lease, used(400, USED))
    assert await ours.reserve(of(), 300)
    await theirs.close()


# ── memory ───────────────────────────────────────────────────────────────────────────────


async def test_calls_are_served_from_memory(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand calls of a new key ask the treasury a few times, and none waits for a task."""
    asked: list[int] = []
    ledger = make(
        Budget(per="project", usd=9, window="day"), Budget(per="key", usd=9, window="day")
    )
    exchange = ledger._treasury.exchange

    def counted(*given: Any) -> Any:
        asked.append(1)
        return exchange(*given)

    monkeypatch.setattr(ledger._treasury, "exchange", counted)
    for _ in range(1000):
        run = new_trace_id()
        await ledger.standing(run, Caller(key="k"), ())
        await spend(ledger, of(run, key="k"), 100)
    assert 1 <= len(asked) < 20


async def test_a_run_that_begins_here_is_counted_here(
    path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its budget costs no look at any disk; an older run may have spent something elsewhere."""
    per_run = Budget(per="run", usd=TEN)
    old = make(per_run, clock=ManualClock())
    await spend(old, of("a run of before"), 8)
    await old.close()
    ledger = make(per_run)
    with pytest.raises(OverBudgetError) as refused:
        await ledger.reserve(of("a run of before"), 3)
    assert refused.value.retry_after_s is None, "time alone frees nothing"
    monkeypatch.delattr(FileTreasury, "exchange")  # whoever asks for more fails
    run = new_trace_id()
    await spend(ledger, of(run), 8)
    assert (await ledger.standing(run, Caller(), ())).left_micro_usd == 2
    with pytest.raises(OverBudgetError, match=r"per run would be passed: 0\.000008 USD"):
        await ledger.reserve(of(run), 3)


async def test_what_costs_nothing_asks_nobody(path: Path, make: Make) -> None:
    ledger = make(HUNDRED)
    await ledger.settle(await ledger.reserve(of(), 0), used(0, Usage()))
    await ledger.release(await ledger.reserve(of(), 0))
    assert not path.exists()
    ledger.flush()
    assert [(row["amount"], row["cost"]) for row in lines(path)] == [(0, 0)]


async def test_what_was_to_cost_nothing_and_did_is_counted(make: Make) -> None:
    ledger = make(HUNDRED)
    await ledger.settle(await ledger.reserve(of(), 0), used(300, USED))
    with pytest.raises(OverBudgetError):
        await ledger.reserve(of(), 701)
    assert await ledger.reserve(of(), 700)


# ── budgets ──────────────────────────────────────────────────────────────────────────────


class Given:
    """Allotments that change while the service runs."""

    def __init__(self, *budgets: Budget) -> None:
        self.given: tuple[Budget, ...] = budgets

    def budgets(self, caller: Caller) -> tuple[Budget, ...]:
        return self.given if caller.key == "k1" else ()

    def limits(self, caller: Caller) -> tuple[()]:
        return ()


@pytest.mark.parametrize("kind", [AllowanceLedger, SqliteLedger])
async def test_single_callers_have_budgets_that_change(
    path: Path, kind: Callable[..., AllowanceLedger]
) -> None:
    mine = Budget(per="key", match=BudgetMatch(key="k1"), usd=TEN, window="day")
    allotments = Given(mine)
    ledger = kind(path, (HUNDRED,), allotments=allotments)
    await spend(ledger, of(key="k1"), 8)
    expected = Standing(left_micro_usd=2, budget="key.day(key=k1)")
    assert await ledger.standing("run", Caller(key="k1"), ()) == expected
    with pytest.raises(OverBudgetError, match="per key and day, for 'k1' would be passed") as no:
        await ledger.reserve(of(key="k1"), 3)
    assert 0 < (no.value.retry_after_s or 0) <= 86_400
    await spend(ledger, of(key="k2"), 30)
    allotments.given = (mine.model_copy(update={"usd": 2 * TEN}),)
    await spend(ledger, of(key="k1"), 12)
    allotments.given = ()
    await spend(ledger, of(key="k1"), 30)
    await ledger.close()


async def test_a_soft_budget_switches_for_all_who_share_it(make: Make) -> None:
    """Half a second after another process has used it up."""
    soft, clock = Budget(per="project", usd=TEN, window="day", soft=True), ManualClock()
    one, other = make(soft, clock=clock), make(soft, clock=clock)
    assert await one.standing("run", Caller(), ()) == Standing()
    await spend(other, of(), 30)
    await spend(other, of(), 30)
    clock.advance(1)
    await one.standing("run", Caller(), ())  # whoever asks has it looked at
    other.tend()
    one.tend()
    assert await one.standing("run", Caller(), ()) == Standing(soft=("project.day",))
    assert await other.standing("run", Caller(), ()) == Standing(soft=("project.day",))


async def test_what_is_idle_goes_back(make: Make) -> None:
    clock = ManualClock()
    budget = Budget(per="project", usd=1, window="day")
    ledger = make(budget, clock=clock)
    for _ in range(5):
        await spend(ledger, of(), 1000)
    (holding,) = ledger._holdings.accounts.values()
    assert holding.free > 0
    clock.advance(3)
    ledger.tend()
    assert (holding.free, holding.taken) == (0, 5000)


# ── lines ────────────────────────────────────────────────────────────────────────────────


async def test_costs_show_what_is_spooled_and_what_is_under_way(path: Path, make: Make) -> None:
    ledger = make(HUNDRED)
    await spend(ledger, of(user="ana"), 10)
    await ledger.reserve(of(user="bob"), 20)
    report = read_costs(path, ("user",), since=0, until=4e9, now=2e9)
    assert [(names, costs.known_micro_usd) for names, costs in report.rows] == [(("ana",), 10)]
    assert (report.under_way, report.reserved_micro_usd) == (1, 20)


async def test_names_with_half_a_character_are_lines_too(path: Path, make: Make) -> None:
    ledger = make(HUNDRED)
    await spend(ledger, of(user="a\ud800"), 10)
    ledger.flush()
    assert [row["end_user"] for row in lines(path)] == ["a?"]


async def test_a_booking_that_breaks_off_books_nothing_twice(
    path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = make(HUNDRED)
    await spend(ledger, of(), 10)
    lease = await ledger.reserve(of(), 20)
    write = spooled._Batch.write

    def breaks(batch: Any, db: Any) -> None:
        write(batch, db)
        raise OSError("the machine stops")

    with monkeypatch.context() as broken:
        broken.setattr(spooled._Batch, "write", breaks)
        with pytest.raises(StorageError):
            spooled.book(path)
    for _ in range(3):
        spooled.book(path)
    await ledger.settle(lease, used(15, USED))
    spooled.book(path)
    assert [row["amount"] for row in lines(path)] == [10, 15]
    assert await ledger.spent() == 25


async def test_a_disk_that_takes_nothing_refuses_what_costs_money(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ledger = AllowanceLedger(tmp_path / "file" / "l.sqlite", (HUNDRED,))
    with pytest.raises(StorageError, match=r"l\.sqlite"):
        await ledger.reserve(of(), 1)
    assert await ledger.standing("run", Caller(), ()) == Standing()
    await ledger.settle(await ledger.reserve(of(), 0), used(0, USED))
    await ledger.close()
    assert "1 records of the ledger could not be written" in (ledger.problem or "")


async def test_a_cancelled_reservation_leaves_nothing(make: Make) -> None:
    ledger = make(HUNDRED)
    waiting = asyncio.create_task(ledger.reserve(of(), 5))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await ledger.reserve(of(), 1000)
