"""Which budgets hold for a charge, what each of them counts, and from when on.

A budget counts what its `match` admits, for each subject (a user, a feature, …) apart. Where a
caller does not say what a budget asks for, nobody knows whether it holds for them; so it does, and
all who do not say it are one subject. Otherwise a limit would be passed by keeping quiet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orchestrator.calling import callers
from orchestrator.calling.callers import is_among, listed, said_by
from orchestrator.errors import OverBudgetError
from orchestrator.money import MICRO_USD
from orchestrator.types import Caller, Charge

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import Budget
    from orchestrator.project.protocols import Allotments

COLUMNS = {
    "workspace": "workspace",
    "user": "end_user",
    "user_tier": "user_tier",
    "key": "key_id",
    "feature": "feature",
    "model": "model",
}
"""What budgets tell apart → its column in the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """One budget as it stands for one charge: what it counts, and up to where."""

    budget: Budget
    limit: int | None
    """Micro-dollars, as `soft`; `None`: nothing is refused."""
    soft: int | None
    since: float
    """Counts from here, in seconds since the epoch, until before `ends`."""
    ends: float
    """Infinite for what counts a run."""
    of_run: bool
    """Counts one run only."""
    subject: str
    where: str
    """What it counts, as a condition on the ledger's lines, with `values` for its marks."""
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """For a person: `1 USD per user and day, for 'ana'`."""
        budget, usd = self.budget, round(self.budget.usd * MICRO_USD)
        window = "" if budget.per == "run" or budget.window == "run" else f" and {budget.window}"
        return f"{dollars(usd)} per {budget.per.replace('_', ' ')}{window}{self._for_whom()}"

    def _for_whom(self) -> str:
        if self.budget.per in ("run", "project") or not (self.subject or self._apart()):
            return ""
        what = self.budget.per.replace("_", " ")
        return f", for '{self.subject}'" if self.subject else f", for those who name no {what}"

    def _apart(self) -> bool:
        """Whether it is worth a word that nobody was named; a workspace often is all there is."""
        return self.budget.per != "workspace"

    @property
    def account(self) -> str:
        """What it counts, and in which window, as a name: the same for every process and machine.

        Its end comes first, in seconds, so that names sort by it. The limit is no part of it.
        """
        what = repr((self.since, self.where, self.values)).encode("utf-8", "surrogatepass")
        ends = 0 if self.of_run else int(self.ends)
        return f"{ends:010}.{hashlib.blake2b(what, digest_size=9).hexdigest()}"

    def of(self, run: str) -> Cap:
        """The same cap of another run, for one that counts runs."""
        return replace(self, values=(run, *self.values[1:]))

    def refuse(self, spent: int, wanted: int, now: float) -> OverBudgetError:
        """The error of a call that would pass it."""
        return OverBudgetError(
            f"the budget of {self.name} would be passed: {dollars(spent)} are spent or reserved, "
            f"this call may cost {dollars(wanted)}",
            retry_after_s=None if self.of_run else max(self.ends - now, 0.0),
        )


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets of the policy, and those of single callers."""

    declared: tuple[Budget, ...] = ()
    allotments: Allotments | None = None

    def of(self, caller: Caller) -> Sequence[Budget]:
        """All that may bind this caller now."""
        allotted = self.allotments.budgets(caller) if self.allotments else ()
        return (*self.declared, *allotted) if allotted else self.declared

    def caps(self, charge: Charge, now: float) -> list[Cap]:
        """As they stand for this charge."""
        return caps_of(self.of(charge.caller), charge, now)

    def caps_before(
        self, trace_id: str, caller: Caller, tags: tuple[str, ...], now: float
    ) -> list[Cap]:
        """Those that hold whichever model is to answer."""
        charge = Charge(trace_id=trace_id, deployment="", model="", caller=caller, tags=tags)
        return caps_of([b for b in self.of(caller) if not b.of_models], charge, now)


def caps_of(budgets: Sequence[Budget], charge: Charge, now: float) -> list[Cap]:
    """The budgets that hold for a charge, as they stand now."""
    return [_cap(budget, charge, now) for budget in budgets if holds_for(budget, charge)]


def holds_for(budget: Budget, charge: Charge) -> bool:
    """Whether the budget counts this charge. What the caller does not say counts as a match."""
    if not is_among(charge.model, budget.match.model):
        return False
    return callers.holds_for(budget.match, charge.caller, charge.tags)


def said_of(charge: Charge, name: str) -> str:
    """What the charge says about what a budget tells apart; empty where nothing was said."""
    return charge.model if name == "model" else said_by(charge.caller, name)


def window_start(window: str, now: float) -> float:
    """The start of the calendar hour, day or month (UTC) that holds `now`."""
    if window == "run":
        return 0.0
    moment = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
    if window in ("day", "month"):
        moment = moment.replace(hour=0)
    if window == "month":
        moment = moment.replace(day=1)
    return moment.timestamp()


def window_end(window: str, now: float) -> float:
    """The end of the calendar hour, day or month (UTC) that holds `now`; infinite for a run."""
    if window == "run":
        return float("inf")
    start = window_start(window, now)
    if window == "month":  # 32 days on is the next month, whatever the length of this one
        return window_start("month", start + timedelta(days=32).total_seconds())
    return start + timedelta(**{f"{window}s": 1}).total_seconds()


def dollars(micro: int) -> str:
    """Micro-dollars for a person, to the last one."""
    return f"{micro / MICRO_USD:.6f}".rstrip("0").rstrip(".") + " USD"


def _cap(budget: Budget, charge: Charge, now: float) -> Cap:
    of_run = "run" in (budget.per, budget.window)
    usd = round(budget.usd * MICRO_USD)
    where, values = _counted(budget, charge, of_run=of_run)
    soft = None if budget.soft is None else usd
    if budget.soft is not None and budget.soft is not True:
        soft = round(budget.soft * MICRO_USD)
    return Cap(
        budget=budget,
        limit=None if budget.soft is True else usd,
        soft=soft,
        since=0.0 if of_run else window_start(budget.window, now),
        ends=float("inf") if of_run else window_end(budget.window, now),
        of_run=of_run,
        subject=said_of(charge, budget.per) if budget.per in COLUMNS else "",
        where=where,
        values=values,
    )


def _counted(budget: Budget, charge: Charge, *, of_run: bool) -> tuple[str, tuple[str, ...]]:
    """The same as `holds_for` and the same subject, said to SQLite."""
    parts: list[tuple[str, tuple[str, ...]]] = []
    if of_run:
        parts.append(("trace_id = ?", (charge.trace_id,)))
    if budget.per in COLUMNS:
        parts.append((f"{COLUMNS[budget.per]} = ?", (said_of(charge, budget.per),)))
    for name, column in COLUMNS.items():
        wanted = getattr(budget.match, name)
        if wanted is not None:
            values = ("", *listed(wanted))
            parts.append((f"{column} IN ({_marks(values)})", values))
    if budget.match.tags is not None:
        tags = listed(budget.match.tags)
        found = f"SELECT 1 FROM json_each(spend.tags) WHERE value IN ({_marks(tags)})"
        parts.append((f"EXISTS ({found})", tags))
    where = " AND ".join(condition for condition, _ in parts) or "1"
    return where, tuple(value for _, values in parts for value in values)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
