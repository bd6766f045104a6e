"""Whatever is reserved, settled, released, killed, forgotten or lost on the way, by two processes
in whatever order: no cap is passed, none is refused too early, and every call is a line, once.

The processes are played by their purses, spools and treasuries, one step after the other. They do
what a plain model of the budgets does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from orchestrator.calling.spending import spooled
from orchestrator.calling.spending.book import Book
from orchestrator.calling.spending.caps import Budgets
from orchestrator.calling.spending.holdings import Holding, Holdings
from orchestrator.calling.spending.lines import SCHEMA, values_of_charge
from orchestrator.calling.spending.purse import Lease, Purse, Want
from orchestrator.calling.spending.shared_treasury import SharedTreasury
from orchestrator.calling.spending.treasury import Ask, FileTreasury, Told, Treasury
from orchestrator.calling.spending.writer import Writer
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget
from orchestrator.sharing.client import Shared
from orchestrator.storage.sqlite import connect
from orchestrator.testing.stores import charge, used
from orchestrator.types import Caller, Charge
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]

LEASE_S = 60.0
DAY_CAP, USER_CAP = 600, 400
BUDGETS = (
    Budget(per="project", usd=DAY_CAP / 1e6, window="day"),
    Budget(per="user", usd=USER_CAP / 1e6, window="hour"),
)
USERS = ("ana", "bob", "")


class Line:
    """The way to a treasury: it breaks once, before or after what was asked has happened."""

    def __init__(self, treasury: Treasury) -> None:
        self.treasury, self.broken = treasury, ""

    def exchange(self, owner: str, asks: Sequence[Ask], now: float) -> Sequence[Told]:
        broken, self.broken = self.broken, ""
        if broken == "before":
            raise StorageError("gone")
        told = self.treasury.exchange(owner, asks, now)
        if broken == "after":
            raise StorageError("no answer")
        return told

    def asked(self, owner: str) -> frozenset[str] | None:
        return self.treasury.asked(owner)


class Process:
    """What `AllowanceLedger` does, without its thread."""

    def __init__(self, path: Path, treasury: Treasury, *, elsewhere: bool) -> None:
        self.treasury, self.line = treasury, Line(treasury)
        self.writer = Writer(path, treasury.ended)
        self.writer._timer = object()  # type: ignore[assignment]  # nothing is booked by itself
        self.holdings = Holdings(Budgets(BUDGETS))
        self.purse = Purse(self.writer.owner, self.holdings, LEASE_S)
        self.writer.must(spooled.hello(elsewhere=elsewhere))

    def tend(self, now: float, wants: Sequence[Want] = ()) -> Mapping[Holding, Told]:
        wanted = self.line.asked(self.purse.owner)
        self.lapse(now)
        asks = self.purse.asks(wants, wanted, now, now)
        if not asks:
            return {}
        answers = self.line.exchange(self.purse.owner, list(asks.values()), now)
        told = dict(zip(asks, answers, strict=True))
        self.purse.told(told, now)
        return told

    def lapse(self, now: float) -> None:
        for lease in self.purse.lapse(now):
            self.writer.write(spooled.lapsed(lease.id))

    def close(self, lease: str, cost: int | None, now: float) -> Lease | None:
        return self.purse.close(lease, cost, now)

    def die(self) -> None:
        """Its spool is as it was, and nobody holds its mark any more."""
        self.writer._spool.close()
        self.treasury.close()


@dataclass
class Held:
    """What the plain model knows of a call."""

    process: int
    lease: str
    charge: Charge
    amount: int
    at: float
    open: bool = True
    """Its amount is reserved."""
    over: bool = False
    """It is settled."""
    beyond: int = 0
    """What it cost more than was reserved for it."""


class Processes(RuleBasedStateMachine):
    """Two processes over the ledger's file."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.sqlite"
        self.now = 1_700_000_000.0
        self.model: dict[int, Held] = {}
        self.dead: list[Process] = []
        self.processes = [self.open(), self.open()]

    def treasury(self) -> Treasury:
        return FileTreasury(self.path)

    def open(self) -> Process:
        treasury = self.treasury()
        return Process(self.path, treasury, elsewhere=not isinstance(treasury, FileTreasury))

    def book(self) -> None:
        spooled.book(self.path, self.processes[0].treasury.ended)

    # ── the model ────────────────────────────────────────────────────────────────────────

    def spent(self, since: float, user: str | None) -> int:
        """Settled or reserved."""
        return sum(
            held.amount
            for held in self.model.values()
            if (held.open or held.over)
            and held.at >= since
            and user in (None, held.charge.caller.user)
        )

    def left(self, user: str) -> int:
        day = DAY_CAP - self.spent(self.now - self.now % 86_400, None)
        hour = USER_CAP - self.spent(self.now - self.now % 3600, user)
        return min(day, hour)

    # ── what happens ─────────────────────────────────────────────────────────────────────

    @rule(
        target=calls,
        process=st.integers(0, 1),
        user=st.sampled_from(USERS),
        amount=st.one_of(st.integers(1, 20), st.integers(60, 250)),
    )
    def reserve_some(self, process: int, user: str, amount: int) -> object:
        return self.reserve(process, user, amount)

    def reserve(self, process: int, user: str, amount: int) -> object:
        who = replace(charge("run", "m/d"), caller=Caller(user=user))
        one = self.processes[process]
        lease, exact = self.begin(one, who, amount)
        assert (lease is not None) <= (amount <= self.left(user)), "a cap was passed"
        if exact:
            assert (lease is not None) >= (amount <= self.left(user)), "refused too early"
        if lease is None:
            return multiple()
        one.writer.must(spooled.began(lease.id, values_of_charge(who), amount, self.now))
        self.model[len(self.model)] = Held(process, lease.id, who, amount, self.now)
        return len(self.model) - 1

    @rule(target=calls, process=st.integers(0, 1), user=st.sampled_from(USERS))
    def reserve_the_last(self, process: int, user: str) -> object:
        """All that is left, to the last unit, wherever it is held."""
        left = self.left(user)
        return self.reserve(process, user, left) if left > 0 else multiple()

    def begin(self, one: Process, who: Charge, amount: int) -> tuple[Lease | None, bool]:
        """The call's lease, and whether a refusal is the last word."""
        exact = not any(process.line.broken for process in self.processes)
        if exact:
            self.settle_all()
        one.lapse(self.now)
        for held in self.model.values():
            known = exact or self.processes[held.process] is one
            if known and held.open and held.at + LEASE_S <= self.now:
                held.open = False
        holdings = one.holdings.of(who, self.now, self.now)
        lease = one.purse.begin(who, amount, holdings, self.now)
        if lease is not None:
            return lease, exact
        want = Want(holdings, who, amount, self.now)
        for round in range(20):
            try:
                told = one.tend(self.now, [want])
            except StorageError:
                return None, False
            found = one.purse.result(want, told, self.now, late=round == 19)
            if isinstance(found, OverBudgetError):
                return None, exact
            if found is not None:
                return found, exact
            if exact:
                self.settle_all()
        raise AssertionError("it waits for ever")

    def settle_all(self) -> None:
        """What the threads of all processes do within some milliseconds, and who books."""
        self.book()
        for process in self.processes:
            process.purse._tended_at = 0.0  # some time has passed
            process.tend(self.now)
        for held in self.model.values():
            if held.open and held.at + LEASE_S <= self.now:
                held.open = False

    @rule(call=calls, cost=st.one_of(st.none(), st.integers(0, 20), st.integers(0, 300)))
    def settle(self, call: int, cost: int | None) -> None:
        """Also again, and also a call whose time was over or that was given back."""
        held = self.model[call]
        process = self.processes[held.process]
        closed = process.close(held.lease, cost, self.now)
        if closed is None:
            return
        accounts = [holding.account for holding in closed.holdings]
        attempt = used(cost, Usage(input=1))
        process.writer.write(
            spooled.ended(
                held.lease, values_of_charge(held.charge), closed.amount, held.at, attempt, accounts
            )
        )
        reserved = held.amount if held.open else 0
        held.beyond = max(closed.amount - reserved, 0)
        held.amount, held.open, held.over = closed.amount, False, True

    @rule(call=calls)
    def release(self, call: int) -> None:
        held = self.model[call]
        process = self.processes[held.process]
        if process.close(held.lease, 0, self.now) is not None:
            process.writer.write(spooled.released(held.lease))
            held.open = False

    @rule(seconds=st.sampled_from((1.0, 3.0, LEASE_S, 3600.0, 86_400.0)))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(process=st.integers(0, 1), how=st.sampled_from(("before", "after")))
    def break_line(self, process: int, how: str) -> None:
        self.processes[process].line.broken = how

    @rule(process=st.integers(0, 1))
    def tend(self, process: int) -> None:
        if not self.processes[process].line.broken:
            self.processes[process].tend(self.now)

    @rule()
    def somebody_books(self) -> None:
        self.book()

    @rule(process=st.integers(0, 1))
    def kill(self, process: int) -> None:
        """Another takes its place. What it had begun is unknown, and what it held is free."""
        killed, self.processes[process] = self.processes[process], self.open()
        killed.die()
        for held in self.model.values():
            if held.process == process and not held.over:
                held.open, held.lease = False, "gone"

    # ── what always holds ────────────────────────────────────────────────────────────────

    @invariant()
    def what_may_be_spent_stays_below_the_caps(self) -> None:
        """What was settled and what every process may still spend, its reservations included.

        But for what calls have cost beyond what was reserved for them.
        """
        for since, limit, users in (
            (self.now - self.now % 86_400, DAY_CAP, (None,)),
            (self.now - self.now % 3600, USER_CAP, USERS),
        ):
            for user in users:
                free = sum(
                    max(holding.free, 0)
                    for process in self.processes
                    for holding in process.holdings.accounts.values()
                    if holding.cap.since == since
                    and (user is None or holding.cap.subject == user)
                    and holding.limit == limit
                )
                beyond = sum(h.beyond for h in self.model.values() if h.at >= since)
                assert self.spent(since, user) + free <= limit + beyond

    @invariant()
    def every_call_that_has_ended_is_a_line(self) -> None:
        self.book()
        with closing(connect(self.path, SCHEMA)) as db:
            total = Book(db).total(None, self.now)
        assert total == sum(held.amount for held in self.model.values() if held.over)

    def teardown(self) -> None:
        for process in self.processes:
            process.die()
        self.folder.cleanup()


TestProcesses = Processes.TestCase
TestProcesses.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_over_a_server_they_do_the_same(valkey: Valkey) -> None:
    """Both on one machine, since who has died is known there alone."""
    projects = iter(range(1_000_000))

    class Shares(Processes):
        def __init__(self) -> None:
            self.project = f"p{next(projects)}"
            super().__init__()

        def treasury(self) -> Treasury:
            client = Shared(valkey.url, project=self.project)
            return SharedTreasury(client, self.path, silence_s=0.0)

    few = settings(max_examples=10, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(Shares, settings=few)
