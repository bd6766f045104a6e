"""What every store must do: of traces, of money, and of the hops of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from orchestrator.errors import OverBudgetError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget
from orchestrator.project.protocols import Journal, Ledger, Recorder
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.testing._loop import in_a_loop
from orchestrator.testing.clock import ManualClock
from orchestrator.types import Caller, Charge, Outcome

LEASE_S = 60.0
DAILY = Budget(per="workspace", usd=0.000010, window="day")
"""Ten micro-dollars a day."""
PER_RUN = Budget(per="run", usd=0.000010)
PER_USER = Budget(per="user", usd=0.000010, window="day")
SOFT = Budget(per="user", usd=0.000005, window="day", soft=True)
USED = Usage(input=3, output=2)


# ── traces ───────────────────────────────────────────────────────────────────────────────


def charge(trace_id: str, deployment: str, user: str = "") -> Charge:
    """A charge of the run, to a deployment called `MODEL/ID`."""
    return Charge(
        trace_id=trace_id,
        deployment=deployment,
        model=deployment.split("/")[0],
        caller=Caller(user=user),
    )


def used(micro_usd: int | None, usage: Usage) -> Attempt:
    """An attempt that cost so much."""
    return Attempt(
        deployment="m/d",
        model="m",
        family=None,
        outcome=Outcome.OK,
        started_at=0.0,
        ms=1.0,
        usage=usage,
        cost_micro_usd=micro_usd,
    )


class TraceReader(Protocol):
    """The reading side of a recorder."""

    def trace(self, id_or_prefix: str) -> Trace: ...

    def hops(self, trace_id: str) -> Sequence[Hop]: ...


class RecorderConformance:
    """Say how the recorder is made, and how it is read."""

    TRACE = Trace(id="01m7yak0d9t6vwng6cwpxkqgd9", graph="g", status="running", started_at=1.79e9)
    HOP = Hop(
        id="h1",
        trace_id=TRACE.id,
        node="draft",
        role="generator",
        prompt="Wie heißt sie?\ud800",
        output="Ana \u0000 🙂",
        attempts=(
            Attempt(
                deployment="m/d",
                model="m",
                family="f",
                outcome=Outcome.OK,
                started_at=1.79e9,
                ms=5.0,
                cost_micro_usd=None,
            ),
        ),
        started_at=1.79e9,
    )

    def make(self) -> Recorder:
        """A new, empty recorder."""
        raise NotImplementedError

    def reader(self, recorder: Recorder) -> TraceReader:
        """Reads all that was recorded so far."""
        raise NotImplementedError

    def close(self, recorder: Recorder) -> None:
        """Let go of what the recorder holds."""

    def test_a_trace_is_what_was_recorded_last(self) -> None:
        """A running trace can be read; finishing replaces it."""
        recorder = self.make()
        recorder.start(self.TRACE)
        assert self.reader(recorder).trace(self.TRACE.id).status == "running"
        done = replace(self.TRACE, status="ok", ms=12.5, cost_micro_usd=7, verdict="accepted")
        recorder.finish(done)
        found = self.reader(recorder).trace(self.TRACE.id)
        assert replace(found, log=None) == done
        self.close(recorder)

    def test_what_a_replay_needs_comes_back(self) -> None:
        """What was asked, what a tool brought, and which trace is repeated."""
        recorder = self.make()
        asked = {"inputs": {"question": "Wie heißt sie?"}, "options": {"tags": ["a"]}}
        brought = {"value": [{"$type": "Passage"}], "sources": {"a.md": "f0"}}
        recorder.start(self.TRACE)
        recorder.hop(replace(self.HOP, replay=brought))
        recorder.finish(replace(self.TRACE, status="ok", request=asked, origin="01m7yak0d9"))
        reader = self.reader(recorder)
        trace, (hop,) = reader.trace(self.TRACE.id), reader.hops(self.TRACE.id)
        assert (trace.request, trace.origin, hop.replay) == (asked, "01m7yak0d9", brought)
        self.close(recorder)

    def test_a_hop_comes_back_as_it_was(self) -> None:
        """With every attempt; an unknown cost stays unknown, and odd characters do no harm."""
        recorder = self.make()
        recorder.start(self.TRACE)
        recorder.hop(self.HOP)
        (found,) = self.reader(recorder).hops(self.TRACE.id)
        assert found.attempts == self.HOP.attempts
        assert found.cost_micro_usd is None
        assert (found.node, found.role, found.status) == ("draft", "generator", "ok")
        self.close(recorder)

    def test_hops_come_in_the_order_in_which_they_began(self) -> None:
        """Whichever ended first; and a hop of one trace is none of another."""
        recorder = self.make()
        recorder.start(self.TRACE)
        for n in (2, 0, 1):
            recorder.hop(replace(self.HOP, id=f"h{n}", started_at=1.79e9 + n))
        recorder.hop(replace(self.HOP, id="x", trace_id="another"))
        assert [h.id for h in self.reader(recorder).hops(self.TRACE.id)] == ["h0", "h1", "h2"]
        self.close(recorder)

    def test_a_hop_that_is_recorded_again_takes_its_own_place(self) -> None:
        """A resumed run records its hops once more, and none of them twice."""
        recorder = self.make()
        recorder.start(self.TRACE)
        recorder.hop(self.HOP)
        recorder.hop(replace(self.HOP, resumed=True))
        (found,) = self.reader(recorder).hops(self.TRACE.id)
        assert found.resumed
        self.close(recorder)

    def test_what_comes_after_the_end_is_dropped_in_silence(self) -> None:
        """Recording never raises: no request fails because of its trace."""
        recorder = self.make()
        recorder.start(self.TRACE)
        self.close(recorder)
        recorder.hop(self.HOP)
        recorder.finish(self.TRACE)


# ── money ────────────────────────────────────────────────────────────────────────────────


class LedgerConformance:
    """Say how the ledger is made: leases end by themselves after `LEASE_S` of the clock."""

    def make(self, budgets: Sequence[Budget], clock: ManualClock) -> Ledger:
        """A new, empty ledger."""
        raise NotImplementedError

    async def spent(self, ledger: Ledger, trace_id: str | None = None) -> int:
        """Micro-dollars that are settled or under an open lease, of one run or of all."""
        raise NotImplementedError

    async def close(self, ledger: Ledger) -> None:
        """Let go of what the ledger holds."""

    @in_a_loop
    async def test_reservations_never_pass_the_cap_together(self) -> None:
        """However many come at once: reserving is atomic."""
        ledger = self.make((DAILY,), ManualClock())
        results = await asyncio.gather(
            *(ledger.reserve(charge(f"run-{n}", "m/d"), 1) for n in range(100)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, str) for result in results) == 10
        assert sum(isinstance(result, OverBudgetError) for result in results) == 90
        assert await self.spent(ledger) == 10
        await self.close(ledger)

    @in_a_loop
    async def test_what_is_settled_takes_the_place_of_what_was_reserved(self) -> None:
        """The rest is free again."""
        ledger = self.make((DAILY,), ManualClock())
        await ledger.settle(await ledger.reserve(charge("run", "m/d"), 10), used(4, USED))
        assert await self.spent(ledger, "run") == 4
        assert await ledger.reserve(charge("run", "m/d"), 6)
        await self._refused(ledger, 1)
        await self.close(ledger)

    @in_a_loop
    async def test_a_lease_ends_once(self) -> None:
        """What comes after its end changes nothing, and neither does a lease that nobody gave."""
        ledger = self.make((DAILY,), ManualClock())
        settled = await ledger.reserve(charge("run", "m/d"), 5)
        await ledger.settle(settled, used(4, USED))
        await ledger.release(settled)
        await ledger.settle(settled, used(9, USED))
        released = await ledger.reserve(charge("run", "m/d"), 5)
        await ledger.release(released)
        await ledger.release(released)
        await ledger.release("a lease that nobody gave")
        assert await self.spent(ledger) == 4
        await self.close(ledger)

    @in_a_loop
    async def test_an_unknown_cost_is_charged_as_reserved(self) -> None:
        """Unknown is not free."""
        ledger = self.make((DAILY,), ManualClock())
        await ledger.settle(await ledger.reserve(charge("run", "m/d"), 7), used(None, USED))
        assert await self.spent(ledger) == 7
        await self.close(ledger)

    @in_a_loop
    async def test_an_unknown_price_passes_only_without_a_budget(self) -> None:
        """Nobody can say whether it would be kept."""
        ledger = self.make((DAILY,), ManualClock())
        await self._refused(ledger, None)
        await self.close(ledger)
        free = self.make((), ManualClock())
        assert await free.reserve(charge("run", "m/d"), None)
        await self.close(free)

    @in_a_loop
    async def test_what_costs_nothing_passes_an_exhausted_budget(self) -> None:
        """Deterministic models answer to the end."""
        ledger = self.make((DAILY,), ManualClock())
        await ledger.reserve(charge("run", "m/d"), 10)
        await ledger.settle(
            await ledger.reserve(charge("run", "builtin/here"), 0), used(0, Usage())
        )
        assert await self.spent(ledger) == 10
        await self.close(ledger)

    @in_a_loop
    async def test_a_lease_that_nobody_ends_gives_its_money_back(self) -> None:
        """A process may die; one that was only slow is charged all the same."""
        clock = ManualClock()
        ledger = self.make((DAILY,), clock)
        lease = await ledger.reserve(charge("run", "m/d"), 10)
        clock.advance(LEASE_S + 1)
        assert await self.spent(ledger) == 0
        await ledger.settle(lease, used(8, USED))
        assert await self.spent(ledger) == 8
        await self.close(ledger)

    @in_a_loop
    async def test_a_budget_per_run_counts_each_run_alone(self) -> None:
        """One run cannot use up another's."""
        ledger = self.make((PER_RUN,), ManualClock())
        await ledger.reserve(charge("one", "m/d"), 10)
        assert await ledger.reserve(charge("two", "m/d"), 10)
        await self._refused(ledger, 1, "one")
        await self.close(ledger)

    @in_a_loop
    async def test_a_budget_per_user_counts_each_user_alone(self) -> None:
        """Those who name no user share one."""
        ledger = self.make((PER_USER,), ManualClock())
        for user in ("ana", "bob", ""):
            assert await ledger.reserve(charge("run", "m/d", user), 10)
            await self._refused(ledger, 1, user=user)
        await self.close(ledger)

    @in_a_loop
    async def test_it_is_told_what_is_left_and_which_soft_budget_is_used_up(self) -> None:
        """A soft budget refuses nothing."""
        ledger = self.make((DAILY, SOFT), ManualClock())
        ana = Caller(user="ana")
        found = await ledger.standing("run", ana, ())
        assert (found.left_micro_usd, found.soft) == (10, ())
        await ledger.settle(await ledger.reserve(charge("run", "m/d", "ana"), 7), used(6, USED))
        found = await ledger.standing("run", ana, ())
        assert (found.left_micro_usd, found.soft) == (4, (SOFT.label,))
        found = await ledger.standing("run", Caller(user="bob"), ())
        assert (found.left_micro_usd, found.soft) == (4, ())
        await self.close(ledger)

    @in_a_loop
    async def test_a_window_starts_anew(self) -> None:
        """What was spent yesterday is no part of today's budget."""
        clock = ManualClock()
        ledger = self.make((DAILY,), clock)
        await ledger.settle(await ledger.reserve(charge("run", "m/d"), 10), used(10, USED))
        await self._refused(ledger, 1)
        clock.advance(86_400)
        assert await ledger.reserve(charge("run", "m/d"), 10)
        await self.close(ledger)

    async def _refused(
        self, ledger: Ledger, micro_usd: int | None, run: str = "run", user: str = ""
    ) -> None:
        refused = ""
        try:
            await ledger.reserve(charge(run, "m/d", user), micro_usd)
        except OverBudgetError as error:
            refused = str(error)
        assert refused, f"{micro_usd} micro-dollars passed the budget, or nothing says why not"


