"""Whatever is reserved, settled, released, killed or forgotten, in whatever order: both ledgers do
what a plain model of a budget does. Never above the cap, no leak, the lines add up."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from orchestrator.calling.ledger import MemoryLedger, SqliteLedger
from orchestrator.errors import OverBudgetError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget, BudgetMatch
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.stores import charge, used
from orchestrator.types import Caller, Charge

LEASE_S = 60.0
DAY_CAP, USER_CAP, RUN_CAP = 60, 25, 40
BUDGETS = (
    Budget(per="project", usd=DAY_CAP / 1e6, window="day"),
    Budget(per="user", match=BudgetMatch(user_tier="free"), usd=USER_CAP / 1e6, window="hour"),
    Budget(per="run", usd=RUN_CAP / 1e6),
)
USERS, TIERS, RUNS = ("ana", "bob", ""), ("free", "paid", ""), ("r1", "r2", "r3")


Ledger = MemoryLedger | SqliteLedger


@dataclass
class Held:
    """What the plain model knows of a lease or line."""

    charge: Charge
    amount: int
    at: float
    expires: float | None

    def counts(self, now: float) -> bool:
        return self.expires is None or self.expires > now


class Ledgers(RuleBasedStateMachine):
    """Every step is done to both ledgers and to the model."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock(1_700_000_000.0)
        self.memory = MemoryLedger(BUDGETS, self.clock, lease_s=LEASE_S)
        self.file = self.open()
        self.model: dict[int, Held] = {}
        self.names: dict[int, tuple[str, str]] = {}

    @property
    def ledgers(self) -> tuple[Ledger, Ledger]:
        return self.memory, self.file

    def open(self) -> SqliteLedger:
        path = Path(self.folder.name) / "l.sqlite"
        return SqliteLedger(path, BUDGETS, self.clock, lease_s=LEASE_S)

    def left(self, who: Charge) -> int:
        """What a further call of theirs may cost."""
        now = self.clock.now()
        open_to = {
            "day": DAY_CAP - self.spent(now - now % 86_400, lambda _: True),
            "run": RUN_CAP - self.spent(0.0, lambda c: c.trace_id == who.trace_id),
        }
        if who.caller.tier != "paid":
            user = who.caller.user
            open_to["user"] = USER_CAP - self.spent(
                now - now % 3600, lambda c: c.caller.user == user and c.caller.tier != "paid"
            )
        return max(min(open_to.values()), 0)

    def spent(self, since: float, counts: Callable[[Charge], bool]) -> int:
        now = self.clock.now()
        return sum(
            held.amount
            for held in self.model.values()
            if held.at >= since and held.counts(now) and counts(held.charge)
        )

    @rule(
        target=leases,
        user=st.sampled_from(USERS),
        tier=st.sampled_from(TIERS),
        run=st.sampled_from(RUNS),
        amount=st.integers(0, 20),
    )
    def reserve(self, user: str, tier: str, run: str, amount: int) -> object:
        who = replace(charge(run, "m/d"), caller=Caller(user=user, tier=tier))
        got: list[str | None] = []
        for ledger in self.ledgers:
            try:
                got.append(self.loop.run_until_complete(ledger.reserve(who, amount)))
            except OverBudgetError:
                got.append(None)
        fits = amount == 0 or amount <= self.left(who)
        assert [lease is not None for lease in got] == [fits] * 2
        if got[0] is None or got[1] is None:
            return multiple()
        number, now = len(self.names), self.clock.now()
        self.names[number] = (got[0], got[1])
        self.model[number] = Held(who, amount, now, now + LEASE_S)
        return number

    @rule(lease=leases, cost=st.one_of(st.none(), st.integers(0, 30)))
    def settle(self, lease: int, cost: int | None) -> None:
        """Also again, and also one whose time is over or that was given back."""
        held = self.model.get(lease)
        for ledger, name in zip(self.ledgers, self.names[lease], strict=True):
            self.loop.run_until_complete(ledger.settle(name, used(cost, Usage(input=1))))
        if held is not None and held.expires is not None:
            held.amount, held.expires = held.amount if cost is None else cost, None

    @rule(lease=leases)
    def release(self, lease: int) -> None:
        held = self.model.get(lease)
        for ledger, name in zip(self.ledgers, self.names[lease], strict=True):
            self.loop.run_until_complete(ledger.release(name))
        if held is not None and held.expires is not None:
            del self.model[lease]

    @rule(lease=consumes(leases))
    def forget(self, lease: int) -> None:
        """A caller that never comes back."""

    @rule(seconds=st.sampled_from((1.0, LEASE_S, 3600.0, 86_400.0)))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def kill(self) -> None:
        """The process dies and another begins: what it held is free, what it settled is kept.

        Leases of attempts that cost nothing die with it; so they do in the model.
        """
        self.loop.run_until_complete(self.file.close())
        self.file = self.open()
        self.loop.run_until_complete(self.file.spent())
        for number, held in list(self.model.items()):
            if held.expires is not None and held.amount:
                held.expires = 0.0
                lapse(self.memory, self.names[number][0])
            elif held.expires is not None:
                self.loop.run_until_complete(self.memory.release(self.names[number][0]))
                del self.model[number]

    @rule(user=st.sampled_from(USERS), tier=st.sampled_from(TIERS), run=st.sampled_from(RUNS))
    def ask(self, user: str, tier: str, run: str) -> None:
        """How somebody stands."""
        caller = Caller(user=user, tier=tier)
        expected = self.left(replace(charge(run, "m/d"), caller=caller))
        for ledger in self.ledgers:
            found = self.loop.run_until_complete(ledger.standing(run, caller, ()))
            assert found.left_micro_usd == expected

    @invariant()
    def the_lines_add_up_and_stay_under_what_was_allowed(self) -> None:
        now = self.clock.now()
        for run in (None, *RUNS):
            expected = sum(
                held.amount
                for held in self.model.values()
                if held.counts(now) and run in (None, held.charge.trace_id)
            )
            for ledger in self.ledgers:
                assert self.loop.run_until_complete(ledger.spent(run)) == expected

    def teardown(self) -> None:
        self.loop.run_until_complete(self.file.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()


def lapse(ledger: MemoryLedger, lease: str) -> None:
    """What the death of its process does to a lease; a memory has no process to lose."""
    ledger._book.db.execute("UPDATE spend SET expires = 0 WHERE lease = ?", (lease,))


TestLedgers = Ledgers.TestCase
TestLedgers.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
