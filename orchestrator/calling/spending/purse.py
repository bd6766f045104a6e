"""The money of one process: which calls hold what, and what the treasury is to be told.

A state machine without I/O, threads or locks; see `allowance` for who drives it:

    begin ─► Lease                       from memory, or `None`: wait
    close                                charge what it cost; the rest is free again
    asks ─► the treasury ─► told         more for those who wait; back goes what is idle
    result                               what becomes of one who waits
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.calling.spending.holdings import FRESH_S, IDLE_S, Holding, Holdings
from orchestrator.calling.spending.treasury import NO_LIMIT, Ask, Told
from orchestrator.errors import OverBudgetError
from orchestrator.types import Charge

TENDED_S = 0.25
"""How often is looked at what is idle."""
_LATE = 10_000
"""How many leases are remembered whose time was over."""


@dataclass(slots=True, eq=False)
class Lease:
    """A call that goes on."""

    id: str
    charge: Charge
    amount: int
    at: float
    """Seconds since the epoch."""
    holdings: tuple[Holding, ...]
    gratis: bool = False
    """It is to cost nothing."""
    lapsed: bool = False
    """Its time was over; nothing is reserved for it any more."""


@dataclass(slots=True, eq=False)
class Want:
    """A call that its allowances do not suffice for, or somebody who asks how they stand."""

    holdings: tuple[Holding, ...]
    charge: Charge | None
    amount: int
    at: float
    """When it began, in seconds since the epoch."""


class Purse:
    """See above. `now` is in seconds since the epoch, `at` on a scale that never runs backwards.

    Args:
        owner: its name among those who hold allowances; leases are called after it.
        lease_s: after how many seconds a call that nobody ends gives back what it holds.
    """

    def __init__(self, owner: str, holdings: Holdings, lease_s: float) -> None:
        self.owner, self.holdings, self._lease_s = owner, holdings, lease_s
        self.leases: dict[str, Lease] = {}
        """Of calls that may cost something; the first to begin first."""
        self._gratis: dict[str, Lease] = {}
        self._late: dict[str, Lease] = {}
        """Leases whose time was over, and that may be settled all the same."""
        self._count = 0
        self._tended_at = float("-inf")
        self.hurried: set[Holding] = set()
        """Accounts of which the treasury must hear at once."""
        self.loose = False
        """Something is kept here that no call needs."""

    # ── calls ────────────────────────────────────────────────────────────────────────────

    def begin_gratis(self, charge: Charge, now: float) -> Lease:
        """A call that is to cost nothing; no cap is looked at."""
        self._count += 1
        lease = Lease(f"{self.owner}-{self._count:x}", charge, 0, now, (), gratis=True)
        self._gratis[lease.id] = lease
        return lease

    def begin(
        self,
        charge: Charge,
        amount: int,
        holdings: tuple[Holding, ...],
        now: float,
    ) -> Lease | None:
        """Reserve so much from all of these; `None`, and nothing, where one does not suffice."""
        for holding in holdings:
            if not holding.holds(amount):
                return None
        for holding in holdings:
            holding.free -= amount
            holding.calls += 1
        self._count += 1
        lease = Lease(f"{self.owner}-{self._count:x}", charge, amount, now, holdings)
        self.leases[lease.id] = lease
        return lease

    def close(self, lease: str, cost: int | None, at: float) -> Lease | None:
        """Charge the cost, or what was reserved where it is unknown; the rest is free again.

        Returns:
            The lease, with what was charged as its amount; `None` where it was closed before.
        """
        closed = (
            self.leases.pop(lease, None)
            or self._gratis.pop(lease, None)
            or self._late.pop(lease, None)
        )
        if closed is None:
            return None
        charged = closed.amount if cost is None else cost
        if charged and closed.gratis:  # it did cost something
            closed.holdings = self.holdings.of(closed.charge, closed.at, at)
            for holding in closed.holdings:
                holding.calls += 1
        back = -charged if closed.lapsed else closed.amount - charged
        closed.amount = charged
        for holding in closed.holdings:
            holding.free += back
            holding.calls -= 1
            self.hurry(holding)
        return closed

    def lapse(self, now: float) -> list[Lease]:
        """Give back what calls hold that nobody has ended in time; which they are."""
        over = []
        for lease in self.leases.values():
            if lease.at + self._lease_s > now:
                break
            over.append(lease)
        for lease in over:
            del self.leases[lease.id]
            lease.lapsed = True
            for holding in lease.holdings:
                holding.free += lease.amount
                self.hurry(holding)
            self._late[lease.id] = lease
        while len(self._late) > _LATE:
            for holding in self._late.pop(next(iter(self._late))).holdings:
                holding.calls -= 1
        return over

    # ── the treasury ─────────────────────────────────────────────────────────────────────

    def hurry(self, holding: Holding) -> None:
        """See to it that the treasury hears of an account at once, if it must."""
        wrong = holding.free < 0 or (holding.tight and holding.free > 0)
        if wrong and not holding.run and holding.limit < NO_LIMIT:
            self.hurried.add(holding)

    def asks(
        self, wants: Sequence[Want], wanted: frozenset[str] | None, now: float, at: float
    ) -> dict[Holding, Ask]:
        """What the treasury is to be told now.

        Args:
            wanted: what `Treasury.asked` said.
        """
        needs: dict[Holding, list[int]] = {}
        for want in wants:
            for holding in want.holdings:
                needs.setdefault(holding, []).extend((want.amount,) if want.amount else ())
        asks = {}
        for holding, amounts in needs.items():
            elsewhere = wanted is not None and holding.account in wanted
            if elsewhere:
                holding.give()
            if not holding.heard or (sum(amounts) > holding.free and not holding.run):
                asks[holding] = holding.ask(amounts, keeps=not elsewhere)
        looked_at, self.hurried = self.hurried, set()
        if wanted != frozenset() or at - self._tended_at >= TENDED_S:
            self._tended_at = at
            self.holdings.forget(now, at)
            looked_at = set(self.holdings.accounts.values())
            self.loose = not all(holding.tight for holding in looked_at)
        for holding in looked_at - asks.keys():
            if (ask := self._ask(holding, wanted, at)) is not None:
                asks[holding] = ask
        for holding in asks:
            holding.confirmed = -1  # until it answers, nobody knows what the treasury heard
        return asks

    def told(self, told: Mapping[Holding, Told], at: float) -> None:
        """Take its answers in."""
        for holding, answer in told.items():
            holding.told(answer, at)
            self.loose = self.loose or not (holding.tight or holding.run)

    def result(
        self, want: Want, told: Mapping[Holding, Told], now: float, *, late: bool
    ) -> Lease | OverBudgetError | None:
        """What becomes of a call after the treasury was asked; `None`: it goes on waiting.

        Args:
            late: it has waited long enough for what others might give back.
        """
        if want.charge is None:
            return None
        lease = self.begin(want.charge, want.amount, want.holdings, want.at)
        if lease is not None:
            return lease
        for holding in want.holdings:
            if holding.holds(want.amount):
                continue
            answer = told.get(holding)
            refused = answer is not None and answer.short and not answer.pending
            if refused or holding.run or late:
                for other in want.holdings:  # what was taken for it is not needed
                    self.hurry(other)
                return holding.cap.refuse(holding.spent, want.amount, now)
        return None

    def _ask(self, holding: Holding, wanted: frozenset[str] | None, at: float) -> Ask | None:
        """Of an account for which no call waits."""
        idle = at - holding.used_at > IDLE_S and not holding.tight
        elsewhere = wanted is not None and holding.account in wanted
        if idle or elsewhere or (holding.tight and holding.free > 0):
            holding.give()
            return holding.ask(keeps=False)
        old = holding.used_at > holding.told_at + FRESH_S
        if wanted is None or old or holding.free < 0 or holding.taken != holding.confirmed:
            return holding.ask(keeps=not holding.tight)
        return None
