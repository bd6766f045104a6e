"""The page `/boards`: over which time, and all charts of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.money import MICRO_USD
from orchestrator.tracing.explain import counted, dollars
from orchestrator.tracing.totals import Range
from orchestrator.viewer.boards.charts import charts
from orchestrator.viewer.boards.gather import gathered
from orchestrator.viewer.boards.values import DAY, MOST_STEPS, STEPS, Numbers, suited
from orchestrator.viewer.pages import Asked, NavEntry, ViewerState, page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response
    from starlette.routing import Route

NAV = NavEntry(key="boards", label="Boards", path="/boards")
_SINCE: Mapping[str, str] = {
    "24h": "the last day",
    "7d": "the last week",
    "30d": "the last 30 days",
    "90d": "the last 90 days",
}
_DEFAULT = "7d"
_LENGTHS: Mapping[str, int] = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form says."""

    since: str
    until: str
    step: str
    span: Range


def routes(state: ViewerState) -> list[Route]:
    """The page of the boards."""
    from starlette.routing import Route

    return [Route("/boards", page(state, boards))]


def boards(asked: Asked) -> Response:
    """All charts over the time that was asked for."""
    wanted = read(asked.query, time.time(), asked.visitor.workspace)
    numbers = gathered(asked.mesh, wanted.span)
    return asked.render(
        "boards.html",
        title="Boards",
        here="boards",
        wanted=wanted,
        sinces=_SINCE,
        steps=tuple(STEPS),
        facts=facts(numbers),
        charts=charts(numbers),
    )


def read(query: Mapping[str, str], now: float, workspace: str | None = None) -> Wanted:
    """The time that is asked for: `since` (24h, 7d, … or a day), `until` (a day), `step`.

    Raises:
        UserError: that is no time, or there would be too many steps of it.
    """
    since = query.get("since", "").strip() or _DEFAULT
    until = query.get("until", "").strip()
    end = _day(until, "until") + DAY if until else now
    begin = end - _LENGTHS[since] if since in _LENGTHS else _day(since, "since")
    if begin >= end:
        raise UserError(f"since {since} is not before {until or 'now'}")
    step = query.get("step", "").strip() or suited(end - begin)
    if step not in STEPS:
        raise UserError(f"step: '{step}' is none of {', '.join(STEPS)}")
    span = Range(since=begin, until=end, step_s=STEPS[step], workspace=workspace)
    if (end - begin) / STEPS[step] > MOST_STEPS:
        raise UserError(f"that would be {len(span.buckets):,} steps; take a longer one")
    return Wanted(since=since, until=until, step=step, span=span)


def _day(text: str, name: str) -> float:
    from datetime import UTC, datetime

    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        known = ", ".join(_LENGTHS)
        raise UserError(
            f"{name}: '{text}' is no day such as 2026-11-01, and none of {known}"
        ) from None


def facts(numbers: Numbers) -> Sequence[tuple[str, str]]:
    """The totals on top: a label and a value."""
    costs, ended = numbers.spent, numbers.totals.ended
    requests = sum(one.count for one in ended)
    failed = sum(one.count for one in ended if one.status == "failed")
    paid = dollars(costs.known_micro_usd / MICRO_USD)
    found = [
        ("Requests", f"{requests:,}"),
        ("Failed", f"{failed:,}"),
        ("Cost", f"≥ {paid}" if costs.unknown else paid),
        ("Attempts", f"{costs.attempts:,}"),
        ("Tokens in", f"{costs.input_tokens:,}"),
        ("Tokens out", f"{costs.output_tokens:,}"),
    ]
    if numbers.incidents:
        found.append(("Incidents", counted(len(numbers.incidents), "incident").split()[0]))
    return found
