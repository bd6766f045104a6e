"""The ledger's file: many callers and processes at once, deaths, lines, and files of before."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.ledger import MemoryLedger, SqliteLedger
from orchestrator.calling.spending.owners import marks_of
from orchestrator.errors import OverBudgetError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget
from orchestrator.testing.stores import charge, used
from orchestrator.types import Caller, Outcome

from .fake_clock import FakeClock

HUNDRED = Budget(per="project", usd=0.001, window="month")
"""A thousand micro-dollars: a hundred calls of ten."""
USED = Usage(input=3, output=2)


def lines(path: Path) -> list[dict[str, Any]]:
    """All rows, in the order in which they were written."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM spend ORDER BY rowid")]


async def admitted(ledger: MemoryLedger | SqliteLedger, calls: int) -> int:
    """How many of so many calls at once were let in; half of them are settled."""

    async def one(n: int) -> bool:
        try:
            lease = await ledger.reserve(charge(f"run-{n}", "m/d"), 10)
        except OverBudgetError:
            return False
        if n % 2:
            await ledger.settle(lease, used(10, USED))
        return True

    return sum(await asyncio.gather(*(one(n) for n in range(calls))))


async def test_of_a_thousand_calls_at_once_a_hundred_are_admitted(tmp_path: Path) -> None:
    for ledger in (MemoryLedger((HUNDRED,)), SqliteLedger(tmp_path / "l.sqlite", (HUNDRED,))):
        assert await admitted(ledger, 1000) == 100
        assert await ledger.spent() == 1000
        await ledger.close()


CALLS = """
import asyncio, sys
from pathlib import Path
from orchestrator.calling.ledger import SqliteLedger
from tests.calling.test_ledger_file import HUNDRED, admitted

async def main():
    ledger = SqliteLedger(Path(sys.argv[1]), (HUNDRED,))
    print("ready", flush=True)
    sys.stdin.readline()
    print(await admitted(ledger, 250), flush=True)
    sys.stdin.readline()  # what is reserved stays so until all have asked

asyncio.run(main())
"""


