"""Sums over the ledger's lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.calling.ledger import SqliteLedger
from orchestrator.calling.spending.report import DIMENSIONS, CostReport, Costs, read_costs
from orchestrator.errors import StorageError, UnknownNameError
from orchestrator.money import Usage
from orchestrator.records import Attempt
from orchestrator.testing.stores import charge, used
from orchestrator.types import Caller, Outcome
from tests.storage.first_version import restore

from .fake_clock import FakeClock

DAY = 86_400.0
NOON = 1_700_006_400.0 - DAY / 2
"""Of the 14th of November 2023, UTC."""
ANA, BOB = Caller(user="ana", tier="free", feature="search"), Caller(user="bob", feature="chat")
USAGE = Usage(input=100, output=10, cached_input=40, reasoning=5)


class Book:
    """A ledger's file that is written to at chosen times."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, FakeClock(NOON)
        self.ledger = SqliteLedger(path, clock=self.clock)

    async def line(self, caller: Caller, attempt: Attempt, *tags: str, model: str = "m") -> None:
        who = replace(charge("run", f"{model}/d"), caller=caller, tags=tags)
        cost = attempt.cost_micro_usd
        await self.ledger.settle(
            await self.ledger.reserve(who, 50 if cost is None else cost), attempt
        )

    def report(self, *by: str, since: float = 0.0, until: float = 2e9) -> CostReport:
        self.ledger.flush()
        return read_costs(self.path, by, since=since, until=until, now=self.clock.now())


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Book]:
    book = Book(tmp_path / "ledger.sqlite")
    yield book
    await book.ledger.close()


def ended(outcome: Outcome, micro_usd: int | None = 0, usage: Usage = USAGE) -> Attempt:
    return replace(used(micro_usd, usage), outcome=outcome)


async def test_failed_attempts_are_lines_and_no_answers(book: Book) -> None:
    """The primary answers 503, the fallback answers: one answer, two attempts."""
    await book.line(ANA, ended(Outcome.OVERLOADED, 0, Usage()), model="primary")
    await book.line(ANA, ended(Outcome.OK, 30), model="fallback")
    report = book.report("model")
    assert report.rows == (
        (
            ("fallback",),
            Costs(
                attempts=1,
                answers=1,
                input_tokens=100,
                output_tokens=10,
                cached_tokens=40,
                reasoning_tokens=5,
                known_micro_usd=30,
            ),
        ),
        (("primary",), Costs(attempts=1, failed=1)),
    )


@pytest.mark.parametrize(
    ("outcome", "answers", "failed"),
    [("ok", 1, 0), ("unsure", 0, 0), ("cancelled", 0, 0), ("cut", 0, 1), ("invalid_output", 0, 1)],
)
async def test_who_stopped_or_asked_a_stronger_one_has_not_failed(
    book: Book, outcome: str, answers: int, failed: int
) -> None:
    await book.line(ANA, ended(Outcome(outcome), 3))
    total = book.report("model").total
    assert (total.attempts, total.answers, total.failed) == (1, answers, failed)


async def test_an_unknown_cost_is_never_zero(book: Book) -> None:
    await book.line(ANA, ended(Outcome.OK, 30))
    await book.line(ANA, ended(Outcome.OK, None))
    ((_, ana),) = book.report("user").rows
    assert (ana.known_micro_usd, ana.unknown, ana.unknown_micro_usd) == (30, 1, 50)
    assert ana.cost_usd is None
    assert book.report("user", until=NOON).total.cost_usd == 0.0


async def test_what_was_counted_here_is_marked(book: Book) -> None:
    await book.line(ANA, ended(Outcome.OK, 3, replace(USAGE, estimated=True)))
    await book.line(BOB, ended(Outcome.OK, 3))
    assert {names[0]: c.estimated for names, c in book.report("user").rows} == {"ana": 1, "bob": 0}


async def test_every_dimension_tells_all_lines_apart_and_loses_none(book: Book) -> None:
    for n in range(12):
        attempt = ended((Outcome.OK, Outcome.CUT)[n % 2], n)
        await book.line((ANA, BOB)[n // 6], attempt, *("a", "b")[: n % 3])
        book.clock.advance(DAY / 4)
    for name in DIMENSIONS:
        report = book.report(name)
        assert report.total == book.report("model").total, name
        assert sum(costs.attempts for _, costs in report.rows) == 12
    assert book.report("user", "outcome").total.known_micro_usd == sum(range(12))
    found = {names: costs.attempts for names, costs in book.report("tag", "user_tier").rows}
    assert found == {
        ("", "free"): 2, ("a", "free"): 2, ("a, b", "free"): 2,
        ("", ""): 2, ("a", ""): 2, ("a, b", ""): 2,
    }  # fmt: skip


async def test_days_come_in_their_order_and_all_else_the_dearest_first(book: Book) -> None:
    await book.line(BOB, ended(Outcome.OK, 3))
    book.clock.advance(DAY)
    await book.line(ANA, ended(Outcome.OK, 5))
    days = [names for names, _ in book.report("day").rows]
    assert days == [("2023-11-14",), ("2023-11-15",)]
    assert [names for names, _ in book.report("user").rows] == [("ana",), ("bob",)]


async def test_only_what_began_in_the_time_that_is_asked_for(book: Book) -> None:
    await book.line(BOB, ended(Outcome.OK, 3))
    book.clock.advance(DAY)
    await book.line(ANA, ended(Outcome.OK, 5))
    assert book.report("user", since=NOON + 1).total.known_micro_usd == 5
    assert book.report("user", until=NOON + DAY).total.known_micro_usd == 3


async def test_what_is_under_way_is_in_no_row(book: Book) -> None:
    await book.ledger.reserve(charge("run", "m/d"), 70)
    report = book.report("model")
    assert (report.rows, report.under_way, report.reserved_micro_usd) == ((), 1, 70)


async def test_what_a_dead_process_was_about_is_unknown(book: Book) -> None:
    await book.ledger.reserve(charge("run", "m/d"), 70)
    await book.ledger.close()
    report = read_costs(book.path, ("outcome",), since=0, until=2e9, now=book.clock.now())
    ((names, costs),) = report.rows
    assert names == ("unknown",)
    assert (costs.unknown, costs.unknown_micro_usd, costs.cost_usd) == (1, 70, None)
    assert report.under_way == 0


def test_lines_of_the_first_version_are_told(tmp_path: Path) -> None:
    path = restore(tmp_path) / "ledger.sqlite"
    report = read_costs(path, ("model", "outcome"), since=0, until=2e9, now=1.8e9)
    found = {names: (c.known_micro_usd, c.unknown, c.failed) for names, c in report.rows}
    assert found == {
        ("claude-sonnet", "not recorded"): (1100, 0, 0),
        ("gpt-5", "unknown"): (0, 1, 0),
    }


def test_without_a_ledger_nothing_was_spent(tmp_path: Path) -> None:
    report = read_costs(tmp_path / "none.sqlite", ("user",), since=0, until=2e9, now=1e9)
    assert (report.rows, report.total) == ((), Costs())
    assert not list(tmp_path.iterdir())


def test_a_dimension_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"'usr'.*did you mean 'user'"):
        read_costs(tmp_path / "none.sqlite", ("usr",), since=0, until=2e9, now=1e9)


def test_a_file_that_is_no_ledger_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite").write_text("no database at all, but long enough to look at" * 9)
    with pytest.raises(StorageError, match=r"the ledger .*l\.sqlite cannot be read"):
        read_costs(tmp_path / "l.sqlite", ("user",), since=0, until=2e9, now=1e9)