# ── the hops of a run ────────────────────────────────────────────────────────────────────


class JournalConformance:
    """Say how the journal of a run is opened. `open` comes several times for the same run."""

    VALUE: ClassVar[Mapping[str, Any]] = {
        "text": "Wie heißt sie?\ud800 \u0000 🙂",
        "hop": {"n": 1, "cost": None, "of": [0.5]},
    }

    def open(self) -> Journal:
        """The journal of one run, as a new process finds it; empty the first time."""
        raise NotImplementedError

    def close(self, journal: Journal) -> None:
        """What the end of the process does; an open hop stays open."""

    @in_a_loop
    async def test_what_was_put_is_there_for_the_next_process(self) -> None:
        """As it was, JSON-like content of any kind."""
        journal = self.open()
        assert await journal.get("k") is None
        assert await journal.begin("k", node="n", deployment="m/d") is None
        await journal.put("k", self.VALUE, node="n")
        assert await journal.get("k") == self.VALUE
        self.close(journal)
        again = self.open()
        assert await again.get("k") == self.VALUE
        assert await again.get("another") is None
        self.close(again)

    @in_a_loop
    async def test_a_hop_in_flight_when_the_process_died_is_known(self) -> None:
        """By its deployment; one without a model by an empty text; and it has no value."""
        journal = self.open()
        await journal.begin("called", node="n", deployment="m/d")
        await journal.begin("computed", node="n")
        self.close(journal)
        again = self.open()
        assert await again.get("called") is None
        assert await again.begin("called", node="n", deployment="m/e") == "m/d"
        assert await again.begin("computed", node="n") == ""
        self.close(again)

    @in_a_loop
    async def test_a_hop_whose_end_is_known_was_not_in_flight(self) -> None:
        """A failed call is no unknown one."""
        journal = self.open()
        await journal.begin("k", node="n", deployment="m/d")
        await journal.drop("k")
        self.close(journal)
        again = self.open()
        assert await again.begin("k", node="n", deployment="m/d") is None
        self.close(again)

    @in_a_loop
    async def test_what_was_never_begun_can_be_put(self) -> None:
        """And what is put again takes the place of what was there."""
        journal = self.open()
        await journal.put("k", {"n": 1}, node="n")
        await journal.put("k", {"n": 2}, node="n")
        self.close(journal)
        again = self.open()
        assert await again.get("k") == {"n": 2}
        self.close(again)

    @in_a_loop
    async def test_many_hops_at_once_are_all_kept(self) -> None:
        """Branches of a run end side by side."""
        journal = self.open()

        async def one(n: int) -> None:
            await journal.begin(f"k{n}", node="n", deployment="m/d")
            await journal.put(f"k{n}", {"n": n}, node="n")

        await asyncio.gather(*(one(n) for n in range(50)))
        self.close(journal)
        again = self.open()
        for n in range(50):
            assert await again.get(f"k{n}") == {"n": n}
        self.close(again)
