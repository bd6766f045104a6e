"""The breaker of one deployment as a pure function: state and event in, state and effects out.

    closed ──failures──► open ──time──► half open ──a probe succeeds──► ramping ──time──► closed
                          ▲                │                               │
                          └──probe fails───┴───────────failures────────────┘

A rate limit is no outage: it closes the door for the time that the provider asks for, whatever
the phase. A refused key is nobody's outage: it opens at once, for minutes. Every change of phase
begins a new *turn*, and what was permitted in an earlier turn no longer counts when it ends, so a
stream that began before the outage can neither open nor close the breaker after it.

All times are seconds on one scale, that of `now`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from orchestrator.types import Outcome

Phase = Literal["closed", "open", "half_open", "ramping"]
Cause = Literal["outage", "account"]

PROBE_LEASE_S = 60.0
"""A probe that has not ended by then is taken for lost, and another may go."""
ASK_AGAIN_S = 1.0
"""When to come back where only the end of somebody else's call can tell."""
COOL_DOWN_S = 0.25
"""After the first rate limit that names no time; each further one in a row doubles it."""
COOL_DOWN_AT_MOST_S = 15.0
THROTTLE_AT_MOST_S = 3600.0
"""A longer `Retry-After` is asked about again once an hour."""
STREAK_S = 600.0
"""A failure that is longer ago does not belong to the same row."""
SLOTS = 10
"""The window of the error rate moves in tenths."""

OUTAGES = frozenset(
    {
        Outcome.OVERLOADED,
        Outcome.UNREACHABLE,
        Outcome.CUT,
        Outcome.STALLED,
        Outcome.TIMEOUT_SILENT,
        Outcome.TIMEOUT_FIRST_TOKEN,
        Outcome.MALFORMED,
    }
)
"""What counts as a failure of the deployment itself."""
WHOLE = frozenset({Outcome.OK, Outcome.UNSURE, Outcome.INVALID_OUTPUT, Outcome.UNSAFE})
"""A whole answer came, whatever it is worth."""
NOT_SENT = frozenset({Outcome.BUSY, Outcome.OVER_BUDGET, Outcome.SKIPPED_OPEN})
"""Nothing reached the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When to open, and for how long; see `calls.breaker` in mesh.yaml."""

    failures: int
    error_rate: float
    window_s: float
    min_calls: int
    open_s: float
    open_at_most_s: float
    ramp_s: float
    account_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is remembered of one deployment."""

    phase: Phase = "closed"
    since: float | None = None
    """When it opened, came back, or was closed again; `None`: it never opened."""
    until: float | None = None
    """Of `open` the next probe, of `ramping` its end."""
    cause: Cause | None = None
    """Why it opened; `None` while it is closed."""
    outcome: Outcome | None = None
    """How the last attempt that counted against it ended."""
    reason: str = ""
    """The same in words, as far as the provider gave any."""
    consecutive: int = 0
    """Failures in a row."""
    failed_at: float | None = None
    openings: int = 0
    """How often in a row it opened without closing; decides for how long."""
    turn: int = 0
    probe: int | None = None
    """The number of the probe that is under way."""
    probe_since: float = 0.0
    probes: int = 0
    asked: int = 0
    """Calls that asked during this ramp."""
    throttled_until: float | None = None
    throttles: int = 0
    """Rate limits in a row."""
    counts: tuple[tuple[int, int, int], ...] = ()
    """Of the window: number of the tenth, calls that ended in it, failures among them."""


class Ticket(NamedTuple):
    """What a permitted call brings back when it ends."""

    turn: int
    probe: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not now."""

    why: str
    retry_after_s: float


@dataclass(frozen=True, slots=True)
class Opened:
    """It was in use, and is not any more."""

    cause: Cause
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """A probe succeeded."""

    cause: Cause


Effect = Opened | Recovered


class Ending(NamedTuple):
    """How a permitted call ended."""

    outcome: Outcome
    reason: str = ""
    retry_after_s: float | None = None


def at(state: State, now: float) -> State:
    """The state after the time that has passed."""
    if state.throttled_until is not None and now >= state.throttled_until:
        state = replace(state, throttled_until=None)
    if state.until is None or now < state.until:
        return state
    if state.phase == "open":
        return replace(state, phase="half_open", until=None)
    return replace(  # a ramp is over; calls of the ramp go on counting, so the turn stays
        state, phase="closed", since=state.until, until=None, cause=None, openings=0, asked=0
    )


