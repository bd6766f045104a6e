"""One breaker for each deployment, shared by the threads of this process and by its neighbours.

What a breaker does is `machine`; here are its lock, its clock, and its memory. A change is written
to the project's `HealthMemory` and read from there, so that a process that starts knows what others
have found out, at most a second late. How many probes go at a time is counted in each process.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.calling.health.machine import (
    THROTTLE_AT_MOST_S,
    Cause,
    Effect,
    Ending,
    Opened,
    Recovered,
    Refused,
    Rules,
    State,
    Ticket,
    ask,
    at,
    end,
    given_back,
    is_calm,
    shifted,
    slot_of,
    with_calls,
)
from orchestrator.calling.health.store import HealthMemory, Stored, StoredState
from orchestrator.errors import AttemptError
from orchestrator.project.calls_schema import Breaker
from orchestrator.project.protocols import Clock
from orchestrator.records import Attempt
from orchestrator.types import Outcome

__all__ = ["Breakers", "Change", "Opened", "Permit", "Recovered", "State"]

_CLOSED = State()


class Permit(NamedTuple):
    """The permission for one call; given back by `Breakers.ended` or `Breakers.give_back`."""

    deployment: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Change:
    """A deployment went out of use, or came back."""

    deployment: str
    at: float
    """Seconds since the epoch."""
    effect: Effect


def account_mark(key: str) -> str:
    """Tells keys apart: 32 bits of a hash, far too few to find the key by."""
    return hashlib.sha256(key.encode()).hexdigest()[:8] if key else ""


class Breakers:
    """Who may be called now, as far as its last calls tell.

    Args:
        settings: `calls.breaker` of mesh.yaml.
        clock: its monotonic scale decides; the other one is for people and for other processes.
        store: what survives this process; `None`: nothing.
        accounts: for each deployment a word that changes with its key. What another process found
            out about another key does not count here.
        tell: hears of each change, in the thread in which the call ended; must return at once.
    """

    def __init__(
        self,
        settings: Breaker,
        clock: Clock,
        store: HealthMemory | None = None,
        *,
        accounts: Mapping[str, str] | None = None,
        tell: Callable[[Change], None] = lambda _: None,
    ) -> None:
        self._rules, self._clock, self._store = rules_of(settings), clock, store
        self._accounts, self._tell = accounts or {}, tell
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}
        self._changed: dict[str, float] = {}
        self._seen: Stored | None = None
        self._calm: dict[str, tuple[int, int]] = {}
        """Calls that ended well and are not in the states yet: the tenth of the window, how many.

        Nearly all calls are such, and a new state for each would cost more than all the rest.
        """

    def reconfigure(self, settings: Breaker, accounts: Mapping[str, str]) -> None:
        """Go on by other settings; what was learned stays."""
        with self._lock:
            self._rules, self._accounts = rules_of(settings), accounts

    def permit(self, deployment: str) -> Permit:
        """Permission to call it now. Takes microseconds, and waits for nothing.

        Raises:
            AttemptError: `SKIPPED_OPEN`, with the reason and when to come back.
        """
        self._take_over()
        with self._lock:
            before = self._states.get(deployment, _CLOSED)
            after, answer = ask(before, self._clock.monotonic())
            if after is not before:
                self._states[deployment] = after
        if isinstance(answer, Refused):
            raise AttemptError(
                Outcome.SKIPPED_OPEN,
                f"{answer.why}; next try in {_seconds(answer.retry_after_s)}",
                retry_after_s=answer.retry_after_s,
            )
        return Permit(deployment, answer)

    def ended(self, permit: Permit, attempt: Attempt) -> None:
        """The permitted call is over, however it ended."""
        with self._lock:
            now = self._clock.monotonic()
            before = self._states.get(permit.deployment, _CLOSED)
            if attempt.outcome is Outcome.OK and is_calm(before, permit.ticket):
                self._count(permit.deployment, before, now)
                return
            before = self._with_calm(permit.deployment, before)
            ending = Ending(attempt.outcome, attempt.error or "", attempt.retry_after_s)
            after, effects = end(before, permit.ticket, ending, now, self._rules)
            self._keep(permit.deployment, before, after)
        for effect in effects:
            self._tell(Change(permit.deployment, self._clock.now(), effect))

    def give_back(self, permit: Permit) -> None:
        """The permitted call was not made."""
        with self._lock:
            before = self._states.get(permit.deployment, _CLOSED)
            self._states[permit.deployment] = given_back(before, permit.ticket)

    def states(self) -> Mapping[str, State]:
        """The breakers that have seen anything. Times in them are seconds since the epoch."""
        self._take_over()
        with self._lock:
            now = self._clock.monotonic()
            return {
                name: shifted(at(state, now), self._offset())
                for name, state in self._states.items()
            }

    def _count(self, deployment: str, state: State, now: float) -> None:
        """One more call has ended well."""
        slot = slot_of(now, self._rules)
        counted, calls = self._calm.get(deployment, (slot, 0))
        if counted == slot:
            self._calm[deployment] = (slot, calls + 1)
            if not calls:
                self._states[deployment] = state
        else:
            self._states[deployment] = self._with_calm(deployment, state)
            self._calm[deployment] = (slot, 1)

    def _with_calm(self, deployment: str, state: State) -> State:
        calm = self._calm.pop(deployment, None)
        return state if calm is None else with_calls(state, *calm)

    def _keep(self, deployment: str, before: State, after: State) -> None:
        self._states[deployment] = after
        shut = after.throttled_until not in (None, before.throttled_until)
        turned = shut or before.turn != after.turn
        if turned:
            # Never earlier than the last one, whatever the clock of the machine does.
            last = self._changed.get(deployment, 0.0)
            self._changed[deployment] = max(self._clock.now(), last + 1e-6)
        if self._store is not None and (turned or before.consecutive != after.consecutive):
            # Known as one's own, so that reading it back does not wipe the window's counts.
            changed = self._changed.setdefault(deployment, 0.0)
            self._store.keep_state(
                deployment,
                StoredState(
                    changed=changed,
                    account=self._accounts.get(deployment, ""),
                    state=shifted(after, self._offset()),
                ),
            )

    def _take_over(self) -> None:
        """Learn what other processes have found out since the last look."""
        if self._store is None or (latest := self._store.latest()) is self._seen:
            return
        recovered: list[tuple[str, Cause]] = []
        with self._lock:
            self._seen = latest
            for deployment, stored in latest.states.items():
                if stored.changed <= self._changed.get(deployment, -1.0):
                    continue
                self._changed[deployment] = stored.changed
                if self._of_another_key(deployment, stored):
                    continue
                self._calm.pop(deployment, None)
                mine = self._states.get(deployment, _CLOSED)
                self._states[deployment] = self._adopted(mine, stored)
                back = stored.state.phase in ("ramping", "closed")
                if back and mine.cause is not None and mine.phase != "ramping":
                    recovered.append((deployment, mine.cause))
        for deployment, cause in recovered:
            self._tell(Change(deployment, self._clock.now(), Recovered(cause)))

    def _of_another_key(self, deployment: str, stored: StoredState) -> bool:
        own = self._accounts.get(deployment, "")
        return stored.state.cause == "account" and stored.account != own

    def _adopted(self, mine: State, stored: StoredState) -> State:
        """The other's state, no longer than one's own rules would have it."""
        state = shifted(stored.state, -self._offset())
        now = self._clock.monotonic()

        def soon(moment: float | None, at_most_s: float) -> float | None:
            """A clock that was wrong when it was written must not keep it out for days."""
            return None if moment is None else min(moment, now + at_most_s)

        rules = self._rules
        return State(
            phase=state.phase,
            since=state.since,
            until=soon(state.until, max(rules.open_at_most_s, rules.account_s, rules.ramp_s)),
            cause=state.cause,
            outcome=state.outcome,
            reason=state.reason,
            consecutive=state.consecutive,
            failed_at=state.failed_at,
            openings=state.openings,
            turn=mine.turn + (mine.phase != state.phase),
            probes=mine.probes,
            throttled_until=soon(state.throttled_until, THROTTLE_AT_MOST_S),
            throttles=state.throttles,
        )

    def _offset(self) -> float:
        """From the monotonic scale to seconds since the epoch."""
        return self._clock.now() - self._clock.monotonic()


def rules_of(settings: Breaker) -> Rules:
    """The settings in seconds."""
    return Rules(
        failures=settings.failures,
        error_rate=settings.error_rate,
        window_s=settings.window_ms / 1000,
        min_calls=settings.min_calls,
        open_s=settings.open_ms / 1000,
        open_at_most_s=settings.open_at_most_ms / 1000,
        ramp_s=settings.ramp_ms / 1000,
        account_s=settings.refused_key_ms / 1000,
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
