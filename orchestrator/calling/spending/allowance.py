"""A ledger for many calls a second: it spends from allowances, in memory.

`standing`, `reserve` and `settle` look at memory and append to a file of this process, which takes
microseconds. Only where an allowance does not suffice does `reserve` wait: a thread then takes
more from the treasury, for all who wait at once. See `treasury` for why no cap is ever passed,
`holdings` for what is in memory, `spooled` for how lines reach the ledger's file.

What is lost where:

- The process dies: each call that has ended is a line, each that has not is one with the outcome
  `unknown`, and what it held is free again, as soon as somebody books its spool.
- The treasury cannot be reached: what is held already may be spent; beyond that `reserve` raises.
- The disk takes nothing more: `reserve` raises `StorageError` for what costs money.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.ledger import LEASE_S, refuse_unknown
from orchestrator.calling.spending import spooled
from orchestrator.calling.spending.book import Book, standing
from orchestrator.calling.spending.caps import Budgets
from orchestrator.calling.spending.holdings import Holding, Holdings
from orchestrator.calling.spending.lines import SCHEMA, values_of_charge
from orchestrator.calling.spending.purse import TENDED_S, Lease, Purse, Want
from orchestrator.calling.spending.treasury import Ask, FileTreasury, Told, Treasury
from orchestrator.calling.spending.writer import Writer
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.project.protocols import Allotments, Clock, Standing
from orchestrator.records import Attempt
from orchestrator.storage.sqlite import connect
from orchestrator.types import Caller, Charge

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import Budget

ASKED_S = 0.05
"""How often is looked whether others need what this process keeps."""
PENDING_S = 0.015
"""How long others have to give back, before it is asked again."""
PATIENCE_S = 2.0
"""How long a call waits for what others give back."""
ANEW_S = 0.5
"""How often is looked whether a treasury elsewhere still knows what it handed out."""
AGAIN_S = 0.5
"""After a failure."""
_NOTHING = Standing()


@dataclass(slots=True, eq=False)
class _Waiter:
    """Who waits for the thread."""

    want: Want
    until: float
    """Others have time until then to give something back."""
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Lease | None]


class AllowanceLedger:
    """See above. Made after a fork; used from any number of threads and event loops.

    Args:
        path: the file of the lines; `SqliteLedger` may use it at the same time.
        budgets: those of the policy.
        treasury: who hands out allowances; that over the ledger's file where absent.
        allotments: budgets of single callers.
        lease_s: after how many seconds a call that nobody ends gives back what it holds.
    """

    def __init__(
        self,
        path: Path,
        budgets: Sequence[Budget] = (),
        clock: Clock | None = None,
        *,
        treasury: Treasury | None = None,
        allotments: Allotments | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._path, self._clock = path, clock or SystemClock()
        self._treasury = treasury or FileTreasury(path)
        self._elsewhere = treasury is not None
        self._lines = Writer(path, self._treasury.ended)
        self._holdings = Holdings(Budgets(tuple(budgets), allotments))
        self._purse = Purse(self._lines.owner, self._holdings, lease_s)
        self._waiting: list[_Waiter] = []
        self._lock = threading.Lock()
        """Of the purse and of those who wait; held for microseconds."""
        self._rounds = threading.Lock()
        """Held while the treasury is asked, and what it says is taken in."""
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._greeted = self._closed = False
        self._polled_at = float("-inf")

    @property
    def problem(self) -> str | None:
        """Why lines could not be written, for a person; `None` where none is missing."""
        return self._lines.problem

    # ── calls ────────────────────────────────────────────────────────────────────────────

    async def standing(self, trace_id: str, caller: Caller, tags: tuple[str, ...]) -> Standing:
        """See `protocols.Ledger`. Half a second old at most, where the treasury can be reached.

        Says nothing where it cannot be reached and never could.
        """
        now, at = self._clock.now(), self._clock.monotonic()
        with self._lock:
            pairs = self._holdings.before(trace_id, caller, tags, now, at)
        if not pairs:
            return _NOTHING
        for _, one in pairs:
            if not one.heard:
                try:
                    await self._wait(tuple(holding for _, holding in pairs), None, 0, now)
                except (StorageError, OverBudgetError):  # `reserve` has the last word
                    return _NOTHING
                break
        return standing([(cap, holding.committed - holding.free) for cap, holding in pairs])

    async def reserve(self, charge: Charge, micro_usd: int | None) -> str:
        """See `protocols.Ledger`. Waits only where more must be taken from the treasury."""
        now, amount = self._clock.now(), micro_usd or 0
        with self._lock:
            if micro_usd == 0:
                return self._purse.begin_gratis(charge, now).id
            holdings = self._holdings.of(charge, now, self._clock.monotonic())
            if micro_usd is None:
                refuse_unknown([holding.cap for holding in holdings], charge)
            lease = self._purse.begin(charge, amount, holdings, now)
        if lease is None:
            lease = await self._wait(holdings, charge, amount, now)
            assert lease is not None
        elif self._thread is None and holdings:
            self._rouse()  # what refuses nobody is told to the treasury all the same
        try:
            self._lines.must(spooled.began(lease.id, values_of_charge(charge), amount, now))
        except StorageError:
            self._drop(lease)
            raise
        return lease.id

    async def settle(self, lease: str, attempt: Attempt) -> None:
        """See `protocols.Ledger`."""
        closed = self._close(lease, attempt.cost_micro_usd)
        if closed is None:
            return
        accounts = [holding.account for holding in closed.holdings if holding.account]
        charge = values_of_charge(closed.charge)
        self._lines.write(
            spooled.ended(closed.id, charge, closed.amount, closed.at, attempt, accounts)
        )

    async def release(self, lease: str) -> None:
        """Give an open lease back; nothing happens where it is settled or unknown."""
        closed = self._close(lease, 0)
        if closed is not None and not closed.gratis:
            self._lines.write(spooled.released(lease))

    def _close(self, lease: str, cost: int | None) -> Lease | None:
        with self._lock:
            closed = self._purse.close(lease, cost, self._clock.monotonic())
        if self._purse.hurried:
            self._rouse()
        return closed

    # ── those who wait ───────────────────────────────────────────────────────────────────

    async def _wait(
        self, holdings: tuple[Holding, ...], charge: Charge | None, amount: int, now: float
    ) -> Lease | None:
        loop = asyncio.get_running_loop()
        want, until = Want(holdings, charge, amount, now), time.monotonic() + PATIENCE_S
        waiter = _Waiter(want, until, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise StorageError(f"the ledger {self._path} is closed")
            self._waiting.append(waiter)
        self._rouse()
        try:
            return await waiter.done
        except asyncio.CancelledError:
            done = waiter.done
            if done.done() and not done.cancelled() and not done.exception():
                self._drop(done.result())
            raise

    def _answer(self, waiter: _Waiter, answer: Lease | Exception | None) -> None:
        lease = answer if isinstance(answer, Lease) else None

        def answered() -> None:
            if waiter.done.done():  # cancelled at the same moment
                self._drop(lease)
            elif isinstance(answer, Exception):
                waiter.done.set_exception(answer)
            else:
                waiter.done.set_result(answer)

        try:
            waiter.loop.call_soon_threadsafe(answered)
        except RuntimeError:  # its loop has ended
            self._drop(lease)

    def _drop(self, lease: Lease | None) -> None:
        """Nobody makes that call."""
        if lease is not None:
            self._close(lease.id, 0)

    # ── the thread ───────────────────────────────────────────────────────────────────────

    def _rouse(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(target=self._tend, name="ledger", daemon=True)
                    self._thread.start()
                    atexit.register(self._end)  # for a program that forgets to close
        self._wake.set()

    def _tend(self) -> None:
        pause: float | None = 0.0
        while not self._closed:
            self._wake.wait(pause)
            self._wake.clear()
            pause = self.tend()

    def tend(self) -> float | None:
        """Settle with the treasury what is to be settled now. The ledger's thread does so again and
        again.

        Returns:
            In how many seconds it is worth doing again; `None`: when somebody needs something.
        """
        with self._rounds:
            try:
                return self._round()
            except Exception as error:  # noqa: BLE001 - else all who wait would wait for ever
                self._fail(error)
                return AGAIN_S

    def _round(self) -> float | None:
        asked = self._asked()
        now, at = self._clock.now(), self._clock.monotonic()
        with self._lock:
            lapsed = self._purse.lapse(now)
            self._waiting = [waiter for waiter in self._waiting if not waiter.done.done()]
            waiting = list(self._waiting)
            asks = self._purse.asks([waiter.want for waiter in waiting], asked, now, at)
        for lease in lapsed:
            self._lines.write(spooled.lapsed(lease.id))
        told = self._exchange(asks, now)
        answers: list[tuple[_Waiter, Lease | Exception | None]] = []
        with self._lock:
            self._purse.told(told, at)
            for waiter in waiting:
                late = time.monotonic() >= waiter.until
                result = self._purse.result(waiter.want, told, now, late=late)
                if result is not None or waiter.want.charge is None:
                    answers.append((waiter, result))
            over = {id(waiter) for waiter, _ in answers}
            self._waiting = [waiter for waiter in self._waiting if id(waiter) not in over]
            pause = self._pause()
        for waiter, answer in answers:
            self._answer(waiter, answer)
        return pause

    def _exchange(self, asks: Mapping[Holding, Ask], now: float) -> dict[Holding, Told]:
        if not asks:
            return {}
        if not self._greeted:
            self._lines.must(spooled.hello(elsewhere=self._elsewhere))
            self._greeted = True
        told = self._treasury.exchange(self._lines.owner, list(asks.values()), now)
        return dict(zip(asks, told, strict=True))

    def _asked(self) -> frozenset[str] | None:
        """The accounts of which others need what is kept here; see `Treasury.asked`."""
        at = time.monotonic()
        often = ASKED_S if self._purse.loose else ANEW_S if self._elsewhere else float("inf")
        if not self._greeted or at - self._polled_at < often:
            return frozenset()
        self._polled_at = at
        return self._treasury.asked(self._lines.owner)

    def _pause(self) -> float | None:
        if self._purse.hurried:
            return 0.0
        if self._waiting:
            return PENDING_S
        if self._purse.loose:
            return ASKED_S
        return TENDED_S if self._holdings.accounts or self._holdings.runs else None

    def _fail(self, error: Exception) -> None:
        """Nobody can say whether there is more."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            self._answer(waiter, error)

    # ── lines ────────────────────────────────────────────────────────────────────────────

    async def spent(self, trace_id: str | None = None) -> int:
        """Micro-dollars settled or under an open lease, of one run or of all."""
        return await asyncio.to_thread(self._spent, trace_id)

    def _spent(self, trace_id: str | None) -> int:
        self.flush()
        with closing(connect(self._path, SCHEMA)) as db:
            settled = Book(db).total(trace_id, self._clock.now())
        with self._lock:
            leases = list(self._purse.leases.values())
        return settled + sum(x.amount for x in leases if trace_id in (None, x.charge.trace_id))

    def flush(self) -> None:
        """Book the lines that wait; returns when they are in the ledger's file. Raises nothing."""
        with self._lock:
            lapsed = self._purse.lapse(self._clock.now())
        for lease in lapsed:
            self._lines.write(spooled.lapsed(lease.id))
        self._lines.flush()

    async def close(self) -> None:
        """Book what waits, and give everything back; once."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._fail(StorageError(f"the ledger {self._path} is closed"))
        atexit.unregister(self._end)
        self.flush()
        self._lines.close()
        self._treasury.close()
