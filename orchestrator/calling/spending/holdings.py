"""What this process holds of each cap, and what its calls hold of that: money in memory.

Nothing here does I/O, waits or takes a lock; see `allowance` for who does. For each account

    taken = spent by calls that have ended + reserved for calls that go on + free

and only `free` may be reserved. An `Ask` says how it stands, and `told` takes the treasury's answer
in.

A run goes on in one process at a time. So that process counts what is spent on it: from nothing
where the run has just begun, or else from what the treasury knows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.calling.spending.caps import Budgets, Cap, caps_of
from orchestrator.calling.spending.treasury import NO_LIMIT, Ask, Told
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Caller, Charge

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import Budget

IDLE_S = 2.0
"""After so long without a call, what is free goes back."""
FRESH_S = 0.5
"""An account that somebody asks for is looked at anew after so long."""
FORGOTTEN_S = 300.0
"""After so long an account is forgotten that nobody uses: far longer than anybody waits for one."""
RUN_S = 5.0
"""The same for a run, as there are many."""
YOUNG_S = 1.0
"""A run that is younger began here: to take it up in another process takes longer."""
_FIRST = 16
"""What is held for calls to come is at most this part of what is left before a limit."""
_QUICK_S = 1.0
"""Who comes back for more sooner takes twice as much as the last time."""
_MOST = 10_000
"""Callers that are remembered; with more, all are forgotten and looked at anew."""


@dataclass(slots=True, eq=False)
class Holding:
    """One account, as this process sees it. Times are on the clock's monotonic scale."""

    cap: Cap
    """Of those that count the account, the one with the least limit."""
    limit: int
    """`NO_LIMIT` where nothing is refused."""
    account: str = ""
    """Its name; empty for a run, which is no account of the treasury."""
    run: str = ""
    """The run that it counts, where it counts one."""
    taken: int = 0
    """See `Ask`."""
    heard: bool = False
    """The treasury has said how it stands."""
    free: int = 0
    committed: int = 0
    """Of all holders, when the treasury was heard last."""
    soft: int | None = None
    """From here on a soft budget is used up: what is held for calls to come must stay small."""
    tight: bool = True
    calls: int = 0
    """Those that go on and hold a part of it."""
    used_at: float = 0.0
    """When somebody last reserved, or wanted to know how it stands."""
    told_at: float = 0.0
    confirmed: int = 0
    """What the treasury knows to be `taken`, another value must be told to it; -1: it was asked,
    and did not answer yet."""
    more_at: float = float("-inf")
    """When more was last taken."""
    like: int = 0
    """How much it takes the next time, if it may."""

    @property
    def spent(self) -> int:
        """By all, with what is reserved and what others keep."""
        return self.committed - self.free

    def holds(self, amount: int) -> bool:
        """Whether a call may reserve so much; what refuses nobody is told of it afterwards."""
        return self.limit == NO_LIMIT or (self.heard and self.free >= amount)

    def begin(self) -> None:
        """Nothing was spent on this run before."""
        self.taken = self.free = self.committed = self.limit
        self.tight, self.heard = False, True

    def give(self) -> bool:
        """Keep no more than what calls hold; whether there was more."""
        if self.run or self.free <= 0:
            return False
        self.taken -= self.free
        self.committed -= self.free
        self.free = 0
        return True

    def ask(self, needs: Sequence[int] = (), *, keeps: bool = True) -> Ask:
        """What the treasury is to know, and to grant.

        Who asks for the first time, for no call yet, would like a little, as a call will follow.
        """
        spent, end = self.spent, self.limit
        if self.soft is not None and spent < self.soft:
            end = self.soft
        like = 0 if self.heard else end // _FIRST
        if needs or self.free < 0:
            like = max(self.like, -self.free, *needs)
        return Ask(
            cap=self.cap.of(self.run) if self.run else self.cap,
            taken=self.taken,
            free=self.free,
            needs=tuple(needs),
            like=min(like, max(end - spent, 0) // _FIRST),
            keeps=keeps,
        )

    def told(self, told: Told, now: float) -> None:
        """Take the treasury's answer in; what calls did in the meantime stays."""
        self.taken = self.confirmed = told.taken
        self.committed, self.heard = told.committed, True
        self.free += told.granted
        self.tight, self.told_at = told.tight, now
        if told.granted > 0:
            quick = now - self.more_at < _QUICK_S
            self.like = 2 * max(self.like, told.granted) if quick else told.granted
            self.more_at = now


@dataclass(frozen=True, slots=True)
class _Bound:
    """What binds one caller."""

    budgets: Sequence[Budget]
    until: float
    """The end of the first of their windows."""
    caps: tuple[tuple[Cap, Holding], ...]
    holdings: tuple[Holding, ...]
    """The same, each once."""
    of_runs: tuple[Cap, ...]
    """Those that count each run apart, of no run."""


@dataclass(slots=True)
class Holdings:
    """All accounts of one process.

    Args:
        budgets: what binds whom.
    """

    budgets: Budgets
    accounts: dict[str, Holding] = field(default_factory=dict)
    runs: dict[tuple[str, int, str], Holding] = field(default_factory=dict)
    """By run, budget and subject; the first to begin first."""
    _spent: dict[str, int] = field(default_factory=dict)
    """Of accounts that were forgotten: what was taken and, since nothing of it was left, spent."""
    _bound: dict[tuple[Caller, tuple[str, ...], str | None], _Bound] = field(default_factory=dict)
    _young: tuple[float, str, str] = (0.0, "", "")
    """The moment at which the names of young runs lay between these two."""

    def of(self, charge: Charge, now: float, at: float) -> tuple[Holding, ...]:
        """The accounts that a charge draws on, marked as used."""
        bound = self._find(charge.caller, charge.tags, charge.model, now)
        found = bound.holdings
        for holding in found:
            holding.used_at = at
        if not bound.of_runs:
            return found
        run = charge.trace_id
        return (*found, *[self._run(cap, run, now, at) for cap in bound.of_runs])

    def before(
        self, trace_id: str, caller: Caller, tags: tuple[str, ...], now: float, at: float
    ) -> Sequence[tuple[Cap, Holding]]:
        """What holds whichever model is to answer: caps, and their accounts, marked as used."""
        bound = self._find(caller, tags, None, now)
        for holding in bound.holdings:
            holding.used_at = at
        if not bound.of_runs:
            return bound.caps
        return [
            *bound.caps,
            *[(cap, self._run(cap, trace_id, now, at)) for cap in bound.of_runs],
        ]

    def forget(self, now: float, at: float) -> None:
        """Forget accounts that nobody has used for long."""
        for key, holding in list(self.runs.items()):
            if holding.calls == 0 and at - holding.used_at > RUN_S:
                del self.runs[key]
            elif holding.calls == 0:
                break  # it, and most of those behind it, are younger
        old = [
            account
            for account, holding in self.accounts.items()
            if holding.calls == 0 and holding.free == 0 and at - holding.used_at > FORGOTTEN_S
        ]
        for account in old:
            self._spent[account] = self.accounts.pop(account).taken
        if old:
            self._bound.clear()  # who points to them binds anew
            over = f"{now - FORGOTTEN_S:010.0f}"
            self._spent = {name: taken for name, taken in self._spent.items() if name > over}

    def _find(self, caller: Caller, tags: tuple[str, ...], model: str | None, now: float) -> _Bound:
        budgets = self.budgets.of(caller)
        key = (caller, tags, model)
        bound = self._bound.get(key)
        if bound is not None and now < bound.until and bound.budgets == budgets:
            return bound
        if len(self._bound) >= _MOST:
            self._bound.clear()
        charge = Charge(trace_id="", deployment="", model=model or "", caller=caller, tags=tags)
        if model is None:
            held = [budget for budget in budgets if not budget.of_models]
        else:
            held = list(budgets)
        caps = caps_of(held, charge, now)
        found = self._bound[key] = self._bind(budgets, caps)
        return found

    def _bind(self, budgets: Sequence[Budget], caps: Collection[Cap]) -> _Bound:
        pairs = []
        least: dict[str, Cap] = {}
        for cap in caps:
            if cap.of_run:
                continue
            account = cap.account
            other = least.get(account)
            if other is None or _limit(cap) < _limit(other):
                least[account] = cap
            holding = self.accounts.get(account)
            if holding is None:
                holding = self.accounts[account] = Holding(cap, _limit(cap), account)
                holding.taken = holding.confirmed = self._spent.pop(account, 0)
            if cap.soft is not None:
                holding.soft = cap.soft if holding.soft is None else min(cap.soft, holding.soft)
            pairs.append((cap, holding))
        for account, cap in least.items():  # it may have been declared anew, with another limit
            self.accounts[account].cap = cap
            self.accounts[account].limit = _limit(cap)
        return _Bound(
            budgets=budgets,
            until=min((cap.ends for cap in caps), default=float("inf")),
            caps=tuple(pairs),
            holdings=tuple(self.accounts[account] for account in least),
            of_runs=tuple(cap for cap in caps if cap.of_run),
        )

    def _run(self, cap: Cap, run: str, now: float, at: float) -> Holding:
        key = (run, id(cap.budget), cap.subject)
        holding = self.runs.get(key)
        if holding is None:
            holding = self.runs[key] = Holding(cap, _limit(cap), run=run)
            if self._is_young(run, now):
                holding.begin()
        holding.used_at = at
        return holding

    def _is_young(self, run: str, now: float) -> bool:
        at, first, last = self._young
        if abs(now - at) > YOUNG_S / 10:
            first = new_trace_id(lambda: now - YOUNG_S, bytes)
            last = new_trace_id(lambda: now + YOUNG_S / 5, bytes)
            self._young = (now, first, last)
        return first <= run < last


def _limit(cap: Cap) -> int:
    return NO_LIMIT if cap.limit is None else cap.limit