def ask(state: State, now: float) -> tuple[State, Ticket | Refused]:
    """Whether a call may begin."""
    if state.phase == "closed" and state.throttled_until is None:  # nearly always
        return state if state.until is None else at(state, now), Ticket(state.turn)
    state = at(state, now)
    if state.throttled_until is not None:
        return state, Refused("rate limited by the provider", state.throttled_until - now)
    if state.phase == "open" and state.until is not None:
        return state, Refused(in_words(state.cause, state.outcome), state.until - now)
    if state.phase == "half_open":
        return _ask_to_probe(state, now)
    if state.phase == "ramping" and state.until is not None and state.since is not None:
        every = 4 if now < (state.since + state.until) / 2 else 2
        turned_away, rest = state.asked % every, state.until - now
        state = replace(state, asked=state.asked + 1)
        if turned_away:
            return state, Refused("it has just recovered", min(rest, ASK_AGAIN_S))
    return state, Ticket(state.turn)


def _ask_to_probe(state: State, now: float) -> tuple[State, Ticket | Refused]:
    if state.probe is not None and now < state.probe_since + PROBE_LEASE_S:
        return state, Refused(
            f"{in_words(state.cause, state.outcome)}; a probe is under way", ASK_AGAIN_S
        )
    number = state.probes + 1
    state = replace(state, probe=number, probes=number, probe_since=now)
    return state, Ticket(state.turn, number)


def in_words(cause: Cause | None, outcome: Outcome | None) -> str:
    """Why it is out of use."""
    return "its key was refused" if cause == "account" else f"out of order ({outcome})"


def given_back(state: State, ticket: Ticket) -> State:
    """The permitted call was never made; a probe, or a place in the ramp, is free again."""
    if _is_probe(state, ticket):
        return replace(state, probe=None)
    if state.phase == "ramping" and ticket.turn == state.turn and ticket.probe is None:
        return replace(state, asked=max(state.asked - 1, 0))
    return state


def end(
    state: State, ticket: Ticket, ending: Ending, now: float, rules: Rules
) -> tuple[State, tuple[Effect, ...]]:
    """A permitted call has ended."""
    state, outcome = at(state, now), ending.outcome
    if outcome in NOT_SENT:
        return given_back(state, ticket), ()
    if outcome is Outcome.RATE_LIMITED:
        probed = _is_probe(state, ticket)
        return _throttled(replace(state, probe=None) if probed else state, ending, now), ()
    if _is_probe(state, ticket):
        return _probed(state, ending, now, rules)
    if ticket.turn != state.turn or state.phase in ("open", "half_open"):
        return state, ()
    if outcome is Outcome.AUTH:
        return _opened(state, "account", ending, now, rules)
    if outcome is Outcome.OK:
        calm = 0 if state.throttled_until is None else state.throttles
        counts = _counted(state, now, rules, failed=0)
        return replace(state, consecutive=0, throttles=calm, counts=counts), ()
    if outcome not in OUTAGES:
        return state, ()
    long_ago = state.failed_at is not None and now - state.failed_at > STREAK_S
    state = replace(
        state,
        consecutive=1 if long_ago else state.consecutive + 1,
        failed_at=now,
        outcome=outcome,
        reason=ending.reason,
        counts=_counted(state, now, rules, failed=1),
    )
    if _is_too_much(state, rules):
        return _opened(state, "outage", ending, now, rules)
    return state, ()


def is_calm(state: State, ticket: Ticket) -> bool:
    """Whether a whole answer to this call changes nothing but the window's counts."""
    return (
        state.phase == "closed"
        and ticket.turn == state.turn
        and not state.consecutive
        and not state.throttles
        and state.throttled_until is None
        and ticket.probe is None
    )


def with_calls(state: State, slot: int, calls: int) -> State:
    """The state after so many more calls that ended well, in that tenth of the window."""
    return replace(state, counts=_added(state.counts, slot, calls, 0))


def slot_of(now: float, rules: Rules) -> int:
    """The number of the tenth of the window."""
    return int(now * SLOTS / rules.window_s)


def _is_probe(state: State, ticket: Ticket) -> bool:
    return ticket.probe is not None and ticket.probe == state.probe and ticket.turn == state.turn


