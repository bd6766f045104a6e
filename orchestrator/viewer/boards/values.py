"""What a board shows: the span of time that was asked for, the numbers, and the charts of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.calling.health.incident_store import Incident
from orchestrator.calling.spending.report import Costs
from orchestrator.tracing.totals import Range, Totals

HOUR, DAY = 3600, 86_400
STEPS: Mapping[str, int] = {"hour": HOUR, "6 hours": 6 * HOUR, "day": DAY, "week": 7 * DAY}
MOST_STEPS = 200
"""So many bars can still be told apart."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that the charts are made of."""

    span: Range
    costs: Mapping[tuple[float, str], Costs]
    """By step of time and model."""
    tags: Mapping[str, Costs]
    totals: Totals
    incidents: Sequence[Incident]

    @property
    def spent(self) -> Costs:
        """All of it."""
        whole = Costs()
        for costs in self.costs.values():
            whole += costs
        return whole

    @property
    def labels(self) -> list[str]:
        """Of the steps of time, in UTC."""
        return [label(at, self.span.step_s) for at in self.span.buckets]

    @property
    def axis(self) -> list[str]:
        """What stands below them; empty where nothing does."""
        return [short_label(at, self.span.step_s) for at in self.span.buckets]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One plot, its legend, a sentence, and the same as a table."""

    key: str
    title: str
    says: str = ""
    svg: str = ""
    """Empty where there is nothing to show."""
    legend: Sequence[tuple[str, str]] = ()
    """Class and name."""
    columns: Sequence[str] = ()
    """The first one names the rows; the others hold numbers."""
    rows: Sequence[Sequence[str]] = ()


def label(at: float, step_s: int) -> str:
    """When a step of time begins, in UTC: `22 Nov`, `22 Nov 06:00`."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%d %b %H:%M" if step_s < DAY else "%d %b")


def short_label(at: float, step_s: int) -> str:
    """The same for an axis: hours as `14:00`, and days where one begins."""
    moment = datetime.fromtimestamp(at, UTC)
    if step_s >= DAY or moment.hour == 0:
        return moment.strftime("%d %b")
    return moment.strftime("%H:%M") if step_s == HOUR and moment.hour % 3 == 0 else ""


def suited(seconds: float) -> str:
    """The step that shows a span of that length best."""
    if seconds <= 2 * DAY:
        return "hour"
    if seconds <= 7 * DAY:
        return "6 hours"
    return "day" if seconds <= 62 * DAY else "week"
