"""How the deployments stand, on the screen: breakers, errors, times, the last error in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.calling.health.conditions import Condition, Stand
from orchestrator.calling.health.live import Numbers
from orchestrator.cli._show import Screen, Tone
from orchestrator.tracing.explain import counted, duration
from orchestrator.types import FleetSnapshot, Health, as_json

WIDE = 120
"""Columns from which everything has room."""
_TONES: Mapping[Stand, Tone] = {
    "closed": "good",
    "open": "bad",
    "half_open": "warn",
    "ramping": "warn",
    "throttled": "warn",
    "key_refused": "bad",
}
_NOTHING = Numbers()


def show_health(
    screen: Screen, snapshot: FleetSnapshot, conditions: Mapping[str, Condition], *, now: float
) -> None:
    """One row for each deployment that was called or can be; who is in trouble comes first."""
    unavailable = [d.id for d in snapshot.deployments if not _there(snapshot, d.id)]
    names = [d.id for d in snapshot.deployments if d.id in conditions or d.id not in unavailable]
    wide = screen.width >= WIDE
    right = {"justify": "right", "no_wrap": True}
    extra = [("p50", right), ("first token", right), ("tokens/s", right)] if wide else []
    table = screen.table(
        screen.names("deployment", names, 0.3),
        ("state", {"max_width": 24}),
        ("calls", right),
        ("errors", right),
        *extra[:1],
        ("p95", right),
        *extra[1:],
        "last error",
    )
    for name in sorted(names, key=lambda n: (_calm(conditions.get(n)), n)):
        condition = conditions.get(name)
        numbers = condition.numbers if condition else _NOTHING
        speed = numbers.tokens_per_second
        more = [_ms(numbers.first_token_ms), "" if speed is None else f"{speed:.0f}"]
        table.add_row(
            name,
            _state(screen, condition, now),
            f"{numbers.calls:,}" if numbers.calls else "",
            "" if numbers.error_rate is None else f"{numbers.error_rate:.0%}",
            *([_ms(numbers.p50_ms)] if wide else []),
            _ms(numbers.p95_ms),
            *(more if wide else []),
            screen.text(_last_error(screen, numbers, now), "quiet"),
        )
    screen.print("")
    screen.show(table)
    screen.print("")
    hidden = len(set(unavailable) - set(names))
    facts = (
        counted(len(names), "deployment"),
        f"{hidden} not available here" if hidden else "",
        "errors and times are of the last minutes",
    )
    screen.prose(screen.facts(facts), 2, "quiet")


def health_json(snapshot: FleetSnapshot, conditions: Mapping[str, Condition]) -> dict[str, Any]:
    """The same for every deployment; times are seconds since the epoch, `null` is unknown."""
    rows = []
    for deployment in snapshot.deployments:
        name = deployment.id
        found = conditions.get(name) or _unseen(name)
        health = snapshot.health.get(name, Health())
        about = {"available": _there(snapshot, name), "reason": health.reason}
        rows.append({**as_json(found), **about})
    return {"deployments": rows}


def _unseen(name: str) -> Condition:
    return Condition(
        deployment=name, state="closed", since=None, until=None, why="", numbers=_NOTHING
    )


def _there(snapshot: FleetSnapshot, name: str) -> bool:
    return snapshot.health.get(name, Health()).available


def _calm(condition: Condition | None) -> bool:
    return condition is None or condition.state == "closed"


def _state(screen: Screen, condition: Condition | None, now: float) -> Any:
    if condition is None:
        return screen.text("not called yet", "quiet")
    state, until = condition.state, condition.until
    words = state.replace("_", "-") if state == "half_open" else state.replace("_", " ")
    left = "" if until is None else f"{_span(max(until - now, 0.0))}"
    if state in ("open", "throttled", "key_refused") and left:
        words += f", tried in {left}"
    elif state == "ramping" and left:
        words += f", {left} left"
    if state in ("open", "half_open", "key_refused") and condition.since is not None:
        words += f" (since {_clock(condition.since, now)})"
    return screen.text(words, _TONES[state])


def _last_error(screen: Screen, numbers: Numbers, now: float) -> str:
    if not numbers.last_error or numbers.last_error_at is None:
        return ""
    most = 90 if screen.width >= WIDE else 60
    return f"{_clock(numbers.last_error_at, now)} {screen.short(numbers.last_error, most)}"


def _ms(value: float | None) -> str:
    return "" if value is None else duration(value)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _clock(at: float, now: float) -> str:
    """The time of day; with the day where that is not today."""
    moment, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now)
    return moment.strftime("%H:%M:%S" if moment.date() == today.date() else "%m-%d %H:%M")