def _is_too_much(state: State, rules: Rules) -> bool:
    """Half as many failures in a row, but two, suffice where no answer vouches for it.

    That is while it recovers, and as long as it has answered nothing in the window.
    """
    calls, failed = sum(c for _, c, _ in state.counts), sum(f for _, _, f in state.counts)
    vouched = state.phase == "closed" and failed < calls
    enough = rules.failures if vouched else min(rules.failures, max(2, -(-rules.failures // 2)))
    by_share = calls >= rules.min_calls and failed >= rules.error_rate * calls
    return state.consecutive >= enough or by_share


def _counted(
    state: State, now: float, rules: Rules, *, failed: int
) -> tuple[tuple[int, int, int], ...]:
    """The window with one more call in it."""
    return _added(state.counts, slot_of(now, rules), 1, failed)


def _added(
    counts: tuple[tuple[int, int, int], ...], slot: int, calls: int, failed: int
) -> tuple[tuple[int, int, int], ...]:
    kept = tuple(count for count in counts if slot - SLOTS < count[0] <= slot)
    if kept and kept[-1][0] == slot:
        _, before, failures = kept[-1]
        return (*kept[:-1], (slot, before + calls, failures + failed))
    return (*kept, (slot, calls, failed))


def _opened(
    state: State, cause: Cause, ending: Ending, now: float, rules: Rules
) -> tuple[State, tuple[Effect, ...]]:
    """Out of use; an effect only where it was in use, or is out for another cause now."""
    news = state.phase in ("closed", "ramping") or cause != state.cause
    openings = state.openings + 1 if cause == state.cause else 1
    grown = min(rules.open_s * 2.0 ** min(openings - 1, 30), rules.open_at_most_s)
    for_s = rules.account_s if cause == "account" else max(grown, rules.open_s)
    state = replace(
        state,
        phase="open",
        since=now if news else state.since,
        until=now + for_s,
        cause=cause,
        outcome=ending.outcome,
        reason=ending.reason,
        failed_at=now,
        openings=openings,
        turn=state.turn + 1,
        probe=None,
        asked=0,
        counts=(),
    )
    return state, (Opened(cause, ending.outcome, ending.reason),) if news else ()


def _probed(
    state: State, ending: Ending, now: float, rules: Rules
) -> tuple[State, tuple[Effect, ...]]:
    if ending.outcome is Outcome.AUTH:
        return _opened(state, "account", ending, now, rules)
    if ending.outcome in OUTAGES:
        state = replace(state, consecutive=state.consecutive + 1)
        return _opened(state, "outage", ending, now, rules)
    if ending.outcome not in WHOLE:  # says nothing: the next probe at its time
        after = state.probe_since + rules.open_s
        return replace(state, phase="open", until=after, probe=None), ()
    cause: Cause = state.cause or "outage"
    ramps = cause == "outage"
    state = replace(
        state,
        phase="ramping" if ramps else "closed",
        since=now,
        until=now + rules.ramp_s if ramps else None,
        cause=cause if ramps else None,
        consecutive=0,
        openings=state.openings if ramps else 0,
        turn=state.turn + 1,
        probe=None,
        asked=0,
        throttles=0,
        counts=(),
    )
    return state, (Recovered(cause),)


def _throttled(state: State, ending: Ending, now: float) -> State:
    """Shut for the time that was asked for, never shorter than it is already."""
    grown = min(COOL_DOWN_S * 2.0 ** min(state.throttles, 30), COOL_DOWN_AT_MOST_S)
    asked_for = grown if ending.retry_after_s is None else ending.retry_after_s
    until = now + min(asked_for, THROTTLE_AT_MOST_S)
    return replace(
        state,
        throttled_until=max(until, state.throttled_until or until),
        throttles=state.throttles + 1,
        outcome=ending.outcome if state.cause is None else state.outcome,
        reason=ending.reason if state.cause is None else state.reason,
    )


def shifted(state: State, by: float) -> State:
    """The state on another scale of time; what only this process knows is left out."""

    def moved(moment: float | None) -> float | None:
        return None if moment is None else moment + by

    return replace(
        state,
        since=moved(state.since),
        until=moved(state.until),
        failed_at=moved(state.failed_at),
        throttled_until=moved(state.throttled_until),
        probe=None,
        probe_since=0.0,
        asked=0,
        counts=(),
    )