def start(code: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_of_a_thousand_calls_from_four_processes_a_hundred_are_admitted(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    processes = [start(CALLS, path) for _ in range(4)]
    pipes = [(p.stdin, p.stdout) for p in processes]
    assert all(out is not None and out.readline() == "ready\n" for _, out in pipes)
    for into, _ in pipes:
        assert into is not None
        into.write("go\n")
        into.flush()
    counts = [int(out.readline()) for _, out in pipes if out is not None]
    for process in processes:
        process.communicate("end\n", timeout=60)
    assert sum(counts) == 100
    assert sum(line["amount"] for line in lines(path)) == 1000


# ── a process that dies ──────────────────────────────────────────────────────────────────

DIES = """
import asyncio, sys
from pathlib import Path
from orchestrator.calling.ledger import SqliteLedger
from orchestrator.testing.stores import charge
from tests.calling.test_ledger_file import HUNDRED

async def main():
    ledger = SqliteLedger(Path(sys.argv[1]), (HUNDRED,))
    await ledger.reserve(charge("killed", "m/d"), 1000)
    print("reserved", flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""


async def test_the_lease_of_a_process_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    process = start(DIES, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "reserved\n"
    ledger = SqliteLedger(path, (HUNDRED,))
    with pytest.raises(OverBudgetError):  # it lives, and holds everything
        await ledger.reserve(charge("run", "m/d"), 10)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    lease = await ledger.reserve(charge("run", "m/d"), 1000)
    await ledger.settle(lease, used(990, USED))
    killed, ours = lines(path)
    assert (killed["outcome"], killed["cost"], killed["expires"]) == ("unknown", None, 0)
    assert (ours["outcome"], ours["cost"], ours["expires"]) == ("ok", 990, None)
    await ledger.close()
    assert not list(marks_of(path).iterdir()), "marks of the dead are left"


async def test_leases_of_a_ledger_that_was_closed_are_free(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    first = SqliteLedger(path, (HUNDRED,))
    lease = await first.reserve(charge("run", "m/d"), 1000)
    await first.close()
    second = SqliteLedger(path, (HUNDRED,))
    assert await second.spent() == 0
    await second.settle(lease, used(700, USED))  # was only slow: charged all the same
    assert await second.spent() == 700
    await second.close()


# ── lines ────────────────────────────────────────────────────────────────────────────────


async def test_a_line_says_who_asked_for_what_and_how_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = SqliteLedger(path, clock=FakeClock())
    who = Caller(workspace="acme", user="ana", tier="free", key="k1", feature="search")
    usage = Usage(
        input=100, output=50, cached_input=40, cache_write=20, audio_input=3, reasoning=30,
        audio_output=5, estimated=True,
    )  # fmt: skip
    lease = await ledger.reserve(replace(charge("run", "m/d"), caller=who, tags=("b", "a")), 9)
    failed = replace(
        used(7, usage), outcome=Outcome.CUT, kind="hedge", ms=120.5, first_token_ms=20.25
    )
    await ledger.settle(lease, failed)
    await ledger.close()
    (line,) = lines(path)
    assert line == {
        "lease": lease, "trace_id": "run", "deployment": "m/d", "model": "m", "amount": 7,
        "cost": 7, "at": 1.7e9, "expires": None, "workspace": "acme", "end_user": "ana",
        "user_tier": "free", "key_id": "k1", "feature": "search", "tags": '["a", "b"]',
        "kind": "hedge", "outcome": "cut", "ms": 120.5, "first_token_ms": 20.25,
        "input_tokens": 100, "output_tokens": 50, "cached_tokens": 40, "cache_write_tokens": 20,
        "audio_input_tokens": 3, "reasoning_tokens": 30, "audio_output_tokens": 5,
        "estimated": 1, "owner": line["owner"], "seq": 1,
    }  # fmt: skip


async def test_what_costs_nothing_is_a_line_too_and_waits_for_no_disk(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = SqliteLedger(path, (HUNDRED,))
    for n in range(3):
        lease = await ledger.reserve(charge("run", "builtin/here"), 0)
        await ledger.settle(lease, replace(used(0, USED), ms=float(n)))
    await ledger.release(await ledger.reserve(charge("run", "builtin/here"), 0))
    assert not path.exists()
    ledger.flush()
    assert [(line["amount"], line["cost"], line["ms"]) for line in lines(path)] == [
        (0, 0, 0.0), (0, 0, 1.0), (0, 0, 2.0),
    ]  # fmt: skip
    await ledger.settle(await ledger.reserve(charge("run", "builtin/here"), 0), used(0, USED))
    await ledger.close()
    assert len(lines(path)) == 4


async def test_lines_that_wait_are_written_without_being_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = SqliteLedger(path)
    assert await ledger.spent() == 0  # makes the file
    await ledger.settle(await ledger.reserve(charge("run", "builtin/here"), 0), used(0, USED))
    async with asyncio.timeout(30):
        while not lines(path):
            await asyncio.sleep(0.05)
    await ledger.close()


FORGETS = """
import asyncio, sys
from pathlib import Path
from orchestrator.calling.ledger import SqliteLedger
from orchestrator.money import Usage
from orchestrator.testing.stores import charge, used

async def main():
    ledger = SqliteLedger(Path(sys.argv[1]))
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), 0), used(0, Usage()))

asyncio.run(main())
"""


def test_a_program_that_forgets_to_close_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    process = start(FORGETS, path)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(lines(path)) == 1


async def test_an_unknown_cost_is_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = SqliteLedger(path)
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), None), used(None, USED))
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), 9), used(None, USED))
    await ledger.settle(await ledger.reserve(charge("run", "m/d"), 0), used(None, USED))
    await ledger.close()
    assert [(line["amount"], line["cost"]) for line in lines(path)] == [
        (0, None), (9, None), (0, None),
    ]  # fmt: skip


# ── sums that are kept in memory ─────────────────────────────────────────────────────────


async def test_sums_keep_up_with_other_processes_and_with_time(tmp_path: Path) -> None:
    clock = FakeClock()
    hourly = Budget(per="user", usd=0.00001, window="hour")
    one, other = (SqliteLedger(tmp_path / "l.sqlite", (hourly,), clock) for _ in range(2))

    async def left(ledger: SqliteLedger) -> int | None:
        return (await ledger.standing("run", Caller(), ())).left_micro_usd

    assert await left(one) == await left(other) == 10
    await one.settle(await one.reserve(charge("run", "m/d"), 4), used(4, USED))
    assert await left(one) == await left(other) == 6
    await other.settle(await other.reserve(charge("run", "m/d"), 4), used(3, USED))
    assert await left(one) == await left(other) == 3
    clock.advance(3600)
    assert await left(one) == await left(other) == 10
    await one.close()
    await other.close()
