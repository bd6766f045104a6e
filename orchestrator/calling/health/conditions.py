"""How a deployment stands: breaker and live numbers together, for routing and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from orchestrator.calling.health.live import Numbers
from orchestrator.calling.health.machine import State, in_words
from orchestrator.types import BreakerState, Health

Stand = Literal["closed", "open", "half_open", "ramping", "throttled", "key_refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One row of `mesh fleet --health`. Times are seconds since the epoch."""

    deployment: str
    state: Stand
    since: float | None
    """When it came into this state, as far as that is known."""
    until: float | None
    """When it is tried again, or serves fully again."""
    why: str
    """What the last attempt that counted against it brought."""
    numbers: Numbers


def conditions(states: Mapping[str, State], numbers: Mapping[str, Numbers]) -> dict[str, Condition]:
    """How everybody stands who was called or refused, as `Breakers` and `Live` tell it."""
    return {
        name: _condition(name, states.get(name, State()), numbers.get(name, Numbers()))
        for name in sorted({*states, *numbers})
    }


def _condition(name: str, state: State, numbers: Numbers) -> Condition:
    stand: Stand = state.phase
    until = state.until
    if state.phase in ("open", "half_open") and state.cause == "account":
        stand = "key_refused"
    elif state.throttled_until is not None and state.phase in ("closed", "ramping"):
        stand, until = "throttled", state.throttled_until
    why = "" if stand == "closed" else state.reason or str(state.outcome or "")
    return Condition(
        deployment=name, state=stand, since=state.since, until=until, why=why, numbers=numbers
    )


def health(states: Mapping[str, State], numbers: Mapping[str, Numbers]) -> dict[str, Health]:
    """What routing sees of the same, by deployment id.

    The words change with the minute at most, so that a long outage does not make many snapshots.
    """
    return {
        name: _health(states.get(name, State()), numbers.get(name, Numbers()))
        for name in sorted({*states, *numbers})
    }


def _health(state: State, numbers: Numbers) -> Health:
    breaker: BreakerState = "half_open" if state.phase == "ramping" else state.phase
    reason = ""
    if breaker == "open" and state.until is not None:
        reason = f"{in_words(state.cause, state.outcome)}, until {_minute(state.until)}"
    elif state.throttled_until is not None:
        reason = f"rate limited by its provider, until {_minute(state.throttled_until)}"
    return Health(
        breaker=breaker,
        reason=reason,
        error_rate=numbers.error_rate or 0.0,
        first_token_ms=_whole(numbers.first_token_ms),
        tokens_per_second=numbers.tokens_per_second,
        p50_ms=_whole(numbers.p50_ms),
        p95_ms=_whole(numbers.p95_ms),
        room=1.0 if state.throttled_until is None else 0.0,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _minute(at: float) -> str:
    """The full minute after it."""
    moment = datetime.fromtimestamp(at, UTC)
    if moment.second or moment.microsecond:
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return moment.strftime("%H:%M UTC")
